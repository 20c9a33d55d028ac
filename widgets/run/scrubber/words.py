"""Tables of one recorded step: the run's numbers, and each layer's."""

import html
import math

import numpy as np

from lab.record import Record
from widgets.charts.layers import near_zero_name
from widgets.charts.scrub import nearest
from widgets.charts.style import column
from widgets.charts.view import View
from widgets.markup.tables import fixed, number, table

PLACES = 4
"""Decimals of the numbers, fixed so that they do not shift during playback."""

_RUN = ("loss", "accuracy", "lr", "momentum")

BUTTONS = {
    "play": ("▶ Play", "Show one step after the other"),
    "back": ("◂ Step", "The recorded step before this one"),
    "on": ("Step ▸", "The recorded step after this one"),
    "last": ("Last step", "Go to the last step, and follow a run that goes on"),
}
"""Playback buttons: name -> label and tooltip."""

PAUSE = {"play": ("❚❚ Pause", "Hold the film here")}
"""Label and tooltip of the play button during playback."""


def step_tables(record: Record, step: int, view: View) -> str:
    """Return two tables (markup) of the recorded step nearest to ``step``: of the run, and of every layer."""
    if not len(record.steps) or not len(record.hist_steps):
        return "<p>Nothing is recorded yet.</p>"
    histogram = nearest(record.hist_steps, step)
    step = int(record.hist_steps[histogram])
    row = nearest(record.steps, step)
    at = int(record.steps[row])
    caption = f"Step {step}, epoch {step // record.steps_per_epoch + 1}"
    if at != step:
        caption += f"; the numbers are those of step {at}, the nearest one kept"
    loss, accuracy, lr, momentum = (float(column(record, name)[row]) for name in _RUN)
    score = _share(accuracy) if record.metric == "accuracy" else fixed(accuracy, PLACES)
    run = [fixed(loss, PLACES), score, number(lr), number(momentum)]
    low, high = record.range
    outside = f"outside {low:g}..{high:g}".replace("-", "−")
    head = ("layer", "mean", "std", "near zero", outside)
    layers = f"Each layer; near zero is {html.escape(near_zero_name(view))}"
    rows = [
        (
            html.escape(layer),
            *(fixed(float(column(record, f"{name}/{layer}")[row]), PLACES) for name in ("mean", "std")),
            _share(float(column(record, f"{view.near_zero}/{layer}")[row])),
            _share(_outside(record.hists[histogram, i])),
        )
        for i, layer in enumerate(record.layers)
    ]
    words = ("step", "loss", html.escape(record.metric) or "no metric", "learning rate", "momentum")
    return table(words, [(str(at), *run)], caption, numbers=True) + table(head, rows, layers, numbers=True)


def _outside(counts: np.ndarray) -> float:
    """Return the share of a layer's outputs outside all bins."""
    return (int(counts[0]) + int(counts[-2]) + int(counts[-1])) / max(int(counts.sum(dtype=np.int64)), 1)


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1%}".replace("%", " %")
