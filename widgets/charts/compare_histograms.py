"""Heatmaps of one layer's histograms in several runs, one under the other, on shared step and colour scales."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from lab.record import Record
from widgets.charts.backward import weight_histogram
from widgets.charts.compare import Compared, layer_of, legend_name
from widgets.charts.layers import histogram
from widgets.charts.style import Figure, axis, heading, note
from widgets.charts.view import X_AXES, View

Chart = Callable[[Record, View], Figure]

COLUMNS = 300
"""Maximum number of columns of each heatmap, about its width in pixels."""

ROW = 140
TOP, BOTTOM, GAP = 60, 52, 40
"""Pixels: of a run's picture, above the first, below the last, between two for the lower one's name."""


def histograms(runs: Sequence[Compared], view: View) -> Figure:
    """Draw one layer's outputs as a heatmap for each run: step across, value up, log(1 + count) as colour.

    A run without that layer gets a note instead of a heatmap.
    """
    return _stacked(histogram, runs, view, "Histograms of")


def weight_histograms(runs: Sequence[Compared], view: View) -> Figure:
    """Do as :func:`histograms` with one layer's weights; a run of an earlier version has gaps."""
    return _stacked(weight_histogram, runs, view, "Weights of")


def _stacked(chart: Chart, runs: Sequence[Compared], view: View, title: str) -> Figure:
    layer = view.layer or "the last layer"
    inner = max(len(runs) * (ROW + GAP) - GAP, ROW)
    layout: Figure = {
        "title": heading(f"{title} {layer}"),
        "height": inner + TOP + BOTTOM,
        "margin": {"l": 64, "r": 8, "t": TOP, "b": BOTTOM},
        "showlegend": False,
        "hovermode": "closest",
        "uirevision": f"{view.x} {view.run}",  # one zoom with the other charts
        "meta": {"zoom": True},
        "xaxis": axis(X_AXES[view.x], anchor=f"y{len(runs)}" if len(runs) > 1 else "y"),
        "annotations": [],
    }
    data = []
    for i, run in enumerate(runs):
        top = 1 - i * (ROW + GAP) / inner
        name = f"y{i + 1 if i else ''}"
        layout[f"yaxis{i + 1 if i else ''}"] = axis("value", domain=[max(top - ROW / inner, 0.0), top])
        words = legend_name(run.name)
        if layer_of(run.record, view):
            picture, bounds = _picture(chart, run, view, name, i == 0)
            data.append(picture)
            layout[f"yaxis{i + 1 if i else ''}"]["range"] = bounds
        else:
            words += " (not in this net)" if run.record.layers else ""
        layout["annotations"].append(note(words, x=0, xanchor="left", y=top, yanchor="bottom", font={"size": 12}))
    top_count = max((float(np.nanmax(picture["z"], initial=0)) for picture in data), default=0.0)
    return {"data": [picture | {"zmax": top_count} for picture in data], "layout": layout}


def _picture(chart: Chart, run: Compared, view: View, y_axis: str, with_scale: bool) -> tuple[Figure, list[float]]:
    """Return a run's heatmap and the range of its values."""
    record = run.record
    every = max(1, -(-len(record.hist_steps) // COLUMNS))
    few = replace(record, hist_steps=record.hist_steps[::every], hists=record.hists[::every])
    few = replace(few, weight_hists=record.weight_hists[::every])
    figure = chart(few, replace(view, layer=layer_of(record, view)[0], whole=run.whole))
    more = {"name": legend_name(run.name), "yaxis": y_axis, "showscale": with_scale, "meta": {"whole": True}}
    return figure["data"][0] | more, figure["layout"]["yaxis"]["range"]
