"""Charts of training progress: loss, accuracy, learning rate and momentum."""

import numpy as np
from numpy.typing import NDArray

from lab.record import Record
from widgets.charts.before import before
from widgets.charts.style import Figure, column, layout, line, markers, note, stacked
from widgets.charts.view import View


def debiased_loss(record: Record) -> NDArray[np.float32]:
    """Return the de-biased moving average of the loss: the average from zero / (1 - beta^t) (lesson 10)."""
    return column(record, "loss_average") / column(record, "loss_weight")


def averaged_accuracy(record: Record) -> NDArray[np.float32]:
    """Return the de-biased moving average of the accuracy, with the weight of the loss's."""
    return column(record, "accuracy_average") / column(record, "loss_weight")


def loss_axis(record: Record) -> str:
    """Return the loss's name and unit."""
    return f"{record.loss} (nats)" if record.loss == CROSS_ENTROPY else record.loss


CROSS_ENTROPY = "cross-entropy"

TOP = 30.0
"""Largest cross-entropy drawn, higher ones are clipped to it: one diverging step would flatten the rest."""


def loss(record: Record, view: View | None = None) -> Figure:
    """Draw the training loss of each batch, its de-biased moving average, and the validation loss (nats)."""
    view = view or View()
    x = view.at(record.steps, record)
    ends = view.at([row.step for row in record.validations], record)
    top = TOP if record.loss == CROSS_ENTROPY else np.inf  # another loss has a scale of its own
    data = [
        line("each batch", x, np.minimum(column(record, "loss"), top), 0, faint=True),
        line("average", x, np.minimum(debiased_loss(record), top), 0),
        markers("validation", ends, np.minimum([row.loss for row in record.validations], top), 1, "diamond"),
        *before(view, lambda rows: np.minimum(debiased_loss(rows), top), 0),
    ]
    base = layout("Loss", record, view, loss_axis(record), rangemode="tozero")
    losses = column(view.whole or record, "loss")
    if (largest := np.max(losses, initial=0.0, where=np.isfinite(losses))) > top:
        text = f"up to {largest:.2g}: what is above {top:g} is drawn there"
        base["annotations"].append(note(text, x=1, xanchor="right", y=1, yanchor="bottom"))
    return {"data": data, "layout": base}


def accuracy(record: Record, view: View | None = None) -> Figure:
    """Draw the accuracy of each training batch, of each epoch's training images and of its validation (0 to 1).

    Of a net of one's own: its metric.
    """
    view = view or View()
    x, ends = view.at(record.steps, record), view.at([row.step for row in record.validations], record)
    data = [
        line("each batch", x, column(record, "accuracy"), 0, faint=True),
        line("average", x, averaged_accuracy(record), 2),
        markers("per epoch", ends, [row.train_accuracy for row in record.validations], 0, "circle"),
        markers("validation", ends, [row.accuracy for row in record.validations], 1, "diamond"),
        *before(view, averaged_accuracy, 2),
    ]
    if record.metric == "accuracy":
        base = layout("Accuracy", record, view, "right answers (%)", range=[0, 1.02], tickformat=".0%")
    else:
        base = layout(record.metric or "No metric", record, view, record.metric or "no metric was asked for")
    return {"data": data, "layout": base}


def rates(record: Record, view: View | None = None) -> Figure:
    """Draw the learning rate (above) and momentum (below) of each step."""
    view = view or View()
    x = view.at(record.steps, record)
    data = [
        line("learning rate", x, column(record, "lr"), 0),
        line("momentum", x, column(record, "momentum"), 1, yaxis="y2"),
    ]
    titles = ("lr", "momentum")
    return {
        "data": data,
        "layout": stacked("Learning rate and momentum", record, view, titles, entries=2, rangemode="tozero"),
    }
