"""Charts of several runs: the training lab's charts, with one line a run in its own colour and dash."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lab.concepts.moving_average import debiased
from lab.record import Record
from widgets.charts import averages, backward, layers, progress
from widgets.charts.blow_up import FLOOR, blow_up
from widgets.charts.marks import marks
from widgets.charts.style import COLOURS, DASHES, HEIGHT, LEGEND_ROW, Figure, heading, note
from widgets.charts.view import X_AXES, View

MOST = len(COLOURS)
"""Maximum number of runs in one chart: each needs a colour of its own."""

ROWS = 1000
"""Maximum number of points of a line, as on every live figure."""

BETA = 0.98
"""Beta of the moving average of the batch accuracy: unsmoothed lines would hide each other."""

NAME = 32
TAIL = 6
"""Maximum length of a run's name in a legend, and how much of that is its end, often a time or a number."""

SYMBOLS = ("diamond", "circle", "square", "triangle-up", "cross", "x", "star", "triangle-down")

# plotly leaves a trace without points out of the legend, which must still list a run that has no data.
_NOTHING: Figure = {"type": "scatter", "x": np.array([np.nan]), "y": np.array([np.nan])}

Chart = Callable[[Record, View], Figure]
Names = Callable[[Record, View], Sequence[str]]


@dataclass(frozen=True)
class Compared:
    """One run of a comparison.

    Attributes:
        name: label in the legend.
        record: smoothed and thinned by :func:`compared`.
        index: index of its colour, dash and symbol.
        whole: smoothed, not thinned.
    """

    name: str
    record: Record
    index: int
    whole: Record

    @property
    def colour(self) -> str:
        return COLOURS[self.index % MOST]

    @property
    def dash(self) -> str:
        return DASHES[(self.index + self.index // MOST) % MOST]  # after the last colour, another dash with each

    def over(self, rows: Callable[[Record], Record]) -> "Compared":
        """Return the run with those rows only that ``rows`` chooses of the whole record, thinned as the whole is."""
        return replace(self, record=_few(rows(self.whole)))


def compared(name: str, record: Record, index: int, rows: int = ROWS) -> Compared:
    """Return a run's ``record`` prepared for comparison: accuracy averaged, thinned to ``rows`` rows at most."""
    average = {"accuracy": debiased(record.columns["accuracy"], BETA**record.stride)} if record.columns else {}
    columns = {**record.columns, **{name: values.astype(np.float32) for name, values in average.items()}}
    whole = replace(record, columns=columns)
    return Compared(name, _few(whole, rows), index, whole)


def _few(record: Record, rows: int = ROWS) -> Record:
    every = 1
    while len(record.steps) > rows * every:
        every *= 2
    return replace(record, steps=record.steps[::every], columns={key: v[::every] for key, v in record.columns.items()})


def loss(runs: Sequence[Compared], view: View) -> Figure:
    """Draw each run's de-biased moving average of the training loss, and its validation loss (nats)."""
    title = "Loss: average (line), validation (sign)"
    names = _of_one_kind(runs, lambda record: record.loss, "average")
    return _overlaid(progress.loss, runs, view, title, names, absent=" (another loss)")


def accuracy(runs: Sequence[Compared], view: View) -> Figure:
    """Draw each run's averaged training accuracy and its validation accuracy (0 to 1), or its own metric."""
    metric = runs[0].record.metric.capitalize() if runs else "Accuracy"
    title = f"{metric or 'No metric'}: average (line), validation (sign)"
    names = _of_one_kind(runs, lambda record: record.metric, "each batch")
    return _overlaid(progress.accuracy, runs, view, title, names, absent=" (another metric)")


def _of_one_kind(runs: Sequence[Compared], kind: Callable[[Record], str], line: str) -> Names:
    """Return what names a run's ``line`` and its validation; of runs of another kind than the first, nothing."""
    first = kind(runs[0].record) if runs else ""
    return lambda record, view: (line, "validation") if kind(record) == first else ()


def rates(runs: Sequence[Compared], view: View) -> Figure:
    """Draw the learning rate (above) and momentum (below) of each step, in each run."""
    return _overlaid(progress.rates, runs, view, "Learning rate and momentum", "learning rate", "momentum")


def _one_layer(chart: Chart, title: str) -> Callable[[Sequence[Compared], View], Figure]:
    """Return a function that draws, of each run, ``chart``'s line of the chosen layer (the last one by default).

    Args:
        title: with ``{}`` for the layer.
    """

    def draw(runs: Sequence[Compared], view: View) -> Figure:
        return _overlaid(chart, runs, view, title.format(_the(view.layer, "last layer")), layer_of)

    return draw


layer_means = _one_layer(layers.layer_means, "Mean of {}'s output")
layer_stds = _one_layer(layers.layer_stds, "Spread of {}'s output")
gradient_means = _one_layer(backward.gradient_means, "Mean of {}'s gradient")
gradient_stds = _one_layer(backward.gradient_stds, "Spread of {}'s gradient")
gradient_zeros = _one_layer(backward.gradient_zeros, "Weights without a gradient, {}")
output_gradient_means = _one_layer(backward.output_gradient_means, "Mean of the gradient by {}'s output")
output_gradient_stds = _one_layer(backward.output_gradient_stds, "Spread of the gradient by {}'s output")
_ratios = _one_layer(backward.update_ratios, "Update over weight, {}")


def near_zero(runs: Sequence[Compared], view: View) -> Figure:
    """Draw the near-zero fraction of one layer's outputs in each run, by ``view``'s definition; its threshold
    is nan where it is not the same in all of them."""
    definition = layers.NEAR_ZERO[view.near_zero] if np.isnan(view.threshold) else layers.near_zero_name(view)
    title = f"Near zero, {_the(view.layer, 'last layer')}: {definition}"
    return _overlaid(layers.near_zero, runs, view, title, layer_of)


def update_ratios(runs: Sequence[Compared], view: View) -> Figure:
    """Draw |update| / |weight| of one layer per step, in each run; log axis, with a line at 1e-3."""
    figure = _ratios(runs, view)
    figure["layout"]["shapes"] = [*figure["layout"]["shapes"], backward.rule_line()]
    figure["layout"]["annotations"] = [*figure["layout"]["annotations"], backward.rule_label()]
    return figure


def loss_averages(runs: Sequence[Compared], view: View) -> Figure:
    """Draw each run's moving average of the loss, from zero and de-biased (nats)."""
    title = "Average of the loss (thin: from zero)"
    return _overlaid(averages.loss_averages, runs, view, title, "de-biased", "from zero")


def mean_averages(runs: Sequence[Compared], view: View) -> Figure:
    """Draw one norm's running mean in each run, as stored and de-biased, averaged over channels."""
    title = f"Running mean, {view.norm or 'first norm'} (thin: as kept)"
    return _overlaid(averages.mean_averages, runs, view, title, _if_norm("de-biased", "running"))


def variance_averages(runs: Sequence[Compared], view: View) -> Figure:
    """Draw one norm's running variance in each run, as stored and de-biased, averaged over channels."""
    title = f"Running variance, {view.norm or 'first norm'} (thin: as kept)"
    return _overlaid(averages.variance_averages, runs, view, title, _if_norm("de-biased", "running"))


def debias_factors(runs: Sequence[Compared], view: View) -> Figure:
    """Draw each run's de-bias factors of one norm and of the loss's average."""

    def names(record: Record, view: View) -> Sequence[str]:
        factors = [trace["name"] for trace in averages.debias_factors(record, view)["data"]]
        return factors[::-1] if norm_of(record, view) else factors[:1]

    title = f"De-bias factors, {view.norm or 'first norm'} (thin: loss)"
    return _overlaid(averages.debias_factors, runs, view, title, names)


def norm_blow_up(runs: Sequence[Compared], view: View) -> Figure:
    """Draw one norm's largest multiplier above, its smallest variance below, in each run; log axes."""
    figure = _overlaid(blow_up, runs, view, f"What {_the(view.norm, 'first norm')} multiplies by", norm_of)
    floor = note(f"a variance of 0 is drawn at {FLOOR:.0e}", x=0, xanchor="left", y=0.45, yanchor="bottom")
    figure["layout"]["annotations"] = figure["layout"]["annotations"] or [floor]
    return figure


def layer_of(record: Record, view: View) -> Sequence[str]:
    """Return the layer chosen in ``view``, the last one if none is chosen; () if the run has no such layer."""
    return (view.layer,) if view.layer in record.layers else () if view.layer else record.layers[-1:]


def norm_of(record: Record, view: View) -> Sequence[str]:
    """Return the norm chosen in ``view``, the first one if none is chosen; () if the run has no such norm."""
    return (view.norm,) if view.norm in record.norms else () if view.norm else record.norms[:1]


def short_name(name: str) -> str:
    """Return ``name``, shortened in the middle if long: names often differ only at the end."""
    return name if len(name) <= NAME else f"{name[: NAME - TAIL - 1]}…{name[-TAIL:]}"


def legend_name(name: str) -> str:
    """Return ``name`` for a legend: shortened, with markup characters escaped."""
    return html.escape(short_name(name), quote=False)


def _the(chosen: str, default: str) -> str:
    return chosen or f"the {default}"


def _if_norm(*names: str) -> Names:
    return lambda record, view: names if norm_of(record, view) else ()


def _overlaid(
    chart: Chart,
    runs: Sequence[Compared],
    view: View,
    title: str,
    first: Names | str,
    second: str = "",
    *,
    absent: str = " (not in this net)",
) -> Figure:
    """Draw ``chart`` of every run, with the traces ``first`` and ``second`` only (or those that ``first`` names).

    The legend says ``absent`` of a run that has none of them.
    """
    chosen = first if callable(first) else lambda record, view: (first, second)
    data, shapes = [], []
    for run in runs:
        names = chosen(run.record, view)
        figure = chart(run.record, view)
        traces = [trace for name in names for trace in figure["data"] if trace["name"] == name]
        data += _styled(traces or [_NOTHING], run)
        if not names and run.record.layers:
            data[-1]["name"] += absent
        lines, _ = marks(run.record, view) if names else ([], [])
        shapes += [shape | {"line": {"color": run.colour, "width": 1, "dash": "dot"}} for shape in lines]
    layout = chart(runs[0].record if runs else Record(), view)["layout"]
    extra = LEGEND_ROW * max(0, len(runs) - 2)
    layout |= {
        "title": heading(title),
        "height": (HEIGHT * 3 // 2 if chart is blow_up else HEIGHT) + extra,
        "margin": layout["margin"] | {"b": 76 + extra},
        "shapes": shapes,
        "annotations": [],
        "hoverlabel": {"namelength": NAME},
    }
    if runs and not any(np.isfinite(trace["x"]).any() for trace in data):
        layout["annotations"] = [note("none of these runs has it", x=0.5, y=0.75, font={"size": 13})]
    layout["xaxis"] = layout["xaxis"] | {"title": {"text": X_AXES[view.x], "standoff": 6}}
    return {"data": data, "layout": layout}


def _styled(traces: list[Figure], run: Compared) -> list[Figure]:
    """Style the traces as this run's: a second one on the same axes is thin, and all share one legend entry."""
    lines = 0
    made = []
    for i, trace in enumerate(traces):
        style = {"name": legend_name(run.name), "legendgroup": str(run.index), "showlegend": i == 0}
        if trace.get("mode") == "markers":
            style["marker"] = {"color": run.colour, "symbol": SYMBOLS[run.index % MOST], "size": 9}
        else:
            thin = lines and "yaxis" not in trace
            style |= {"mode": "lines", "line": {"color": run.colour, "dash": run.dash, "width": 1 if thin else 2}}
            lines += 1
        made.append({**trace, **style, "opacity": 1, "meta": {"whole": True}})
    return made
