"""The lesson's adjustable ReLU."""

import torch.nn.functional as F
from torch import Tensor, nn


class GeneralRelu(nn.Module):
    """Leaky ReLU, then a shift down, then a cap (lesson 10, notebook 06).

    ``leak`` is the slope below zero (0 is plain ReLU), ``sub`` is subtracted to centre the
    output, ``maxv`` is the largest value that passes (0 means no cap). All three are plain
    attributes that may change while training. Input and output have the same shape.
    """

    def __init__(self, leak: float = 0.0, sub: float = 0.0, maxv: float = 0.0) -> None:
        super().__init__()
        self.leak = leak
        self.sub = sub
        self.maxv = maxv

    def forward(self, x: Tensor) -> Tensor:
        # leaky_relu with slope 0 would turn -inf into nan.
        x = F.leaky_relu(x, self.leak) if self.leak else F.relu(x)
        if self.sub:
            x = x - self.sub
        if self.maxv:
            x = x.clamp_max(self.maxv)
        return x

    def extra_repr(self) -> str:
        return f"leak={self.leak:g}, sub={self.sub:g}, maxv={self.maxv:g}"
