"""Statistics of each layer's weight after a step: its gradient, how far the step moved it, its histogram.

What the optimiser made of the gradient (momentum, weight decay, Adam's scaling) is not computed again: a copy of each
weight from before the step tells what really moved. Nothing here asks the device for a value.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lab.record import GRADIENT


def weight_of(block: nn.Module) -> Tensor | None:
    """Return the weight of a block's layer, or of the module itself.

    None where there is none, one that is computed anew at each pass, or one not float32, in the order of its axes
    or channels_last.
    """
    weight = getattr(getattr(block, "layer", block), "weight", None)
    if not isinstance(weight, nn.Parameter) or weight.dtype != torch.float32 or not weight.numel():
        return None
    last = weight.dim() == 4 and weight.is_contiguous(memory_format=torch.channels_last)
    return weight if last or weight.is_contiguous() else None


def weight_range(weight: Tensor | None) -> tuple[float, float]:
    """Return a histogram's range for a weight that is about to be trained; this waits for the device.

    Symmetric, to the first power of two from 1.25 times its largest value on: layers differ by a factor of ten.
    -1 to 1 for a weight of zeros.
    """
    largest = 0.0 if weight is None else float(weight.detach().abs().max())
    bound = 2.0 ** math.ceil(math.log2(1.25 * largest)) if 1e-30 < largest < 1e30 else 1.0
    return -bound, bound


def measure_update(weight: Tensor, before: Tensor, gradient: Tensor | None) -> list[Tensor]:
    """Return the statistics in record.GRADIENT of one weight, given its copy from before the step; 0-dim tensors."""
    # In double: over 40,000 weights float32 sums of squares are off by 5e-6.
    moved, size = (torch.linalg.vector_norm(x, dtype=torch.float64) for x in (weight - before, before))
    ratio = (moved / size).to(weight.dtype)
    if gradient is None:
        return [ratio.new_full((), math.nan)] * 3 + [ratio]
    return [gradient.mean(), gradient.std(), (gradient == 0).sum() / gradient.numel(), ratio]


class Weights:
    """The weights of the layers that are measured, each with a copy from before the step in work.

    Attributes:
        weights: one for each layer; None for a layer without one.
        before: the copies, laid out in memory as the weights are.
        ranges: of their histograms.
        columns: of a row, where the figures stand, layer by layer: len(GRADIENT) each.
    """

    def __init__(self, weights: Sequence[Tensor | None], ranges: Sequence[tuple[float, float]], columns: slice) -> None:
        self.weights = [None if weight is None else weight.detach() for weight in weights]
        self._params = weights
        self.before = [None if weight is None else weight.clone() for weight in self.weights]
        self.ranges = ranges
        self.columns = columns

    def gradient(self, layer: int) -> Tensor | None:
        """Return the gradient of a layer's weight, None where there is none."""
        param = self._params[layer]
        return None if param is None else param.grad

    def figures(self) -> Tensor:
        """Return every layer's statistics, (layers * len(GRADIENT),), and take the weights over as those before."""
        figures: list[Tensor] = []
        some = next(weight for weight in self.weights if weight is not None)
        for layer, (weight, before) in enumerate(zip(self.weights, self.before, strict=True)):
            if weight is None or before is None:
                figures += [some.new_full((), math.nan)] * len(GRADIENT)
                continue
            figures += measure_update(weight, before, self.gradient(layer))
            before.copy_(weight)
        return torch.stack(figures)
