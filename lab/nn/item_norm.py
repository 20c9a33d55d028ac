"""Layer, instance and group normalisation: their statistics are of one image alone."""

import torch
from torch import Tensor, nn

from lab.nn.batch_norm import report


class ItemNorm(nn.Module):
    """Normalises each image's channels in ``groups`` groups; x of shape (N, C, H, W).

    No running statistics, so training and eval mode are the same; gradient flows through the
    statistics. ``eps`` may change while training. ``used_mean`` and ``used_var``, of shape
    (N, groups, 1, 1, 1), are what the last forward normalised with, before eps.
    """

    used_mean: Tensor
    used_var: Tensor

    def __init__(self, shape: tuple[int, ...], groups: int, eps: float, unbiased: bool) -> None:
        super().__init__()
        self.groups = groups
        self.eps = eps
        self.unbiased = unbiased
        self.weight = nn.Parameter(torch.ones(shape, dtype=torch.float32))
        self.bias = nn.Parameter(torch.zeros(shape, dtype=torch.float32))
        for name in ("used_mean", "used_var"):
            self.register_buffer(
                name, torch.full((1, groups, 1, 1, 1), torch.nan, dtype=torch.float32), persistent=False
            )

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        grouped = x.view(n, self.groups, channels // self.groups, height, width)
        dims = (2, 3, 4)
        # One value has no unbiased variance: 0/0, nan. var_mean would say the same, four times slower on a CPU.
        divisor = x[0].numel() // self.groups - self.unbiased
        mean = grouped.mean(dims, keepdim=True)
        centred = grouped - mean
        var = (centred * centred).sum(dims, keepdim=True) / divisor
        report(self, used_mean=mean.detach(), used_var=var.detach())
        y: Tensor = (centred * (var + self.eps).rsqrt()).flatten(1, 2) * self.weight + self.bias
        return y


class LayerNorm(ItemNorm):
    """The course's LayerNorm (lesson 10, notebook 07): each image by its own mean and variance.

    ONE scale and one shift for the layer, and the unbiased variance unless ``unbiased`` is
    False. J. Ba et al., arXiv:1607.06450.
    """

    def __init__(self, eps: float = 1e-5, *, unbiased: bool = True) -> None:
        super().__init__((1,), 1, eps, unbiased)


class InstanceNorm(ItemNorm):
    """The course's InstanceNorm (lesson 10, notebook 07): each channel of each image alone.

    The variance is unbiased unless ``unbiased`` is False: on a 1x1 map it is nan, for any eps
    and learning rate, as in the course's own run. The biased one is 0 there, and the output the
    learned shift alone, whatever the image. D. Ulyanov et al., arXiv:1607.08022.
    """

    def __init__(self, channels: int, eps: float = 1e-5, *, unbiased: bool = True) -> None:
        super().__init__((channels, 1, 1), channels, eps, unbiased)


class GroupNorm(ItemNorm):
    """Group normalisation with the biased variance, as ``nn.GroupNorm`` computes it.

    Y. Wu and K. He, arXiv:1803.08494.

    Raises:
        ValueError: when ``groups`` does not divide ``channels``.
    """

    def __init__(self, groups: int, channels: int, eps: float = 1e-5, *, unbiased: bool = False) -> None:
        if groups < 1 or channels % groups:
            raise ValueError(f"groups must divide the {channels} channels, got {groups}")
        super().__init__((channels, 1, 1), groups, eps, unbiased)
