"""The parts of a net in plain torch, one line a step, written to be read.

The lab trains with faster versions of the same arithmetic (``batch_norm``, ``item_norm``, ``running_norm``,
``activations``, ``init`` here, ``lab.training.optimizers``), which are tested against these, data and gradient.
Pictures are x of shape (N, C, H, W). "Lesson 10" is lesson 10 of fast.ai's deep learning, part 2 (notebooks 06 and 07).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def across(statistic: Tensor) -> Tensor:
    """Return one number a channel, (C,), as (C, 1, 1), so that it applies to every pixel of its channel."""
    return statistic[:, None, None]


class GeneralRelu(nn.Module):
    """Leaky ReLU, minus a shift, at most a cap (0 for none). Lesson 10."""

    def __init__(self, leak: float = 0.0, sub: float = 0.0, maxv: float = 0.0) -> None:
        super().__init__()
        self.leak, self.sub, self.maxv = leak, sub, maxv

    def forward(self, x: Tensor) -> Tensor:
        y = torch.where(x > 0, x, self.leak * x) - self.sub
        return y.clamp(max=self.maxv) if self.maxv else y


class Scaled(nn.Module):
    """The base of every norm: a learned scale and shift, one a channel."""

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def scale(self, normalised: Tensor) -> Tensor:
        return normalised * across(self.weight) + across(self.bias)


class BatchNorm(Scaled):
    """Each channel by the mean and variance of the whole batch; their moving averages in evaluation. Lesson 10.

    The lesson's form: the variance is unbiased, and no gradient flows through either. S. Ioffe and C. Szegedy,
    arXiv:1502.03167, has the biased one and the gradient, as ``nn.BatchNorm2d``.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(channels, eps, momentum)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.detach().mean((0, 2, 3)), x.detach().var((0, 2, 3))
            self.running_mean = self.momentum * mean + (1 - self.momentum) * self.running_mean
            self.running_var = self.momentum * var + (1 - self.momentum) * self.running_var
        return self.scale((x - across(mean)) / (across(var) + self.eps).sqrt())


class LayerNorm(Scaled):
    """Each picture by its own mean and variance; one scale and one shift for all. Lesson 10; arXiv:1607.06450."""

    def __init__(self, eps: float = 1e-5) -> None:
        super().__init__(1, eps)

    def forward(self, x: Tensor) -> Tensor:
        mean, var = x.mean((1, 2, 3), keepdim=True), x.var((1, 2, 3), keepdim=True)
        return self.scale((x - mean) / (var + self.eps).sqrt())


class InstanceNorm(Scaled):
    """Each channel of each picture by its own mean and variance. Lesson 10; arXiv:1607.08022.

    The lesson's variance is unbiased (``correction`` 1), and on a 1 x 1 map 0 / 0; the paper's is biased (0).
    """

    def __init__(self, channels: int, eps: float = 1e-5, correction: int = 1) -> None:
        super().__init__(channels, eps)
        self.correction = correction

    def forward(self, x: Tensor) -> Tensor:
        mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=self.correction, keepdim=True)
        return self.scale((x - mean) / (var + self.eps).sqrt())


class GroupNorm(Scaled):
    """Each group of a picture's channels by its own mean and (biased) variance. arXiv:1803.08494."""

    def __init__(self, groups: int, channels: int, eps: float = 1e-5) -> None:
        super().__init__(channels, eps)
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        grouped = x.reshape(x.shape[0], self.groups, -1)
        mean, var = grouped.mean(2, keepdim=True), grouped.var(2, correction=0, keepdim=True)
        return self.scale(((grouped - mean) / (var + self.eps).sqrt()).reshape(x.shape))


