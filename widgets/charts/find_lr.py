"""Chart of the learning rate finder: loss over lr, raw and averaged, with the suggestions."""

from typing import Any

import numpy as np

from lab.concepts.lr_curve import BATCHES, END, START, LrCurve
from widgets.charts.style import Figure, line, markers, note, plot

SYMBOLS = ("triangle-down", "diamond", "square")
"""Of the suggestions, in their order."""

TOP = 1.5
"""The axis ends this many times above the largest loss of the first half: the last ones are many times as high."""


def find_lr(curve: LrCurve | None, loss: str = "cross-entropy (nats)") -> Figure:
    """Draw the loss of each batch of a sweep over its lr (log axis); empty axes for None."""
    none = np.empty(0)
    lrs, losses, average = (curve.lrs, curve.losses, curve.average) if curve else (none, none, none)
    hover: dict[str, Any] = {"hovertemplate": "lr %{x:.3g}: %{y:.3f}<extra></extra>"}
    data = [
        line("each batch", lrs, losses, 0, faint=True, **hover),
        line("average (de-biased)", lrs, average, 0, **hover),
    ]
    for index, found in enumerate(curve.suggestions if curve else ()):
        at = [] if found.lr is None else [found.lr]
        heights = np.interp(np.log(at), np.log(lrs), average) if len(at) else none
        point = markers(found.name, np.asarray(at, np.float64), heights, index + 1, SYMBOLS[index])
        data.append(point | {"hovertemplate": f"{found.name}: lr %{{x:.3g}}<extra></extra>"})
    base = plot("Loss over learning rate", "learning rate (log)", loss, entries=5)
    base["xaxis"] |= {"type": "log", "range": [float(np.log10(START)), float(np.log10(END))]}
    known = losses[: max(len(losses) // 2, 1)]
    if len(known) and np.isfinite(known).all():
        base["yaxis"]["range"] = [0, TOP * float(known.max())]
    if curve:
        text = f"{len(lrs)} of {BATCHES} batches. {curve.end}"
        base["annotations"] = [note(text, x=0, xanchor="left", y=1, yanchor="bottom")]
    return {"data": [trace | {"meta": {"whole": True}} for trace in data], "layout": base | {"uirevision": "find"}}
