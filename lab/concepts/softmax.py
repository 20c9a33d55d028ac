"""Softmax and sigmoid of the same logits.

Softmax shares 100 % out among the classes, so it assumes that each picture shows exactly one of them; sigmoid (the
course's "binomial", e^x / (1 + e^x)) asks of each class by itself. fast.ai deep learning part 2, lesson 10, whose
spreadsheet entropy_example.xlsx, sheet "softmax", is the start state here; J. Catanzarite's review slides for the
proof that softmax(x + d) = softmax(x). The lesson prints rounded outputs; those here round to every cell it prints.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

NAMES = ("cat", "dog", "plane", "fish", "building", "tree", "car", "person", "bird", "boat", "horse", "chair")
"""As many as a table can show; the first five are the lesson's."""

CLASSES = NAMES[:5]
LOGITS = (0.0201, -2.49, -1.75, 2.0705, 1.25)
"""The lesson's image 1."""

OFFSET = -1.4425
"""What the lesson's image 2 has more than image 1, in every class."""

THRESHOLD = 0.5
"""The lesson's cutoff for the sigmoid."""

TIE = 1e-12
"""Shares nearer than this are equal."""


class Arithmetic(NamedTuple):
    """The columns of the lesson's table for one picture.

    Attributes:
        powers: (classes,) e^(x / temperature); inf where that passes the largest float64.
        total: their sum.
        softmax: (classes,) share of each power in the total, computed so that nothing overflows.
        sigmoid: (classes,) each class against "not this class".
    """

    powers: Floats
    total: float
    softmax: Floats
    sigmoid: Floats


class Shift(NamedTuple):
    """The difference between two pictures' logits.

    Attributes:
        offsets: (classes,) second minus first.
        ratios: (classes,) power of the second over power of the first: e^(offset / temperature).
        constant: the offset, if it is the same for every class; else None.
        softmax_apart, sigmoid_apart: the largest difference between the two pictures' answers.
    """

    offsets: Floats
    ratios: Floats
    constant: float | None
    softmax_apart: float
    sigmoid_apart: float


def softmax(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Return e^(x/T) over its sum, along the last axis; x/T is first shifted by its largest, which only means that
    exp cannot overflow. Logits that are not finite give nan, as in torch.

    Raises:
        ValueError: no class at all, or a temperature that is not above 0 and finite.
    """
    x = _scaled(logits, temperature)
    with np.errstate(invalid="ignore"):
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def sigmoid(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Return e^(x/T) / (1 + e^(x/T)) of each, written with tanh so that it cannot overflow.

    Raises:
        ValueError: as :func:`softmax`.
    """
    return np.asarray(0.5 * (1 + np.tanh(0.5 * _scaled(logits, temperature))))


def arithmetic(logits: ArrayLike, temperature: float = 1.0) -> Arithmetic:
    """Return every column of the lesson's table for one picture's ``logits`` (classes,).

    Raises:
        ValueError: as :func:`softmax`, and for a logit that is not finite.
    """
    x = _picture(logits)
    with np.errstate(over="ignore"):
        powers = np.exp(x / temperature)
        total = float(powers.sum())
    return Arithmetic(powers, total, softmax(x, temperature), sigmoid(x, temperature))


def shift(first: ArrayLike, second: ArrayLike, temperature: float = 1.0) -> Shift:
    """Compare two pictures' logits (classes,): is the second the first, shifted?

    Raises:
        ValueError: as :func:`arithmetic`, and for pictures of other numbers of classes.
    """
    a, b = _picture(first), _picture(second)
    if a.shape != b.shape:
        raise ValueError(f"{a.size} logits cannot be compared with {b.size}")
    offsets = b - a
    with np.errstate(over="ignore"):
        ratios = np.exp(offsets / temperature)
    # Logits of 1e4 carry rounding of 2e-12 each.
    same = float(np.ptp(offsets)) <= 1e-9
    soft = np.abs(softmax(b, temperature) - softmax(a, temperature)).max()
    sig = np.abs(sigmoid(b, temperature) - sigmoid(a, temperature)).max()
    return Shift(offsets, ratios, float(offsets[0]) if same else None, float(soft), float(sig))


def winners(shares: ArrayLike, classes: Sequence[str]) -> list[str]:
    """Return the class with the largest softmax, or all classes that tie for it."""
    found = np.asarray(shares, np.float64)
    return [name for name, share in zip(classes, found.tolist(), strict=True) if found.max() - share <= TIE]


def passing(shares: ArrayLike, classes: Sequence[str], threshold: float = THRESHOLD) -> list[str]:
    """Return every class whose sigmoid is ``threshold`` or more; maybe none, maybe several.

    Raises:
        ValueError: a threshold outside 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"the threshold must be at least 0 and at most 1; got {threshold!r}")
    found = np.asarray(shares, np.float64).tolist()
    return [name for name, share in zip(classes, found, strict=True) if share >= threshold]


def _scaled(logits: ArrayLike, temperature: float) -> Floats:
    x = np.asarray(logits, np.float64)
    if not x.ndim or not x.shape[-1]:
        raise ValueError("there must be at least one class")
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"the temperature must be above 0; got {temperature!r}")
    return x / temperature


def _picture(logits: ArrayLike) -> Floats:
    x = _scaled(logits, 1.0)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise ValueError("a picture's logits must be finite numbers, one for each class")
    return x