class RunningBatchNorm(Scaled):
    """Each channel by moving averages of sum, square sum and count, in training too; de-biased. Lesson 10.

    All three averages start at 0, and so does the weight of what they have seen: divided by it, they are averages of
    real batches alone. A small batch counts little. Until 20 pictures are seen, the variance is at least .01.
    """

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(channels, eps, momentum)
        self.sums, self.squares = torch.zeros(channels), torch.zeros(channels)
        self.count, self.seen, self.pictures = 0.0, 0.0, 0

    def update(self, x: Tensor) -> None:
        # A batch of one counts as two: the lesson's formula would divide by zero.
        new = 1 - (1 - self.momentum) / math.sqrt(max(x.shape[0], 2) - 1)
        self.sums = new * x.sum((0, 2, 3)) + (1 - new) * self.sums.detach()
        self.squares = new * (x * x).sum((0, 2, 3)) + (1 - new) * self.squares.detach()
        self.count = new * (x.numel() / x.shape[1]) + (1 - new) * self.count
        self.seen = new + (1 - new) * self.seen
        self.pictures += x.shape[0]

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.update(x)
        else:
            self.sums, self.squares = self.sums.detach(), self.squares.detach()
        sums, squares, count = self.sums / self.seen, self.squares / self.seen, self.count / self.seen
        mean = sums / count
        var = squares / count - mean * mean
        var = var.clamp(min=0.01) if self.pictures < 20 else var
        return self.scale((x - across(mean)) / (across(var) + self.eps).sqrt())


class RunningBatchNormSimple(RunningBatchNorm):
    """The simplified form: in evaluation the scale and shift of the last training batch, as they were. Lesson 10."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            y = super().forward(x)
            mean = self.sums.detach() / self.count
            var = self.squares.detach() / self.count - mean * mean
            var = var.clamp(min=0.01) if self.pictures < 20 else var
            self.factor = self.weight.detach() / (var + self.eps).sqrt()
            self.offset = self.bias.detach() - mean * self.factor
            return y
        return x * across(self.factor) + across(self.offset)


def pool(x: Tensor, kind: str = "average") -> Tensor:
    """Return what the last layer reads of maps x: each one's average or maximum, (N, C), or every pixel, (N, C H W)."""
    pixels = x.reshape(*x.shape[:2], -1)
    if kind == "average":
        return pixels.mean(2)
    return pixels.max(2).values if kind == "max" else pixels.flatten(1)


def kaiming_normal(weight: Tensor, leak: float = 0.0) -> None:
    """Fill ``weight`` (out, in, …) so that a leaky ReLU's outputs keep their size. arXiv:1502.01852."""
    inputs = weight[0].numel()
    weight.data = torch.randn(weight.shape) * math.sqrt(2 / ((1 + leak**2) * inputs))


def kaiming_uniform(weight: Tensor, leak: float = 0.0) -> None:
    """As :func:`kaiming_normal`, from a uniform distribution with the same standard deviation."""
    inputs = weight[0].numel()
    end = math.sqrt(3) * math.sqrt(2 / ((1 + leak**2) * inputs))
    weight.data = (2 * torch.rand(weight.shape) - 1) * end


def lsuv(layers: Sequence[tuple[Tensor, Callable[[Tensor], Tensor]]], x: Tensor, tolerance: float = 1e-3) -> None:
    """Scale each layer's weight, one after the other, until its outputs have std 1. After arXiv:1511.06422.

    ``layers`` holds (weight, forward) of each; ``x`` is a batch that goes through all of them.
    """
    for weight, forward in layers:
        while abs(forward(x).std() - 1) > tolerance:
            weight.data = weight / forward(x).std()
        x = forward(x)


def orthonormal(weight: Tensor) -> None:
    """Fill ``weight`` (out, in, …) with rows of length 1 at right angles (columns, if it is tall). arXiv:1312.6120."""
    draws = torch.randn(weight.shape).flatten(1)
    wide = draws.shape[0] < draws.shape[1]
    q, r = torch.linalg.qr(draws.T if wide else draws)
    q = q * r.diagonal().sign()
    weight.data = (q.T if wide else q).reshape(weight.shape)


