"""The curve of the run that a branch came from, drawn behind the branch's own."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lab.record import Record
from widgets.charts.style import Figure, line
from widgets.charts.view import View

NAME = "before the branch"
MOST_POINTS = 500
OPACITY = 0.45


def before(view: View, y: Callable[[Record], NDArray[np.float32]], index: int, of: str = "") -> list[Figure]:
    """Return a faint trace of ``view.before``, in the ``index``-th colour; none if there is nothing before.

    Args:
        view: whose ``before`` has the rows from the step on at which the two runs part.
        y: returns a curve of a record.
        index: of the curve's colour.
        of: what the trace is a curve of, if the chart has several.
    """
    rows = view.before
    if rows is None or not len(rows.steps):
        return []
    every = -(-len(rows.steps) // MOST_POINTS)
    x = View(x=view.x).at(rows.steps, rows)[::every]
    trace = line(f"{of} {NAME}".strip(), x, np.asarray(y(rows), np.float32)[::every], index, meta={"whole": True})
    trace["line"] |= {"dash": "dot"}
    return [trace | {"opacity": OPACITY}]
