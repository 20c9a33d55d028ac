"""The same training six times, with one part fewer from a library each time, down to the matrix product.

After lesson 9 of fast.ai's machine learning course ("MNIST SGD"): logistic regression, or a net with a hidden layer,
first of torch's parts, in the end of arithmetic on arrays. What stays torch's on every rung is the gradient.

Each rung takes the first weights, (weight (outputs, inputs), bias (outputs,)) a layer, batches of x (n, inputs) and y
(n,) int64, and a learning rate; with equal ones all give equal losses to rounding, which grows over thousands of steps
where there is a hidden layer. ``python -m lab.nn.ladder`` trains all six.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lab import data
from lab.config import KNOBS, ConfigError, check

BATCH = 64

MOST_HIDDEN = 1000
"""Units at which a product by broadcasting takes 200 MB at batch size 64."""

Layers = Sequence[tuple[Tensor, Tensor]]
Batches = Iterable[tuple[Tensor, Tensor]]


class Trained(NamedTuple):
    """Each batch's loss, and the weights at the end, layer by layer: weight, bias, weight, bias."""

    losses: list[float]
    weights: list[Tensor]


def fit(model: Callable[[Tensor], Tensor], loss_of: Any, optimizer: Any, batches: Batches) -> list[float]:
    """Train on each batch once, as a library's ``fit`` does; return the losses."""
    losses = []
    for x, y in batches:
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def from_parts(layers: Layers, batches: Batches, lr: float) -> Trained:
    """Rung 1. All from the library: nn.Sequential, its loss, its optimiser, fit."""
    parts: list[nn.Module] = []
    for weight, bias in layers:
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": weight, "bias": bias})
        parts += [linear, nn.ReLU()]
    model = nn.Sequential(*parts[:-1])
    losses = fit(model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr), batches)
    return Trained(losses, list(model.parameters()))


class Net(nn.Module):
    """A module of one's own: what it has, and how a batch goes through it."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(weight.shape[1], weight.shape[0]) for weight, _ in layers)
        for linear, (weight, bias) in zip(self.linears, layers, strict=True):
            linear.load_state_dict({"weight": weight, "bias": bias})

    def forward(self, x: Tensor) -> Tensor:
        for linear in self.linears[:-1]:
            x = F.relu(linear(x))
        return F.log_softmax(self.linears[-1](x), dim=1)


def own_module(layers: Layers, batches: Batches, lr: float) -> Trained:
    """Rung 2. A module of one's own in place of nn.Sequential."""
    model = Net(layers)
    losses = fit(model, nn.NLLLoss(), torch.optim.SGD(model.parameters(), lr), batches)
    return Trained(losses, list(model.parameters()))


def log_softmax(x: Tensor) -> Tensor:
    """Return the log of exp(x) / sum of exp(x), row by row."""
    return x - x.exp().sum(1, keepdim=True).log()


def negative_log_likelihood(log_p: Tensor, y: Tensor) -> Tensor:
    """Return the mean of -log p of each row's own class."""
    return -log_p[torch.arange(len(y)), y].mean()


def parameters(layers: Layers) -> list[Tensor]:
    """Return a copy of each weight and bias that collects its gradient."""
    return [tensor.clone().requires_grad_() for layer in layers for tensor in layer]


