"""Four heads compared: how they learn, and what each says of canvases of no, one and several digits."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lab.concepts import moving_average as ma
from lab.concepts.heads import HEADS
from lab.telemetry.record import Record
from widgets.charts.style import COLOURS, Figure, column, line, markers, plot

BETA = 0.9
"""Of the average over training batches; the de-biased one, so that it starts where the run does."""

KINDS = {"exact_none": "empty", "exact_one": "1 digit", "exact_several": "2–3 digits"}
ERRORS = {
    "false_alarms": "false<br>alarm",
    "wrong_one": "wrong,<br>1 digit",
    "wrong_several": "wrong,<br>2–3",
    "missed_one": "missed,<br>1 digit",
    "missed_several": "missed,<br>2–3",
}
"""Measure -> what stands under its bars."""

_PATTERNS = ("", "/", "x", ".")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up")

Measures = Mapping[str, Mapping[str, float]]


def learning(records: Mapping[str, Record]) -> Figure:
    """Share of exact sets at each step of the heads' ``records``: a line for training, a marker for each validation."""
    lines, points = [], []
    for index, (key, head) in enumerate(HEADS.items()):
        record = records.get(key, Record())
        average = ma.debiased(column(record, "accuracy"), BETA) if len(record.steps) else np.empty(0)
        hover: dict[str, Any] = {"hovertemplate": f"{head.name}, step %{{x}}: %{{y:.1%}}<extra></extra>"}
        lines.append(line(head.name, record.steps, average, index, meta={"whole": True}, **hover))
        at = np.array([row.step for row in record.validations], np.float32)
        found = np.array([row.accuracy for row in record.validations], np.float32)
        point = markers(f"{head.name}, validation", at, found, index, _SYMBOLS[index])
        points.append(point | {"showlegend": False, **hover})
    title = "Exact sets while they train"
    plain = plot(title, "step (markers: validation)", "canvases (%)", entries=4, range=[0, 1.02], tickformat=".0%")
    return {"data": lines + points, "layout": plain | {"uirevision": "learning"}}


def exact_sets(measures: Measures) -> Figure:
    """For each kind of canvas, the share on which each head names just the digits that are there."""
    return _bars("Exactly its digits named", measures, KINDS, "digits on the canvas", "canvases (%)")


def errors(measures: Measures) -> Figure:
    """False alarms and wrong digits as shares of the canvases, missed digits as shares of the digits."""
    return _bars("What goes wrong", measures, ERRORS, "digits on the canvas (false alarm: none)", "share (%)")


def _bars(title: str, measures: Measures, names: Mapping[str, str], x: str, y: str) -> Figure:
    data = []
    for index, (key, head) in enumerate(HEADS.items()):
        found = measures.get(key, {})
        values = np.array([found.get(name, np.nan) for name in names], np.float32)
        marker: dict[str, Any] = {"color": COLOURS[index], "pattern": {"shape": _PATTERNS[index], "solidity": 0.4}}
        hover = f"{head.name}: %{{y:.1%}}<extra></extra>"
        bar = {"type": "bar", "name": head.name, "x": list(names.values()), "y": values, "hovertemplate": hover}
        data.append(bar | {"marker": marker, "meta": {"whole": True}})
    plain = plot(title, x, y, entries=4, range=[0, 1.02], tickformat=".0%", fixedrange=True)
    plain["xaxis"] |= {"type": "category", "fixedrange": True, "tickangle": 0}
    return {"data": data, "layout": plain | {"barmode": "group", "uirevision": "bars"}}
