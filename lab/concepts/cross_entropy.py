"""Cross-entropy by one-hot sum and by look-up, and log softmax, naive and by log-sum-exp.

fast.ai deep learning part 1, lesson 5: the sum of one-hot x log p has one term that is not zero, so it is the same as
looking up log p of the right class. Lesson 10's review slides write ``log_softmax`` as
``(x.exp() / x.exp().sum()).log()``, which overflows and underflows; taking the largest logit out first does not
(P. Blanchard, D. J. Higham and N. J. Higham, "Accurately computing the log-sum-exp and softmax functions", 2021).
All losses are in nats.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]
Kind = Literal["float32", "float64"]

LESSON = (
    ("neither", (1, 0), (0.5, 0.5)),
    ("very confident, right", (1, 0), (0.98, 0.02)),
    ("very confident, wrong", (0, 1), (0.9, 0.1)),
)
"""Lesson 5's three rows, cat and dog: how sure, one-hot target, probabilities. They give the losses that it reads out,
0.3, 0.01 and 1.0, with the spreadsheet's LOG, which is to base 10; in nats they are 0.69, 0.02 and 2.30."""


class Naive(NamedTuple):
    """The steps of the naive log softmax; each (…, classes) but ``total`` (…, 1)."""

    powers: Floats
    total: Floats
    shares: Floats
    logs: Floats


class Stable(NamedTuple):
    """The steps of log softmax by log-sum-exp; each (…, classes) but ``largest`` and ``log_sum`` (…, 1)."""

    largest: Floats
    shifted: Floats
    powers: Floats
    log_sum: Floats
    logs: Floats


def naive_log_softmax(logits: ArrayLike, kind: Kind = "float32") -> Naive:
    """Return log(e^x / sum e^x), computed in this order along the last axis; inf and nan where it breaks."""
    x = np.asarray(logits, kind)
    with np.errstate(all="ignore"):
        powers = np.exp(x)
        total = powers.sum(axis=-1, keepdims=True)
        shares = powers / total
        return Naive(powers, total, shares, np.log(shares))


def log_softmax(logits: ArrayLike, kind: Kind = "float64") -> Stable:
    """Return (x - m) - log(sum e^(x - m)) with m the largest x: no exp above 1, a sum of 1 to the number of classes."""
    x = np.asarray(logits, kind)
    largest = x.max(axis=-1, keepdims=True)
    shifted = x - largest
    with np.errstate(under="ignore"):
        powers = np.exp(shifted)
    log_sum = np.log(powers.sum(axis=-1, keepdims=True))
    return Stable(largest, shifted, powers, log_sum, shifted - log_sum)


def by_one_hot(log_p: ArrayLike, target: int) -> float:
    """Return -sum(one-hot x log p); a term with a 0 counts 0, even where log p is -inf.

    Raises:
        ValueError: a target that is none of the classes.
    """
    found = np.asarray(log_p, np.float64)
    hot = one_hot(target, found.size)
    return float(-np.where(hot > 0, found, 0.0).sum())


def by_index(log_p: ArrayLike, target: int) -> float:
    """Return -log p[target].

    Raises:
        ValueError: a target that is none of the classes.
    """
    found = np.asarray(log_p, np.float64)
    return float(-found[_index(target, found.size)])


def one_hot(target: int, classes: int) -> NDArray[np.float64]:
    """Return (classes,) zeros with a one at ``target``."""
    hot = np.zeros(classes)
    hot[_index(target, classes)] = 1
    return hot


def limits(kind: Kind) -> tuple[float, float]:
    """Return the x below which e^x is rounded to 0, and above which it is inf: -103.97 and 88.72 in float32."""
    info = np.finfo(kind)
    return float(np.log(np.float64(info.smallest_subnormal)) - np.log(2)), float(np.log(np.float64(info.max)))


def verdict(logits: ArrayLike, target: int, kind: Kind = "float32") -> str:
    """Return whether the naive loss of one picture's ``logits`` (classes,) is "fine", or how it broke.

    "overflow": the right class's e^x is inf, inf/inf = nan. "swamped": another is, so p = finite/inf = 0, log 0 = -inf.
    "empty": every e^x is 0, 0/0 = nan. "underflow": the right class's share is rounded to 0, log 0 = -inf.
    """
    made = naive_log_softmax(logits, kind)
    if np.isfinite(made.logs[_index(target, made.logs.size)]):
        return "fine"
    if np.isinf(made.powers[target]):
        return "overflow"
    if np.isinf(made.total[0]):
        return "swamped"
    return "underflow" if made.total[0] > 0 else "empty"


def breaks_at(losses: ArrayLike, where: ArrayLike) -> float | None:
    """Return the first of ``where`` (n,) at which ``losses`` (n,) is not finite; None if all are."""
    broken = np.flatnonzero(~np.isfinite(np.asarray(losses)))
    return float(np.asarray(where)[broken[0]]) if len(broken) else None


def _index(target: int, classes: int) -> int:
    if not 0 <= target < classes:
        raise ValueError(f"class {target} is none of the {classes}")
    return target
