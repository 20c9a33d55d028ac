"""The choices for all charts of a run: x-axis unit, near-zero definition, layer and norm."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lab.record import Record

X_AXES = {"steps": "step", "epochs": "epochs done", "seconds": "training time (s)"}
"""What x can be, and its title."""

_CLOCK_ROWS = 4096


def _no_clock() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.empty(0), np.empty(0)


@dataclass(frozen=True, eq=False)
class View:
    """The choices for all charts of a run.

    Attributes:
        x: a key of X_AXES.
        near_zero: which definition, a key of ``charts.NEAR_ZERO``.
        threshold: t of the definitions that have one.
        layer: whose histogram; the last one if not in the record.
        norm: whose moving averages; the first one if not in the record.
        clock: (steps, seconds) of the rows before the record's, so that marks and validations
            find their time when only new rows are charted; see :meth:`following`.
    """

    x: str = "steps"
    near_zero: str = "near_relu"
    threshold: float = 1e-3
    layer: str = ""
    norm: str = ""
    clock: tuple[NDArray[np.float64], NDArray[np.float64]] = field(default_factory=_no_clock)

    def at(self, steps: ArrayLike, record: Record) -> NDArray[np.float64]:
        """Return the x coordinates of ``steps`` in the chosen unit."""
        steps = np.asarray(steps, np.float64)
        if self.x == "epochs":
            return (steps + 1) / record.steps_per_epoch
        if self.x == "seconds":
            known, seconds = self.following(record).clock
            return np.interp(steps, known, seconds) if len(known) else np.zeros_like(steps)
        return steps

    def following(self, record: Record) -> Self:
        """Return the same view for the rows after ``record``'s, with the clock of its rows."""
        if not len(record.steps):
            return self
        steps = np.concatenate([self.clock[0], record.steps])
        seconds = np.concatenate([self.clock[1], record.columns["seconds"]])
        if len(steps) > _CLOCK_ROWS:
            every = -(-2 * len(steps) // _CLOCK_ROWS)
            steps, seconds = steps[::every], seconds[::every]
        return replace(self, clock=(steps, seconds))
