"""Charts of cross-entropy: -log p with the lesson's rows on it, and where the naive log-softmax breaks."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.charts.style import COLOURS, Figure, line, note, plot

LOWEST = 0.005
"""Smallest probability drawn: at 0 the loss is infinite."""

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star", "cross")


def losses(rows: Sequence[tuple[str, float]]) -> Figure:
    """Draw -log p (nats) over the probability of the right class, with each of ``rows`` (name, probability) on it."""
    p = np.geomspace(LOWEST, 1, 160)
    data = [line("−log p", p, -np.log(p), 0, hovertemplate="p %{x:.3f}: loss %{y:.3f}<extra></extra>")]
    for index, (name, here) in enumerate(rows):
        # A row at 0 stands at the curve's upper end, and its name says so.
        shown = max(here, LOWEST)
        mark = {"color": COLOURS[index + 1], "symbol": _SYMBOLS[index % len(_SYMBOLS)], "size": 13}
        label = name if here >= LOWEST else f"{name} ↑"
        at = (np.array([shown]), np.array([-np.log(shown)]))
        text = f"{name}: p {here:.3f}<extra></extra>"
        data.append(line(label, *at, index + 1, mode="markers", marker=mark, hovertemplate=text))
    layout = plot("The loss of one row", "probability of the right class", "loss (nats)", entries=len(data))
    layout["yaxis"] |= {"range": [-0.2, 5.5], "fixedrange": True}
    layout["xaxis"] |= {"range": [-0.02, 1.04], "fixedrange": True}
    return {"data": data, "layout": layout | {"uirevision": "losses"}}


def breaking(
    where: NDArray[np.float64],
    naive: NDArray[np.floating[Any]],
    stable: NDArray[np.floating[Any]],
    here: float,
    what: str,
) -> Figure:
    """Draw the naive and log-sum-exp losses, each (n,), over ``where`` (n,) of ``what``; grey where naive fails.

    A grey region is labelled with the naive loss there, nan or ∞.
    """
    drawn = np.where(np.isfinite(naive), naive, np.nan)
    data = [
        line("log-sum-exp", where, stable, 0, hovertemplate="%{y:.4g}"),
        line(
            "naive",
            where,
            drawn,
            1,
            line={"color": COLOURS[1], "width": 5},
            opacity=0.6,
            hovertemplate="%{y:.4g}",
        ),
    ]
    shapes, words = _regions(where, naive)
    top = float(stable.max())
    layout = plot(f"The loss as {what}", what.split()[0], "loss (nats)", entries=2)
    layout["yaxis"] |= {"range": [-0.06 * max(top, 1), 1.15 * max(top, 1)]}
    at = {"type": "line", "x0": here, "x1": here, "yref": "paper", "y0": 0, "y1": 1}
    mark = {"line": {"color": "#888888", "width": 2, "dash": "dot"}}
    return {
        "data": data,
        "layout": layout
        | {"hovermode": "x unified", "uirevision": what, "shapes": [*shapes, at | mark], "annotations": words},
    }


def _regions(where: NDArray[np.float64], naive: NDArray[np.floating[Any]]) -> tuple[list[Figure], list[Figure]]:
    kind = np.where(np.isnan(naive), 2, np.where(np.isinf(naive), 1, 0))
    edges = [0, *(np.flatnonzero(np.diff(kind)) + 1).tolist(), len(kind)]
    width = float(where[-1] - where[0])
    shapes, words = [], []
    for begin, end in pairwise(edges):
        if not kind[begin]:
            continue
        x0, x1 = float(where[begin]), float(where[end - 1])
        shapes.append(
            {"type": "rect", "x0": x0, "x1": x1, "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 0}}
            | {"fillcolor": "#888888", "opacity": 0.25 if kind[begin] == 2 else 0.4, "layer": "below"}
        )
        if x1 - x0 > 0.06 * width:
            text = f"<b>{'nan' if kind[begin] == 2 else '∞'}</b>"
            words.append(note(text, xref="x", x=(x0 + x1) / 2, y=1, yanchor="top", font={"size": 13}))
    return shapes, words
