"""Weight initialisation: torch's default, Kaiming's, orthonormal, and three forms of LSUV."""

import copy
import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from lab.config import Config
from lab.nn.models import Block, Model

TOLERANCE = 1e-3
MAX_ITERATIONS = 10


def kaiming_normal(weight: Tensor, a: float = 0.0) -> None:
    """Fill ``weight`` (out, in, …) from N(0, 2 / ((1 + a²) fan_in)), in place.

    Keeps the variance through a leaky ReLU of slope ``a``. K. He et al., arXiv:1502.01852.
    """
    with torch.no_grad():
        weight.normal_(0, _std(weight, a))


def kaiming_uniform(weight: Tensor, a: float = 0.0) -> None:
    """Fill ``weight`` as :func:`kaiming_normal`, from a uniform distribution of the same std."""
    bound = math.sqrt(3) * _std(weight, a)
    with torch.no_grad():
        weight.uniform_(-bound, bound)


def _std(weight: Tensor, a: float) -> float:
    fan_in = weight[0].numel()
    return math.sqrt(2 / ((1 + a * a) * fan_in))


def orthonormal(weight: Tensor) -> None:
    """Fill ``weight`` (out, in, …), taken as an (out, rest) matrix, with orthonormal rows (columns if it is tall).

    By the QR decomposition of normal draws, each sign such that every rotation is equally likely. A. Saxe et al.,
    arXiv:1312.6120.
    """
    draws = torch.empty_like(weight).normal_(0, 1).flatten(1)
    wide = draws.shape[0] < draws.shape[1]
    q, r = torch.linalg.qr(draws.T if wide else draws)
    q = q * r.diagonal().sign()
    with torch.no_grad():
        weight.copy_((q.T if wide else q).reshape(weight.shape))


def lsuv(model: Model, batch: Tensor) -> list[str]:
    """Layer-sequential unit variance by scaling alone, measured after the activation, from the weights that are there.

    It stands between the two: :func:`lsuv_paper` measures before the activation, :func:`lsuv_notebook` moves the
    mean, too, with the activation's ``sub``, which here stays what the person set. As in both the output is measured
    before a norm, where the weights still count; norms pass ``batch`` (n, 1, height, width) on as in training, with
    their running statistics untouched. Blocks without an activation, whose outputs are logits, keep their weights.

    At most :data:`MAX_ITERATIONS` scalings for a block; one that does not come within :data:`TOLERANCE` of 1 (a
    constant batch, a cap that binds) gets its weights back.

    Returns:
        the names of those blocks.
    """
    return _block_by_block(model, batch, _scale_block)


