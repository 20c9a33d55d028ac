"""Charts of a run's moving averages: started from zero, and de-biased (lesson 10: divide by 1 - beta^t)."""

import numpy as np

from lab.record import Record
from widgets.charts.progress import debiased_loss, loss_axis
from widgets.charts.style import Figure, column, layout, line, note
from widgets.charts.view import View

NO_AVERAGES = "no norm here keeps running statistics"


def loss_averages(record: Record, view: View | None = None) -> Figure:
    """Draw the raw loss, its moving average from zero, and the de-biased average (nats)."""
    view = view or View()
    x = view.at(record.steps, record)
    data = [
        line("each batch", x, column(record, "loss"), 0, faint=True),
        line("from zero", x, column(record, "loss_average"), 1),
        line("de-biased", x, debiased_loss(record), 0),
    ]
    title = "Moving average of the loss"
    return {"data": data, "layout": layout(title, record, view, loss_axis(record), rangemode="tozero")}


def mean_averages(record: Record, view: View | None = None) -> Figure:
    """Draw a norm's batch mean, running mean and de-biased running mean, averaged over channels."""
    return _norm_averages(record, view or View(), "mean")


def variance_averages(record: Record, view: View | None = None) -> Figure:
    """Draw a norm's batch variance, running variance and de-biased running variance, averaged over channels."""
    return _norm_averages(record, view or View(), "var")


def debias_factors(record: Record, view: View | None = None) -> Figure:
    """Draw the de-bias factors 1 - beta^t of the loss's average and of a norm's, which rise from near 0 towards 1."""
    view = view or View()
    x, norm = view.at(record.steps, record), norm_shown(record, view)
    data = [
        line("loss: 1 − βᵗ", x, column(record, "loss_weight"), 0),
        line(f"{norm or 'norm'}: 1 − (1 − momentum)ᵗ", x, column(record, f"debias/{norm}"), 1),
    ]
    return {"data": data, "layout": layout("De-bias factors", record, view, "factor", entries=5, range=[0, 1.02])}


def norm_shown(record: Record, view: View) -> str:
    """Return the norm chosen in ``view``: the first one if that is not in the record, "" if there is none."""
    return view.norm if view.norm in record.norms else "".join(record.norms[:1])


def _norm_averages(record: Record, view: View, kind: str) -> Figure:
    norm = norm_shown(record, view)
    words = {"mean": "mean", "var": "variance"}[kind]
    x = view.at(record.steps, record)
    running = column(record, f"running_{kind}/{norm}")
    data = [
        line("each batch", x, column(record, f"batch_{kind}/{norm}"), 0, faint=True),
        line("running", x, running, 1),
        line("de-biased", x, column(record, f"debiased_{kind}/{norm}"), 0),
    ]
    base = layout(f"Moving average of the {words}: {norm or 'no norm'}", record, view, f"{words}, over channels")
    if len(running) and np.isnan(running).all():
        base["annotations"].append(note(NO_AVERAGES, x=0.5, y=0.5, font={"size": 13}))
    return {"data": data, "layout": base}
