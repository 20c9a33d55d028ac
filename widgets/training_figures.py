"""The training lab's figures: which there are, and how they follow a session's record."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from lab.config import Config
from lab.telemetry.record import Record
from widgets import charts
from widgets.bundle import together
from widgets.charts import Figure, View
from widgets.charts.marks import gathered
from widgets.live_figure import LiveFigure

Chart = Callable[[Record, View], Figure]


class Recording(Protocol):
    """What the figures ask of a run: a Session, or what was kept of one."""

    def since(self, step: int) -> Record: ...


CHARTS: dict[str, tuple[Chart, str]] = {
    "loss": (charts.loss, "Training and validation loss over time"),
    "accuracy": (charts.accuracy, "Training and validation accuracy over time"),
    "rates": (charts.rates, "Learning rate and momentum over time"),
    "mean": (charts.layer_means, "Mean of each layer's output over time"),
    "std": (charts.layer_stds, "Standard deviation of each layer's output over time"),
    "near_zero": (charts.near_zero, "Share of each layer's outputs that are near zero, over time"),
    "histogram": (charts.histogram, "Histogram of one layer's outputs over time"),
    "loss_averages": (charts.loss_averages, "Moving average of the loss, from zero and de-biased"),
    "mean_averages": (charts.mean_averages, "Moving average of a norm's mean, raw, running and de-biased"),
    "variance_averages": (charts.variance_averages, "Moving average of a norm's variance, raw, running and de-biased"),
    "debias_factors": (charts.debias_factors, "De-bias factors over time"),
    "blow_up": (charts.blow_up, "Each norm's largest multiplier and smallest variance over time"),
}
"""Figures over the run: name -> (chart, what a screen reader calls it)."""

OUTPUTS = {f"outputs_{which}": which for which in charts.PICTURES}
"""Figures of the net's answers now: name -> picture."""

AFFECTED = {
    "x": tuple(CHARTS),
    "near_zero": ("near_zero",),
    "layer": ("histogram",),
    "norm": ("mean_averages", "variance_averages", "debias_factors"),
}
"""Which figures a field of View changes."""

HISTOGRAMS = 300
"""Columns of the histogram picture; it is about as many pixels wide."""


COURSE_NEAR_ZERO = ("near_relu", "near_general")
"""The course's definitions: for plain ReLU, for any other activation."""


def course_near_zero(config: Config) -> str:
    """The course's definition of near zero for this activation."""
    return COURSE_NEAR_ZERO[0 if config.plain_relu else 1]


class TrainingFigures:
    """Draws one session's record, row by row as it grows.

    Attributes:
        figures: name -> LiveFigure.
        view: what a person chose to see.
        record: what was new at the last :meth:`pull`.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.record = Record()
        self._seen = -1
        self._shape: object = None
        self._events = 0, 0
        self._answers: tuple[int, tuple[str, ...]] | None = None
        self.figures = {
            name: LiveFigure(
                chart(self.record, view), max_points=HISTOGRAMS if name == "histogram" else 1000, label=label
            )
            for name, (chart, label) in CHARTS.items()
        }
        for name, which in OUTPUTS.items():
            label = f"What the net says of a picture ({which}): softmax and sigmoid"
            self.figures[name] = LiveFigure(charts.outputs(self.record, which), label=label)

    def pull(self, session: Recording) -> None:
        """Show what ``session`` recorded since the last call."""
        record = session.since(self._seen)
        if _shape(record) != self._shape:
            if len(record.steps):  # drawn without a point, the charts would keep the page from the first one
                self.redraw(session)
            return
        self.record = record
        events = len(record.marks), len(record.validations)
        if len(record.steps) or events != self._events:
            few = gathered(record)
            for name, (chart, _) in CHARTS.items():
                self._append(name, chart(few, self.view), record)
        self._advance(record)

    def redraw(self, session: Recording) -> None:
        """Show all of ``session``'s record: another session, another net, or a record that has been cut."""
        self.record = session.since(-1)
        self.view = replace(self.view, clock=View().clock)
        self._seen = -1
        self._shape = _shape(self.record)
        self._draw(CHARTS, self.record)
        self._answers = None
        self._advance(self.record)

    def show(self, session: Recording, **choice: Any) -> None:
        """Change fields of the view, and redraw what they change."""
        self.view = replace(self.view, **choice)
        names = dict.fromkeys(name for field in choice for name in AFFECTED[field])
        record = session.since(-1)
        self._draw(names, _until(record, self._seen))
        self.flush()

    def flush(self) -> None:
        """Send every figure's news to the page."""
        with together():
            for figure in self.figures.values():
                figure.flush()

    def _draw(self, names: Any, record: Record) -> None:
        # Drawn empty and then extended, so that a figure thins by steps whatever its x-axis shows.
        fresh = replace(self.view, clock=View().clock)
        empty = replace(_until(record, -1), stride=1, hist_stride=1, marks=())
        few = gathered(record)
        for name in names:
            chart, _ = CHARTS[name]
            self.figures[name].draw(chart(empty, fresh))
            self._append(name, chart(few, fresh), record)

    def _append(self, name: str, figure: Figure, record: Record) -> None:
        self.figures[name].append(record.hist_steps if name == "histogram" else record.steps, figure)

    def _advance(self, record: Record) -> None:
        if len(record.steps):
            self._seen = int(record.steps[-1])
            self.view = self.view.following(record)
        self._events = len(record.marks), len(record.validations)
        self._show_outputs(record)
        self.flush()

    def _show_outputs(self, record: Record) -> None:
        now = record.outputs
        answers = (now.step, now.names) if now else (-1, ())
        if answers == self._answers:
            return
        for name, which in OUTPUTS.items():
            figure = charts.outputs(record, which)
            if self._answers and answers[1] == self._answers[1]:
                self.figures[name].append(np.empty(0, np.int64), figure)  # sends the bars, not the picture
            else:
                self.figures[name].draw(figure)
        self._answers = answers


def _shape(record: Record) -> object:
    """What decides the traces: rows of one shape extend rows of the same shape only."""
    return record.layers, record.norms, record.range, record.steps_per_epoch


def _until(record: Record, step: int) -> Record:
    """The rows of ``record`` up to ``step``."""
    rows, hists = record.steps <= step, record.hist_steps <= step
    return replace(
        record,
        steps=record.steps[rows],
        columns={name: values[rows] for name, values in record.columns.items()},
        hist_steps=record.hist_steps[hists],
        hists=record.hists[hists],
    )
