"""Softmax and sigmoid of the same logits: two bars for each class, and a line of text for each function."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lab.concepts.softmax import THRESHOLD, passing, winners
from widgets.charts.style import COLOURS, Figure

NO_ANSWER = ("softmax: no answer yet", "sigmoid: no answer yet")

_PATTERNS = {"softmax": "", "sigmoid": "/"}


def bars(name: str, shares: NDArray[np.float64], classes: Sequence[str], **rest: object) -> Figure:
    """Return the bars of ``name``, "softmax" or "sigmoid"; they differ by a pattern as well as by colour."""
    index = list(_PATTERNS).index(name)
    marker = {"color": COLOURS[index], "pattern": {"shape": _PATTERNS[name], "solidity": 0.4}}
    trace = {"type": "bar", "name": name, "x": list(classes), "y": shares.astype(np.float32), "marker": marker}
    return trace | {"meta": {"whole": True}, "hovertemplate": f"{name} of %{{x}}: %{{y:.1%}}<extra></extra>"} | rest


def said_by(
    soft: NDArray[np.float64], sig: NDArray[np.float64], classes: Sequence[str], threshold: float = THRESHOLD
) -> tuple[str, str]:
    """Return both predictions as text: softmax's largest class, sigmoid's classes >= ``threshold`` (lesson 10)."""
    best, named = winners(soft, classes), passing(sig, classes, threshold)
    return (
        f"softmax: <b>{', '.join(best)}</b>, {soft.max():.0%}{' each' if len(best) > 1 else ''}".replace("%", " %"),
        f"sigmoid: <b>{', '.join(named) or 'none of them'}</b>",
    )
