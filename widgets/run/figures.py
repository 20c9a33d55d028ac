"""The training lab's figures: which there are, and how they follow a session's record."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.config import Config
from lab.record import Record
from lab.session import Recording
from widgets import charts
from widgets.charts import Figure, View
from widgets.charts.before import MOST_POINTS
from widgets.charts.marks import gathered
from widgets.figure.detail import Span
from widgets.figure.live_figure import LiveFigure
from widgets.figure.message_batch import one_message
from widgets.markup.glossary import meanings

Chart = Callable[[Record, View], Figure]


CHARTS: dict[str, tuple[Chart, str]] = {
    "loss": (charts.loss, "Training and validation loss over time"),
    "accuracy": (charts.accuracy, "Training and validation accuracy over time"),
    "rates": (charts.rates, "Learning rate and momentum over time"),
    "mean": (charts.layer_means, "Mean of each layer's output over time"),
    "std": (charts.layer_stds, "Standard deviation of each layer's output over time"),
    "near_zero": (charts.near_zero, "Share of each layer's outputs that are near zero, over time"),
    "histogram": (charts.histogram, "Histogram of one layer's outputs over time"),
    "gradient_mean": (charts.gradient_means, "Mean of the gradient of each layer's weights over time"),
    "gradient_std": (charts.gradient_stds, "Standard deviation of the gradient of each layer's weights over time"),
    "gradient_zero": (charts.gradient_zeros, "Share of each layer's weights whose gradient is exactly zero, over time"),
    "update_ratio": (charts.update_ratios, "Size of each layer's update over the size of its weights, over time"),
    "output_gradient_mean": (charts.output_gradient_means, "Mean of the gradient by each layer's output over time"),
    "output_gradient_std": (
        charts.output_gradient_stds,
        "Standard deviation of the gradient by each layer's output over time",
    ),
    "weights": (charts.weight_histogram, "Histogram of one layer's weights over time"),
    "loss_averages": (charts.loss_averages, "Moving average of the loss, from zero and de-biased"),
    "mean_averages": (charts.mean_averages, "Moving average of a norm's mean, raw, running and de-biased"),
    "variance_averages": (charts.variance_averages, "Moving average of a norm's variance, raw, running and de-biased"),
    "debias_factors": (charts.debias_factors, "De-bias factors over time"),
    "blow_up": (charts.blow_up, "Each norm's largest multiplier and smallest variance over time"),
}
"""Figures over the run: name -> (chart, what a screen reader calls it)."""

OUTPUTS = {f"outputs_{which}": which for which in charts.PICTURES}
"""Figures of the net's answers now: name -> picture."""

CONFUSION = "confusion"
"""The figure of the last validation's answers."""

TERMS: dict[str, tuple[str, ...]] = {
    "loss": ("loss", "cross-entropy", "validation", "batch", "moving average"),
    "accuracy": ("accuracy", "validation", "batch", "epoch", "moving average"),
    "rates": ("learning rate", "momentum", "schedule"),
    "mean": ("mean", "layer", "output"),
    "std": ("standard deviation", "layer", "output"),
    "near_zero": ("near-zero share", "0 ≤ x < 0.5", "−0.35 ≤ x < 0.7", "|x| < t", "x ≤ t"),
    "histogram": ("histogram", "layer", "output"),
    "gradient_mean": ("gradient", "mean", "weights"),
    "gradient_std": ("gradient", "standard deviation", "weights"),
    "gradient_zero": ("exact zeros", "gradient", "weights"),
    "update_ratio": ("update/weight ratio", "weights"),
    "output_gradient_mean": ("gradient", "mean", "output"),
    "output_gradient_std": ("gradient", "standard deviation", "output"),
    "weights": ("histogram", "weights", "layer"),
    "loss_averages": ("moving average", "de-biased average", "loss", "cross-entropy", "batch"),
    "mean_averages": ("running statistics", "moving average", "de-biased average", "mean", "norm", "channel", "batch"),
    "variance_averages": (
        "running statistics",
        "moving average",
        "de-biased average",
        "variance",
        "norm",
        "channel",
        "batch",
    ),
    "debias_factors": ("de-biased average", "moving average", "momentum", "loss"),
    "blow_up": ("multiplier", "norm", "variance", "epsilon"),
    CONFUSION: ("confusion matrix", "validation", "loss"),
    **dict.fromkeys(OUTPUTS, ("softmax", "sigmoid", "logits")),
}
"""The words of the glossary that a figure's own "?" explains, the most important first."""

AFFECTED = {
    "x": tuple(CHARTS),
    "near_zero": ("near_zero",),
    "layer": ("histogram", "weights"),
    "norm": ("mean_averages", "variance_averages", "debias_factors"),
}
"""Which figures a field of View changes."""

