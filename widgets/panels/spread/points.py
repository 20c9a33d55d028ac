"""Input widget for points: a list of numbers to type, and a slider for each if they are few."""

from functools import partial
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from lab.knob import Knob
from widgets.inputs.number_knobs import AnyNumber, NumberList
from widgets.markup.axis_range import AxisRange
from widgets.page.muted import Muted

SLIDERS = 8
"""Maximum number of points with sliders; with more points there are none."""


class Points(ipywidgets.VBox):
    """Input of numbers, typed as a list or moved one by one. Observe ``value`` for changes.

    Args:
        spec: label and help of the list.
        value: the initial points.
        name: their name in error messages.
        most: maximum number of points.

    Attributes:
        value: tuple of float. list: NumberList. sliders: one AnyNumber for each of the first points.
        axis: AxisRange of the points, widened if necessary; :meth:`fit` fits it to them anew.
        sliding: whether a change comes from a slider.

    Raises:
        ConfigError: for values that are not valid.
    """

    children: Any
    value = traitlets.Any()

    def __init__(self, spec: Knob, value: Any, name: str, *, most: int) -> None:
        self.spec, self.name = spec, name
        self._muted = Muted()
        self.sliding = False
        self.list = NumberList(spec.label, spec.help, value, name=name, most=most)
        self.checked = self.list.checked
        self.axis = AxisRange.around(np.array(self.list.value))
        self.sliders = [AnyNumber(f"Point {i + 1}", self.axis) for i in range(SLIDERS)]
        super().__init__()
        self.add_class("lab-knob-group")
        self.value = self.list.value
        self.list.observe(self._typed, "value")
        for point, slider in enumerate(self.sliders):
            slider.observe(partial(self._slid, point), "value")

    @property
    def error(self) -> str:
        """Error text: why an entry was refused, in the list or beside a slider."""
        return next((str(part.error) for part in (self.list, *self.sliders) if part.error), "")

    @error.setter
    def error(self, text: str) -> None:
        self.list.error = text
        for slider in self.sliders:
            slider.error = ""

    @traitlets.validate("value")
    def _check(self, proposal: dict[str, Any]) -> Any:
        return self.checked(proposal["value"])

    @traitlets.observe("value")
    def _show(self, change: dict[str, Any]) -> None:
        self._show_on(self.axis.with_room_for(np.array(change["new"])))

    def fit(self) -> None:
        """Fit the axis, and with it the sliders, to the points."""
        self._show_on(AxisRange.around(np.array(self.value)))

    def _show_on(self, axis: AxisRange) -> None:
        self.axis = axis
        shown = self.sliders[: len(self.value)] if len(self.value) <= SLIDERS else []
        with self._muted:
            self.list.value, self.error = self.value, ""
            for slider, value in zip(shown, self.value, strict=False):
                slider.slide_over(*axis)
                slider.value = value
        parts = (self.list, *shown)
        if self.children != parts:
            self.children = parts

    def _typed(self, change: dict[str, Any]) -> None:
        if not self._muted:
            self.value = change["new"]

    def _slid(self, point: int, change: dict[str, Any]) -> None:
        if not self._muted:
            self.sliding = True
            try:
                self.value = (*self.value[:point], change["new"], *self.value[point + 1 :])
            finally:
                self.sliding = False
