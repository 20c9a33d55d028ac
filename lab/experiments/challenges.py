"""The challenges as data: which runs count, what is measured of them, par lines with sources, and recipes to beat.

A challenge ranks settings, not runs: by the mean over the seeds that were run, so that one lucky seed does not win.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from lab.config import TRAIN_IMAGES, Config
from lab.experiments.experiment import Experiment, ExperimentError, Variant
from lab.nn.plan import parameters

BASE = Config()

CLEAN = (
    "A run counts if it trained on all 50,000 images of MNIST and was read on all 10,000 validation images, ended by "
    "itself, and no knob was moved meanwhile: its settings alone repeat it."
)
"""What every challenge asks of a run, in words; :func:`counts` and lab.experiments.board hold it to that."""


class Par(NamedTuple):
    """A value to beat, in a few words, and where it comes from."""

    value: float
    label: str
    source: str


@dataclass(frozen=True)
class Challenge:
    """A challenge.

    Attributes:
        id: in links, on the command line, and the name of its file of measured recipes.
        title, question: what is asked. rule: which runs count, in words.
        value: of a run's settings and measures (lab.experiments.measures); nan where it is not reached.
        label: what the value is, with its unit.
        text: a value in words.
        pars: values to beat.
        allowed: whether a run of these settings may count, beside :func:`counts`.
        accuracy: the mean validation accuracy that the seeds of a setting must reach.
        lowest_wins: whether less is better.
        here_only: whether values of different machines cannot be compared.
        recipes: the first entries. Their names and words do not say how they do it.
    """

    id: str
    title: str
    question: str
    rule: str
    value: Callable[[Config, Mapping[str, float]], float]
    label: str
    text: Callable[[float], str]
    pars: tuple[Par, ...]
    allowed: Callable[[Config], bool] = lambda config: True
    accuracy: float = 0.0
    lowest_wins: bool = False
    here_only: bool = False
    recipes: tuple[Variant, ...] = ()

    def counts(self, config: Config) -> bool:
        """Return whether a run of these settings may count."""
        return config.dataset == "mnist" and config.size == TRAIN_IMAGES and self.allowed(config)

    def better(self, value: float, than: float) -> bool:
        """Return whether ``value`` beats ``than``."""
        return value < than if self.lowest_wins else value > than

    @property
    def experiment(self) -> Experiment:
        """The recipes as runs that a Queue trains.

        Raises:
            ExperimentError: there is no recipe.
        """
        return Experiment(
            self.id, self.title, self.question, self.rule, "lab.experiments.challenges", BASE, self.recipes
        )


def _recipe(name: str, words: str, **changes: Any) -> Variant:
    return Variant(name, changes, words=words)


ONE_CYCLE: dict[str, Any] = {
    "norm": "torch_batch", "pool": "flatten", "momentum": 0.9, "lr_schedule": "one-cycle",
}  # fmt: skip
"""What all recipes share; found by the search that docs/challenge.md tells of."""

CHALLENGES = (
    Challenge(
        id="one-epoch",
        title="One epoch",
        question="How many digits can a net read after seeing every picture once?",
        rule="The highest validation accuracy after at most one epoch. " + CLEAN,
        value=lambda config, figures: figures["valid_accuracy"],
        label="validation accuracy",
        text=lambda value: f"{value:.4f}",
        pars=(
            Par(0.975, "the lecture's", "fast.ai part 2, 2019, lesson 10, which sets the challenge, at batch size 32"),
            Par(0.9904, "a public record", "github.com/tuomaso/train_mnist_fast: one epoch of 60,000 images with other "
                "layers, read on the test images; the mean, tuned over 30 seeds"),
        ),
        allowed=lambda config: config.steps() <= config.steps_per_epoch(),
        recipes=(
            _recipe("The lab's first entry", "the best of 18 settings that were tried with one seed", **ONE_CYCLE,
                    epochs=1, widths=(24, 48, 96), lr=0.2, weight_decay=0.001, batch_size=48),
        ),
    ),
    Challenge(
        id="fewest-parameters",
        title="Fewest parameters",
        question="How small a net still reads 99 % of the digits?",
        rule="The fewest weights and biases, norms included, whose last validation accuracy is at least .99 as the "
        "mean of the seeds; as many epochs as you like. " + CLEAN,
        value=lambda config, figures: float(parameters(config)),
        label="parameters",
        text=lambda value: f"{value:,.0f}",
        pars=(
            Par(8640, "the lab's", "set with this challenge"),
            Par(697, "a public net", "github.com/JoshWarn/Parameter-Efficient-MNIST: 60,000 images, read on the test "
                "images, with layers that the knobs here do not have"),
        ),
        accuracy=0.99,
        lowest_wins=True,
        recipes=(
            _recipe("The lab's first entry", "the smallest of 7 nets tried with one seed that reached it",
                    **ONE_CYCLE, epochs=14, widths=(6, 10, 16, 20), lr=0.15, weight_decay=0.0005, batch_size=96),
        ),
    ),
    Challenge(
        id="fastest",
        title="Seconds to 98 %",
        question="How soon does a net read 98 % of the digits on this machine?",
        rule="The fewest seconds of training until a validation of at least .98 begins, with every seed. A run is "
        "validated after each epoch and at its end, so Steps at most can bring that forward. What comes with the lab "
        "was timed elsewhere, and has no place here until it is replayed. " + CLEAN,
        value=lambda config, figures: figures["seconds_to_98"],
        label="seconds to 98 %",
        text=lambda value: f"{value:.1f} s",
        pars=(Par(8.0, "a first try", "a whole epoch, on 2 CPU cores that did nothing else"),),
        lowest_wins=True,
        here_only=True,
        recipes=(
            _recipe("The lab's first entry", "after 5 settings that were tried with one seed",
                    **ONE_CYCLE | {"momentum": 0.8}, epochs=1, max_steps=320, widths=(16, 32), lr=0.2, batch_size=128),
        ),
    ),
)  # fmt: skip


def challenge(id: str) -> Challenge:
    """Return the challenge of this id.

    Raises:
        ExperimentError: there is none.
    """
    found = next((one for one in CHALLENGES if one.id == id), None)
    if found is None:
        raise ExperimentError(f"There is no challenge {id!r}; choose one of {', '.join(c.id for c in CHALLENGES)}.")
    return found