BEHIND = {"layer": ("mean", "std", "near_zero")}
"""Which more it changes in a branch: those with a curve of the run before behind them."""

HISTOGRAMS = ("histogram", "weights")
"""Figures whose rows are the record's histograms, thinned apart from its other rows."""

COLUMNS = 300
"""Columns of a histogram picture; it is about as many pixels wide."""


OUT_OF_SIGHT = 2.0
"""Seconds between two updates of figures that nobody sees: each update costs training time, wherever it is drawn."""

COURSE_NEAR_ZERO = ("near_relu", "near_general")
"""The course's definitions: for plain ReLU, for any other activation."""


def course_near_zero(config: Config) -> str:
    """Return the course's definition of near zero for this activation."""
    return COURSE_NEAR_ZERO[0 if config.plain_relu else 1]


class TrainingFigures:
    """Draws one session's record, row by row as it grows: each figure gets the rows after its own last step.

    Attributes:
        figures: name -> LiveFigure.
        view: what a person chose to see.
        record: the session's whole record at the last :meth:`pull`.
    """

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic, *, outputs: bool = True) -> None:
        """Make the figures; those of the net's answers only where ``outputs`` are classes."""
        self._outputs = OUTPUTS if outputs else {}
        self.view = view
        self.record = Record()
        self._clock = clock
        self._shape: object = None
        self._events: dict[str, tuple[int, int]] = {}  # figure -> how many marks and validations it shows
        self._all_drawn = clock()
        self._answers: dict[str, tuple[object, object]] = {}
        self._validated: object = None  # the validation whose answers are shown
        self.figures = {
            name: LiveFigure(
                chart(self.record, view),
                max_points=COLUMNS if name in HISTOGRAMS else 1000,
                label=label,
                words=meanings(TERMS[name]),
            )
            for name, (chart, label) in CHARTS.items()
        }
        for name, which in self._outputs.items():
            label = f"What the net says of a picture ({which}): softmax and sigmoid"
            figure = charts.outputs(self.record, which)
            self.figures[name] = LiveFigure(figure, label=label, words=meanings(TERMS[name]))
        if outputs:
            self.figures[CONFUSION] = LiveFigure(
                charts.confusion(self.record),
                label="Confusion matrix: how often each class was answered for each",
                words=meanings(TERMS[CONFUSION]),
            )

    def pull(self, session: Recording, *, everything: bool = False) -> None:
        """Show what ``session`` recorded since the last call.

        Figures that no page has in sight (``LiveFigure.seen``) get it every two seconds, as soon as they come into
        sight, or now if ``everything`` is asked for.
        """
        self.record = record = session.since(-1)
        if _shape(record) != self._shape:
            # Drawn without a point, the charts would keep the page from the first one.
            if everything or len(record.steps):
                self.redraw(session)
            return
        everything = everything or self._clock() - self._all_drawn >= OUT_OF_SIGHT
        self._extend(CHARTS if everything else [name for name in CHARTS if self.figures[name].seen])
        if everything:
            self._all_drawn = self._clock()
        self._show_outputs(record, everything)
        self.flush()

    def redraw(self, session: Recording) -> None:
        """Show all of ``session``'s record: another session, another net, or a record that has been cut."""
        self.record = session.since(-1)
        self._shape = _shape(self.record)
        self._draw(CHARTS)
        self._all_drawn = self._clock()
        self._answers, self._validated = {}, self
        self._show_outputs(self.record, True)
        self.flush()

    def show(self, session: Recording, **choice: Any) -> None:
        """Change fields of the view, and redraw what they change."""
        self.pull(session, everything=True)
        self.view = replace(self.view, **choice)
        more = BEHIND if self.view.before is not None else {}
        self._draw(dict.fromkeys(name for field in choice for name in (*AFFECTED[field], *more.get(field, ()))))
        self.flush()

    def on_zoom(self, callback: Callable[[str, Span], None]) -> None:
        """Call ``callback(name, span)`` when a page is zoomed to a span of the x axis; it is to call :meth:`zoom`."""
        for name in CHARTS:
            self.figures[name].on_zoom(partial(callback, name))

    def zoom(self, name: str, span: Span) -> None:
        """Give figure ``name`` the record's rows of ``span``, if it was thinned; new ones follow as they come."""
        figure, before = self.figures[name], self.view.before
        if figure.stride == 1 and (before is None or len(before.steps) <= MOST_POINTS):
            figure.end_detail()
            return
        rows, view = self._within(name, self.record, span)
        steps = rows.hist_steps if name in HISTOGRAMS else rows.steps
        if len(steps) > figure.max_points:
            rows = replace(rows, stride=1)  # every how many steps stay says the figure, of a wide span
        figure.draw_detail(span, CHARTS[name][0](rows, view), steps)

    def flush(self) -> None:
        """Send every figure's new rows to the page."""
        with one_message():
            for figure in self.figures.values():
                figure.flush()

    def _draw(self, names: Iterable[str]) -> None:
        # Drawn empty and then extended, so that a figure thins by steps whatever its x-axis shows.
        empty = replace(_cut(self.record, slice(0), slice(0)), stride=1, hist_stride=1, marks=())
        for name in names:
            self.figures[name].draw(CHARTS[name][0](empty, self.view))
            self._events.pop(name, None)
        self._extend(names)

    def _extend(self, names: Iterable[str]) -> None:
        """Append to each figure the rows that it lacks, and show new marks and validations."""
        record = gathered(self.record)
        events = len(self.record.marks), len(self.record.validations)
        view = replace(self.view, whole=self.record)
        rows: dict[int, Record] = {}
        for name in names:
            figure = self.figures[name]
            last = figure.last_step
            steps = record.hist_steps if name in HISTOGRAMS else record.steps
            if self._events.get(name) == events and not (len(steps) and steps[-1] > last):
                continue
            new = rows[last] = rows[last] if last in rows else after(record, last)
            figure.append(new.hist_steps if name in HISTOGRAMS else new.steps, CHARTS[name][0](new, view))
            self._events[name] = events
            if figure.detail:
                self._extend_detail(name, record)

    def _extend_detail(self, name: str, record: Record) -> None:
        """Append to a figure's detail the rows that it lacks: none, where its span ends before them."""
        figure = self.figures[name]
        assert figure.detail is not None
        rows, view = self._within(name, record, figure.detail.span)
        new = after(rows, figure.detail.last_step)
        figure.append_detail(new.hist_steps if name in HISTOGRAMS else new.steps, CHARTS[name][0](new, view))

    def _within(self, name: str, record: Record, span: Span) -> tuple[Record, View]:
        """Return the rows of ``record`` for a figure over ``span``, and the view that charts them."""
        view = replace(self.view, whole=record)
        rows = within(record, view, span)
        if view.before is not None:
            view = replace(view, before=within(view.before, View(x=view.x), span))
        # The x axis says how many steps the record has kept, of what the figure shows.
        return replace(rows, stride=rows.hist_stride) if name in HISTOGRAMS else rows, view

    def _show_outputs(self, record: Record, everything: bool) -> None:
        now = record.outputs
        # A drawing changes at the same step, and under the same name.
        drawing = now.pictures[0].tobytes() if now else b""
        answers = ((now.step, now.logits.tobytes()), (now.names, drawing)) if now else (-1, ())
        for name, which in self._outputs.items():
            shown, live = self._answers.get(name), self.figures[name]
            if answers == shown or not (everything or live.seen):
                continue
            figure = charts.outputs(record, which)
            if shown and answers[1] == shown[1]:
                live.append(np.empty(0, np.int64), figure)  # sends the bars, not the picture
            else:
                live.draw(figure)
            self._answers[name] = answers
        matrix, last = self.figures.get(CONFUSION), record.mistakes
        validated = last and (last.step, last.counts.tobytes())
        if matrix and validated != self._validated and (everything or matrix.seen):
            self._validated = validated
            matrix.draw(charts.confusion(record))


