"""Chart of a challenge's board: every seed of each entry, beside the par lines."""

from collections.abc import Sequence

import numpy as np

from lab.experiments.board import Entry
from lab.experiments.challenges import Challenge
from widgets.charts.style import COLOURS, Figure, line, plot

LABELS = {"board": "The board: each seed of every entry, and the par lines"}


def board(one: Challenge, entries: Sequence[Entry]) -> Figure:
    """Draw what each seed of each entry reached, a row an entry, best above; par lines stand upright."""
    rows = max(len(entries), 1)
    data = [
        line(f"par: {par.label} {one.text(par.value)}", np.array([par.value] * 2), np.array([0.4, rows + 0.6]), 1 + at)
        for at, par in enumerate(one.pars)
    ]
    pairs = [(value, row) for row, entry in enumerate(entries, 1) for value in entry.values]
    x, y = np.array(pairs).T if pairs else np.empty((2, 0))
    means = np.array([entry.value for entry in entries])
    at = np.arange(1.0, len(entries) + 1)
    data += [
        _points("a seed", x, y, "circle-open", 9),
        _points("mean", means, at, "line-ns-open", 18),
    ]
    layout = plot(f"{one.title}: the board", one.label, "place", entries=len(data))
    shown = [*x, *(par.value for par in one.pars)]
    low, high = min(shown), max(shown)
    margin = 0.04 * (high - low or abs(high))  # a line at the very edge is half hidden
    layout["xaxis"] |= {"range": [low - margin, high + margin]}
    layout["height"] = 190 + 26 * rows
    layout["yaxis"] |= {
        "tickvals": at.tolist(), "ticktext": [f"{entry.place}" if entry.place else "–" for entry in entries],
        "range": [rows + 0.6, 0.4], "fixedrange": True, "showgrid": False,
    }  # fmt: skip
    return {"data": data, "layout": layout | {"hovermode": "closest", "uirevision": one.id}}


def _points(name: str, x: object, y: object, symbol: str, size: int) -> Figure:
    marker = {"color": COLOURS[0], "symbol": symbol, "size": size, "line": {"width": 2}}
    return {"type": "scatter", "mode": "markers", "name": name, "x": x, "y": y, "marker": marker}
