"""Charts of softmax v sigmoid: two pictures' outputs as bars, and both functions over the offset."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lab.concepts.softmax import Arithmetic, Floats, passing, sigmoid, softmax, winners
from widgets.charts.answers import bars
from widgets.charts.style import COLOURS, DASHES, HEIGHT, LEGEND_ROW, Figure, axis, line, note, plot
from widgets.markup.tables import number

REACH = 8.0
"""Offset range drawn to either side, unless the knob is set farther."""

FEW = 6
"""Maximum number of classes with horizontal numbers above the bars."""


def pictures(made: Sequence[Arithmetic], titles: Sequence[str], classes: Sequence[str], threshold: float) -> Figure:
    """Draw softmax and sigmoid of two pictures, one above the other: two bars for each class, a tick on predictions."""
    data = []
    level = len(classes) <= FEW
    tick = "✓<br>{:.2f}" if level else "{:.2f} ✓"
    for index, one in enumerate(made):
        best, named = winners(one.softmax, classes), passing(one.sigmoid, classes, threshold)
        for name, shares, ticked in (("softmax", one.softmax, best), ("sigmoid", one.sigmoid, named)):
            texts = [
                (tick if label in ticked else "{:.2f}").format(x) for label, x in zip(classes, shares, strict=True)
            ]
            data.append(
                bars(name, shares, classes, yaxis=f"y{index + 1}" if index else "y", legendgroup=name)
                | ({"name": f"{name} of picture 2", "showlegend": False} if index else {})
                | {"text": texts, "textposition": "outside", "cliponaxis": False}
                | {"textangle": 0 if level else -90, "textfont": {"size": 11}, "meta": {"whole": True}}
            )
    up: dict[str, Any] = {
        "range": [0, 1.3],
        "tickvals": [0, 0.25, 0.5, 0.75, 1],
        "tickformat": ".0%",
        "fixedrange": True,
    }
    layout = plot("Softmax and sigmoid of the same outputs", "", "share (%)", **up)
    layout["xaxis"] |= {"type": "category", "anchor": "y2", "fixedrange": True, "title": {"text": "class"}}
    layout["yaxis"] |= {"domain": [0.56, 1.0]}
    layout["yaxis2"] = axis("share (%)", **up) | {"domain": [0.0, 0.44]}
    return {
        "data": data,
        "layout": layout
        | {
            "height": HEIGHT + 140,
            "barmode": "group",
            "bargap": 0.25,
            "uirevision": "pictures",
            "shapes": [_cutoff(threshold, "y", showlegend=True), _cutoff(threshold, "y2")],
            "annotations": [
                note(f"<b>{title}</b>", x=0, xanchor="left", y=top, yanchor="bottom", font={"size": 12})
                for title, top in zip(titles, (1.0, 0.44), strict=True)
            ],
        },
    }


def offsets(logits: Floats, offset: float, classes: Sequence[str], temperature: float, threshold: float) -> Figure:
    """Draw each class's sigmoid, and the predicted class's softmax, as ``offset`` is added to ``logits`` (classes,)."""
    reach = max(REACH, 1.25 * abs(offset))
    d = np.linspace(-reach, reach, 161)
    shifted = logits[None, :] + d[:, None]
    best = int(np.argmax(logits))
    soft, sig = softmax(shifted, temperature)[:, best], sigmoid(shifted, temperature)
    data = [
        line(f"softmax {classes[best]}", d, soft, 0, line={"color": COLOURS[0], "width": 4}, hovertemplate="%{y:.1%}"),
        *(
            line(f"sigmoid {name}", d, sig[:, index], 0, line=_style(index), hovertemplate="%{y:.1%}")
            for index, name in enumerate(classes)
        ),
    ]
    entries = len(data) + 1
    layout = plot(
        "What the offset does to picture 2", "offset d", "share (%)", entries=entries,
        range=[-0.02, 1.04], tickformat=".0%", fixedrange=True,
    )  # fmt: skip
    here = {"type": "line", "x0": offset, "x1": offset, "yref": "paper", "y0": 0, "y1": 1}
    return {
        "data": data,
        "layout": layout
        | {
            "height": HEIGHT + 60 + LEGEND_ROW * (-(-entries // 3)),
            "hovermode": "x unified",
            "uirevision": "offsets",
            "shapes": [
                _cutoff(threshold, "y", showlegend=True),
                here | {"line": {"color": "#888888", "width": 2, "dash": "dot"}},
            ],
            "annotations": [note(f"d = {number(offset, 4)}", xref="x", x=offset, y=1, yanchor="bottom")],
        },
    }


def _cutoff(threshold: float, y: str, **rest: Any) -> dict[str, Any]:
    across = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": y, "y0": threshold, "y1": threshold}
    style = {"line": {"color": COLOURS[1], "width": 1.5, "dash": "dash"}}
    return across | style | {"name": f"threshold {threshold:.3g}"} | rest


def _style(index: int) -> dict[str, Any]:
    """Return a line style: the first colour is left to softmax, and colours repeat with other dashes."""
    colours = COLOURS[1:]
    dash = DASHES[(index + 3 * (index // len(colours))) % len(DASHES)]
    return {"color": colours[index % len(colours)], "dash": dash, "width": 2}
