"""The curve of the learning rate finder: loss over lr in one short sweep, and the learning rates that it suggests.

L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", 2015, section 3.3 (the range test), with the rules
of fastai's ``lr_find``: lr rises exponentially, the loss is averaged, the sweep ends where the average is above 4 times
its best, and the rules leave out the first ten batches and the last five.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lab.concepts.moving_average import debiased

Floats = NDArray[np.float64]

START, END, BATCHES = 1e-6, 10.0, 100
"""The sweep's first lr, its last, and its batches at most."""

BETA = 0.98
"""Share of the past in the average of the loss."""

WORSE = 4.0
"""The sweep ends where the average is above this many times its best."""

FIRST, LAST = 10, 5
"""Batches at both ends that the rules leave out; over the first ones lr is too small to matter: they show the noise."""

FEWEST = 5
"""Points that the rules need."""


@dataclass(frozen=True)
class Suggestion:
    """A learning rate, or why this rule gives none.

    Attributes:
        name: of the rule: "steepest", "minimum / 10" or "valley".
        lr: None where there is none.
        words: what it is, or why there is none: one sentence.
    """

    name: str
    lr: float | None
    words: str


@dataclass(frozen=True, eq=False)
class LrCurve:
    """The result of a sweep.

    Attributes:
        lrs: (n,) rising.
        losses: (n,) each batch's loss, before the step with its lr; the last one may not be finite.
        average: (n,) their de-biased moving average.
        suggestions: one for each rule.
        end: why the sweep ended where it did, one sentence.
        step: training steps that the net had done before.
    """

    lrs: Floats
    losses: Floats
    average: Floats
    suggestions: tuple[Suggestion, ...]
    end: str
    step: int = 0

    @classmethod
    def of(cls, losses: ArrayLike, step: int = 0) -> "LrCurve":
        """Return the curve of these losses, the sweep's first ones, in order."""
        losses = np.asarray(losses, np.float64)
        lrs = sweep_lrs()[: len(losses)]
        average = _average(losses)
        return cls(lrs, losses, average, _suggestions(lrs, losses, average), _end(lrs, losses), step)

    @property
    def limit(self) -> float:
        """The average above which the sweep ends: 4 times its best; nan before there is one."""
        return WORSE * _best(self.average)


def sweep_lrs() -> Floats:
    """Return the lr of each batch of a sweep, (BATCHES,): equal ratios from START to END."""
    return np.geomspace(START, END, BATCHES)


def diverged(losses: ArrayLike) -> bool:
    """Return whether a sweep with these losses ends: the newest is not finite, or the average is above 4 x its best.

    The average and not the losses: those of small batches differ by more than that. The best is that of FIRST batches
    or more, since the first few say little.
    """
    losses = np.asarray(losses, np.float64)
    if not np.isfinite(losses[-1:]).all():
        return True
    average = _average(losses)
    return len(losses) > FIRST and bool(average[-1] > WORSE * _best(average))


def steepest(lrs: Floats, average: Floats, below: float = np.inf) -> int | None:
    """Return the point after which the average falls most per factor of lr, to less than ``below``; None if nowhere.

    Args:
        below: leaves out falls that chance alone may make: the average of few losses is restless.
    """
    slopes = np.diff(average) / np.diff(np.log(lrs))
    slopes[average[1:] >= below] = 0.0
    at = int(np.argmin(slopes))
    return at if slopes[at] < 0 else None


def valley(average: Floats) -> int | None:
    """Return the middle of the longest fall of the average; None where nothing falls three times.

    A fall is a series of points, not necessarily neighbours, each lower than the one before. fastai counts the window
    from its last point: of length n, it begins n points before that, and the suggestion is n/3 and n/6, each rounded
    down, after its beginning. Where several are as long, the one that ends first counts.
    """
    lengths: list[int] = []
    for i, value in enumerate(average):
        lengths.append(1 + max((lengths[j] for j in range(i) if average[j] > value), default=0))
    longest = max(lengths, default=0)
    if longest < 3:
        return None
    return lengths.index(longest) - longest + longest // 3 + longest // 6


def _average(losses: Floats) -> Floats:
    with np.errstate(all="ignore"):  # the last loss may be infinite
        return debiased(losses, BETA)


def _best(average: Floats) -> float:
    known = average[FIRST - 1 :][np.isfinite(average[FIRST - 1 :])]
    return float(known.min()) if len(known) else np.nan


def _suggestions(lrs: Floats, losses: Floats, average: Floats) -> tuple[Suggestion, ...]:
    finite = len(losses) - (len(losses) > 0 and not np.isfinite(losses[-1]))
    kept = slice(FIRST, max(finite - LAST, FIRST))
    x, y = lrs[kept], average[kept]
    level = average[FIRST - 1] - _noise(losses) if len(y) else np.nan
    missing = ""
    if len(y) < FEWEST:
        missing = f"No suggestion: the sweep ended after {len(losses)} batches, which are too few points."
    elif y.min() >= level:
        missing = "No suggestion: the averaged loss falls by no more than it varies from batch to batch."

    def suggestion(name: str, words: str, rule: Callable[[], int | None], share: float = 1.0) -> Suggestion:
        at = None if missing else rule()
        if at is None:
            return Suggestion(name, None, missing or "No suggestion: the averaged loss falls nowhere for long.")
        return Suggestion(name, float(x[at]) * share, words)

    return (
        suggestion(
            "steepest",
            "The learning rate at which the averaged loss falls fastest.",
            lambda: steepest(x, y, level),
        ),
        suggestion(
            "minimum / 10",
            "A tenth of the learning rate at which the averaged loss is lowest: beyond that point it rises.",
            lambda: int(np.argmin(y)),
            0.1,
        ),
        suggestion(
            "valley",
            "The middle of the longest stretch over which the averaged loss goes down.",
            lambda: valley(y),
        ),
    )


def _noise(losses: Floats) -> float:
    """Return twice the standard error of the mean of the first FIRST losses: what chance alone may change it by."""
    return float(2 * losses[:FIRST].std(ddof=1) / np.sqrt(FIRST))


def _end(lrs: Floats, losses: Floats) -> str:
    if not len(losses):
        return "The sweep has no batch."
    if np.isfinite(losses).all() and not diverged(losses):
        return f"The sweep went to its end, lr {lrs[-1]:.2g}."
    if len(losses) == 1:
        return "The loss of the first batch is not finite: this net has diverged already."
    why = f"the averaged loss was above {WORSE:g} × its best" if np.isfinite(losses[-1]) else "the loss was not finite"
    return f"The sweep ended at lr {lrs[-1]:.2g}: there {why}."
