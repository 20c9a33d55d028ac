"""The progress of a run: step, epoch, time and speed."""

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from lab.config import Config
    from lab.training.learner import Learner

RATE_SECONDS = 3.0
"""Steps a second are counted over the last few seconds, so that they follow a change."""


class Progress(NamedTuple):
    """A run's progress. Epochs and batches count from 0; ``step`` is the number of steps done.

    ``epochs`` are those that the run begins, and ``batches`` those of the epoch: a limit of steps may make both fewer.

    ``seconds`` of training leave pauses out; ``rate`` is in steps a second (0 while unknown),
    ``remaining`` in seconds (0 while unknown); ``device`` is empty until the run has started.
    """

    step: int = 0
    steps: int = 0
    epoch: int = 0
    epochs: int = 0
    batch: int = 0
    batches: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    remaining: float = 0.0
    validating: bool = False
    device: str = ""

    @classmethod
    def before(cls, config: "Config", seconds: float, device: str) -> Self:
        """Return the progress of a run that has no net yet."""
        return cls(epochs=-(-config.steps() // config.steps_per_epoch()), seconds=seconds, device=device)

    @classmethod
    def of(cls, learner: "Learner", seconds: float, rate: float, validating: bool, device: str) -> Self:
        """Return the progress of ``learner``, which may be training in another thread."""
        step, epoch = learner.step, learner.epoch
        return cls(
            step=step,
            steps=learner.steps,
            epoch=epoch,
            epochs=-(-learner.steps // learner.steps_per_epoch),
            batch=step - epoch * learner.steps_per_epoch,
            batches=min(learner.steps_per_epoch, learner.steps - epoch * learner.steps_per_epoch),
            seconds=seconds,
            rate=rate,
            remaining=(learner.steps - step) / rate if rate else 0.0,
            validating=validating,
            device=device,
        )


class Pace:
    """Speed in steps a second, from readings of the step counter. Not safe from two threads at once."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque(maxlen=256)

    def restart(self) -> None:
        """Forget what was before, after a pause."""
        self._looks.clear()

    def at(self, seconds: float, step: int) -> float:
        """Return the rate over the last few seconds, 0 at the first look."""
        self._looks.append((seconds, step))
        while len(self._looks) > 2 and self._looks[1][0] < seconds - RATE_SECONDS:
            self._looks.popleft()
        before, done = self._looks[0]
        return (step - done) / (seconds - before) if seconds > before else 0.0
