"""The confusion matrix of the last validation: how often each class was answered for each."""

import numpy as np

from lab.record import Mistakes, Record
from widgets.charts.style import Figure, axis, heading, note

RIGHT, WRONG = ("#DCEBF5", "#1F83C0"), ("#FBEBDF", "#D55E00")
"""Palest and fullest colour of a cell: told apart by colour-blind eyes, and by the diagonal."""


def confusion(record: Record) -> Figure:
    """Draw a row for each true class, a column for each answer, in each cell how often; empty cells for none.

    Right answers are a hundred times as many as each kind of wrong one, so each of the two has its own scale.
    """
    now = record.mistakes
    classes = list(now.classes if now else "0123456789")
    counts = now.counts if now else np.zeros((len(classes), len(classes)), np.int64)
    shown = np.where(counts > 0, counts, np.nan).astype(np.float32)
    diagonal = np.eye(len(classes), dtype=bool)
    title = f"Confusion matrix, epoch {now.epoch + 1}" if now else "Confusion matrix"
    right = f"{counts.trace():,} of {counts.sum():,} right" if now else "right"
    return {
        "data": [
            _cells("right", np.where(diagonal, shown, np.nan), classes, RIGHT),
            _cells("wrong", np.where(diagonal, np.nan, shown), classes, WRONG),
        ],
        "layout": {
            "title": heading(title),
            "height": 470,
            "margin": {"l": 64, "r": 16, "t": 58, "b": 56},
            "xaxis": axis("answered", type="category", fixedrange=True, automargin=True, showgrid=False),
            "yaxis": axis("true class", type="category", fixedrange=True, automargin=True, showgrid=False)
            | {"autorange": "reversed"},
            "shapes": [],
            "annotations": [
                note(f"{right} (blue); orange: wrong; empty: none", x=0, xanchor="left", y=1, yanchor="bottom")
            ],
            "uirevision": "confusion",
        },
    }


def _cells(name: str, z: np.ndarray, classes: list[str], colours: tuple[str, str]) -> Figure:
    # Both ends are given: of one count alone the scale would have none.
    top = float(np.nanmax(z)) if np.isfinite(z).any() else 1.0
    return {
        "type": "heatmap", "name": name, "x": classes, "y": classes, "z": z, "zmin": 0, "zmax": top,
        "colorscale": [[0, colours[0]], [1, colours[1]]], "showscale": False, "xgap": 1, "ygap": 1,
        "texttemplate": "%{z}", "hovertemplate": "true %{y}, answered %{x}: %{z}<extra></extra>",
        "meta": {"whole": True},
    }  # fmt: skip


def columns(mistakes: Mistakes | None) -> dict[str, np.ndarray]:
    """Return the matrix as a table: a row for each true class, a column for each answer."""
    if mistakes is None:
        return {"true class": np.empty(0, "U1")}
    answered = {f"answered {name}": mistakes.counts[:, i] for i, name in enumerate(mistakes.classes)}
    return {"true class": np.array(mistakes.classes), **answered}
