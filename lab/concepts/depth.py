"""A signal through many layers: linear maps with Kaiming's init, each followed by an activation.

fast.ai deep learning part 2, lesson 10: after Kaiming's init a plain ReLU's outputs have a mean of about .5, not 0.
The init: K. He et al., "Delving Deep into Rectifiers", arXiv:1502.01852. That depth makes inputs alike while the
values themselves keep their spread: S. Schoenholz et al., "Deep Information Propagation", arXiv:1611.01232.
"""

import functools
import math
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.concepts.activations import Shape, histogram
from lab.knob import ConfigError

INITS = {"kaiming": "Kaiming (He)", "lecun": "LeCun", "torch": "nn.Linear’s own"}
"""Key -> label."""

WIDTH = 256
"""Units of each layer, and numbers in an input."""

BATCH = 128
"""Inputs that are followed through the layers."""

SURVIVES, FADES, EXPLODES = 0.1, 1e-3, 10.0
"""Where the words for how far inputs are apart change; they start 1 apart. A choice, not a law."""


def gain(init: str, shape: Shape) -> float:
    """Return the weights' standard deviation times the root of the number of a unit's inputs.

    Kaiming's √(2 / (1 + leak²)) takes ``shape`` for a leaky ReLU: with its leak if it is GeneralRelu, else with
    none. LeCun's is 1, nn.Linear's own √(1/3): the Kaiming uniform of a leak of √5.

    Raises:
        ConfigError: for an init that is not in INITS.
    """
    match init:
        case "kaiming":
            return math.sqrt(2 / (1 + (shape.leak**2 if shape.name == "general" else 0)))
        case "lecun":
            return 1.0
        case "torch":
            return math.sqrt(1 / 3)
    raise ConfigError("init", init, "one of " + ", ".join(INITS))


class Layer(NamedTuple):
    """Statistics of one layer's outputs, over all inputs and units.

    Attributes:
        mean, std: of all values.
        apart: how much the inputs still differ: each unit's standard deviation over the inputs, as the root mean
            square over the units. 1 before the first layer. The std alone cannot tell: a net that answers every
            input alike still has units that differ from each other.
        shares: (81,) their :func:`histogram`.
    """

    mean: float
    std: float
    apart: float
    shares: NDArray[np.float64]


def layers(shape: Shape, init: str = "kaiming", *, seed: int = 0) -> Iterator[Layer]:
    """Yield each layer's statistics for N(0, 1) inputs: a linear map without bias, then ``shape``; never ends.

    BATCH inputs, WIDTH units, in float32 as a net would have it: where inputs are less than some 1e-7 of the
    values apart, what is left is rounding. The same ``seed`` gives the same inputs and, but for the gain, weights.
    """
    x = _normal(seed, 0, BATCH)
    scale = np.float32(gain(init, shape) / math.sqrt(WIDTH))
    number = 0
    while True:
        number += 1
        x = shape((x * scale) @ _normal(seed, number, WIDTH))
        yield Layer(
            float(x.mean(dtype=np.float64)),
            float(x.std(dtype=np.float64)),
            math.sqrt(x.var(axis=0, dtype=np.float64).mean()),
            histogram(x),
        )


class Net:
    """The :func:`layers` of one net, each computed once; it takes the same arguments."""

    def __init__(self, shape: Shape, init: str = "kaiming", seed: int = 0) -> None:
        self._made: list[Layer] = []
        self._rest = layers(shape, init, seed=seed)

    def first(self, n: int) -> list[Layer]:
        """Return the first ``n`` layers.

        Raises:
            ValueError: n below 1.
        """
        if n < 1:
            raise ValueError(f"a net has at least 1 layer; got {n}")
        self._made.extend(islice(self._rest, max(0, n - len(self._made))))
        return self._made[:n]


def verdict(layer: Layer) -> str:
    """Return in a word whether the last layer's outputs still tell the inputs apart."""
    if layer.apart > EXPLODES:
        return "explodes"
    return "survives" if layer.apart >= SURVIVES else "fades" if layer.apart >= FADES else "lost"


@functools.lru_cache(64)
def _normal(seed: int, number: int, rows: int) -> NDArray[np.float32]:
    return np.random.default_rng((seed, number)).standard_normal((rows, WIDTH), dtype=np.float32)
