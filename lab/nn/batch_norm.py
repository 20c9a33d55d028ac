"""Batch normalisation: the course's, from scratch, and torch's beside it."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Averages(NamedTuple):
    """A norm's running statistics, detached, on the norm's device.

    ``mean`` and ``var`` (each of shape (C,)) are the moving averages as kept, ``debiased_mean``
    and ``debiased_var`` (C,) the same without the share of their starting values, and
    ``debias`` (0-dim) is the weight of what was seen: 1 - product of (1 - momentum).
    De-biased values are nan before the first batch.
    """

    mean: Tensor
    var: Tensor
    debiased_mean: Tensor
    debiased_var: Tensor
    debias: Tensor


def batch_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and BIASED variance of each channel, (C,) both, in one pass over x (N, C, H, W)."""
    mean, var = torch.batch_norm_update_stats(x, None, None, 0.0)
    return mean, var


def add_statistics_buffers(norm: nn.Module, channels: int) -> None:
    """Register the buffers that every norm with running statistics reports; nan until the first batch.

    Buffers, so that they are on the norm's device before its first batch too.
    """
    for name in ("used_mean", "used_var", "batch_mean", "batch_var"):
        norm.register_buffer(name, torch.full((channels,), torch.nan, dtype=torch.float32), persistent=False)
    # The product of (1 - momentum); in double, since a small momentum is lost in float32.
    norm.register_buffer("unseen", torch.ones((), dtype=torch.float64))


def report(norm: nn.Module, **statistics: Tensor) -> None:
    """Make ``statistics`` the norm's buffers of these names, which it has already.

    As an assignment would, at a tenth of its price: at a batch of two it shows.
    """
    norm._buffers.update(statistics)


def _averages(mean: Tensor, var: Tensor, unseen: Tensor) -> Averages:
    """Return the Averages of a norm whose mean started at 0 and whose variance started at 1."""
    # In double: with a momentum of 1e-8 the difference to 1 is lost in float32.
    debias = 1 - unseen
    debiased = [
        ((average.double() - start) / debias).to(average.dtype) for average, start in ((mean, 0), (var, unseen))
    ]
    return Averages(mean.clone(), var.clone(), debiased[0], debiased[1], debias.to(mean.dtype))


class BatchNorm(nn.Module):
    """The course's BatchNorm (lesson 10, notebook 07), for x of shape (N, C, H, W).

    Unlike ``nn.BatchNorm2d`` it normalises with the UNBIASED variance and takes no gradient
    through the batch's statistics. In eval mode it uses the running ones. ``eps`` and
    ``momentum`` (the weight of the newest batch) may change while training.

    A batch with one value per channel (one image on a 1x1 map) has no variance: it is
    normalised with the running statistics and updates nothing.

    ``used_mean`` and ``used_var`` (C,) are what the last forward normalised with, before eps;
    ``batch_mean`` and ``batch_var`` (C,) those of the last training batch.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    running_mean: Tensor
    running_var: Tensor
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
        self.register_buffer("running_mean", torch.zeros(channels, dtype=torch.float32))
        self.register_buffer("running_var", torch.ones(channels, dtype=torch.float32))
        add_statistics_buffers(self, channels)

    def forward(self, x: Tensor) -> Tensor:
        values = x.numel() // x.shape[1]
        if self.training and values > 1:
            with torch.no_grad():
                # Averages the unbiased variance into running_var, as the course does, and returns the biased one.
                mean, var = torch.batch_norm_update_stats(x, self.running_mean, self.running_var, self.momentum)
                var.mul_(values / (values - 1))
                self.unseen.mul_(1 - self.momentum)
            report(self, batch_mean=mean, batch_var=var)
        else:
            mean, var = self.running_mean, self.running_var
        report(self, used_mean=mean, used_var=var)
        return F.batch_norm(x, mean, var, self.weight, self.bias, False, 0.0, self.eps)

    def averages(self) -> Averages:
        """Return the running statistics as they are now; the mean started at 0, the variance at 1."""
        return _averages(self.running_mean, self.running_var, self.unseen)


class TorchBatchNorm(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` that also reports its statistics, as :class:`BatchNorm` does.

    It normalises with the biased variance (``used_var``), keeps the unbiased one
    (``batch_var`` is unbiased too), and takes gradient through both.

    A batch with one value per channel (one image on a 1x1 map), which torch refuses, is
    normalised with the running statistics and updates nothing.
    """

    running_mean: Tensor
    running_var: Tensor
    used_mean: Tensor
    used_var: Tensor
    batch_mean: Tensor
    batch_var: Tensor
    unseen: Tensor
    momentum: float

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(channels, eps, momentum, dtype=torch.float32)
        add_statistics_buffers(self, channels)

    def forward(self, x: Tensor) -> Tensor:
        values = x.numel() // x.shape[1]
        if not self.training or values <= 1:
            report(self, used_mean=self.running_mean, used_var=self.running_var)
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        with torch.no_grad():
            mean, var = batch_statistics(x)
            report(self, used_mean=mean, used_var=var, batch_mean=mean, batch_var=var * (values / (values - 1)))
            self.unseen.mul_(1 - self.momentum)
        return super().forward(x)

    def averages(self) -> Averages:
        """Return the running statistics as they are now; the mean started at 0, the variance at 1."""
        return _averages(self.running_mean, self.running_var, self.unseen)
