"""Charts: pure functions from a record (all of it, or new rows only) to a plotly figure as plain JSON.

Traces and their order depend on the record's layers and norms alone, so that the figure of the
new rows extends the figure of the old ones, trace by trace. The same functions serve the live
page, a notebook and a slide.
"""

from widgets.charts.averages import debias_factors, loss_averages, mean_averages, variance_averages
from widgets.charts.backward import (
    gradient_means,
    gradient_stds,
    gradient_zeros,
    output_gradient_means,
    output_gradient_stds,
    update_ratios,
    weight_histogram,
)
from widgets.charts.blow_up import blow_up
from widgets.charts.confusion import confusion
from widgets.charts.layers import NEAR_ZERO, histogram, layer_means, layer_stds, near_zero
from widgets.charts.outputs import PICTURES, outputs
from widgets.charts.progress import accuracy, loss, rates
from widgets.charts.style import Figure
from widgets.charts.view import X_AXES, View

__all__ = [
    "NEAR_ZERO",
    "PICTURES",
    "X_AXES",
    "Figure",
    "View",
    "accuracy",
    "blow_up",
    "confusion",
    "debias_factors",
    "gradient_means",
    "gradient_stds",
    "gradient_zeros",
    "histogram",
    "layer_means",
    "layer_stds",
    "loss",
    "loss_averages",
    "mean_averages",
    "near_zero",
    "output_gradient_means",
    "output_gradient_stds",
    "outputs",
    "rates",
    "update_ratios",
    "variance_averages",
    "weight_histogram",
]
