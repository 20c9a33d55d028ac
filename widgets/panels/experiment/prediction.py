"""The prediction that a person makes before the runs: a choice, a number, or a curve drawn on the chart's axes."""

import html
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import numpy as np

from lab.experiments.answers import Guess, Points, cut, median_curve
from lab.experiments.experiment import Choice, ExperimentError, Number, Prediction, Sketch
from lab.experiments.measures import MEASURES
from lab.knob import Knob
from lab.record import Record
from widgets.figure.live_figure import LiveFigure
from widgets.inputs.knob_box import KnobBox
from widgets.page.layout import classed, knob_group, show
from widgets.page.muted import Muted
from widgets.panels.experiment import charts

PLACES = {"at the start": 0.0, "in the middle": 0.5, "at the end": 1.0}
"""Slider -> share of the run: the keyboard's way to draw a curve."""


class PredictionBox(ipywidgets.VBox):
    """A question with the input that its kind asks for, a button that makes the prediction and one that skips it.

    Args:
        prediction: what is asked.
        answer: called with the guess, None for a skipped one.

    Attributes:
        figure: LiveFigure of the drawn curve; None for other kinds.
        choice, number: RadioButtons, KnobBox; None for other kinds.
        sliders: name -> KnobBox, of a curve's three points; empty for other kinds.
        commit, skip: the buttons.
        guess: what the input holds now; None while nothing was chosen.
        answered: whether the prediction is made or skipped.
    """

    def __init__(self, prediction: Prediction, answer: Callable[[Guess | None], None]) -> None:
        self._prediction, self._answer = prediction, answer
        self._muted = Muted()
        self.answered = False
        self.figure: LiveFigure | None = None
        self.choice: Any = None
        self.number: KnobBox | None = None
        self.sliders: dict[str, KnobBox] = {}
        self._points: Points = ()
        self.commit = ipywidgets.Button(description="That is my prediction", button_style="primary")
        self.skip = ipywidgets.Button(description="Skip", tooltip="Go on without a prediction")
        self.commit.on_click(lambda _: self._answer(self.guess))
        self.skip.on_click(lambda _: self._answer(None))
        question = ipywidgets.HTML(f'<p class="lab-asked">{html.escape(prediction.question)}</p>')
        self._buttons = classed(ipywidgets.HBox([self.commit, self.skip]), "lab-buttons")
        self._said = ipywidgets.HTML()
        super().__init__([question, *self._inputs(prediction), self._said, self._buttons])
        self.commit.disabled = True  # until something is chosen, moved or drawn: a default is no prediction
        self.add_class("lab-prediction")

    @property
    def guess(self) -> Guess | None:
        if self.choice is not None:
            return None if self.choice.value is None else str(self.choice.value)
        if self.number is not None:
            return float(self.number.value)
        return self._points or None

    def close_question(self, guess: Guess | None) -> None:
        """Disable the input: the prediction is made, or skipped (None)."""
        self.answered = True
        show(self._buttons, False)
        if self.choice is not None:
            self.choice.disabled = True
        for knob in filter(None, (self.number, *self.sliders.values())):
            show(knob, False)
        if self.number is not None and guess is not None:
            self._said.value = f"<p class='lab-notice'>Your prediction: {self.number.value:g}</p>"

    def draw_points(self, points: Any) -> None:
        """Take a curve that was drawn, (share of the run in %, value) of each point; sliders follow."""
        assert isinstance(self._prediction, Sketch)
        self._show_points(cut(self._prediction, [(x / 100, y) for x, y in points]))

    def show_runs(self, guess: Guess | None, records: Mapping[tuple[str, int], Record]) -> None:
        """Draw the runs' curves under the predicted one; no-op for other kinds."""
        if not isinstance(self._prediction, Sketch) or self.figure is None:
            return
        mine = [record for (name, _), record in sorted(records.items()) if name == self._prediction.of]
        if not mine:
            return
        curves = [median_curve(self._prediction, [record]) for record in mine]
        runs = [median_curve(self._prediction, mine), *(curves if len(mine) > 1 else [])]
        points = guess if isinstance(guess, tuple) else ()
        self.figure.draw(charts.sketch(self._prediction, points, runs, drawable=False))
        self.figure.flush()

    def _inputs(self, prediction: Prediction) -> list[Any]:
        if isinstance(prediction, Choice):
            self.choice = classed(ipywidgets.RadioButtons(options=prediction.options, value=None), "lab-choice")
            self.choice.observe(self._chosen, "value")
            return [self.choice]
        low, high = prediction.low, prediction.high
        if isinstance(prediction, Number):
            label = MEASURES[prediction.measure].label
            spec = _axis_knob(label[0].upper() + label[1:], "Of the runs' median.", low, high, prediction.unit)
            self.number = KnobBox(spec, (low + high) / 2)
            self.number.observe(self._chosen, "value")
            return [knob_group([self.number])]
        middle = (low + high) / 2
        for name in PLACES:
            spec = _axis_knob(name[0].upper() + name[1:], "", low, high)
            self.sliders[name] = KnobBox(spec, middle)
            self.sliders[name].observe(self._slid, "value")
        self._points = tuple((at, middle) for at in PLACES.values())
        self.figure = LiveFigure(charts.sketch(prediction, self._points), label=charts.LABELS["prediction"])
        self.figure.on_sketch(self._sketched)
        words = ipywidgets.HTML("<p>Draw a line with the mouse or a finger, or move the three sliders.</p>")
        return [words, self.figure, classed(knob_group(self.sliders.values()), "lab-three")]

    def _chosen(self, _: object) -> None:
        self.commit.disabled = self.guess is None

    def _sketched(self, points: Any) -> None:
        if self.answered:
            return
        try:
            self.draw_points(points)
        except ExperimentError:  # a dot, or a stroke straight up, is no curve: the last one stays
            self._show_points(self._points)

    def _slid(self, _: object) -> None:
        if not self._muted:
            self._show_points(tuple((at, float(self.sliders[name].value)) for name, at in PLACES.items()))

    def _show_points(self, points: Points) -> None:
        assert isinstance(self._prediction, Sketch) and self.figure is not None
        self._points = points
        self.commit.disabled = False
        at_places = np.interp(list(PLACES.values()), *np.array(points).T)
        with self._muted:
            for knob, value in zip(self.sliders.values(), at_places, strict=True):
                knob.value = float(f"{value:.3g}")
        self.figure.draw(charts.sketch(self._prediction, points))
        self.figure.flush()


def _axis_knob(label: str, help: str, low: float, high: float, unit: str = "") -> Knob:
    return Knob(label, help, unit=unit, low=low, high=high, slider=(low, high), step=(high - low) / 100)
