"""The exponentially weighted moving average, and why it is divided by 1 - beta^t.

fast.ai deep learning part 2, lesson 10 ("3, then 5" and "10, then 20"), and part 1, lesson 5; the division is
D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", 2015, section 3. t counts the values seen
so far, from 1, as it does there. A run's own averages are made by the same :func:`ewma`.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Kind = Literal["zero", "first", "debiased"]

STREAMS = {
    "typed": "Typed values",
    "constant": "Constant 10",
    "steps": "Steps",
    "noise": "Noise around 10",
    "sine": "Sine",
}
"""The streams that a person can choose: key -> label."""


class Ewma(NamedTuple):
    """A moving average after each value.

    Attributes:
        average: (n,), ``beta * the one before + (1 - beta) * value``.
        weight: (n,), the share that the values have in it, 1 - product of the betas: 1 - beta^t for one beta.
            The rest is the start's.
    """

    average: Floats
    weight: Floats


def ewma(values: ArrayLike, betas: float | Sequence[float], *, start: float = 0.0, unseen: float = 1.0) -> Ewma:
    """Return the moving average of ``values`` (n,), in order.

    Args:
        values: (n,).
        betas: the share of the old average that stays, 0 to 1: one, or one for each value.
        start: the average before the first value.
        unseen: the start's share before the first value: 1, or 1 - the last weight to carry on from an earlier call.
    """
    numbers: list[float] = np.asarray(values, np.float64).tolist()
    each = [betas] * len(numbers) if isinstance(betas, int | float) else betas
    out = np.empty((2, len(numbers)))
    average = start
    for i, (value, beta) in enumerate(zip(numbers, each, strict=True)):
        average = beta * average + (1 - beta) * value
        unseen *= beta
        out[0, i], out[1, i] = average, 1 - unseen
    return Ewma(out[0], out[1])


def from_zero(values: ArrayLike, beta: float) -> Floats:
    """Return (n,) the average that starts at 0: the first ones are too small by the factor 1 - beta^t."""
    return ewma(values, beta).average


def from_first(values: ArrayLike, beta: float) -> Floats:
    """Return (n,) the average that starts at the first value, which then counts for beta^(t-1) of the whole.

    Lesson 10: 3 and then 5 with beta .9 make 3 and then 3.2.
    """
    values = np.asarray(values, np.float64)
    return (
        np.concatenate([values[:1], ewma(values[1:], beta, start=float(values[0])).average]) if len(values) else values
    )


def debiased(values: ArrayLike, beta: float) -> Floats:
    """Return (n,) the average from zero over 1 - beta^t: a weighted mean of the values alone.

    Lesson 10: 10 and then 20 with beta .9 make 1 and 2.9 from zero, 10 and 15.263 de-biased.
    At beta 1 no value is ever let in: nan throughout.
    """
    average, weight = ewma(values, beta)
    return np.divide(average, weight, out=np.full_like(average, np.nan), where=weight > 0)


def weights(t: int, beta: float, kind: Kind = "debiased") -> Floats:
    """Return (t,) the share of each of the first t values, oldest first, in the average after them.

    Their sum is 1 - beta^t from zero (the start has the rest, as a 0), and 1 otherwise; nan if de-biased at beta 1.

    Raises:
        ValueError: t below 1.
    """
    if t < 1:
        raise ValueError(f"t counts the values seen, from 1; got {t}")
    shares = (1 - beta) * np.power(float(beta), np.arange(t - 1, -1, -1))
    if kind == "first":
        shares[0] = beta ** (t - 1)
    elif kind == "debiased":
        shares = shares / factor(t, beta) if beta < 1 else np.full(t, np.nan)
    return shares


def factor(t: ArrayLike, beta: float) -> Floats:
    """Return 1 - beta^t, the factor by which an average from zero is too small after t values; shaped as ``t``."""
    return np.asarray(1 - np.power(float(beta), np.asarray(t, np.float64)))


def stream(kind: str, n: int = 100, seed: int = 0) -> Floats:
    """Return (n,) one of STREAMS but "typed": constant 10, levels 10, 4, 16 and 8, N(10, 3²), or 10 ± 5 as a sine."""
    at = np.arange(n)
    match kind:
        case "constant":
            return np.full(n, 10.0)
        case "steps":
            return np.array([10.0, 4.0, 16.0, 8.0])[at * 4 // max(n, 1)]
        case "noise":
            return 10 + 3 * np.random.default_rng(seed).standard_normal(n)
        case "sine":
            return 10 + 5 * np.sin(2 * np.pi * at / 50)
    raise ValueError(f"stream must be one of {', '.join(list(STREAMS)[1:])}; got {kind!r}")


def disturbed(values: Floats, noise: float = 0.0, first: float = 0.0, seed: int = 1) -> Floats:
    """Return ``values`` (n,) with N(0, noise²) added to each and ``first`` to the first."""
    out = values + noise * np.random.default_rng(seed).standard_normal(len(values))
    out[:1] += first
    return np.asarray(out)
