"""The course's RunningBatchNorm, in both forms that it published (lesson 10, notebook 07)."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.nn.batch_norm import Averages, add_statistics_buffers, batch_statistics

FLOOR = 0.01
"""Smallest variance while fewer than :data:`FEW` images were seen."""

FEW = 20


class _Normalise(torch.autograd.Function):
    """(x - mean) / sqrt(var + eps) * weight + bias, with the gradient of the statistics.

    mean = S / c and var = Q / c - mean², where x has a part in the averages S and Q of sums
    and squares: S = … + momentum * sum(x), Q = … + momentum * sum(x²). Written by hand
    because autograd's dozen small steps cost more than a batch of two images does.

    ``share`` (0-dim) is momentum / c; ``free`` (C,) is 1 where var was not clamped, else 0.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor, free: Tensor, share: Tensor,
        eps: float,
    ) -> Tensor:  # fmt: skip
        ctx.save_for_backward(x, weight, mean, var, free, share)
        ctx.eps = eps
        return F.batch_norm(x, mean, var, weight, bias, False, 0.0, eps)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, var, free, share = ctx.saved_tensors
        # With the statistics held constant; the rest of x's gradient is added below.
        x_grad, weight_grad, bias_grad = torch.ops.aten.native_batch_norm_backward(
            grads[0], x, weight, mean, var, None, None, False, ctx.eps, [True, True, True]
        )
        root = (var + ctx.eps).rsqrt_()
        scale = root * weight
        # d var = -scale * root / 2 * weight_grad; x meets it as 2 * x * share * d var.
        slope = root.mul_(scale).mul_(weight_grad).mul_(free).mul_(share).neg_()
        shift = scale.mul_(bias_grad).mul_(share).addcmul_(slope, mean).neg_()
        x_grad.addcmul_(x, slope[:, None, None]).add_(shift[:, None, None])
        return x_grad, weight_grad, bias_grad, None, None, None, None, None


class RunningBatchNorm(nn.Module):
    """The course's RunningBatchNorm, de-biased form, for x of shape (N, C, H, W).

    Normalises with moving averages in training as well: sums, squares and count all start at
    0 and are averaged with the momentum 1 - (1 - momentum) / sqrt(N - 1); then mean = sums /
    count and var = squares / count - mean². (The course divides all three by their de-bias
    factor first, which cancels.) Gradient flows through this batch's part of the averages,
    not through the past.

    Rules for the corners: a batch of 1 uses the momentum of a batch of 2, where the course
    divides by zero. Until 20 images were seen, var is at least .01, as in the course; after
    that it is at least 0, since rounding can take squares / count - mean² below. Before the
    first batch, eval mode uses mean 0 and variance 1.

    ``eps`` and ``momentum`` may change while training. ``used_mean`` and ``used_var`` (C,)
    are what the last forward normalised with, before eps; ``batch_mean`` and ``batch_var``
    (C,) those of the last training batch, biased.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    sums: Tensor
    squares: Tensor
    count: Tensor
    images: Tensor
    used_mean: Tensor
    used_var: Tensor
    batch_mean: Tensor
    batch_var: Tensor
    unseen: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("sums", torch.zeros(channels))
        self.register_buffer("squares", torch.zeros(channels))
        # On the device, not Python's, so that they advance when a CUDA graph is replayed.
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("images", torch.zeros((), dtype=torch.int64))
        add_statistics_buffers(self, channels)

    def effective_momentum(self, batch_size: int) -> float:
        """The weight of a new batch: .10 at batch 2, .84 at 32, .96 at 512 for momentum .1."""
        return 1 - (1 - self.momentum) / math.sqrt(max(batch_size - 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self._train(x) if self.training else self._evaluate(x)

    def _train(self, x: Tensor) -> Tensor:
        momentum = self.effective_momentum(x.shape[0])
        with torch.no_grad():
            self._update(x, momentum)
            mean = self.sums / self.count
            raw = (self.squares / self.count).addcmul_(mean, mean, value=-1)
            var = raw.clamp(min=self._floor())
            free = (raw == var).to(raw.dtype)
            share = self.count.reciprocal().mul_(momentum)
        self.used_mean, self.used_var = mean, var
        y: Tensor = _Normalise.apply(x, self.weight, self.bias, mean, var, free, share, self.eps)  # type: ignore[no-untyped-call]  # torch leaves Function.apply untyped
        return y

    def _update(self, x: Tensor, momentum: float) -> None:
        values = x.numel() // x.shape[1]
        mean, var = batch_statistics(x)
        self.batch_mean, self.batch_var = mean, var
        keep, weight = 1 - momentum, momentum * values
        self.sums.mul_(keep).add_(mean, alpha=weight)
        self.squares.mul_(keep).add_(torch.addcmul(var, mean, mean), alpha=weight)
        self.count.mul_(keep).add_(weight)
        self.unseen.mul_(keep)
        self.images.add_(x.shape[0])

    def _floor(self) -> Tensor:
        return (self.images < FEW).to(self.sums.dtype).mul_(FLOOR)

    def _evaluate(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            seen = self.images > 0
            mean = (self.sums / self.count).where(seen, 0.0)
            var = (self.squares / self.count).addcmul_(mean, mean, value=-1).clamp(min=self._floor()).where(seen, 1.0)
        self.used_mean, self.used_var = mean, var
        return F.batch_norm(x, mean, var, self.weight, self.bias, False, 0.0, self.eps)

    def averages(self) -> Averages:
        """The running statistics as they are now; both started at 0. (C,) and a 0-dim factor."""
        debias = (1 - self.unseen).to(self.sums.dtype)
        mean = self.sums / self.count
        var = self.squares / self.count - mean * mean
        return Averages(debias * mean, debias * var, mean, var, debias)


class RunningBatchNormSimple(RunningBatchNorm):
    """The course's simplified RunningBatchNorm: a factor and an offset, no de-bias.

    In training it computes what :class:`RunningBatchNorm` does. What differs is eval mode,
    which applies the factor and offset of the last training batch as they were: a step of the
    optimiser or a new ``eps`` since then shows only after the next one, and no gradient
    reaches weight and bias. Before the first batch it is the identity.
    """

    factor: Tensor
    offset: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(channels, eps, momentum)
        self.register_buffer("factor", torch.ones(channels))
        self.register_buffer("offset", torch.zeros(channels))

    def _train(self, x: Tensor) -> Tensor:
        y = super()._train(x)
        with torch.no_grad():
            torch.mul((self.used_var + self.eps).rsqrt_(), self.weight, out=self.factor)
            torch.addcmul(self.bias, self.used_mean, self.factor, value=-1, out=self.offset)
        return y

    def _evaluate(self, x: Tensor) -> Tensor:
        return x * self.factor[:, None, None] + self.offset[:, None, None]