def lsuv_paper(layers: Sequence[nn.Module], x: Tensor, tolerance: float = 1e-3) -> None:
    """Orthonormal weights, scaled until what each conv or linear layer gives, before its activation, has variance 1.

    ``layers`` are those of the whole net, activations too. D. Mishkin and J. Matas, arXiv:1511.06422.
    """
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            orthonormal(layer.weight)
            if layer.bias is not None:
                layer.bias.data = torch.zeros_like(layer.bias)
            while abs(layer(x).var() - 1) > tolerance:
                layer.weight.data = layer.weight / layer(x).var().sqrt()
        x = layer(x)


def lsuv_notebook(blocks: Sequence[tuple[Any, GeneralRelu]], x: Tensor, tolerance: float = 1e-3) -> None:
    """Move each activation's shift until its outputs have mean 0, then scale the weight until they have std 1.

    ``blocks`` holds (layer, activation) of each. Lesson 11's notebook 07a of the course.
    """
    for layer, relu in blocks:
        while abs(relu(layer(x)).mean()) > tolerance:
            relu.sub = relu.sub + float(relu(layer(x)).mean())
        while abs(relu(layer(x)).std() - 1) > tolerance:
            layer.weight.data = layer.weight / relu(layer(x)).std()
        x = relu(layer(x))


class SGD:
    """Step against the gradient; with momentum, against the sum of all gradients, older ones counting less."""

    def __init__(self, params: Sequence[Any], lr: float, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        self.params, self.lr, self.momentum, self.weight_decay = list(params), lr, momentum, weight_decay
        self.buffers = [torch.zeros_like(param) for param in self.params]

    def step(self) -> None:
        for i, param in enumerate(self.params):
            gradient = param.grad + self.weight_decay * param.data
            self.buffers[i] = self.momentum * self.buffers[i] + gradient
            param.data = param.data - self.lr * self.buffers[i]


class RMSProp:
    """Step by the gradient over the root of its average square: each weight at a pace of its own. G. Hinton, 2012."""

    def __init__(
        self, params: Sequence[Any], lr: float, momentum: float = 0.0, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        self.params, self.lr, self.momentum, self.alpha, self.eps = list(params), lr, momentum, alpha, eps
        self.weight_decay = weight_decay
        self.squares = [torch.zeros_like(param) for param in self.params]
        self.buffers = [torch.zeros_like(param) for param in self.params]

    def step(self) -> None:
        for i, param in enumerate(self.params):
            gradient = param.grad + self.weight_decay * param.data
            self.squares[i] = self.alpha * self.squares[i] + (1 - self.alpha) * gradient**2
            self.buffers[i] = self.momentum * self.buffers[i] + gradient / (self.squares[i].sqrt() + self.eps)
            param.data = param.data - self.lr * self.buffers[i]


class Adam:
    """Step by the average gradient over the root of the average squared gradient, both de-biased. arXiv:1412.6980."""

    def __init__(
        self, params: Sequence[Any], lr: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        self.params, self.lr, self.beta1, self.beta2, self.eps = list(params), lr, beta1, beta2, eps
        self.weight_decay, self.t = weight_decay, 0
        self.averages = [torch.zeros_like(param) for param in self.params]
        self.squares = [torch.zeros_like(param) for param in self.params]

    def step(self) -> None:
        self.t += 1
        for i, param in enumerate(self.params):
            gradient = param.grad + self.weight_decay * param.data
            self.averages[i] = self.beta1 * self.averages[i] + (1 - self.beta1) * gradient
            self.squares[i] = self.beta2 * self.squares[i] + (1 - self.beta2) * gradient**2
            average = self.averages[i] / (1 - self.beta1**self.t)
            square = self.squares[i] / (1 - self.beta2**self.t)
            param.data = param.data - self.lr * average / (square.sqrt() + self.eps)


class AdamW:
    """Adam for the loss alone; the decay takes its share off the weight directly, undivided. arXiv:1711.05101."""

    def __init__(self, params: Sequence[Any], lr: float, weight_decay: float, **adam: float) -> None:
        self.params, self.lr, self.weight_decay = list(params), lr, weight_decay
        self.adam = Adam(self.params, lr, **adam)

    def step(self) -> None:
        for param in self.params:
            param.data = param.data - self.lr * self.weight_decay * param.data
        self.adam.step()
