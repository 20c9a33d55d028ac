"""What a norm of torch's does in a step: the same figures as those of the lab's own norms, from its input.

The lab's norms report what they normalised with; torch's keep it to themselves, so it is computed once more here.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lab.nn.batch_norm import batch_statistics
from lab.nn.own import UNSEEN


def _grouped(norm: nn.Module, x: Tensor) -> Tensor:
    """Return ``x`` with the values that are normalised together along its last axis."""
    if isinstance(norm, nn.LayerNorm):
        return x.flatten(-len(norm.normalized_shape))
    if isinstance(norm, nn.GroupNorm):
        return x.reshape(len(x), norm.num_groups, -1)
    return x.flatten(2)  # InstanceNorm


def measure_torch_norm(norm: nn.Module, x: Tensor, figures: Tensor) -> None:
    """Write the figures of record.NORM, for a norm that has just run on ``x``, into ``figures`` (len(NORM),).

    The batch's variance is the unbiased one, as torch averages it; what it normalised with is the biased one.
    """
    x = x.detach().float()
    running = cast(Tensor | None, getattr(norm, "running_mean", None))
    with torch.no_grad():
        if isinstance(norm, _BatchNorm):
            mean, var = batch_statistics(x)
            count = x.numel() // x.shape[1]
        else:
            flat = _grouped(norm, x)
            count = flat.shape[-1]
            mean = flat.mean(-1, keepdim=True)
            # var_mean would say the same, four times slower on a CPU.
            centred = flat - mean
            var = (centred * centred).mean(-1)
        uses_running = running is not None and not norm.training
        used = cast(Tensor, norm.running_var) if uses_running else var
        smallest = used.min()
        figures[:2] = torch.stack([smallest, torch.rsqrt(smallest + cast(float, norm.eps))])
        if running is None:
            figures[2:].fill_(math.nan)
            return
        unbiased = var * (count / (count - 1) if count > 1 else math.nan)
        unseen = cast(Tensor, getattr(norm, UNSEEN))
        if norm.training:
            momentum = cast(float | None, norm.momentum)
            # Without a momentum torch averages all batches alike, and nothing of the starting values is left.
            unseen.mul_(0.0 if momentum is None else 1 - momentum)
        running_var = cast(Tensor, norm.running_var)
        seen = 1 - unseen
        debiased = [((part.double() - start) / seen).mean() for part, start in ((running, 0), (running_var, unseen))]
        kept = [mean.mean(), unbiased.mean(), running.mean(), running_var.mean()]
        figures[2:] = torch.stack([*kept, *debiased, seen]).to(figures.dtype)
