"""Spread at the blackboard: points to drag, their variance in two ways, and a second series."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from lab.concepts import spread
from lab.concepts.values import LARGEST
from lab.knob import ConfigError, Knob
from widgets.charts.style import Figure
from widgets.figure.live_figure import LiveFigure
from widgets.figure.requests import Drag
from widgets.inputs.knob_box import KnobBox
from widgets.inputs.number_knobs import AnyNumber, NumberList
from widgets.markup.axis_range import AxisRange
from widgets.page.layout import body, grid, knob_column, knob_group, section
from widgets.panel.panel import Panel, handler
from widgets.panels.spread import charts, words

Values = NDArray[np.float64]

MOST = 1000
"""Points at once: each of them can be dragged."""

SLIDERS = 8
"""Points that have a slider of their own."""

SECOND = {
    "twice": "Twice the first, with noise",
    "unrelated": "Unrelated noise",
    "same": "The first again",
    "typed": "Typed or dragged",
}
"""The second series: key -> label."""

_OFFSET = Knob(
    "Offset", "Added to every point before float32 takes the variance.", "", low=0, high=1e12,
    slider=(1.0, 1e10), step=0.1, log=True,
)  # fmt: skip


class SpreadPanel(Panel):
    """Drag points, and see every measure of their spread follow.

    Args:
        values: the points at first.
        offset: of the float32 comparison at first.

    Attributes:
        x, y: (n,) the points, and the second series.
        second: the menu of second series.
        knobs: "x", "y", "offset" -> KnobBox. sliders: a knob for each of the first points, in order.
        figures: "points", "shares", "formulas", "pairs" -> LiveFigure.
        one, two, precision: HTML, the arithmetic of one series, of two, and of float32.

    Raises:
        ConfigError: for values or an offset that are not valid.
    """

    def __init__(
        self,
        values: Iterable[float] = spread.LESSON,
        *,
        offset: float = 1e8,
        clock: Callable[[], float] = time.monotonic,
        watch_page: bool | None = None,
    ) -> None:
        first = NumberList("Points", _POINTS, values, name="the points", most=MOST)
        self.x: Values = np.array(first.value)
        self.second = ipywidgets.Dropdown(description="Second series is", options=[(v, k) for k, v in SECOND.items()])
        self.y: Values = self._made()
        self._axes = (AxisRange.around(self.x), AxisRange.around(self.y))
        self.knobs = {
            "x": first,
            "y": NumberList("Second series", _SERIES, self.y, name="the second series", check=self._paired),
            "offset": KnobBox(_OFFSET, float(offset), name="offset"),
        }
        self.sliders = [AnyNumber(f"Point {i + 1}", self._axes[0]) for i in range(SLIDERS)]
        self.one, self.two, self.precision = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        super().__init__(clock=clock, watch_page=watch_page)
        self.figures = {name: LiveFigure(figure, label=_LABELS[name]) for name, figure in self._charts().items()}
        self._group = knob_group([])
        self.children = [self.style_sheet, self.error_line, self._layout()]
        self._show()
        self._connect()

    @handler
    def on_points(self, _: object = None) -> None:
        """Other points are typed."""
        self.x = np.array(self.knobs["x"].value)
        if self.second.value != "typed":
            self.y = self._made()
        elif len(self.y) != len(self.x):
            self._choose("twice")
            self.y = self._made()
        self._axes = (AxisRange.around(self.x), AxisRange.around(self.y))
        self._show()

    @handler
    def on_second(self, _: object = None) -> None:
        """Another kind of second series."""
        if self.second.value != "typed":
            self.y = self._made()
            self._axes = (self._axes[0], AxisRange.around(self.y))
        self._show()

    @handler
    def on_second_typed(self, _: object = None) -> None:
        """Another second series is typed."""
        self._choose("typed")
        self.y = np.array(self.knobs["y"].value)
        self._axes = (self._axes[0], AxisRange.around(self.y))
        self._show()

    @handler
    def on_offset(self, _: object = None) -> None:
        """Another offset, for float32 alone."""
        self.draw({"formulas": charts.formulas(self.x, self.knobs["offset"].value)})
        self._say_precision()

    @handler
    def on_slider(self, point: int) -> None:
        """A point has been moved by its slider, or typed."""
        self._move(point, self.sliders[point].value)

    @handler
    def on_drag(self, drag: Drag) -> None:
        """A point is dragged in a figure; where its second number is, too, that series is typed from then on."""
        if not 0 <= drag.point < len(self.x):
            return  # of points that were there before
        x, y = (min(max(axis.nearest(at), -LARGEST), LARGEST) for at, axis in zip(drag[2:], self._axes, strict=True))
        if drag.trace == charts.PAIRS:
            self._choose("typed")
            self.y = self.y.copy()
            self.y[drag.point] = y
        self._move(drag.point, x)

    def _move(self, point: int, x: float) -> None:
        self.x = self.x.copy()
        self.x[point] = x
        if self.second.value != "typed":
            self.y = self._made()
        self._show()

    def _made(self) -> Values:
        """The second series of the kind that is chosen, for the points as they are."""
        made = np.clip(spread.second_series(self.x, self.second.value), -LARGEST, LARGEST)
        return made if self.second.value == "same" else np.array([float(f"{value:.4g}") for value in made])

    def _paired(self, numbers: tuple[float, ...]) -> tuple[float, ...]:
        if len(numbers) != len(self.x):
            raise ConfigError("the second series", f"{len(numbers)} of them", f"{len(self.x)} numbers, one a point")
        return numbers

    def _choose(self, kind: str) -> None:
        """Put the menu to ``kind`` without calling anybody."""
        with self._muted:
            self.second.value = kind

    def _charts(self) -> dict[str, Figure]:
        return {
            "points": charts.points(self.x, self._axes[0]),
            "pairs": charts.pairs(self.x, self.y, self._axes),
            "shares": charts.shares(self.x),
            "formulas": charts.formulas(self.x, self.knobs["offset"].value),
        }

    def _show(self) -> None:
        """Everything as the points are now: the figures first, which a person's eye is on."""
        self._axes = (self._axes[0].with_room_for(self.x), self._axes[1].with_room_for(self.y))
        self.draw(self._charts())
        self.one.value, self.two.value = words.one_series(self.x), words.two_series(self.x, self.y)
        self._say_precision()
        self._show_knobs()

    def _say_precision(self) -> None:
        self.precision.value = words.precision(self.x, self.knobs["offset"].value)

    def _show_knobs(self) -> None:
        shown = self.sliders[: len(self.x)] if len(self.x) <= SLIDERS else []
        with self._muted:
            for knob, series in ((self.knobs["x"], self.x), (self.knobs["y"], self.y)):
                knob.value, knob.error = tuple(series.tolist()), ""
            for slider, value in zip(shown, self.x.tolist(), strict=False):
                slider.slide_over(*self._axes[0])
                slider.value = value
        if list(self._group.children) != [self.knobs["x"], *shown]:
            self._group.children = [self.knobs["x"], *shown]

    def _connect(self) -> None:
        def unless_quiet(call: Callable[[], None]) -> Callable[[object], None]:
            return lambda _: None if self._muted else call()

        self.second.observe(unless_quiet(self.on_second), "value")
        told = {"x": self.on_points, "y": self.on_second_typed, "offset": self.on_offset}
        for name, call in told.items():
            self.knobs[name].observe(unless_quiet(call), "value")
        for point, slider in enumerate(self.sliders):
            slider.observe(unless_quiet(partial(self.on_slider, point)), "value")
        for name in ("points", "pairs"):
            self.figures[name].on_drag(self.on_drag)

    def _layout(self) -> Any:
        figures = self.figures
        return body(
            knob_column([self._group]),
            [
                section("How far apart are they?", parts=[grid([figures["points"], figures["shares"]]), self.one]),
                section(
                    "Two formulas, one number, until float32",
                    words.PRECISION,
                    parts=[knob_group([self.knobs["offset"]]), grid([figures["formulas"]]), self.precision],
                ),
                section(
                    "Two series", words.PAIRS, menus=[self.second], parts=[self.knobs["y"], figures["pairs"], self.two]
                ),
            ],
        )


_POINTS = "With commas or spaces between; Enter takes them."
_SERIES = "One number for each point; dragging a point below moves it, too."
_LABELS = {
    "points": "The points, their mean and both spreads around it",
    "shares": "Each point's share in both measures of spread",
    "formulas": "How wrong both variance formulas are in float32, by offset",
    "pairs": "The second series over the first, with rectangles to the means",
}
