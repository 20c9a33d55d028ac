"""Marks: dashed lines on a chart where a knob was changed, labelled as far as the labels fit."""

from dataclasses import replace
from itertools import groupby
from typing import Any

from lab.config import KNOBS
from lab.record import Mark, Record
from widgets.charts.view import View
from widgets.markup.config_text import value_text

MAX_LINES = 120
MAX_LABELS = 10
LABEL_GAP = 0.05
"""Marks that fall within 1/MAX_LINES of the x-axis are one line. Those nearer than LABEL_GAP of the
x-axis to a newer label share it: from the first old value to the last new one. A rotated
label is about 14 px wide, so it fits a phone."""

_SHORT = {"norm_eps": "norm ε", "opt_eps": "opt. ε", "leak": "slope", "norm_momentum": "norm mom."}


def gathered(record: Record) -> Record:
    """Return ``record`` with neighbouring marks merged: a dragged slider leaves one at every batch.

    The charts look the same; merging once saves each of them from going through all marks.
    """
    gap = _last(record) / MAX_LINES
    lines: list[dict[str, Mark]] = []
    step = 0
    for mark in record.marks:
        if not lines or mark.step - step >= gap:
            step = mark.step
            lines.append({})
        first = lines[-1].get(mark.field, mark)
        lines[-1][mark.field] = Mark(step, mark.field, first.old, mark.new)
    return replace(record, marks=tuple(mark for line in lines for mark in line.values()))


def marks(record: Record, view: View) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the layout's ``shapes`` and ``annotations`` for the record's marks."""
    if not record.marks:
        return [], []
    lines = [(step, list(changes)) for step, changes in groupby(gathered(record).marks, lambda mark: mark.step)]
    positions = view.at([step for step, _ in lines], record).tolist()
    # One path for all of them: a shape for each makes every chart slow to compare, to send and to draw.
    path = "".join(f"M{x:.9g},0V1" for x in positions)
    shape = {"type": "path", "path": path, "yref": "paper", "line": {"color": "#888888", "width": 1, "dash": "dash"}}
    gap = LABEL_GAP * float(view.at([_last(record)], record)[0])
    labels: list[tuple[float, dict[str, Mark]]] = []
    for (_, changes), x in zip(reversed(lines), reversed(positions), strict=True):
        if not labels or labels[-1][0] - x >= gap:
            if len(labels) == MAX_LABELS:
                break
            labels.append((x, {}))
        labelled = labels[-1][1]
        for mark in changes:
            labelled[mark.field] = labelled.get(mark.field, mark)._replace(old=mark.old)
    return [shape], [_annotation(", ".join(map(_label, labelled.values())), x) for x, labelled in labels]


def _last(record: Record) -> int:
    return max(int(record.steps[-1]) if len(record.steps) else 0, record.marks[-1].step if record.marks else 0, 1)


def _label(mark: Mark) -> str:
    name, knob = _SHORT.get(mark.field, mark.field.replace("_", " ")), KNOBS[mark.field]
    return f"{name} {value_text(knob, mark.old)} → {value_text(knob, mark.new)}"


def _annotation(text: str, x: float) -> dict[str, Any]:
    return {
        "text": text, "x": x, "xref": "x", "xanchor": "left", "y": 0.99, "yref": "paper", "yanchor": "top",
        "textangle": -90, "showarrow": False, "font": {"size": 10},
    }  # fmt: skip
