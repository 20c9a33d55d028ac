"""Four output heads for "which digits are in this picture?", and how their outputs become answers.

After lesson 10's remarks on softmax, and J. Catanzarite's notes on them, which name the two ways
out that practitioners try: (A) a class for none-of-the-above and (B) a class not-K beside each
class K. Numpy only; how the heads are taught is in :mod:`lab.experiments.heads.task`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.concepts.softmax import sigmoid, softmax
from lab.knob import ConfigError

CLASSES = 10

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Head:
    """An output head: its loss and how its outputs are read.

    Attributes:
        name: for a person.
        help: one sentence on what it is taught.
        outputs: logits; the first ten are the digits.
        sees_empty: whether empty canvases are among its training pictures.
        least: the smallest target that a digit in a picture has (three digits share).
    """

    name: str
    help: str
    outputs: int
    sees_empty: bool
    least: float


HEADS: dict[str, Head] = {
    "softmax": Head(
        "softmax", "The digits in a picture share the target equally; it never sees an empty canvas.",
        CLASSES, False, 1 / 3,
    ),
    "none": Head(
        "softmax + none", "An eleventh class is the target of an empty canvas.", CLASSES + 1, True, 1 / 3
    ),
    "pairs": Head(
        "softmax, K and not-K", "One softmax over 20 classes: each digit's K or not-K has a tenth of the target.",
        2 * CLASSES, True, 1 / CLASSES,
    ),
    "sigmoid": Head(
        "sigmoid", "Each digit is a question of its own: there, or not there.", CLASSES, True, 1.0
    ),
}  # fmt: skip
"""By key, in the order in which they are trained and shown."""


def scores(key: str, logits: NDArray[np.floating]) -> Floats:
    """Return a score from 0 to 1 for each digit: (n, outputs) -> (n, 10).

    A softmax head's scores are its probabilities of the ten digits; what it gives to "none" and
    to not-K only lowers them. Taken pair by pair, x_K against x_not-K, the head "pairs" would be
    a sigmoid of their difference; here all twenty share one sum.
    """
    chance = sigmoid(logits) if key == "sigmoid" else softmax(logits)
    return chance[:, :CLASSES]


def named(scores: Floats, threshold: float) -> Bools:
    """Return the digits that are named: those with a score of at least ``threshold``. (n, 10) -> (n, 10).

    Raises:
        ConfigError: for a threshold outside 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise ConfigError("threshold", threshold, "at least 0 and at most 1")
    return scores >= threshold


def tune(scores: Floats, present: Bools) -> float:
    """Return the threshold that gives the most pictures exactly their digits; the middle of the best range.

    A picture is right for each t with (largest score of an absent digit) < t <= (smallest score
    of a present one), so the best t is where most of these ranges overlap.

    Args:
        scores: (n, 10), 0 to 1.
        present: (n, 10), which digits are there.
    """
    low = np.where(present, -np.inf, scores).max(axis=1)
    high = np.where(present, scores, np.inf).min(axis=1).clip(max=1)
    possible = low < high
    low, high = np.sort(low[possible].clip(min=0)), np.sort(high[possible])
    if not len(high):
        return 0.5
    right = np.searchsorted(low, high, "left") - np.searchsorted(high, high, "left")
    top = high[right.argmax()]
    below = np.concatenate([low[low < top], high[high < top], [0.0]])
    return float((below.max() + top) / 2)


MEASURES = {
    "exact_none": "exact set: empty",
    "exact_one": "exact set: 1 digit",
    "exact_several": "exact set: 2-3 digits",
    "exact": "exact set: mean of the three",
    "false_alarms": "false alarms: empty canvases with a digit named",
    "missed_one": "missed digits: 1 digit",
    "missed_several": "missed digits: 2-3 digits",
    "wrong_one": "a wrong digit named: 1 digit",
    "wrong_several": "a wrong digit named: 2-3 digits",
    "sure": "largest score on an empty canvas, mean",
}
"""What :func:`measure` gives, as shares from 0 to 1. Exact sets, false alarms and wrong digits
are shares of the pictures of that kind, missed digits are shares of the digits in them."""

KINDS = ("none", "one", "several")


def kinds(present: Bools) -> dict[str, Bools]:
    """Return which pictures hold no, one and several digits: (n, 10) -> three arrays (n,)."""
    count = present.sum(axis=1)
    return {"none": count == 0, "one": count == 1, "several": count > 1}


def measure(scores: Floats, present: Bools, threshold: float) -> dict[str, float]:
    """Return every measure in MEASURES; nan for a kind of picture that does not occur."""
    says = named(scores, threshold)
    exact = np.asarray((says == present).all(axis=1))
    missed, wrong = present & ~says, np.asarray((says & ~present).any(axis=1))
    found: dict[str, float] = {}
    for kind, here in kinds(present).items():
        found[f"exact_{kind}"] = _share(exact[here].sum(), here.sum())
        found[f"missed_{kind}"] = _share(missed[here].sum(), present[here].sum())
        found[f"wrong_{kind}"] = _share(wrong[here].sum(), here.sum())
        if kind == "none":
            found["sure"] = _share(scores[here].max(axis=1).sum(), here.sum())
    found["exact"] = float(np.mean([found[f"exact_{kind}"] for kind in KINDS]))
    found["false_alarms"] = found["wrong_none"]
    return {name: found[name] for name in MEASURES}


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
