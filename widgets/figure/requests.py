"""Requests of a page's reader to a figure: drag a point, draw a line, save the chart."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from widgets.figure.detail import Span


class Drag(NamedTuple):
    """A point is dragged; its trace has meta ``{"drag": "x"}``, ``"y"`` or ``"xy"``, the ways that it can go.

    Attributes:
        trace: the trace's name.
        point: index in the trace.
        x, y: the place asked for, within the axes as the page shows them.
    """

    trace: str
    point: int
    x: float
    y: float


class SaveRequest(NamedTuple):
    """A press of a button in a chart's Save menu.

    Attributes:
        id: of the request, chosen by the page, which takes no other file than those it has asked for.
        kind: "png", "svg", "pdf", "html", "csv" or "json".
        ranges: axis ("xaxis", "yaxis2") -> its two ends, of those that the reader has zoomed.
        hidden: indices of the traces that the reader has switched off.
    """

    id: str
    kind: str
    ranges: dict[str, tuple[float | str, ...]]
    hidden: frozenset[int]

    @property
    def span(self) -> Span | None:
        """The span of x that the reader has zoomed to."""
        ends = self.ranges.get("xaxis", ())
        return (float(ends[0]), float(ends[1])) if all(isinstance(end, int | float) for end in ends) and ends else None

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """Return the request in a page's "save" message."""
        ranges = {str(axis): tuple(ends) for axis, ends in message.get("ranges", {}).items()}
        return cls(str(message["id"]), str(message["kind"]), ranges, frozenset(map(int, message.get("hidden", ()))))


Points = list[tuple[float, float]]

MOST_PATH = 200_000
"""Characters of a drawn path at most: ten thousand points."""

_POINT = re.compile(r"(-?[\d.]+(?:e[+-]?\d+)?),(-?[\d.]+(?:e[+-]?\d+)?)")


def path_points(path: str) -> Points:
    """Return the points of a line that plotly's drawing mode made: "M0,2.3L1,2.1…", in the axes' units."""
    return [(float(x), float(y)) for x, y in _POINT.findall(path[:MOST_PATH])]
