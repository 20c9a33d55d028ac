"""A chart's data from the run's full record: every recorded step, not only the thinned ones on the page."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lab.record import Record
from widgets.charts import View
from widgets.charts.averages import norm_shown
from widgets.charts.confusion import columns as confusion_columns
from widgets.charts.layers import layer_shown, near_zero_name
from widgets.charts.progress import debiased_loss
from widgets.charts.style import column
from widgets.export.table import Table

Columns = dict[str, NDArray[np.float32]]


def run_table(name: str, record: Record, view: View) -> Table:
    """Return step, epoch and time, then the columns of ``record`` that the training lab's figure ``name`` shows.

    A validation's values stand in the row of its step. Empty for a figure that is not over the run.
    """
    if name == "confusion":
        return confusion_columns(record.mistakes)
    if name in ("histogram", "weights"):
        return _histogram(name, record, view)
    if name not in _SHOWN:
        return {}
    shown = _SHOWN[name](record, view)
    validated = _VALIDATED.get(name, {})
    ends = np.array([row.step for row in record.validations], np.int64)
    steps = np.union1d(record.steps, ends) if validated else record.steps
    at, at_ends = np.searchsorted(steps, record.steps), np.searchsorted(steps, ends)

    def at_rows(values: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float32]:
        full = np.full(len(steps), np.nan, np.float32)
        full[rows] = values
        return full

    table: Table = {"step": steps, "epochs done": (steps + 1) / record.steps_per_epoch}
    table |= {title: at_rows(values, at) for title, values in {_TIME: column(record, "seconds"), **shown}.items()}
    for title, field in validated.items():
        title = _named(record, title)
        values = np.array([getattr(row, field) for row in record.validations], np.float32)
        table[title] = at_rows(values, at_ends)
    return table


_TIME = "training time (s)"
_VALIDATED = {
    "loss": {"validation loss (nats)": "loss"},
    "accuracy": {
        "epoch's training accuracy (0..1)": "train_accuracy",
        "validation accuracy (0..1)": "accuracy",
    },
}


def _loss(record: Record, _: View) -> Columns:
    titles = (_named(record, title) for title in ("loss (nats)", "average loss, de-biased (nats)"))
    return dict(zip(titles, (column(record, "loss"), debiased_loss(record)), strict=True))


def _accuracy(record: Record, _: View) -> Columns:
    return {_named(record, "accuracy (0..1)"): column(record, "accuracy")}


def _named(record: Record, title: str) -> str:
    """Return a title with the names of the run's own loss and metric, whose units nobody knows."""
    if record.metric != "accuracy":
        title = title.replace("accuracy (0..1)", record.metric or "no metric")
    return title if record.loss == "cross-entropy" else title.replace(" (nats)", f" ({record.loss})")


def _rates(record: Record, _: View) -> Columns:
    return {"learning rate": column(record, "lr"), "momentum": column(record, "momentum")}


def _of_layers(measure: str, title: str) -> Callable[[Record, View], Columns]:
    return lambda record, _: {f"{title} of {layer}": column(record, f"{measure}/{layer}") for layer in record.layers}


def _near_zero(record: Record, view: View) -> Columns:
    title = f"share near zero (0..1; {near_zero_name(view)})"
    return _of_layers(view.near_zero, title)(record, view)


def _loss_averages(record: Record, _: View) -> Columns:
    columns = {
        "loss (nats)": column(record, "loss"),
        "average loss, from zero (nats)": column(record, "loss_average"),
        "average loss, de-biased (nats)": debiased_loss(record),
    }
    return {_named(record, title): values for title, values in columns.items()}


def _of_norm(kind: str, word: str) -> Callable[[Record, View], Columns]:
    def columns(record: Record, view: View) -> Columns:
        norm = norm_shown(record, view)
        return {
            f"{which} {word} of {norm or 'no norm'}": column(record, f"{key}_{kind}/{norm}")
            for which, key in (("batch", "batch"), ("running", "running"), ("de-biased running", "debiased"))
        }

    return columns


def _factors(record: Record, view: View) -> Columns:
    norm = norm_shown(record, view)
    return {
        "de-bias factor of the loss": column(record, "loss_weight"),
        f"de-bias factor of {norm or 'no norm'}": column(record, f"debias/{norm}"),
    }


def _blow_up(record: Record, _: View) -> Columns:
    measures = (("max_mult", "largest 1/√(var+ε)"), ("min_var", "smallest variance"))
    return {f"{title} of {norm}": column(record, f"{key}/{norm}") for key, title in measures for norm in record.norms}


_SHOWN: dict[str, Callable[[Record, View], Columns]] = {
    "loss": _loss,
    "accuracy": _accuracy,
    "rates": _rates,
    "mean": _of_layers("mean", "mean output"),
    "std": _of_layers("std", "standard deviation of the output"),
    "near_zero": _near_zero,
    "gradient_mean": _of_layers("grad_mean", "mean gradient of the weights"),
    "gradient_std": _of_layers("grad_std", "standard deviation of the gradient of the weights"),
    "gradient_zero": _of_layers("grad_zero", "share of weights with a gradient of 0 (0..1)"),
    "update_ratio": _of_layers("update_ratio", "|update| / |weight|"),
    "output_gradient_mean": _of_layers("out_grad_mean", "mean gradient by the output"),
    "output_gradient_std": _of_layers("out_grad_std", "standard deviation of the gradient by the output"),
    "loss_averages": _loss_averages,
    "mean_averages": _of_norm("mean", "mean"),
    "variance_averages": _of_norm("var", "variance"),
    "debias_factors": _factors,
    "blow_up": _blow_up,
}


def _histogram(name: str, record: Record, view: View) -> Table:
    """Return a row for each histogram: the counts of values below the range, in each bin, above it, and of nan."""
    layer = layer_shown(record, view)
    table: Table = {"step": record.hist_steps}
    at = record.layers.index(layer) if layer else 0
    hists, (low, high), what = record.hists, record.range, layer
    if name == "weights":
        hists, what = record.weight_hists, f"weights of {layer}"
        low, high = record.weight_ranges[at] if at < len(record.weight_ranges) else (-1.0, 1.0)
    edges = [f"{edge:.6g}" for edge in np.linspace(low, high, record.bins + 1)]
    bins = [f"{a} to {b}" for a, b in pairwise(edges)]
    # A record of an earlier version has none of the weights.
    if layer and len(hists) == len(record.hist_steps) and hists.shape[1]:
        counts = hists[:, at]
        titles = [f"below {edges[0]}", *bins, f"{edges[-1]} and above", "nan"]
        table |= {f"{what}, count {title}": counts[:, i] for i, title in enumerate(titles)}
    return table