def lsuv_paper(model: Model, batch: Tensor) -> list[str]:
    """Layer-sequential unit variance as D. Mishkin and J. Matas published it, arXiv:1511.06422.

    Fills each layer's weight by :func:`orthonormal`, zeroes its bias, and scales the weight until the layer's output
    has variance 1: before the activation, the last layer's logits too. The rest is as for :func:`lsuv`.
    """
    head = list(model.head) if isinstance(model.head, nn.Sequential) else []
    for layer in (*(block.layer for block in model.blocks.values()), *head):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            orthonormal(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def scale_layer(block: Block, x: Tensor) -> bool:
        return _scale_to_unit_std(block.layer.weight, partial(block.layer, x))

    kept = _block_by_block(model, batch, scale_layer)
    with torch.no_grad():
        x = copy.deepcopy(model.body).train()(model.stem(batch))
        for part in head:
            if isinstance(part, nn.Linear) and not _scale_to_unit_std(part.weight, partial(part, x)):
                kept.append("the last layer")
            x = part(x)
    return kept


def lsuv_notebook(model: Model, batch: Tensor) -> list[str]:
    """Layer-sequential unit variance as in the course's notebook 07a, from the weights that are there.

    For each block first the activation's ``sub`` is moved until the mean of the block's output is 0, then the weights
    are scaled until its std is 1, by which the mean moves a little again. The rest is as for :func:`lsuv`.
    """

    def centre_and_scale(block: Block, x: Tensor) -> bool:
        if block.activation is None:
            return True
        start = block.activation.sub
        if _centre(block, x) and _scale_block(block, x):
            return True
        block.activation.sub = start
        return False

    return _block_by_block(model, batch, centre_and_scale)


def _block_by_block(model: Model, batch: Tensor, adjust: Callable[[Block, Tensor], bool]) -> list[str]:
    """Adjust each block to what reaches it of ``batch``; return the names of those where it failed."""
    kept = []
    with torch.no_grad():
        x = model.stem(batch)
        for name, block in model.blocks.items():
            if not adjust(block, x):
                kept.append(name)
            x = _before_norm(block, x)
            if block.norm is not None:
                x = copy.deepcopy(block.norm).train()(x)
    return kept


def _before_norm(block: Block, x: Tensor) -> Tensor:
    y: Tensor = block.layer(x)
    return y if block.activation is None else block.activation(y)


def _centre(block: Block, x: Tensor) -> bool:
    """Move the activation's shift until its output has mean 0; a cap may take several moves. Return whether it has."""
    assert block.activation is not None
    for _ in range(MAX_ITERATIONS + 1):
        mean = _before_norm(block, x).mean().item()
        if abs(mean) < TOLERANCE:
            return True
        block.activation.sub += mean
    return False


def _scale_block(block: Block, x: Tensor) -> bool:
    """Return whether the block's output has std 1 now; one without an activation stays as it is."""
    if block.activation is None:
        return True
    return _scale_to_unit_std(block.layer.weight, lambda: _before_norm(block, x))


def _scale_to_unit_std(weight: Tensor, forward: Callable[[], Tensor]) -> bool:
    """Return whether ``weight`` could be scaled so that ``forward()`` has std 1; it is as before if not.

    A secant on log(std) against log(scale): one scaling is exact where the activation only
    has slopes, a few are needed where a cap or a bias bends the line.
    """
    start = weight.clone()
    log_scale = 0.0
    elasticity = 1.0
    last: tuple[float, float] | None = None
    for iteration in range(MAX_ITERATIONS + 1):
        std = forward().std().item()
        if abs(std - 1) < TOLERANCE:
            return True
        if iteration == MAX_ITERATIONS or not (math.isfinite(std) and std > 0):
            break
        log_std = math.log(std)
        if last is not None:
            elasticity = min(max((log_std - last[1]) / (log_scale - last[0]), 0.1), 1.0)
        last = (log_scale, log_std)
        log_scale -= log_std / elasticity
        weight.copy_(start * math.exp(log_scale))
    weight.copy_(start)
    return False


LSUV = {"lsuv": lsuv, "lsuv_paper": lsuv_paper, "lsuv_notebook": lsuv_notebook}
"""Config.init -> the form of LSUV that it names."""


def initialise(model: Model, config: Config, batch: Tensor | None = None) -> list[str]:
    """Set the model's weights as ``config.init`` says, from the default RNG.

    "default" leaves torch's. The Kaiming inits fill, with slope ``config.init_a``, the layers
    that feed an activation and zero their biases; the last linear layer keeps torch's, as in
    the course. "lsuv" and "lsuv_notebook" start from Kaiming normal; all of :data:`LSUV` then look at
    ``batch`` (n, 1, height, width), which lies on the model's device. A net without activations keeps torch's weights.

    Returns:
        the layers that LSUV could not bring to a std of 1.

    Raises:
        ValueError: for LSUV without a batch.
    """
    form = LSUV.get(config.init)
    if form is not None and batch is None:
        raise ValueError("LSUV needs a batch of pictures")
    active = [block for block in model.blocks.values() if block.activation is not None]
    if config.init == "default" or not active:
        return []
    if form is not lsuv_paper:
        fill = kaiming_uniform if config.init == "kaiming_uniform" else kaiming_normal
        for block in active:
            fill(block.layer.weight, config.init_a)
            if block.layer.bias is not None:
                nn.init.zeros_(block.layer.bias)
    return form(model, batch) if form is not None and batch is not None else []
