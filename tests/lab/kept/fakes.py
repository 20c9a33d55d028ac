"""Runs without torch, to be kept: as quick as a test wants them."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lab.config import Config
from lab.kept import KeptRun, Library, RunWriter
from lab.progress import Progress
from lab.record import COUNTS, Layout, Mark, Mistakes, Outputs, Record, Validation
from lab.telemetry.history import History

PATIENCE = 60
QUICK = 0.01
"""Seconds between flushes, in place of 5."""

LAYOUT = Layout(("conv1", "conv2"), ("conv1",), (-7.0, 7.0), 10)


def until(condition: Callable[[], object]) -> None:
    """Wait until ``condition()``."""
    pause, end = threading.Event(), time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        pause.wait(QUICK / 2)


class FakeSession:
    """What a RunWriter needs of a Session; the test moves it on."""

    def __init__(self, config: Config | None = None, layout: Layout = LAYOUT) -> None:
        self.config = config or Config()
        self.state, self.error = "ready", ""
        self.own = None
        self.history = History()
        self.looks = 0
        self._layout = layout
        self._changed = threading.Condition()

    def start(self) -> None:
        self.history.open(self._layout)
        self._set("running")

    def grow(self, steps: int, seed: int = 0) -> None:
        """So many steps more, of noise with nan and inf in it."""
        random = np.random.default_rng([seed, self.history.last_step + 1])
        rows = random.standard_normal((steps, len(self._layout.device_columns))).astype(np.float32)
        rows[0, 1:4] = np.nan, np.inf, -np.inf
        hists = random.integers(0, 2**31, (steps, len(self._layout.layers), COUNTS), np.int32)
        self.history.append(rows, hists, random.random((steps, 3)), [0.9] * steps)

    def change(self, name: str, new: object) -> None:
        self.history.mark(Mark(self.history.last_step + 1, name, getattr(self.config, name), new))
        self.config = self.config.replace(**{name: new})

    def end(self, state: str = "finished", error: str = "") -> None:
        self.error = error
        self._set(state)

    def _set(self, state: str) -> None:
        with self._changed:
            self.state = state
            self._changed.notify_all()

    def wake(self) -> None:
        self._set(self.state)

    def wait_for(self, condition: Callable[[], bool], timeout: float | None = None) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def since(self, step: int) -> Record:
        self.looks += step > -1
        return self.history.since(step)

    @property
    def progress(self) -> Progress:
        return Progress(step=self.history.last_step + 1, seconds=1.5, device="CPU")


def full_session() -> FakeSession:
    """A run with something of everything in its record."""
    session = FakeSession(Config(lr=0.9, widths=(4, 8), norm="none"))
    session.start()
    session.grow(25)
    session.change("lr", 0.05)
    session.change("norm_eps", 1e-12)
    session.history.validate(Validation(9, 0, 0.1 + 0.2, 0.5, np.float64(2.5), float("nan")))
    session.history.validate(Validation(19, 1, float("inf"), 0.75, 2.0, 0.25))
    random = np.random.default_rng(1)
    pictures = random.random((3, 28, 28), np.float32)
    logits = random.standard_normal((3, 10)).astype(np.float32)
    session.history.show(Outputs(24, logits, pictures, ("3", "3 over 8", "blank")))
    truths, losses = random.integers(0, 10, 2), np.array([np.inf, 2.5], np.float32)
    answered = random.integers(0, 99, (10, 10)), tuple("abcdefghij"), truths, logits[:2], losses
    session.history.show_mistakes(Mistakes(19, 1, *answered, random.integers(0, 256, (2, 28, 28), np.uint8)))
    return session


def keep_ended(
    library: Library, session: FakeSession | None = None, name: str = "", state: str = "finished"
) -> KeptRun:
    """The kept run of ``session``, or of a small one, once it has ended."""
    if session is None:
        session = FakeSession()
        session.start()
        session.grow(3)
    session.end(state, session.error)
    writer = library.keep(session, name, every=QUICK)
    writer.close()
    assert writer.error == ""
    return library.get(writer.id)


def keep_live(library: Library, name: str = "") -> tuple[FakeSession, RunWriter]:
    """A run that goes on, after its first flush."""
    session = FakeSession()
    session.start()
    session.grow(3)
    writer = library.keep(session, name, every=QUICK)
    until(lambda: writer.error or library.runs())
    return session, writer


def run_file(library: Library, run: KeptRun | str) -> Path:
    """Where it is."""
    return library.folder / f"{run if isinstance(run, str) else run.id}.npz"
