"""Every chart over a run that can show several runs at once, by the training lab's names."""

from collections.abc import Callable, Sequence

from widgets.charts import compare
from widgets.charts.compare import Compared
from widgets.charts.compare_histograms import histograms, weight_histograms
from widgets.charts.style import Figure
from widgets.charts.view import View

OVERLAYS: dict[str, Callable[[Sequence[Compared], View], Figure]] = {
    "loss": compare.loss,
    "accuracy": compare.accuracy,
    "rates": compare.rates,
    "mean": compare.layer_means,
    "std": compare.layer_stds,
    "near_zero": compare.near_zero,
    "histogram": histograms,
    "gradient_mean": compare.gradient_means,
    "gradient_std": compare.gradient_stds,
    "gradient_zero": compare.gradient_zeros,
    "update_ratio": compare.update_ratios,
    "output_gradient_mean": compare.output_gradient_means,
    "output_gradient_std": compare.output_gradient_stds,
    "weights": weight_histograms,
    "loss_averages": compare.loss_averages,
    "mean_averages": compare.mean_averages,
    "variance_averages": compare.variance_averages,
    "debias_factors": compare.debias_factors,
    "blow_up": compare.norm_blow_up,
}
"""Chart -> function that draws it for several runs."""
