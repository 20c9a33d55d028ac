"""Texts and arithmetic of the spread board, as markup."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lab.concepts import spread
from widgets.markup.tables import number, table

Values = NDArray[np.float64]

SPELT = 6
"""Maximum number of terms of a sum that are written out."""


PRECISION = (
    "On paper both variances are the same, and an offset added to every point changes neither. float32 keeps about "
    "seven digits: which of the two formulas squares large numbers first, and what is lost beside them?"
)
PAIRS = (
    "Each point makes a rectangle with the two means. On which sides of them must it lie to add to the covariance, and "
    "where does it take from it? Over both standard deviations that is the correlation: where is it 1, 0 and −1?"
)
"""Help of the sections on float32 and on two series, as markup."""

_HEAD = ("measure", "arithmetic", "value")


def one_series(x: Values) -> str:
    """Return mean, both variances, std and mean absolute deviation of ``x`` (n,) with their arithmetic, as markup."""
    n, mean, away = x.size, spread.mean(x), spread.deviations(x)
    var, by_squares = spread.variance(x), spread.variance_by_squares(x)
    halves = f"{number(spread.mean(np.square(x)), 4)} − {number(mean * mean, 4)}"
    spreads = [
        ("variance, E[(x − E[x])²]", _mean(np.square(away)), number(var, 4)),
        ("variance, E[x²] − E[x]²", f"{_mean(np.square(x))} − {number(mean)}² = {halves}", number(by_squares, 4)),
        ("standard deviation", f"√{number(var, 4)}", number(spread.std(x))),
        ("mean absolute deviation", _mean(np.abs(away)), number(spread.mean_absolute_deviation(x))),
        (
            "variance as torch.var has it",
            f"{number(var, 4)} × {n} ÷ {n - 1}, over n − 1",
            number(spread.sample_variance(x), 4),
        ),
    ]
    if n < 2:
        spreads = [(name, "one point has no spread", "undefined") for name, *_ in spreads]
    rows = [("mean, E[x]", _mean(x), number(mean)), *spreads]
    made = table(_HEAD, rows, f"{n:,} point{'s' if n > 1 else ''}")
    return made + (f"<p>{_verdict(x, var, by_squares)}</p>" if n > 1 else "")


def two_series(x: Values, y: Values) -> str:
    """Return covariance by both formulas and correlation of ``x`` and ``y``, both (n,), as markup."""
    if x.size < 2:
        why = "one pair varies with nothing"
        return table(_HEAD, [(name, why, "undefined") for name in ("covariance", "correlation")])
    cov, products = spread.covariance(x, y), spread.covariance_by_products(x, y)
    r, stds = spread.correlation(x, y), f"({number(spread.std(x))} × {number(spread.std(y))})"
    means = f"{number(spread.mean(x))} × {number(spread.mean(y))}"
    undefined = "one series does not vary: 0 ÷ 0"
    rows = [
        ("covariance, E[(x − E[x]) (y − E[y])]", _mean(spread.deviations(x) * spread.deviations(y)), number(cov, 4)),
        ("covariance, E[xy] − E[x] E[y]", f"{number(spread.mean(x * y), 4)} − {means}", number(products, 4)),
        ("correlation", undefined if np.isnan(r) else f"{number(cov, 4)} ÷ {stds}", number(r)),
    ]
    return table(_HEAD, rows)


def precision(x: Values, offset: float) -> str:
    """Return the variance of ``x`` (n,) + offset computed in float32, with the reason for its error, as markup."""
    made = spread.in_float32(x, offset)
    largest = float(np.abs(made.stored).max())
    with np.errstate(over="ignore"):
        square = np.float32(largest) ** 2
    kept = ", ".join(number(float(value)) for value in made.stored[:SPELT]) + (", …" if x.size > SPELT else "")
    apart = number(float(np.spacing(square))) if np.isfinite(square) else "∞"
    rows = [
        ("the points, as kept", kept, f"neighbours {number(made.gap)} apart"),
        ("the variance itself", "without the offset, which moves no two points apart", number(made.truth, 4)),
        ("E[(x − E[x])²]", "subtracts first: small numbers are squared", number(made.by_definition, 4)),
        (
            "E[x²] − E[x]²",
            f"squares first: about {number(float(square))}, neighbours {apart} apart",
            number(made.by_squares, 4),
        ),
    ]
    return table(("in float32", "how", "value"), rows, f"Offset {number(offset)}")


def _verdict(x: Values, var: float, by_squares: float) -> str:
    apart = abs(var - by_squares)
    equal = "exactly equal" if apart == 0 else f"equal to rounding: they differ by {apart:.1e}".replace("-", "−")
    if not var > 0:
        return f"Both formulas are {equal}. The points are all the same: nothing varies."
    ratio = spread.std(x) / spread.mean_absolute_deviation(x)
    return (
        f"Both formulas are {equal}. The standard deviation is {number(ratio, 2)} times the mean absolute deviation: "
        "squaring gives more weight to what is far from the mean."
    )


def _mean(terms: Iterable[float]) -> str:
    """Return the mean of the terms as a formula, written out if they are few."""
    numbers = [number(float(term), 4) for term in terms]
    if len(numbers) > SPELT:
        return f"sum of {len(numbers):,} ÷ {len(numbers):,}"
    spelt = " + ".join(f"({text})" if text.startswith("−") and i else text for i, text in enumerate(numbers))
    return f"({spelt}) ÷ {len(numbers)}" if len(numbers) > 1 else spelt
