"""The net's own logits as softmax and as sigmoid, side by side (lesson 10: when softmax lies)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lab.telemetry.record import Record
from widgets.charts.style import COLOURS, HEIGHT, LEGEND_ROW, Figure, axis, heading, note

PICTURES = ("digit", "pair", "blank")
"""What the three pictures are: a chosen digit, two digits laid over each other, a blank."""

NO_ANSWER = ("softmax: no answer yet", "sigmoid: no answer yet")

_TITLES = {"digit": "One digit", "pair": "Two digits", "blank": "A blank picture"}


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Softmax over the last axis, shifted by the largest logit so that exp cannot overflow."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """e^x / (1 + e^x), the course's "binomial", written with tanh so that it cannot overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64))))


def outputs(record: Record, which: str, classes: Sequence[str] = tuple("0123456789")) -> Figure:
    """One picture and what the net makes of it: two bars for each class, softmax and sigmoid.

    Args:
        record: of the run.
        which: one of PICTURES.
        classes: their names in the order of the logits.

    The first two traces are the bars, the third is the picture, 28 rows from the top.
    """
    index = PICTURES.index(which)
    now = record.outputs
    logits = now.logits[index] if now else np.full(len(classes), np.nan, np.float32)
    picture = now.pictures[index] if now else np.zeros((28, 28), np.float32)
    soft, sig = softmax(logits), sigmoid(logits)
    said = said_by(soft, sig, classes) if np.isfinite(logits).all() else NO_ANSWER
    title = _TITLES[which] + (f": {now.names[index]}" if now and which != "blank" else "")
    words = [
        note(text, x=0, xanchor="left", xshift=-52, y=1, yanchor="bottom", yshift=shift)
        for text, shift in zip(said, (18, 2), strict=True)
    ]
    return {
        "data": [
            _bars("softmax", soft, classes, 0, ""),
            _bars("sigmoid", sig, classes, 1, "/"),
            {"type": "heatmap", "z": picture, "xaxis": "x2", "yaxis": "y2", "showscale": False, "zmin": 0, "zmax": 1}
            | {"colorscale": "Greys", "reversescale": True, "hoverinfo": "skip", "meta": {"whole": True}},
        ],
        "layout": {
            "title": heading(title),
            "height": HEIGHT + LEGEND_ROW,
            "margin": {"l": 64, "r": 16, "t": 84, "b": 76},
            "barmode": "group",
            "xaxis": axis("class", type="category", domain=[0, 0.76], fixedrange=True),
            "yaxis": axis("probability (%)", range=[0, 1.02], tickformat=".0%", fixedrange=True),
            "xaxis2": {"domain": [0.8, 1], "anchor": "y2", "visible": False, "fixedrange": True},
            "yaxis2": {"domain": [0, 1], "anchor": "x2", "visible": False, "fixedrange": True, "autorange": "reversed"}
            | {"scaleanchor": "x2", "constrain": "domain", "constraintoward": "top"},
            "showlegend": True,
            "legend": {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
            "uirevision": which,
            "shapes": [_frame()],
            "annotations": words,
        },
    }


def said_by(soft: NDArray[np.float64], sig: NDArray[np.float64], classes: Sequence[str]) -> tuple[str, str]:
    """What each answers, in words: softmax its largest class, sigmoid every class at 50 % or more."""
    best = int(soft.argmax())
    named = [name for name, share in zip(classes, sig, strict=True) if share >= 0.5]
    heard = ", ".join(named) or "none of them"
    return (
        f"softmax says <b>{classes[best]}</b> ({soft[best]:.0%}), sum {soft.sum():.3f}",
        f"sigmoid says <b>{heard}</b>, sum {sig.sum():.3f}",
    )


def _bars(name: str, values: NDArray[np.float64], classes: Sequence[str], index: int, pattern: str) -> Figure:
    marker = {"color": COLOURS[index], "pattern": {"shape": pattern, "solidity": 0.4}}
    trace = {"type": "bar", "name": name, "x": list(classes), "y": values.astype(np.float32), "marker": marker}
    return trace | {"meta": {"whole": True}, "hovertemplate": "%{x}: %{y:.1%}"}


def _frame() -> Figure:
    """An edge around the picture: a blank one would not be seen."""
    around = {"xref": "x2 domain", "yref": "y2 domain", "x0": 0, "x1": 1, "y0": 0, "y1": 1}
    return {"type": "rect", **around, "line": {"color": "#888888", "width": 1}}
