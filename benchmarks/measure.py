"""Ratios between contestants that took turns: a machine that slows down slows them all."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks import report

NOISE = "noise, A against A"
"""What a ratio of the baseline with itself is called; any other ratio means something only beyond it."""


class Figure(NamedTuple):
    """One measured figure.

    Attributes:
        what: in words, naming what it is measured against.
        median, low, high: with the lower and upper quartile.
        unit: "ratio", "ms", "MB"…
        n: how many measurements.
        target: what it should be, as text; empty where there is none.
        met: whether it is; None without a target.
    """

    what: str
    median: float
    low: float
    high: float
    unit: str
    n: int
    target: str = ""
    met: bool | None = None


def figure(
    what: str, values: Sequence[float], unit: str, at_most: float | None = None, at_least: float | None = None
) -> Figure:
    """Median and quartiles of ``values``, held to a target if one is given.

    Raises:
        ValueError: without values.
    """
    if not values:
        raise ValueError(f"{what}: nothing was measured")
    median = statistics.median(values)
    low, _, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else (median,) * 3
    if at_most is not None:
        return Figure(what, median, low, high, unit, len(values), f"at most {at_most:g}", median <= at_most)
    if at_least is not None:
        return Figure(what, median, low, high, unit, len(values), f"at least {at_least:g}", median >= at_least)
    return Figure(what, median, low, high, unit, len(values))


def seconds(run: Callable[[], object], times: int = 1) -> float:
    """Seconds for one call of ``run``, averaged over ``times`` of them, without the garbage collector in between."""
    gc.collect()
    gc.disable()
    try:
        began = time.perf_counter()
        for _ in range(times):
            run()
        return (time.perf_counter() - began) / times
    finally:
        gc.enable()


def interleave(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each contestant costs, ``rounds`` times each, taking turns; every other round runs backwards.

    The first one is the baseline; it takes part twice, the second time as :data:`NOISE`. A round
    that is not counted comes first: caches, allocators and clocks warm up in it.

    Args:
        contestants: name -> a function that does some work and returns its cost (seconds a step, say).
    """
    baseline = next(iter(contestants.values()))
    order = [*contestants.items(), (NOISE, baseline)]
    costs: dict[str, list[float]] = {name: [] for name, _ in order}
    for turn in range(-1, rounds):
        for name, run in order if turn % 2 else reversed(order):
            cost = run()
            if turn >= 0:
                costs[name].append(cost)
    return costs


def ratios(costs: Mapping[str, Sequence[float]], name: str, baseline: str | None = None) -> list[float]:
    """``name`` over ``baseline`` (the first one, unless named), round by round."""
    base = costs[baseline or next(iter(costs))]
    return [cost / other for cost, other in zip(costs[name], base, strict=True)]


def as_table(figures: Sequence[Figure]) -> str:
    """Markdown."""
    marks = {None: "", True: "met", False: "**missed**"}
    rows = [
        (f.what, f"{f.median:.4g} {f.unit}", f"{f.low:.4g} to {f.high:.4g}", str(f.n), f.target, marks[f.met])
        for f in figures
    ]
    return report.table(("what", "median", "quartiles", "n", "target", ""), rows, numbers=(1, 2, 3))


def keep(name: str, question: str, figures: Sequence[Figure], machine: dict[str, str], notes: str = "") -> None:
    """Write results/``name``.json and the table of docs/benchmarks.md between the marks of that name."""
    results = {"question": question, "machine": machine, "notes": notes, "figures": [f._asdict() for f in figures]}
    report.save(name, results)
    text = [as_table(figures), report.circumstances(machine)]
    report.publish("benchmarks.md", name, "\n\n".join([*text, notes] if notes else text))
