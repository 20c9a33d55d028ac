"""Records, results and an experiment made by hand, and a trainer that trains nothing."""

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lab.config import Config
from lab.experiments.experiment import Check, Choice, Experiment, Variant
from lab.experiments.results import Result
from lab.experiments.trainers import Trained
from lab.kept import Library
from lab.progress import Progress
from lab.record import Record, Validation

BASE = Config(size=40, batch_size=20, epochs=1, widths=(4, 4), device="cpu")


def record(
    losses: Sequence[float] = (2.0, 1.0),
    accuracy: float = 0.5,
    columns: Mapping[str, Sequence[float]] | None = None,
    layers: tuple[str, ...] = ("conv1", "conv2"),
    **facts: object,
) -> Record:
    """A record of so many steps with one validation."""
    found = {name: np.array(values, np.float32) for name, values in {"loss": losses, **(columns or {})}.items()}
    return Record(
        steps=np.arange(len(losses), dtype=np.int64),
        columns=found,
        layers=layers,
        validations=(Validation(len(losses) - 1, 0, 0.75, accuracy, 1.5, 0.25),),
        **facts,  # type: ignore[arg-type]
    )


def result(accuracy: float, state: str = "finished", config: Config = BASE, **figures: float) -> Result:
    return Result(config, state, {"valid_accuracy": accuracy, **figures}, {"device": "none", "date": "2026-01-01"})


def experiment(**changes: object) -> Experiment:
    """Two settings of a tiny net."""
    parts: dict[str, object] = {
        "id": "tiny",
        "title": "Tiny",
        "question": "Which is better?",
        "setting": "Two tiny nets.",
        "source": "none",
        "base": BASE,
        "variants": (Variant("slow", {"lr": 0.01}), Variant("fast", {"lr": 0.1})),
        "prediction": Choice("Which?", ("slow", "fast"), "fast"),
        "checks": (Check("fast is better", "valid_accuracy", "fast", low=0.0, than="slow"),),
        "quick": {"size": 20},
        "seeds": 2,
    }
    return Experiment(**{**parts, **changes})  # type: ignore[arg-type]


class FakeTrainer:
    """Ends a run when the test says so, or at once; notes what it was asked.

    Attributes:
        began: settings of every run, of all fakes of this class.
    """

    began: list[Config]
    tags: list[Mapping[str, str]]
    outcome: Callable[[Config], Trained]
    gate: threading.Event

    def __init__(self, library: Library | None) -> None:
        self.session = None
        self.asked: list[str] = []
        self.made.append(self)

    made: list["FakeTrainer"]

    def begin(self, config: Config, name: str, tags: Mapping[str, str]) -> None:
        self._config = config
        self._stopped = threading.Event()
        self.began.append(config)
        self.tags.append(tags)

    def end(self) -> Trained:
        while not self.gate.wait(0.01):
            if self._stopped.is_set():
                return Trained("stopped", "", record(), "CPU")
        return type(self).outcome(self._config)

    @property
    def progress(self) -> Progress:
        return Progress(step=1, steps=2, epochs=1)

    def pause(self) -> None:
        self.asked.append("pause")

    def resume(self) -> None:
        self.asked.append("resume")

    def stop(self) -> None:
        self.asked.append("stop")
        self._stopped.set()

    def close(self) -> None:
        self.asked.append("close")


def fake_trainer(outcome: Callable[[Config], Trained] | None = None) -> type[FakeTrainer]:
    """A class of its own, so that tests do not share what was noted."""

    class Fresh(FakeTrainer):
        began: list[Config] = []  # noqa: RUF012
        tags: list[Mapping[str, str]] = []  # noqa: RUF012
        made: list[FakeTrainer] = []  # noqa: RUF012
        gate = threading.Event()

    Fresh.gate.set()
    Fresh.outcome = staticmethod(outcome or (lambda config: Trained("finished", "", record(accuracy=config.lr), "CPU")))  # type: ignore[method-assign]
    return Fresh
