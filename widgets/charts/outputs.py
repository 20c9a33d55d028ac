"""Softmax and sigmoid of the net's logits, side by side (lesson 10: when softmax lies)."""

import numpy as np

from lab.concepts.softmax import sigmoid, softmax
from lab.record import Record
from widgets.charts.answers import NO_ANSWER, bars, said_by
from widgets.charts.style import HEIGHT, LEGEND_ROW, Figure, axis, heading, note

PICTURES = ("digit", "pair", "blank")
"""Names of the three input images: a chosen digit, two digits laid over each other, a blank."""

_TITLES = {"digit": "One digit", "pair": "Two digits", "blank": "A blank picture"}


def outputs(record: Record, which: str) -> Figure:
    """Draw one input image and the net's predictions for it: two bars for each class, softmax and sigmoid.

    Args:
        record: the run's record.
        which: one of PICTURES.

    The first two traces are the bars, the third is the picture, 28 rows from the top.
    """
    index = PICTURES.index(which)
    now = record.outputs
    classes = now.classes if now else tuple("0123456789")
    logits = now.logits[index] if now else np.full(len(classes), np.nan, np.float32)
    picture = now.pictures[index] if now else np.zeros((28, 28), np.float32)
    soft, sig = softmax(logits), sigmoid(logits)
    said: tuple[str, ...] = NO_ANSWER
    if np.isfinite(logits).all():
        answers = zip(said_by(soft, sig, classes), (soft.sum(), sig.sum()), strict=True)
        said = tuple(f"{text}; sum {total:.3f}" for text, total in answers)
    title = _TITLES[which] + (f": {now.names[index]}" if now and which != "blank" else "")
    words = [
        note(text, x=0, xanchor="left", xshift=-52, y=1, yanchor="bottom", yshift=shift)
        for text, shift in zip(said, (18, 2), strict=True)
    ]
    return {
        "data": [
            bars("softmax", soft, classes),
            bars("sigmoid", sig, classes),
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


def _frame() -> Figure:
    """Return an outline of the image: a blank one would be invisible without it."""
    around = {"xref": "x2 domain", "yref": "y2 domain", "x0": 0, "x1": 1, "y0": 0, "y1": 1}
    return {"type": "rect", **around, "line": {"color": "#888888", "width": 1}}
