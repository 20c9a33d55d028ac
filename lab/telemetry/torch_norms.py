"""What a norm of torch's does in a step: the same figures as those of the lab's own norms, from its input.

The lab's norms report what they normalised with; torch's keep it to themselves, so it is computed once more here.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lab.nn.own import UNSEEN


def measure_torch_norm(norm: nn.Module, x: Tensor, figures: Tensor) -> None:
    """Write the figures of record.NORM, for a norm that has just run on ``x``, into ``figures`` (len(NORM),).

    The batch's variance is the unbiased one, as torch averages it; what it normalised with is the biased one.
    """
    x = x.detach().float()
    running = cast(Tensor | None, getattr(norm, "running_mean", None))
    by_channel = isinstance(norm, _BatchNorm)
    with torch.no_grad():
        if by_channel:
            flat = x.transpose(0, 1).flatten(1)
        elif isinstance(norm, nn.LayerNorm):
            flat = x.flatten(-len(norm.normalized_shape))
        elif isinstance(norm, nn.GroupNorm):
            flat = x.reshape(len(x), norm.num_groups, -1)
        else:
            flat = x.flatten(2)
        var, mean = torch.var_mean(flat, -1, correction=0)
        uses_running = running is not None and not norm.training
        used = cast(Tensor, norm.running_var) if uses_running else var
        smallest = used.min()
        figures[:2] = torch.stack([smallest, torch.rsqrt(smallest + cast(float, norm.eps))])
        if running is None:
            figures[2:].fill_(math.nan)
            return
        count = flat.shape[-1]
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