def forward(weights: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return log p of each class; linear layers are products and sums."""
    for i in range(0, len(weights) - 2, 2):
        x = (x @ weights[i].T + weights[i + 1]).clamp(min=0)
    return log_softmax(x @ weights[-2].T + weights[-1])


def own_layers(layers: Layers, batches: Batches, lr: float) -> Trained:
    """Rung 3. Linear, ReLU, softmax and loss of one's own in place of nn's."""
    weights = parameters(layers)
    losses = fit(lambda x: forward(weights, x), negative_log_likelihood, torch.optim.SGD(weights, lr), batches)
    return Trained(losses, weights)


def own_loop(layers: Layers, batches: Batches, lr: float) -> Trained:
    """Rung 4. A loop of one's own in place of fit."""
    weights, losses = parameters(layers), []
    optimizer = torch.optim.SGD(weights, lr)
    for x, y in batches:
        loss = negative_log_likelihood(forward(weights, x), y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return Trained(losses, weights)


def own_optimiser(layers: Layers, batches: Batches, lr: float) -> Trained:
    """Rung 5. A step of one's own in place of the optimiser."""
    weights, losses = parameters(layers), []
    for x, y in batches:
        loss = negative_log_likelihood(forward(weights, x), y)
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.data = weight.data - lr * gradient
        losses.append(loss.item())
    return Trained(losses, weights)


def product(x: Tensor, weight: Tensor) -> Tensor:
    """Return x (n, i) times the transpose of weight (o, i), (n, o): multiply by broadcasting, then sum."""
    return (x[:, None, :] * weight[None, :, :]).sum(2)


def own_product(layers: Layers, batches: Batches, lr: float) -> Trained:
    """Rung 6. A matrix product of one's own, by broadcasting, in place of ``@``."""
    weights, losses = parameters(layers), []
    for x, y in batches:
        for i in range(0, len(weights) - 2, 2):
            x = (product(x, weights[i]) + weights[i + 1]).clamp(min=0)
        loss = negative_log_likelihood(log_softmax(product(x, weights[-2]) + weights[-1]), y)
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.data = weight.data - lr * gradient
        losses.append(loss.item())
    return Trained(losses, weights)


RUNGS: dict[str, Callable[[Layers, Batches, float], Trained]] = {
    "nn.Sequential, optimiser, fit": from_parts,
    "own module": own_module,
    "own linear layer, softmax, loss": own_layers,
    "own loop": own_loop,
    "own optimiser": own_optimiser,
    "own matrix product, by broadcasting": own_product,
}
"""Every rung, from the first."""


def first_weights(widths: Sequence[int], seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    """Return torch's first weights of layers with these widths, as 784, 100, 10."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        linears = [nn.Linear(before, after) for before, after in pairwise(widths)]
    return [(linear.weight.detach(), linear.bias.detach()) for linear in linears]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train all six on MNIST; print each one's loss, accuracy, time, and distance from the rung before."""
    parser = argparse.ArgumentParser(prog="python -m lab.nn.ladder", description=main.__doc__)
    parser.add_argument("--hidden", type=int, default=0, help="units of a hidden layer; 0, as it is, for none")
    for name, usual in (("epochs", "1"), ("lr", "0.02"), ("size", "50000")):
        parser.add_argument(f"--{name}", default=usual, help=f"{KNOBS[name].label} (default %(default)s)")
    options = parser.parse_args(arguments)
    try:
        epochs, lr, size = (check(name, getattr(options, name)) for name in ("epochs", "lr", "size"))
    except ConfigError as refusal:
        parser.error(str(refusal))
    if not 0 <= options.hidden <= MOST_HIDDEN:
        parser.error(f"--hidden must be from 0 to {MOST_HIDDEN}; got {options.hidden}")
    digits = data.load("mnist", size=size)
    layers = first_weights((784, options.hidden, 10) if options.hidden else (784, 10))
    generator = torch.Generator().manual_seed(0)
    orders = [torch.randperm(len(digits.x_train), generator=generator) for _ in range(epochs)]
    before: list[float] = []
    for name, train in RUNGS.items():
        chosen = [part for order in orders for part in torch.split(order, BATCH)]
        began = time.perf_counter()
        losses, weights = train(layers, ((digits.x_train[i].flatten(1), digits.y_train[i]) for i in chosen), lr)
        seconds = time.perf_counter() - began
        with torch.no_grad():
            right = forward(weights, digits.x_valid.flatten(1)).argmax(1) == digits.y_valid
        print(f"{name:36} accuracy {right.double().mean():.4f}, {seconds:.1f} s", end="")
        far = max((abs(a - b) for a, b in zip(losses, before, strict=False)), default=0.0)
        print(f", no loss is more than {far:.1e} from the rung before's" if before else "", flush=True)
        before = losses
    return 0


if __name__ == "__main__":
    sys.exit(main())
