"""Charts of an experiment: the prediction, curves of several seeds with a band, and how results spread."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from lab.config import KNOBS
from lab.experiments.answers import Points
from lab.experiments.experiment import Experiment, Sketch, Variant
from lab.experiments.judge import CurveBand, curve_band
from lab.experiments.measures import MEASURES
from lab.record import Record
from widgets.charts.style import COLOURS, Figure, heading, line, plot
from widgets.markup.config_text import value_text

LABELS = {
    "prediction": "Your prediction, and what the runs show",
    "spread": "How the results of single runs spread",
}

BANDS = {
    "loss": ("loss", "Loss (average)", "cross-entropy (nats)"),
    "accuracy": ("accuracy", "Accuracy (average)", "share of a batch"),
    "std": ("std/last", "Spread of the last layer's output", "standard deviation"),
    "mean": ("mean/last", "Mean of the last layer's output", "mean"),
    "near_zero": ("near_zero/last", "Last layer: share near zero", "near zero"),
    "rates": ("lr", "Learning rate", "learning rate"),
}
"""Chart -> column, title and axis of its form for several seeds; the others show one seed."""

SEED_LINES = 100
"""Points of a single run's line behind a band, at most."""


@dataclass(frozen=True)
class Shown:
    """A variant's runs: its name, the index of its colour, and seed -> record as a comparison draws it."""

    name: str
    index: int
    records: Mapping[int, Record]


def sketch(of: Sketch, points: Points, runs: Sequence[tuple[Any, Any]] = (), *, drawable: bool = True) -> Figure:
    """Draw a predicted curve over a run, on the axis that it is asked for, and the runs' curves under it.

    Args:
        points: of the drawn curve.
        runs: (shares of the run, values) of each run's curve; the first is drawn strongly: the median.
        drawable: whether one can draw with the mouse.
    """
    at, values = np.array(points or [(np.nan, np.nan)]).T * np.array([[100.0], [1.0]])
    data = [line("your prediction", at, values, 1, hoverinfo="skip" if drawable else "all")]
    for number, (shares, column) in enumerate(runs):
        name, index = ("the runs' median", 0) if number == 0 else (f"run {number}", 6)
        drawn = line(name, 100 * np.asarray(shares), np.asarray(column), index, faint=number > 0)
        data.append(drawn | {"showlegend": number == 0})
    layout = plot("Draw what you expect" if drawable else "Your prediction and the runs", "share of the run (%)", "")
    layout["xaxis"] |= {"range": [0, 100], "fixedrange": True}
    layout["yaxis"] |= {"range": [of.low, of.high], "fixedrange": True}
    layout["yaxis"]["title"]["text"] = MEASURE_AXES.get(of.column, of.column)
    if drawable:
        layout |= {"dragmode": "drawopenpath", "newshape": {"line": {"color": COLOURS[1], "width": 3}}}
    # A line that was drawn by hand goes when the curve has taken its place.
    layout["uirevision"] = layout["editrevision"] = f"{hash(points)} {len(runs)}"
    return {"data": data, "layout": layout}


MEASURE_AXES = {
    "loss": "cross-entropy (nats)", "accuracy": "share of a batch that is right", "lr": "learning rate",
    "near_zero/last": "last layer: share near zero", "std/last": "last layer: standard deviation",
    "mean/last": "last layer: mean",
}  # fmt: skip
"""Column of a record -> title of its axis."""


def averaged(record: Record) -> Record:
    """Return ``record`` with the de-biased average of the loss in place of the loss."""
    columns = dict(record.columns)
    if "loss_average" in columns:
        with np.errstate(all="ignore"):
            columns["loss"] = columns["loss_average"] / columns["loss_weight"]
    return replace(record, columns=columns)


def bands(chart: str, runs: Iterable[Shown]) -> Figure:
    """Draw a chart's median over the seeds of each variant, the band of its quantiles, and every run as a thin line."""
    column, title, y = BANDS[chart]
    data: list[Figure] = []
    most = 0
    for run in runs:
        records = [averaged(record) for record in run.records.values()]
        band = curve_band(records, column)
        most = max(most, len(records))
        if not band.steps.size:
            continue
        colour = COLOURS[run.index % len(COLOURS)]
        group = {"legendgroup": run.name}
        data += [_fill(band, colour) | group]
        for seed, record in run.records.items() if len(records) > 1 else ():
            own = curve_band([averaged(record)], column, SEED_LINES)
            thin = line(f"{run.name}, seed {seed}", own.steps, own.median, run.index)
            thin["line"] = {"color": colour, "width": 1}
            data.append(thin | group | {"showlegend": False, "opacity": 0.45})
        name = f"{run.name} ({len(records)})" if len(records) > 1 else run.name
        data.append(line(name, band.steps, band.median, run.index) | group)
    several = f", {most} seeds: median, 10–90 %" if most > 1 else ""
    layout = plot(title + several, "step", y, entries=sum(trace.get("showlegend", True) for trace in data))
    return {"data": data, "layout": layout | {"hovermode": "closest", "uirevision": "bands", "meta": {"robust": True}}}


