"""The layers of a Config's net as plain numbers: what is drawn of a net before it is built. Imports no torch."""

from dataclasses import dataclass
from itertools import pairwise

from lab.config import MOVING_AVERAGE_NORMS, Config

PICTURE, CLASSES, HIDDEN = 28, 10, 50
"""Pixels along a side of a picture, classes, hidden units; lab.nn.models builds by them."""

NORM_NAMES = {
    "batch": "BatchNorm", "torch_batch": "TorchBatchNorm", "layer": "LayerNorm", "instance": "InstanceNorm",
    "instance_biased": "InstanceNorm", "group": "GroupNorm", "running": "RunningBatchNorm",
    "running_simple": "RunningBatchNormSimple",
}  # fmt: skip
"""The classes in lab.nn.norms that Config's names stand for."""


@dataclass(frozen=True)
class Layer:
    """One block of a net.

    Attributes:
        name: as in the record.
        shape: (channels, height, width) of its output for one picture; (units, 1, 1) of a linear layer.
        parameters: weights and biases, the norm's included.
        norm: the norm's class, "" without one.
        weight: (height, width) of one channel's weights, where the layer reads the picture itself; else None.
    """

    name: str
    shape: tuple[int, int, int]
    parameters: int
    norm: str = ""
    weight: tuple[int, int] | None = None


def plan(config: Config) -> tuple[Layer, ...]:
    """Return the blocks of ``config``'s net in data order."""
    pixels, whole = PICTURE * PICTURE, (PICTURE, PICTURE)
    if config.model == "mlp":
        hidden = Layer("hidden", (HIDDEN, 1, 1), (pixels + 1) * HIDDEN, weight=whole)
        return hidden, Layer("output", (CLASSES, 1, 1), (HIDDEN + 1) * CLASSES)
    if config.model != "cnn":
        return (Layer("linear", (CLASSES, 1, 1), (pixels + 1) * CLASSES, weight=whole),)
    layers, side = [], PICTURE
    for number, (before, width) in enumerate(pairwise((1, *config.widths)), start=1):
        side, kernel = (side + 1) // 2, 5 if number == 1 else 3
        parameters = before * width * kernel * kernel + (0 if config.norm in MOVING_AVERAGE_NORMS else width)
        # LayerNorm has one factor and one summand, the other norms one of each a channel.
        parameters += {"none": 0, "layer": 2}.get(config.norm, 2 * width)
        reads = (kernel, kernel) if number == 1 else None
        norm = NORM_NAMES.get(config.norm, "")
        layers.append(Layer(f"conv{number}", (width, side, side), parameters, norm, reads))
    return tuple(layers)


def parameters(config: Config) -> int:
    """Return how many weights and biases ``config``'s net has, the last layer's and the norms' included."""
    layers = plan(config)
    head = 0
    if config.model == "cnn":
        channels, height, width = layers[-1].shape
        head = (channels * (height * width if config.pool == "flatten" else 1) + 1) * CLASSES
    return sum(layer.parameters for layer in layers) + head
