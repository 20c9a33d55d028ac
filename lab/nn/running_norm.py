"""The course's RunningBatchNorm, in both forms that it published (lesson 10, notebook 07)."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.nn.batch_norm import Averages, add_statistics_buffers, report

FLOOR = 0.01
"""Smallest variance while fewer than :data:`FEW` images were seen."""

FEW = 20

DIMS = (0, 2, 3)


class _Affine(torch.autograd.Function):
    """(x - mean) * root * weight + bias, with the gradient of the statistics.

    root = 1 / sqrt(var + eps), factor = root * weight, offset = bias - mean * factor, where
    mean = S / count and raw = Q / count - mean² (var is raw, clamped), and x has a part in
    S = … + momentum * sum(x) and Q = … + momentum * sum(x²). Written by hand, and with plain
    operations, because at a batch of two autograd's dozen small steps and the fused batch
    norm's start of threads each cost more than the arithmetic. All but x have shape (C,).
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, factor: Tensor, offset: Tensor, root: Tensor, mean: Tensor,
        raw: Tensor, var: Tensor, count: Tensor, momentum: float,
    ) -> Tensor:  # fmt: skip
        # A copy of the count: the next batch changes it in place.
        ctx.save_for_backward(x, factor, root, mean, raw, var, factor / count)
        ctx.momentum = momentum
        return torch.addcmul(offset.view(-1, 1, 1), x, factor.view(-1, 1, 1))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, factor, root, mean, raw, var, share = ctx.saved_tensors
        bias_grad = grads[0].sum(DIMS)
        weight_grad = (grads[0] * x).sum(DIMS).addcmul_(mean, bias_grad, value=-1).mul_(root)
        # x's part in Q: 2 x momentum / count * d var, with d var = -factor * root / 2 * weight_grad where not clamped.
        slope = (share * root).mul_(weight_grad).mul_(raw == var).mul_(-ctx.momentum)
        # Its part in S: momentum / count * d mean, with d mean = -factor * bias_grad - 2 mean * d var.
        shift = (share * bias_grad).mul_(-ctx.momentum).addcmul_(slope, mean, value=-1)
        x_grad = torch.addcmul(shift.view(-1, 1, 1), x, slope.view(-1, 1, 1)).addcmul_(grads[0], factor.view(-1, 1, 1))
        return x_grad, weight_grad, bias_grad, *[None] * 8


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
    missing: Tensor
    used_mean: Tensor
    used_var: Tensor
    batch_mean: Tensor
    batch_var: Tensor
    unseen: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(channels, dtype=torch.float32))
        self.bias = nn.Parameter(torch.zeros(channels, dtype=torch.float32))
        self.register_buffer("sums", torch.zeros(channels, dtype=torch.float32))
        self.register_buffer("squares", torch.zeros(channels, dtype=torch.float32))
        # On the device, not Python's, so that they advance when a CUDA graph is replayed.
        self.register_buffer("count", torch.zeros((), dtype=torch.float32))
        self.register_buffer("missing", torch.full((), float(FEW), dtype=torch.float32))
        add_statistics_buffers(self, channels)

    def effective_momentum(self, batch_size: int) -> float:
        """Return the weight of a new batch: .10 at batch 2, .84 at 32, .96 at 512 for momentum .1."""
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
            root = (var + self.eps).rsqrt_()
            factor = root * self.weight
            offset = torch.addcmul(self.bias, mean, factor, value=-1)
        report(self, used_mean=mean, used_var=var)
        self._keep(factor, offset)
        y: Tensor = _Affine.apply(  # type: ignore[no-untyped-call]  # torch leaves Function.apply untyped
            x, self.weight, self.bias, factor, offset, root, mean, raw, var, self.count, momentum
        )
        return y

    def _update(self, x: Tensor, momentum: float) -> None:
        values = x.numel() // x.shape[1]
        sums, squares = x.sum(DIMS), (x * x).sum(DIMS)
        self.sums.lerp_(sums, momentum)
        self.squares.lerp_(squares, momentum)
        self.count.mul_(1 - momentum).add_(momentum * values)
        self.unseen.mul_(1 - momentum)
        self.missing.sub_(x.shape[0])
        mean = sums.div_(values)
        report(self, batch_mean=mean, batch_var=squares.div_(values).addcmul_(mean, mean, value=-1))

    def _floor(self) -> Tensor:
        # missing counts whole images: 1 or more while few were seen, 0 or less afterwards.
        return self.missing.clamp(0, FLOOR)

    def _keep(self, factor: Tensor, offset: Tensor) -> None:
        """Keep what the simplified form uses in eval mode."""

    def _evaluate(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            seen = self.missing < FEW
            mean = (self.sums / self.count).where(seen, 0.0)
            var = (self.squares / self.count).addcmul_(mean, mean, value=-1).clamp(min=self._floor()).where(seen, 1.0)
        report(self, used_mean=mean, used_var=var)
        return F.batch_norm(x, mean, var, self.weight, self.bias, False, 0.0, self.eps)

    def averages(self) -> Averages:
        """Return the running statistics as they are now; both started at 0. (C,) and a 0-dim factor."""
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
        self.register_buffer("factor", torch.ones(channels, dtype=torch.float32))
        self.register_buffer("offset", torch.zeros(channels, dtype=torch.float32))

    def _keep(self, factor: Tensor, offset: Tensor) -> None:
        self.factor.copy_(factor)
        self.offset.copy_(offset)

    def _evaluate(self, x: Tensor) -> Tensor:
        return x * self.factor[:, None, None] + self.offset[:, None, None]
