"""Charts of each layer's outputs: mean, standard deviation, near-zero fraction and histogram."""

import numpy as np
from numpy.typing import NDArray

from lab.record import Record
from widgets.charts.before import before
from widgets.charts.style import Figure, axis, column, layout, line, note
from widgets.charts.view import View

NEAR_ZERO = {
    "near_relu": "0 ≤ x < 0.5",
    "near_general": "−0.35 ≤ x < 0.7",
    "near_abs": "|x| < t",
    "near_below": "x ≤ t",
}
"""The definitions of "near zero" by column name. The first two are the course's, for ReLU and for
GeneralRelu (lesson 10), as fractions of the values inside their range."""


MISSING = "not recorded in this run"
"""Note in a chart of what a run has not measured, such as one that an earlier version kept."""


def layer_means(record: Record, view: View | None = None) -> Figure:
    """Draw the mean of each layer's output per step."""
    return per_layer(record, view or View(), "mean", "Mean of each layer's output", "mean")


def layer_stds(record: Record, view: View | None = None) -> Figure:
    """Draw the standard deviation of each layer's output per step."""
    return per_layer(
        record, view or View(), "std", "Spread of each layer's output", "standard deviation", rangemode="tozero"
    )


def near_zero(record: Record, view: View | None = None) -> Figure:
    """Draw the fraction of each layer's outputs near zero, by ``view``'s definition, which the chart names."""
    view = view or View()
    title = f"Near zero: {near_zero_name(view)}"
    return per_layer(record, view, view.near_zero, title, "near zero (%)", range=[0, 1.02], tickformat=".0%")


def layer_shown(record: Record, view: View) -> str:
    """Return the layer of the histogram: ``view``'s, the last one if it is not in the record, "" before a run."""
    return view.layer if view.layer in record.layers else "".join(record.layers[-1:])


def near_zero_name(view: View) -> str:
    """Return the near-zero definition of ``view`` as text, its threshold filled in."""
    return NEAR_ZERO[view.near_zero].replace(" t", f" {view.threshold:g}")


def per_layer(record: Record, view: View, name: str, title: str, y: str, **y_axis: object) -> Figure:
    """Draw the column ``name`` of each layer as a line; ``y`` is the axis's title, ``y_axis`` its other settings."""
    x = view.at(record.steps, record)
    data = [line(layer, x, column(record, f"{name}/{layer}"), i) for i, layer in enumerate(record.layers)]
    if chosen := layer_shown(record, view):
        data += before(view, lambda rows: column(rows, f"{name}/{chosen}"), record.layers.index(chosen), chosen)
    return {"data": data, "layout": layout(title, record, view, y, entries=len(data) or 1, **y_axis)}


def histogram(record: Record, view: View | None = None) -> Figure:
    """Draw one layer's outputs as a heatmap: step across, value up, log(1 + count) as colour.

    After lesson 10's notebook 06. z is (bins, histograms) float32; values outside the bins'
    range are not drawn, their share in the newest histogram is written above the picture.
    """
    view = view or View()
    layer = layer_shown(record, view)
    counts = record.hists[:, record.layers.index(layer)] if layer else None
    return heatmap(record, view, f"Histogram: {layer or 'a layer'}", counts, record.range, "value of an output")


def heatmap(
    record: Record,
    view: View,
    title: str,
    counts: NDArray[np.int32] | None,
    bounds: tuple[float, float],
    value: str,
) -> Figure:
    """Draw the histograms ``counts`` (len(record.hist_steps), bins + 3) over ``bounds``; gaps if None.

    ``value`` is the y-axis's title.
    """
    low, high = bounds
    width = (high - low) / record.bins
    shown = np.full((len(record.hist_steps), record.bins), np.nan, np.float32) if counts is None else counts[:, 1:-2]
    data = {
        "type": "heatmap",
        "x": view.at(record.hist_steps, record),
        "y": low + width * (np.arange(record.bins) + 0.5),
        "z": np.log1p(shown, dtype=np.float32).T,
        "colorscale": "Cividis",
        "zmin": 0,
        "colorbar": {
            "title": {"text": "log(1 + count)", "side": "right"},
            "thickness": 12,
            "len": 1,
            "outlinewidth": 0,
        },
        "hovertemplate": "%{x}: value %{y:.3~g}, log(1 + count) %{z:.2f}<extra></extra>",
    }
    base = layout(title, record, view, value, range=[low, high])
    if counts is not None and len(counts):
        base["annotations"].append(_outside(counts[-1], bounds))
    elif len(record.hist_steps):
        base["annotations"].append(note(MISSING, x=0.5, y=0.5, font={"size": 13}))
    base |= {"showlegend": False, "hovermode": "closest", "margin": base["margin"] | {"r": 8, "b": 50}}
    base["yaxis"] = axis(value, range=[low, high])
    return {"data": [data], "layout": base}


def _outside(counts: np.ndarray, bounds: tuple[float, float]) -> dict[str, object]:
    share = (int(counts[0]) + int(counts[-2]) + int(counts[-1])) / max(int(counts.sum(dtype=np.int64)), 1)
    text = f"now outside {bounds[0]:g}..{bounds[1]:g}: {share:.1%}"
    return note(text, x=0, xanchor="left", y=1, yanchor="bottom")
