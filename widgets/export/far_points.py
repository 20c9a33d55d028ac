"""The y-axis of an exported chart whose lines end far outside, as when a run diverged."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.charts.style import Figure

FIRST, FAR, SHOWN = 10, 30, 10
"""As on the page: see figure/js/robust.js."""


def robust_range(lines: Sequence[NDArray[Any]]) -> tuple[float, float] | None:
    """Return a range that leaves out where lines (y of each, oldest first) end far outside of where they began.

    None where no line's last finite value is above 30 times the largest of all lines' first ten; otherwise the range of
    the values up to ten times that.
    """
    finite = [line[np.isfinite(line)] for line in lines]
    scale = max((float(np.abs(line[:FIRST]).max()) for line in finite if len(line)), default=0.0)
    far = any(len(line) > FIRST and abs(line[-1]) > FAR * scale for line in finite)
    if not far or not scale:
        return None
    near = np.concatenate([line[np.abs(line) <= SHOWN * scale] for line in finite])
    low, high = float(near.min()), float(near.max())
    pad = 0.1 * (high - low or scale)
    return low - pad, high + pad


def _within(trace: Figure, span: Sequence[float] | None) -> NDArray[Any]:
    """Return a trace's y where its x lies in ``span``; all of them if there is none."""
    y = np.asarray(trace["y"], np.float64)
    if span is None or trace.get("x") is None:
        return y
    x = np.asarray(trace["x"], np.float64)
    return y[(x >= span[0]) & (x <= span[1])]


def leave_out_far_points(figure: Figure) -> None:
    """Set the y-axis of a figure whose layout says so (meta.robust) to :func:`robust_range`, and say so in a note.

    Where the x-axis has a range, as a reader has zoomed it, only what lies in it counts.
    """
    layout = figure["layout"]
    axis = layout.get("yaxis", {})
    if not layout.get("meta", {}).get("robust") or axis.get("range") or axis.get("type") == "log":
        return
    span = layout.get("xaxis", {}).get("range")
    lines = [
        _within(trace, span)
        for trace in figure["data"]
        if trace.get("type") == "scatter" and trace.get("yaxis", "y") == "y" and trace.get("visible", True)
    ]
    found = robust_range(lines)
    if found is None:
        return
    low = min(0.0, found[0]) if axis.get("rangemode") == "tozero" and span is None else found[0]
    layout["yaxis"] = {**axis, "range": [low, found[1]], "autorange": False}
    far = sum(int(np.sum(np.isfinite(line) & ((line > found[1]) | (line < low)))) for line in lines)
    note = {"text": f"{far} far points are beyond the axis", "xref": "paper", "yref": "paper", "showarrow": False}
    at = {"x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"}
    layout["annotations"] = [*(layout.get("annotations") or []), note | at]