def _fill(band: CurveBand, colour: str) -> Figure:
    some = np.isfinite(band.low)
    steps, low, high = band.steps[some], band.low[some], band.high[some]
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return {
        "type": "scatter", "mode": "lines", "name": "band", "x": np.r_[steps, steps[::-1]], "y": np.r_[high, low[::-1]],
        "fill": "toself", "fillcolor": f"rgba({red},{green},{blue},.15)", "line": {"width": 0}, "hoverinfo": "skip",
        "showlegend": False,
    }  # fmt: skip


class Series(NamedTuple):
    """Values of a measure by variant, from one source: "here", "measured before", "the course"."""

    name: str
    values: Mapping[str, Sequence[float]]


SOURCES = {"here": ("circle", 9), "measured before": ("circle-open", 7), "the course": ("diamond-open", 11)}
"""Source of results -> marker's symbol and size, so that they are told apart without colour."""


def spread(experiment: Experiment, measure: str, series: Sequence[Series]) -> Figure:
    """Draw each run's ``measure``: a row a variant, or along the knob that the experiment sweeps."""
    label, unit, _ = MEASURES[measure]
    title = f"{label[0].upper()}{label[1:]} of every run"
    words = f"{label} ({unit})" if unit not in ("", "share") else label
    if experiment.sweep:
        return _sweep(experiment, title, words, series)
    names = [variant.name for variant in experiment.variants]
    data = []
    for number, (source, values) in enumerate(series):
        symbol, size = SOURCES[source]
        place = {name: len(names) - 1 - i + 0.22 * (1 - number) for i, name in enumerate(names)}
        x, y = _flat(values, place)
        if x.size:
            data.append(_points(source, x, y, number, symbol, size))
            middles = [(float(np.median(own)), place[name]) for name in names if (own := _finite(values.get(name, ())))]
            data.append(_medians(source, middles, number))
    layout = plot(title, words, "", entries=max(len(data) // 2, 1))
    layout["height"] = 130 + 46 * len(names)
    layout["margin"] |= {"l": 12}
    layout["yaxis"] = {
        "tickvals": list(range(len(names)))[::-1], "ticktext": names, "range": [-0.6, len(names) - 0.4],
        "automargin": True, "zeroline": False, "fixedrange": True,
    }  # fmt: skip
    if unit == "share":
        layout["xaxis"] |= {"range": [-0.02, 1.02], "tickformat": ".0%"}
    return {"data": data, "layout": layout | {"hovermode": "closest"}}


def _sweep(experiment: Experiment, title: str, words: str, series: Sequence[Series]) -> Figure:
    knob = KNOBS[experiment.sweep]
    groups: dict[str, list[Variant]] = {}
    for variant in experiment.variants:
        rest = {name: value for name, value in variant.changes.items() if name != experiment.sweep}
        text = ", ".join(f"{KNOBS[name].label} {value_text(KNOBS[name], value)}" for name, value in rest.items())
        groups.setdefault(text or "all", []).append(variant)
    data = []
    for source, values in series:
        symbol, size = SOURCES[source]
        for index, (group, variants) in enumerate(groups.items()):
            at = {each.name: float(each.changes.get(experiment.sweep, 0.0)) for each in variants}
            y, x = _flat({name: values.get(name, ()) for name in at}, at)
            if not x.size:
                continue
            name = source if group == "all" else f"{group}, {source}"
            data.append(_points(name, x, y, index, symbol, size))
            middle = [(at[each], float(np.median(own))) for each in at if (own := _finite(values.get(each, ())))]
            own_x, own_y = np.array(sorted(middle)).T
            median = line(f"{name}: median", own_x, own_y, index)
            style = median["line"] | {"width": 2 if source == "here" else 1}
            data.append(median | {"showlegend": False, "line": style})
    layout = plot(title, knob.label, words, entries=len(data))
    if knob.log and all(float(each.changes.get(experiment.sweep, 0.0)) > 0 for each in experiment.variants):
        layout["xaxis"] |= {"type": "log"}
    return {"data": data, "layout": layout | {"hovermode": "closest", "title": heading(title)}}


def _flat(values: Mapping[str, Sequence[float]], place: Mapping[str, float]) -> tuple[Any, Any]:
    """Return all finite values, and the place of each."""
    pairs = [(value, place[name]) for name in place for value in _finite(values.get(name, ()))]
    x, y = np.array(pairs).T if pairs else np.empty((2, 0))
    return x, y


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if np.isfinite(value)]


def _points(name: str, x: Any, y: Any, index: int, symbol: str, size: int) -> Figure:
    marker = {"color": COLOURS[index % len(COLOURS)], "symbol": symbol, "size": size, "line": {"width": 2}}
    return {"type": "scatter", "mode": "markers", "name": name, "x": x, "y": y, "marker": marker, "opacity": 0.8}


def _medians(name: str, middles: Sequence[tuple[float, float]], index: int) -> Figure:
    x, y = np.array(middles).T
    marker = {"color": COLOURS[index % len(COLOURS)], "symbol": "line-ns-open", "size": 18, "line": {"width": 3}}
    return {
        "type": "scatter", "mode": "markers", "name": f"{name}: median", "x": x, "y": y, "marker": marker,
        "showlegend": False,
    }  # fmt: skip
