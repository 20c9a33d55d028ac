"""Whether an experiment's checks hold, and how runs spread, over several seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.experiments.experiment import Check, Experiment
from lab.experiments.measures import ONE_CLASS, column
from lab.experiments.results import Result
from lab.record import Record

BAND = (0.1, 0.9)
"""Quantiles between which the band lies that is drawn about a median."""

Results = Mapping[tuple[str, int], Result]
"""(variant, seed) -> what its run gave."""


@dataclass(frozen=True)
class Verdict:
    """What the seeds say of one check.

    Attributes:
        values: seed -> the value that the check bounds; seeds without one are left out, a nan stays and meets nothing.
    """

    check: Check
    values: Mapping[int, float]

    @property
    def n(self) -> int:
        """The seeds that were judged."""
        return len(self.values)

    @property
    def met(self) -> int:
        """Those in which the check holds."""
        return sum(self.check.low <= value <= self.check.high for value in self.values.values())

    @property
    def share(self) -> float:
        """The share of the seeds in which it holds; nan without any."""
        return self.met / self.n if self.n else math.nan

    @property
    def holds(self) -> bool | None:
        """Whether that share is large enough; None while no seed was judged."""
        # 4 of 5 is .8 for everybody but a float.
        return self.share >= self.check.share - 1e-9 if self.n else None

    @property
    def words(self) -> str:
        """The verdict as a sentence."""
        if not self.n:
            return f"Not judged yet: {self.check.text}."
        sign = "Holds" if self.holds else "Does not hold"
        return f"{sign}: {self.check.text} (in {self.met} of {self.n} seeds; {self.check.share:.0%} are asked for)."


def judge(experiment: Experiment, results: Results, quick: bool = False) -> tuple[Verdict, ...]:
    """Return a verdict on each check of ``experiment``, in their order; of the quick form on those asked of it."""
    return tuple(Verdict(check, _values(check, results)) for check in experiment.checks if check.quick or not quick)


def _values(check: Check, results: Results) -> dict[int, float]:
    found = {}
    for (variant, seed), result in sorted(results.items(), key=lambda item: item[0][1]):
        if variant != check.of or check.measure not in result.figures:
            continue
        value = result.figures[check.measure]
        if check.than:
            other = results.get((check.than, seed))
            if other is None or check.measure not in other.figures:
                continue
            value -= other.figures[check.measure]
        found[seed] = value
    return found


class Spread(NamedTuple):
    """How a number spreads over seeds; nan where there is none. ``std`` is that of a sample (n - 1).

    ``low`` and ``high`` are the BAND's quantiles; ``n`` counts the finite values.
    """

    n: int
    mean: float
    std: float
    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of the finite ones of ``values``."""
    finite = np.array([value for value in values if math.isfinite(value)], np.float64)
    if not finite.size:
        return Spread(0, *(math.nan,) * 5)
    low, median, high = np.quantile(finite, [BAND[0], 0.5, BAND[1]])
    std = float(finite.std(ddof=1)) if finite.size > 1 else math.nan
    return Spread(int(finite.size), float(finite.mean()), std, float(median), float(low), float(high))


def of_variant(results: Results, variant: str) -> dict[int, Result]:
    """Return seed -> result for one variant, by seed."""
    return {
        seed: result for (name, seed), result in sorted(results.items(), key=lambda it: it[0][1]) if name == variant
    }


def learned(results: Results, variant: str) -> tuple[int, int]:
    """Return (k, n): of n seeds, k neither diverged nor say one digit of every picture."""
    mine = of_variant(results, variant).values()
    alive = [r for r in mine if r.state != "diverged" and r.figures.get("valid_accuracy", math.nan) > ONE_CLASS]
    return len(alive), len(mine)


class CurveBand(NamedTuple):
    """A curve over several seeds: all arrays (n,). ``alive`` counts the seeds that have a value at that step."""

    steps: NDArray[np.int64]
    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    alive: NDArray[np.int64]


def curve_band(records: Sequence[Record], name: str, points: int = 200) -> CurveBand:
    """Return the median and BAND of a column over the seeds, at no more than ``points`` steps.

    A run that has ended before a step, or is nan there, is not in that step's band: ``alive`` tells how many are.

    Args:
        name: one of :data:`lab.experiments.measures.COLUMNS`.
        points: at least 1.
    """
    known = [(record.steps, column(record, name)) for record in records]
    known = [(steps, values) for steps, values in known if values.size]
    if not known:
        empty = np.empty(0)
        return CurveBand(empty.astype(np.int64), empty, empty, empty, empty.astype(np.int64))
    every = np.unique(np.concatenate([steps for steps, _ in known]))
    steps = every[np.unique(np.linspace(0, len(every) - 1, min(points, len(every))).astype(np.int64))]
    table = np.full((len(known), len(steps)), np.nan)
    for row, (own, values) in zip(table, known, strict=True):
        at = np.searchsorted(own, steps, side="right") - 1
        inside = (at >= 0) & (steps <= own[-1])
        row[inside] = values[at[inside]]
    table[~np.isfinite(table)] = np.nan
    alive = np.isfinite(table).sum(axis=0)
    some = alive > 0
    low, median, high = np.full((3, len(steps)), np.nan)
    if some.any():
        low[some], median[some], high[some] = np.nanquantile(table[:, some], [BAND[0], 0.5, BAND[1]], axis=0)
    return CurveBand(steps, median, low, high, alive)
