"""Spread board: points to drag, their variance in two ways, and a second series."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.concepts import spread
from lab.concepts.values import LARGEST
from lab.knob import ConfigError, Knob
from widgets.charts.style import Figure
from widgets.figure.requests import Drag
from widgets.inputs.number_knobs import number_list
from widgets.markup.axis_range import AxisRange
from widgets.panel.board import DRAG, Board, Group, Input, Section, Values
from widgets.panels.spread import charts, words
from widgets.panels.spread.points import Points

MOST = 1000
"""Maximum number of points: each can be dragged."""

SECOND = {
    "twice": "Twice the first, with noise",
    "unrelated": "Unrelated noise",
    "same": "The first again",
    "typed": "Typed or dragged",
}

_POINTS = Knob("Points", "With commas or spaces between; Enter takes them.")
_SERIES = Knob("Second series", "One number for each point; dragging a point below moves it, too.")
_OFFSET = Knob(
    "Offset", "Added to every point before float32 takes the variance.", low=0, high=1e12,
    slider=(1.0, 1e10), step=0.1, log=True,
)  # fmt: skip


class SpreadPanel(Board):
    """Board of points to drag, with every measure of their spread.

    Attributes:
        x, y: (n,) the points, and the second series.
        axes: the range of each.
    """

    TITLE = "Spread"
    NOTICE = "Which measure of spread does one point far out change most, and which formula for it loses its digits?"
    INPUTS = {
        "values": Input(_POINTS, spread.LESSON, partial(Points, most=MOST), name="the points"),
        "offset": Input(_OFFSET, 1e8),
        "second": Input(Knob("Second series is", "", choices=SECOND), "twice"),
        "y": Input(_SERIES, spread.LESSON, number_list(), name="the second series"),
    }
    SECTIONS = (
        Section("How far apart are they?", show=(("points", "shares"), "one"), beside=(Group("", ("values",)),)),
        Section("Two formulas, one number?", words.PRECISION, show=("offset", ("formulas",), "precision")),
        Section("Two series", words.PAIRS, show=("second", "y", "pairs", "two")),
    )
    LABELS = {
        "points": "The points, their mean and both spreads around it",
        "pairs": "The second series over the first, with rectangles to the means",
        "shares": "Each point's share in both measures of spread",
        "formulas": "How wrong both variance formulas are in float32, by offset",
    }

    def start(self) -> None:
        """Set the initial axes; the second series' one is fitted once it has values."""
        self.axes = (self.knobs["values"].axis, AxisRange.around(np.zeros(1)))

    @property
    def x(self) -> NDArray[np.float64]:
        return np.array(self.values["values"])

    @property
    def y(self) -> NDArray[np.float64]:
        return np.array(self.values["y"])

    def together(self, values: Values, changed: frozenset[str]) -> Mapping[str, Any]:
        """Compute the second series of the chosen kind; a typed or dragged one must have one number for each point."""
        x, y, second = values["values"], values["y"], values["second"]
        if "y" in changed and "second" not in changed:
            second = "typed"
        if second == "typed" and len(y) != len(x):
            if "y" in changed:
                raise ConfigError("the second series", f"{len(y)} of them", f"{len(x)} numbers, one a point")
            second = "twice"
        if second != "typed":
            y = _second_series(x, second)
        points = self.knobs["values"]
        # An axis stays fixed during a drag, and while its series is unchanged.
        moved = DRAG in changed or points.sliding
        if "values" in changed and not moved:
            points.fit()
        stays = moved or ("values" not in changed and y == self.values.get("y"))
        numbers = np.array(y)
        self.axes = (points.axis, self.axes[1].with_room_for(numbers) if stays else AxisRange.around(numbers))
        return values | {"y": y, "second": second}

    def drag(self, drag: Drag, values: Values) -> Mapping[str, Any]:
        """Move the dragged point; a drag along y makes the second series a typed one."""
        if not 0 <= drag.point < len(values["values"]):
            return {}  # a late drag of a point that was removed
        x, y = (min(max(axis.nearest(at), -LARGEST), LARGEST) for at, axis in zip(drag[2:], self.axes, strict=True))
        moved: dict[str, Any] = {"values": _with(values["values"], drag.point, x)}
        return (
            moved | {"second": "typed", "y": _with(values["y"], drag.point, y)} if drag.trace == charts.PAIRS else moved
        )

    def shared(self, values: Values) -> Mapping[str, Any]:
        """Return ``values`` without a second series that is computed from the points."""
        return {name: value for name, value in values.items() if name != "y" or values["second"] == "typed"}

    def compute(self, values: Values, changed: frozenset[str]) -> Iterator[tuple[str, Figure | str]]:
        """Yield the figures first, since a person watches them during a drag, then the arithmetic."""
        x, y, offset = self.x, self.y, values["offset"]
        points, pairs, precision = "values" in changed, changed & {"values", "y"}, changed & {"values", "offset"}
        if points:
            yield "points", charts.points(x, self.axes[0])
        if pairs:
            yield "pairs", charts.pairs(x, y, self.axes)
        if points:
            yield "shares", charts.shares(x)
        if precision:
            yield "formulas", charts.formulas(x, offset)
        if points:
            yield "one", words.one_series(x)
        if pairs:
            yield "two", words.two_series(x, y)
        if precision:
            yield "precision", words.precision(x, offset)


def _with(numbers: tuple[float, ...], index: int, value: float) -> tuple[float, ...]:
    return (*numbers[:index], value, *numbers[index + 1 :])


def _second_series(x: tuple[float, ...], kind: str) -> tuple[float, ...]:
    """Return the second series of this kind for points ``x``, rounded for display."""
    made = np.clip(spread.second_series(np.array(x), kind), -LARGEST, LARGEST).tolist()
    return tuple(made if kind == "same" else [float(f"{value:.4g}") for value in made])
