"""Activation functions: their curves, and the mean and std of their outputs for N(0, 1) inputs.

fast.ai deep learning part 2, lesson 10 (notebook 06): a ReLU's outputs do not have a mean of 0, so GeneralRelu
subtracts: half, or .4 where a leak lets some of the negative side through. :mod:`lab.concepts.depth` goes on from
here, to many layers.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lab.concepts.softmax import sigmoid
from lab.config import check
from lab.knob import ConfigError

Floats = NDArray[np.floating[Any]]

SHAPES = {
    "general": "GeneralRelu",
    "relu": "ReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "identity": "identity",
}
"""Key -> label. The identity is no activation at all, for comparison."""

HALF_BINS = 40
CENTRES = np.arange(-HALF_BINS, HALF_BINS + 1) / 10
"""(81,) the middles of the histogram's bins, each .1 wide, so that zero has a bin to itself."""


def general_relu(x: ArrayLike, leak: float = 0.0, sub: float = 0.0, maxv: float = 0.0) -> Floats:
    """Return leaky ReLU minus ``sub``, at most ``maxv`` (0: no cap); shaped as ``x``. The lesson's GeneralRelu."""
    x = np.asarray(x)
    y = (np.where(x > 0, x, leak * x) if leak else np.maximum(x, 0)) - sub  # 0 times -inf would be nan
    return np.asarray(np.minimum(y, maxv) if maxv else y)


def elu(x: ArrayLike) -> Floats:
    """Return ELU: x above zero, e^x - 1 below; shaped as ``x``. D.-A. Clevert et al., arXiv:1511.07289, alpha 1."""
    x = np.asarray(x)
    return np.asarray(np.where(x > 0, x, np.expm1(np.minimum(x, 0))))


def gelu(x: ArrayLike) -> Floats:
    """Return GELU: x times the share of N(0, 1) below x (exact, not the tanh fit); shaped as ``x``.

    D. Hendrycks and K. Gimpel, arXiv:1606.08415.
    """
    x = np.asarray(x)
    return np.asarray(x * normal_cdf(x))


def silu(x: ArrayLike) -> Floats:
    """Return SiLU (swish): x sigmoid(x); shaped as ``x``. S. Elfwing et al., arXiv:1702.03118."""
    return np.asarray(np.asarray(x) * sigmoid(x))


_PLAIN: dict[str, Callable[[ArrayLike], Floats]] = {"elu": elu, "gelu": gelu, "silu": silu, "sigmoid": sigmoid}


@dataclass(frozen=True)
class Shape:
    """An activation function: a key of SHAPES; ``leak``, ``sub`` and ``maxv`` are GeneralRelu's, with Config's ranges.

    Calling it applies it: an array in, one of the same shape and float type out.

    Raises:
        ConfigError: for a name that is not in SHAPES, or a number out of its range.
    """

    name: str
    leak: float = 0.0
    sub: float = 0.0
    maxv: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in SHAPES:
            raise ConfigError("shape", self.name, "one of " + ", ".join(SHAPES))
        for field in ("leak", "sub", "maxv"):
            check(field, getattr(self, field))

    def __call__(self, x: ArrayLike) -> Floats:
        x = np.asarray(x, None if isinstance(x, np.ndarray) and x.dtype.kind == "f" else np.float64)
        match self.name:
            case "general":
                y = general_relu(x, self.leak, self.sub, self.maxv)
            case "relu":
                y = general_relu(x)
            case "tanh":
                y = np.tanh(x)
            case "identity":
                y = x
            case _:
                y = _PLAIN[self.name](x)
        return y.astype(x.dtype, copy=False)

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where the curve bends sharply: at zero, and where GeneralRelu's cap begins."""
        capped = self.name == "general" and self.maxv
        return (0.0, self.maxv + self.sub) if capped else (0.0,)


class Moments(NamedTuple):
    """Mean and standard deviation."""

    mean: float
    std: float


def normal_cdf(x: ArrayLike) -> NDArray[np.float64]:
    """Return the share of N(0, 1) below ``x``, shaped as it, to 1e-11: numpy has no erf, and Python's takes no arrays.

    From a table of erf and, between its entries, Taylor's series up to the third power.
    """
    x = np.clip(np.asarray(x, np.float64), -9, 9)
    at = np.rint(x * _STEPS).astype(np.int64)
    near = at / _STEPS
    d = x - near
    share, density = _normal_table()
    index = at + 9 * _STEPS
    return np.asarray(share[index] + density[index] * d * (1 - d * near / 2 + d * d * (near * near - 1) / 6))


_STEPS = 128


@functools.cache
def _normal_table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    nodes = np.arange(-9 * _STEPS, 9 * _STEPS + 1) / _STEPS
    share = np.array([0.5 * math.erfc(-node * math.sqrt(0.5)) for node in nodes.tolist()])
    return share, np.exp(-nodes * nodes / 2) / math.sqrt(2 * math.pi)


def moments(shape: Shape, spread: float = 1.0) -> Moments:
    """Return the mean and std of ``shape``'s outputs for N(0, spread²), by integrals, to ten digits or more.

    By Gauss and Legendre's rule with 16 points in each half standard deviation up to 12 of them, with cells that
    end at the curve's kinks, where the rule would lose its digits.
    """
    ends = np.array([kink / spread for kink in shape.kinks if abs(kink) < 12 * spread])
    ends = np.union1d(np.linspace(-12, 12, 49), ends)
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half = np.diff(ends)[:, None] / 2
    z = ends[:-1, None] + half * (nodes + 1)
    density = half * weights * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    y = shape(spread * z)
    mean = float((density * y).sum())
    return Moments(mean, math.sqrt((density * (y - mean) ** 2).sum()))


@functools.cache
def normal_sample(n: int = 20_000) -> Floats:
    """Return (n,) evenly spaced quantiles of N(0, 1), in order: a sample without chance."""
    middle = NormalDist()
    values = np.array([middle.inv_cdf((i + 0.5) / n) for i in range(n)])
    values.flags.writeable = False
    return values


def histogram(x: Floats) -> NDArray[np.float64]:
    """Return (81,) the share of ``x`` within .05 of each of CENTRES; values beyond are in none."""
    bins = np.clip(np.floor(x * 10 + 0.5), -HALF_BINS - 1, HALF_BINS + 1).astype(np.int64) + HALF_BINS + 1
    return np.bincount(bins.ravel(), minlength=len(CENTRES) + 2)[1:-1] / x.size
