"""The networks that the lab trains: the lesson's CNN, logistic regression, one hidden layer."""

import math
from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from lab.config import MOVING_AVERAGE_NORMS, Config
from lab.nn.activations import GeneralRelu
from lab.nn.conv import Conv2d
from lab.nn.layers import Observed
from lab.nn.norms import AveragingNorm, Norm, make_norm
from lab.nn.plan import CLASSES, HIDDEN, PICTURE


class Block(nn.Sequential):
    """A layer with weights, its activation, and a norm AFTER it; either may be missing."""

    layer: nn.Conv2d | nn.Linear
    activation: GeneralRelu | None
    norm: Norm | None

    def __init__(
        self, layer: nn.Conv2d | nn.Linear, activation: GeneralRelu | None = None, norm: Norm | None = None
    ) -> None:
        super().__init__()
        self.layer = layer
        self.activation = activation
        self.norm = norm

    @property
    def channels(self) -> int:
        """Channels, or units, of its output."""
        return self.layer.out_channels if isinstance(self.layer, nn.Conv2d) else self.layer.out_features


class Model(nn.Module):
    """A stem without weights, the blocks that are measured, and a head.

    Attributes:
        blocks: by name, in order.
        norms: the blocks' norms by the same names; empty without norm.
    """

    def __init__(self, stem: nn.Module, blocks: dict[str, Block], head: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        self.body = nn.Sequential(OrderedDict(blocks))
        self.head = head
        self.blocks = blocks
        self.norms: dict[str, Norm] = {name: block.norm for name, block in blocks.items() if block.norm is not None}

    @property
    def layers(self) -> tuple[Observed, ...]:
        """What is measured: the blocks."""
        return tuple(
            Observed(name, block, block.layer, block.activation or block.layer, block.norm, block.channels)
            for name, block in self.blocks.items()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, outputs) of the pictures x (N, 1, height, width)."""
        logits: Tensor = self.head(self.body(self.stem(x)))
        return logits

    def set_live(self, config: Config) -> None:
        """Take over ``norm_eps``, ``norm_momentum`` and ``leak``, from the next forward on."""
        for block in self.blocks.values():
            if block.activation is not None:
                block.activation.leak = config.leak
        for norm in self.norms.values():
            norm.eps = config.norm_eps
            if isinstance(norm, AveragingNorm):
                norm.momentum = config.norm_momentum


def build(config: Config, outputs: int = CLASSES, pixels: int = PICTURE * PICTURE) -> Model:
    """Return the network of ``config.model``, with torch's default weights from the default RNG.

    A CNN that pools takes pictures of any size, the other nets those of ``pixels`` pixels alone.

    Raises:
        ValueError: for pictures that are not square, which a CNN without a pool cannot be built for.
    """
    if config.model == "cnn":
        return _cnn(config, outputs, pixels)
    if config.model == "mlp":
        hidden = Block(_linear(pixels, HIDDEN), _activation(config))
        return Model(nn.Flatten(), {"hidden": hidden, "output": Block(_linear(HIDDEN, outputs))}, nn.Identity())
    return Model(nn.Flatten(), {"linear": Block(_linear(pixels, outputs))}, nn.Identity())


def _linear(inputs: int, outputs: int) -> nn.Linear:
    # A notebook may have changed torch's default dtype: that must not change a run.
    return nn.Linear(inputs, outputs, dtype=torch.float32)


def _activation(config: Config) -> GeneralRelu:
    return GeneralRelu(config.leak, config.sub, config.maxv)


POOLS: dict[str, Callable[[], nn.Module]] = {
    "average": lambda: nn.AdaptiveAvgPool2d(1),
    "max": lambda: nn.AdaptiveMaxPool2d(1),
    "flatten": nn.Identity,
}
"""Config.pool -> what comes between the last maps and the last layer, before they are laid flat."""


def _cnn(config: Config, outputs: int, pixels: int) -> Model:
    """Return lesson 10's net: stride-2 convs, 5x5 then 3x3, a pool (the lesson's averages to 1x1), linear."""
    blocks = {}
    for number, (before, width) in enumerate(pairwise((1, *config.widths)), start=1):
        kernel = 5 if number == 1 else 3
        bias = config.norm not in MOVING_AVERAGE_NORMS
        conv = Conv2d(before, width, kernel, stride=2, padding=kernel // 2, bias=bias, dtype=torch.float32)
        norm = make_norm(
            config.norm, width, eps=config.norm_eps, momentum=config.norm_momentum, groups=config.groups
        )  # fmt: skip
        blocks[f"conv{number}"] = Block(conv, _activation(config), norm)
    values = config.widths[-1]
    if config.pool == "flatten":
        side = math.isqrt(pixels)
        if side * side != pixels:
            raise ValueError(f"a CNN without a pool needs square pictures, got {pixels} pixels")
        for _ in config.widths:
            side = (side + 1) // 2
        values *= side * side
    head = nn.Sequential(POOLS[config.pool](), nn.Flatten(), _linear(values, outputs))
    return Model(nn.Identity(), blocks, head)
