"""Four heads on the same small net, the same canvases and the same recipe, trained in turn and compared.

Imports no torch: the worker thread does, so that a page can paint while it loads.
"""

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.concepts.heads import HEADS, Bools, Floats, measure, scores, tune
from lab.config import Config
from lab.knob import Knob, checked
from lab.progress import Progress
from lab.session import ENDED, Session
from lab.training.callbacks import Callback

if TYPE_CHECKING:
    import torch

    from lab.experiments.heads.composites import Canvases
    from lab.training.learner import Learner
    from lab.training.task import Task

RECIPE = Config(
    size=6000, epochs=4, batch_size=64, widths=(8, 16, 32, 32), norm="torch_batch",
    optimizer="adam", lr=0.03, momentum=0.9, lr_schedule="one-cycle",
)  # fmt: skip
"""The lesson's net and a schedule with which its average pool learns from a few thousand canvases."""

TEST = 5000
"""Canvases to test with: 1,000 empty, 2,000 with one digit, 2,000 with several."""

SCRAPS_KNOB = Knob(
    "Scraps", "Pieces of digits strewn on every canvas, empty ones too: things that are no digits.", "",
    unit="scraps", low=0, high=20, slider=(0, 20), step=1,
)  # fmt: skip
TEST_KNOB = Knob("Test canvases", "Five are the fewest: then each kind is among them.", "", low=5, high=50_000)

SHOWN = 500
"""Test canvases that are kept to be looked at."""


@dataclass(frozen=True, eq=False)
class Shown:
    """Test canvases: pictures (m, 56, 56), 0 to 1, of the first of them; present (n, 10) of all."""

    pictures: NDArray[np.float32]
    present: Bools


@dataclass(frozen=True, eq=False)
class Result:
    """What a trained head says of the test canvases: scores (n, 10), and the threshold tuned on the validation ones."""

    scores: Floats
    threshold: float


class Comparison:
    """Every head in HEADS trained in turn, each in a Session. Every method may be called from any thread.

    A thread of its own starts the next head when one has finished.

    Args:
        config: the recipe; its ``size`` counts canvases.
        scraps: pieces of digits strewn on every canvas, empty ones too.
        test: canvases to test with.

    Raises:
        ConfigError: for scraps or test canvases that are not a whole number in their range.

    Attributes:
        sessions: head -> Session.
        results: head -> Result, once it has finished.
        shown: the test canvases, once they are made.
    """

    def __init__(self, config: Config = RECIPE, scraps: int = 0, test: int = TEST) -> None:
        self.config = config
        self.scraps: int = checked("scraps", scraps, SCRAPS_KNOB, 0)
        self.results: dict[str, Result] = {}
        self.shown: Shown | None = None
        self.sessions = {key: Session(config, partial(self._task, key), [_Exam(self, key)]) for key in HEADS}
        self._test: int = checked("test", test, TEST_KNOB, TEST)
        self._made: Canvases | None = None
        self._queue = list(HEADS)
        self._stopped = False
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    @property
    def key(self) -> str:
        """The key of the head that trains; the last one when all have finished."""
        with self._lock:
            return self._queue[0]

    @property
    def session(self) -> Session:
        """That of the head that trains."""
        return self.sessions[self.key]

    @property
    def state(self) -> str:
        """The state, as a Session's: finished when the last head has finished, running between two heads."""
        with self._lock:
            state = self.session.state
            if state == "finished" and len(self._queue) > 1:
                return "stopped" if self._stopped else "running"
            return state

    @property
    def progress(self) -> Progress:
        """That of the head that trains."""
        return self.session.progress

    @property
    def error(self) -> str:
        """Which head diverged or failed, and why; empty if none."""
        with self._lock:
            return f"{HEADS[self.key].name}: {self.session.error}" if self.session.error else ""

    @property
    def done(self) -> float:
        """How much of the training is done, 0 to 1."""
        with self._lock:
            if self.state == "finished":
                return 1.0
            progress = self.session.progress
            share = progress.step / progress.steps if progress.steps else 0.0
            return (len(HEADS) - len(self._queue) + share) / len(HEADS)

    @property
    def seconds(self) -> float:
        """Training time so far, of all heads; making the canvases is not in it."""
        return sum(session.progress.seconds for session in self.sessions.values())

    def start(self) -> None:
        """Start, or resume after a pause. No-op while running or ended."""
        with self._lock:
            if self._stopped:
                return
            self.session.start()
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="lab-comparison", daemon=True)
                self._thread.start()

    def pause(self) -> None:
        """Pause at the next batch."""
        with self._lock:
            self._advance()
            self.session.pause()

    def stop(self) -> None:
        """Stop; the results of the heads that have finished stay."""
        with self._lock:
            self._stopped = True
            self.session.stop()

    def close(self) -> None:
        """Stop, and free the canvases and the device's memory; results and records stay."""
        self.stop()
        for session in self.sessions.values():
            session.close()
        self.wait()
        self._made = None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most ``timeout`` seconds; return whether it has ended. False before the start."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return self.state in ENDED

    def run(self) -> None:
        """Start, and wait for the end."""
        self.start()
        self.wait()

    def _follow(self) -> None:
        """Run in the comparison's thread until the last head has ended, or one was stopped or failed."""
        going_on = True
        while going_on:
            self.session.wait()
            going_on = self._advance()

    def _advance(self) -> bool:
        """Start the next head if one has finished; let go of the canvases and return False if none follows."""
        with self._lock:
            session = self.session
            if session.state == "finished":
                session.close()
                if len(self._queue) > 1 and not self._stopped:
                    self._queue.pop(0)
                    self.session.start()
                    return True
            if session.state in ENDED:
                self._made = None
                return False
            return True

    def measures(self, thresholds: dict[str, float] | None = None) -> dict[str, dict[str, float]]:
        """Head -> MEASURES on the test canvases, for the heads that have finished.

        Args:
            thresholds: by head; the tuned ones by default.
        """
        if self.shown is None:
            return {}
        at = {key: result.threshold for key, result in self.results.items()} | (thresholds or {})
        present = self.shown.present
        return {key: measure(result.scores, present, at[key]) for key, result in list(self.results.items())}

    def _canvases(self, device: "torch.device") -> "Canvases":
        """Return the canvases, made at the first call; the heads train one after the other."""
        from lab.experiments.heads.composites import make_canvases

        made = self._made
        if made is None:
            made = self._made = make_canvases(self.config, device, self._test, self.scraps)
            self.shown = Shown(made.shown(SHOWN), made.test.present.cpu().numpy())
        return made

    def _task(self, key: str, config: Config, device: "torch.device") -> "Task":
        from lab.experiments.heads.task import make_task

        return make_task(key, self._canvases(device))

    def examine(self, key: str, learner: "Learner") -> None:
        """Tune head ``key`` on the validation canvases, and ask it about the test ones."""
        from lab.experiments.heads.task import answer

        canvases = self._canvases(learner.task.x_train.device)
        valid, test = (scores(key, answer(learner.model, part)) for part in (canvases.valid, canvases.test))
        self.results[key] = Result(test, tune(valid, canvases.valid.present.cpu().numpy()))


class _Exam(Callback):
    """Calls ``examine`` at the end of a completed fit."""

    order = 100

    def __init__(self, comparison: Comparison, key: str) -> None:
        self._comparison = comparison
        self._key = key

    def after_fit(self, learner: "Learner") -> None:
        self._comparison.examine(self._key, learner)
