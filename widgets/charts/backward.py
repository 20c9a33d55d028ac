"""Charts of the backward pass: each layer's gradient, the size of its update, one layer's weights."""

import numpy as np
from numpy.typing import NDArray

from lab.record import Record
from widgets.charts.blow_up import FLOOR
from widgets.charts.layers import MISSING, heatmap, layer_shown, per_layer
from widgets.charts.style import Figure, column, note
from widgets.charts.view import View

RULE = 1e-3
"""An update of about a thousandth of the weight is a rule of thumb (A. Karpathy, CS231n: "roughly 1e-3")."""


NOT_ASKED = "measured only if Gradients is “of weights and outputs”"


def gradient_means(record: Record, view: View | None = None) -> Figure:
    """Draw the mean of each layer's weight gradient per step."""
    return _per_layer(record, view, "grad_mean", "Mean of each layer's gradient", "mean")


def gradient_stds(record: Record, view: View | None = None) -> Figure:
    """Draw the standard deviation of each layer's weight gradient per step, on a log axis."""
    return _on_log(record, view, "grad_std", "Spread of each layer's gradient", "standard deviation")


def gradient_zeros(record: Record, view: View | None = None) -> Figure:
    """Draw the share of each layer's weights whose gradient is exactly zero."""
    title = "Weights without a gradient (exactly 0)"
    return _per_layer(record, view, "grad_zero", title, "weights (%)", range=[-0.02, 1.02], tickformat=".0%")


def update_ratios(record: Record, view: View | None = None) -> Figure:
    """Draw |update| / |weight| of each layer per step on a log axis, with a line at 1e-3."""
    figure = _on_log(record, view, "update_ratio", "Update over weight", "|update| / |weight|")
    figure["layout"]["shapes"] = [*figure["layout"]["shapes"], rule_line()]
    figure["layout"]["annotations"].append(rule_label())
    return figure


def output_gradient_means(record: Record, view: View | None = None) -> Figure:
    """Draw the mean of the loss's gradient by each layer's output, in a run that measured it."""
    return _per_layer(record, view, "out_grad_mean", "Mean of the output's gradient", "mean", missing=NOT_ASKED)


def output_gradient_stds(record: Record, view: View | None = None) -> Figure:
    """Draw the standard deviation of the loss's gradient by each layer's output, on a log axis."""
    title = "Spread of the output's gradient"
    return _on_log(record, view, "out_grad_std", title, "standard deviation", missing=NOT_ASKED)


def weight_histogram(record: Record, view: View | None = None) -> Figure:
    """Draw one layer's weights as a heatmap: step across, value up, log(1 + count) as colour.

    Gaps where a record has none, as one that an earlier version kept.
    """
    view = view or View()
    layer = layer_shown(record, view)
    known = bool(layer and record.weight_ranges) and len(record.weight_hists) == len(record.hist_steps)
    at = record.layers.index(layer) if layer else 0
    bounds = record.weight_ranges[at] if at < len(record.weight_ranges) else (-1.0, 1.0)
    counts = record.weight_hists[:, at] if known else None
    return heatmap(record, view, f"Weights: {layer or 'a layer'}", counts, bounds, "value of a weight")


def rule_line() -> Figure:
    """Return the shape of the line at 1e-3."""
    line = {"color": "#888888", "width": 1, "dash": "solid"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": RULE, "y1": RULE, "line": line}


def rule_label() -> Figure:
    """Return the label of the line at 1e-3; on a log axis an annotation stands at the logarithm."""
    return note("10⁻³", x=1, xanchor="right", y=float(np.log10(RULE)), yref="y", yanchor="bottom")


def _per_layer(
    record: Record, view: View | None, name: str, title: str, y: str, missing: str = MISSING, **y_axis: object
) -> Figure:
    figure = per_layer(record, view or View(), name, title, y, **y_axis)
    if len(record.steps) and not any(f"{name}/{layer}" in record.columns for layer in record.layers):
        figure["layout"]["annotations"].append(note(missing, x=0.5, y=0.5, font={"size": 13}))
    return figure


def _on_log(record: Record, view: View | None, name: str, title: str, y: str, missing: str = MISSING) -> Figure:
    figure = _per_layer(record, view, name, title, y, missing, type="log", exponentformat="power", nticks=4)
    for trace in figure["data"]:
        trace["y"] = _drawable(trace["y"])
    whole = (view and view.whole) or record
    if any((column(whole, f"{name}/{layer}") < FLOOR).any() for layer in whole.layers):
        floor = note(f"0 is drawn at {FLOOR:.0e}", x=0, xanchor="left", y=1, yanchor="bottom")
        figure["layout"]["annotations"].append(floor)
    return figure


def _drawable(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``values`` for a log axis: zeros at its foot, a gap where not finite."""
    return np.where(np.isfinite(values), np.maximum(values, np.float32(FLOOR)), np.float32(np.nan))
