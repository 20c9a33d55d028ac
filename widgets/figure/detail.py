"""The rows of a span that a reader has zoomed to, beside those of a figure that was thinned."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.figure.bounded_figure import BoundedFigure, Figure
from widgets.figure.wire import Floats

Span = tuple[float, float]
"""The two ends of an x axis as a reader has zoomed it."""


class Detail(BoundedFigure):
    """A figure's traces over one span of x, bounded as the whole figure is: a span of few rows is complete.

    Of the layout only the x axis counts, whose title says which steps stay.

    Args:
        span: what the traces are of.
        figure: the same traces as the whole figure has.
        max_points, steps: see BoundedFigure.
    """

    def __init__(self, span: Span, figure: Figure, max_points: int, steps: NDArray[np.int64] | None) -> None:
        layout = {"xaxis": figure.get("layout", {}).get("xaxis", {})}
        super().__init__({"data": figure["data"], "layout": layout}, max_points, steps)
        self.span = span

    def take(self) -> tuple[dict[str, Any], list[Floats]]:
        """Return the message that brings a page's detail up to date: "detail", all of it, or "append" with a span."""
        message, floats = super().take()
        kind = "detail" if message["type"] == "draw" else message["type"]
        return {**message, "type": kind, "span": list(self.span)}, floats


def merged(whole: Figure, detail: Figure) -> Figure:
    """Return ``whole`` with the rows of ``detail`` in place of its own between the first and the last of them."""
    pairs = zip(whole["data"], detail["data"], strict=True)
    axis = {**whole["layout"].get("xaxis", {}), **detail["layout"]["xaxis"]}
    return {"data": [_merged(old, new) for old, new in pairs], "layout": {**whole["layout"], "xaxis": axis}}


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    there, here = old.get("x"), new.get("x")
    if not isinstance(there, np.ndarray) or not isinstance(here, np.ndarray):
        return old
    known = here[np.isfinite(here)]
    if not len(known):
        return old
    before, after = there < known.min(), there > known.max()
    fields = ("x", "z") if old.get("type") == "heatmap" else ("x", "y")
    parts = {field: [old[field][..., before], new[field], old[field][..., after]] for field in fields}
    return {**old, **{field: np.concatenate(part, axis=-1) for field, part in parts.items()}}
