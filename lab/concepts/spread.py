"""Measures of spread: variance, standard deviation, mean absolute deviation, covariance, correlation.

fast.ai deep learning part 2, lesson 10, with its data [1, 2, 4, 18]. Everything divides by n, as the lesson does;
:func:`sample_variance` divides by n - 1, as ``torch.var`` does by default. Everything is computed in
the dtype of the argument, so that float32 shows its own rounding. Fewer than two values have no spread: nan.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]

LESSON = (1.0, 2.0, 4.0, 18.0)
"""The lesson's data, the last one an outlier."""


def mean(x: Values) -> float:
    """Return the mean of ``x`` (n,); nan if it is empty."""
    return float(x.mean()) if x.size else float("nan")


def deviations(x: Values) -> Values:
    """Return (n,) the distance of each from the mean; they sum to 0, which is why they are squared or made positive."""
    return np.asarray(x - x.mean(dtype=x.dtype), x.dtype) if x.size else x


def variance(x: Values) -> float:
    """Return the mean of the squared distances from the mean, by its definition: two passes over ``x`` (n,)."""
    return float(np.square(deviations(x)).mean(dtype=x.dtype)) if x.size > 1 else float("nan")


def variance_by_squares(x: Values) -> float:
    """Return the variance as E[x²] - E[x]²: one pass, two running sums, as a running batch norm keeps them.

    Equal to :func:`variance` on paper. In floating point it takes the difference of two large numbers where the mean is
    large beside the spread, and may lose every digit, or come out below 0.
    """
    if x.size < 2:
        return float("nan")
    average = x.mean(dtype=x.dtype)
    return float(np.square(x).mean(dtype=x.dtype) - average * average)


def sample_variance(x: Values) -> float:
    """Return the sum of squared distances over n - 1: unbiased, the default of ``torch.var``."""
    return variance(x) * x.size / (x.size - 1) if x.size > 1 else float("nan")


def std(x: Values) -> float:
    """Return the standard deviation: the root of :func:`variance`, back on the scale of ``x``."""
    return float(np.sqrt(variance(x)))


def mean_absolute_deviation(x: Values) -> float:
    """Return the mean distance from the mean: less drawn to an outlier than the standard deviation."""
    return float(np.abs(deviations(x)).mean(dtype=x.dtype)) if x.size > 1 else float("nan")


def covariance(x: Values, y: Values) -> float:
    """Return the mean of (x - E[x]) (y - E[y]); the variance, if y is x.

    Raises:
        ValueError: different lengths.
    """
    _paired(x, y)
    return float((deviations(x) * deviations(y)).mean()) if x.size > 1 else float("nan")


def covariance_by_products(x: Values, y: Values) -> float:
    """Return the covariance as E[xy] - E[x] E[y]."""
    _paired(x, y)
    return float((x * y).mean() - x.mean() * y.mean()) if x.size > 1 else float("nan")


def correlation(x: Values, y: Values) -> float:
    """Return Pearson's correlation: the covariance over the product of the standard deviations, -1 to 1.

    nan where it is undefined: fewer than two values, or one series whose values are all the same.
    """
    _paired(x, y)
    if x.size < 2 or _same(x) or _same(y):
        return float("nan")
    a, b = deviations(x), deviations(y)
    # Each divided by its largest first: the squares of tiny numbers would vanish, those of huge ones overflow.
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    return float(np.clip((a * b).sum() / np.sqrt(np.square(a).sum() * np.square(b).sum()), -1, 1))


class InFloat32(NamedTuple):
    """Both variance formulas computed in float32, and the true variance.

    Attributes:
        stored: (n,) float32, what is left of the numbers themselves.
        gap: the distance of two neighbouring float32 numbers at the largest of them.
        truth: the variance of the numbers before, which no offset changes, in float64.
        by_definition, by_squares: in float32.
    """

    stored: NDArray[np.float32]
    gap: float
    truth: float
    by_definition: float
    by_squares: float


def in_float32(x: Values, offset: float) -> InFloat32:
    """Compute both variance formulas in float32 for ``x`` (n,) + offset, which does not change the true variance."""
    stored = (x.astype(np.float64) + offset).astype(np.float32)
    gap = float(np.spacing(np.abs(stored).max())) if x.size else 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        return InFloat32(stored, gap, variance(x), variance(stored), variance_by_squares(stored))


def second_series(x: Values, kind: str, seed: int = 13) -> Values:
    """Return (n,) a second series for ``x``: "twice" (the lesson's u: 2x times a little noise), "unrelated", "same".

    Raises:
        ValueError: another kind.
    """
    normal = np.random.default_rng(seed).standard_normal(x.size)
    match kind:
        case "twice":
            return np.asarray(x * 2 * (0.95 + normal / 10))
        case "unrelated":
            return np.asarray(normal * 4)
        case "same":
            return x.copy()
    raise ValueError(f"kind must be twice, unrelated or same; got {kind!r}")


def _same(x: Values) -> bool:
    return bool((x == x[0]).all())


def _paired(x: Values, y: Values) -> None:
    if x.shape != y.shape:
        raise ValueError(f"the second series needs as many values as the first, {x.size}; it has {y.size}")