def _shape(record: Record) -> object:
    """Return what decides the traces: rows of one shape extend rows of the same shape only."""
    return (
        record.layers, record.norms, record.range, record.weight_ranges, record.steps_per_epoch,
        record.loss, record.metric,
    )  # fmt: skip


def after(record: Record, step: int) -> Record:
    """Return the rows of ``record`` after ``step``; -1 for all."""
    row, hist = (int(np.searchsorted(steps, step, side="right")) for steps in (record.steps, record.hist_steps))
    return _cut(record, slice(row, None), slice(hist, None))


def within(record: Record, view: View, span: Span) -> Record:
    """Return the rows of ``record`` whose x in ``view`` lies in ``span``, one more on either side, its validations."""
    low, high = span

    def rows(steps: NDArray[np.int64]) -> slice:
        x = view.at(steps, record)
        return slice(max(int(np.searchsorted(x, low)) - 1, 0), int(np.searchsorted(x, high, side="right")) + 1)

    ends = view.at([row.step for row in record.validations], record)
    validations = tuple(row for row, x in zip(record.validations, ends, strict=True) if low <= x <= high)
    return replace(_cut(record, rows(record.steps), rows(record.hist_steps)), validations=validations)


def _cut(record: Record, rows: slice, hists: slice) -> Record:
    return replace(
        record,
        steps=record.steps[rows],
        columns={name: values[rows] for name, values in record.columns.items()},
        hist_steps=record.hist_steps[hists],
        hists=record.hists[hists],
        weight_hists=record.weight_hists[hists],
    )
