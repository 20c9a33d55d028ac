"""Charts of four heads: learning curves, and predictions on canvases of no, one and several digits."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.concepts.heads import HEADS
from lab.record import Validation
from widgets.charts.style import COLOURS, Figure, line, markers, plot

BETA = 0.9
"""Beta of the de-biased average over training batches."""

KINDS = {"exact_none": "empty", "exact_one": "1 digit", "exact_several": "2–3 digits"}
ERRORS = {
    "false_alarms": "false<br>alarm",
    "wrong_one": "wrong,<br>1 digit",
    "wrong_several": "wrong,<br>2–3",
    "missed_one": "missed,<br>1 digit",
    "missed_several": "missed,<br>2–3",
}
"""Measure -> the label under its bars."""

LABELS = {
    "learning": "Share of exact sets while the heads train",
    "exact": "Share of canvases whose digits are named exactly, by their number",
    "errors": "False alarms, wrong digits and missed digits of each head",
}
"""Chart -> its accessible name."""

_PATTERNS = ("", "/", "x", ".")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up")

Validations = tuple[Validation, ...]
Measures = Mapping[str, Mapping[str, float]]


class Curve(NamedTuple):
    """A head's learning curve.

    Attributes:
        steps: (n,).
        accuracy: (n,) share of exact sets: the de-biased average over the training batches, by BETA.
        validations: all validations of the run.
    """

    steps: NDArray[Any]
    accuracy: NDArray[Any]
    validations: Validations = ()


_UNBEGUN = Curve(np.empty(0), np.empty(0))


def learning(curves: Mapping[str, Curve], growing: str = "") -> Figure:
    """Draw the share of exact sets at each step of the heads: a line for training, a marker for each validation.

    Args:
        curves: head -> its curve, for the heads that have begun.
        growing: the head whose line ``LiveFigure.append`` extends; the others are few points, replaced if they change.
    """
    lines, points = [], []
    for index, (key, head) in enumerate(HEADS.items()):
        curve = curves.get(key, _UNBEGUN)
        hover: dict[str, Any] = {"hovertemplate": f"{head.name}, step %{{x}}: %{{y:.1%}}<extra></extra>"}
        whole: dict[str, Any] = {} if key == growing else {"meta": {"whole": True}}
        lines.append(line(head.name, curve.steps, curve.accuracy, index, **hover, **whole))
        at = np.array([row.step for row in curve.validations], np.float32)
        found = np.array([row.accuracy for row in curve.validations], np.float32)
        point = markers(f"{head.name}, validation", at, found, index, _SYMBOLS[index])
        points.append(point | {"showlegend": False, **hover})
    title = "Exact sets while they train"
    base = plot(title, "step (markers: validation)", "canvases (%)", entries=4, range=[0, 1.02], tickformat=".0%")
    return {"data": lines + points, "layout": base | {"uirevision": "learning"}}


def exact_sets(measures: Measures) -> Figure:
    """Draw, for each kind of canvas, the share on which each head names exactly the digits there."""
    return _bars("Exactly its digits named", measures, KINDS, "digits on the canvas", "canvases (%)")


def errors(measures: Measures) -> Figure:
    """Draw false alarms and wrong digits as shares of the canvases, missed digits as shares of the digits."""
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
    base = plot(title, x, y, entries=4, range=[0, 1.02], tickformat=".0%", fixedrange=True)
    base["xaxis"] |= {"type": "category", "fixedrange": True, "tickangle": 0}
    return {"data": data, "layout": base | {"barmode": "group", "uirevision": "bars"}}
