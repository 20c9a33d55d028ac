"""Live changes as dashed lines on a chart: all of them, labelled as far as the labels fit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lab.telemetry.record import Mark, Record
from widgets.charts.view import View

MAX_LINES = 120
MAX_LABELS = 10
LABEL_GAP = 0.05
"""Marks that fall within 1/MAX_LINES of the x-axis are one line; a label nearer than LABEL_GAP of
the x-axis to a newer one is left out. A rotated label is about 14 px wide, so it fits a phone."""

_SHORT = {"norm_eps": "norm ε", "opt_eps": "Adam ε", "leak": "slope", "norm_momentum": "norm mom."}


@dataclass
class _Line:
    step: int
    changes: dict[str, tuple[object, object]] = field(default_factory=dict)

    def add(self, mark: Mark) -> None:
        old, _ = self.changes.get(mark.field, (mark.old, None))
        self.changes[mark.field] = old, mark.new

    @property
    def label(self) -> str:
        return ", ".join(
            f"{_SHORT.get(name, name.replace('_', ' '))} {_short(old)} → {_short(new)}"
            for name, (old, new) in self.changes.items()
        )


def marks(record: Record, view: View) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The layout's ``shapes`` and ``annotations`` for the record's marks."""
    if not record.marks:
        return [], []
    last = max(int(record.steps[-1]) if len(record.steps) else 0, record.marks[-1].step, 1)
    lines = _gathered(record.marks, last / MAX_LINES)
    positions = view.at([line.step for line in lines], record)
    style = {"color": "#888888", "width": 1, "dash": "dash"}
    shapes = [
        {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": style} for x in positions.tolist()
    ]
    gap = LABEL_GAP * float(view.at([last], record)[0])
    labels: list[dict[str, Any]] = []
    newer = np.inf
    for line, x in zip(reversed(lines), reversed(positions.tolist()), strict=True):
        if len(labels) < MAX_LABELS and newer - x >= gap:
            newer = x
            labels.append(_annotation(line.label, x))
    return shapes, labels


def _gathered(changes: Sequence[Mark], gap: float) -> list[_Line]:
    """A dragged slider leaves a mark at every batch: those within ``gap`` steps become one line."""
    lines: list[_Line] = []
    for mark in changes:
        if not lines or mark.step - lines[-1].step >= gap:
            lines.append(_Line(mark.step))
        lines[-1].add(mark)
    return lines


def _annotation(text: str, x: float) -> dict[str, Any]:
    return {
        "text": text, "x": x, "xref": "x", "xanchor": "left", "y": 0.99, "yref": "paper", "yanchor": "top",
        "textangle": -90, "showarrow": False, "font": {"size": 10},
    }  # fmt: skip


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
