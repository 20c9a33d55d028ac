"""The choices for all charts of a run: x-axis unit, near-zero definition, layer and norm."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lab.record import Record

X_AXES = {"steps": "step", "epochs": "epochs done", "seconds": "training time (s)"}
"""Units of the x-axis -> its title."""


@dataclass(frozen=True, eq=False)
class View:
    """The choices for all charts of a run.

    Attributes:
        run: a number unique to each run, so that a new run resets the reader's zoom.
        x: a key of X_AXES.
        near_zero: the definition of near zero, a key of ``charts.NEAR_ZERO``.
        threshold: t of the definitions that have one.
        layer: layer of the histogram; the last one if not in the record.
        norm: norm of the moving averages; the first one if not in the record.
        before: of the run that this one is a branch of, the rows from the step at which they part.
        whole: the run's whole record, if only new rows are charted: it gives marks and validations their times.
    """

    x: str = "steps"
    near_zero: str = "near_relu"
    threshold: float = 1e-3
    layer: str = ""
    norm: str = ""
    before: Record | None = None
    whole: Record | None = None
    run: int = 0

    def at(self, steps: ArrayLike, record: Record) -> NDArray[np.float64]:
        """Return the x coordinates of ``steps`` in the chosen unit."""
        steps = np.asarray(steps, np.float64)
        if self.x == "epochs":
            return (steps + 1) / record.steps_per_epoch
        if self.x == "seconds":
            whole = self.whole or record
            return np.interp(steps, whole.steps, whole.columns["seconds"]) if len(whole.steps) else np.zeros_like(steps)
        return steps
