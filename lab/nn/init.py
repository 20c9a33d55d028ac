"""Weight initialisation: torch's default, Kaiming's, and LSUV."""

import copy
import math

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


def lsuv(model: Model, batch: Tensor) -> list[str]:
    """Layer-sequential unit variance: scale each block's weights until its output has std 1.

    D. Mishkin and J. Matas, arXiv:1511.06422, from the weights that the model has. As in the
    paper, and unlike the lesson's notebook 07a, means are left where they are: the notebook
    moves them with the activation's ``sub``, which is a knob here and stays what the person
    set. The output is measured after the activation and before a norm, where the weights
    still count; norms pass ``batch`` (n, 1, height, width) on as in training, with their running
    statistics untouched. Blocks without an activation, whose outputs are logits, keep their weights.

    At most :data:`MAX_ITERATIONS` scalings for a block; one that does not come within :data:`TOLERANCE` of 1 (a
    constant batch, a cap that binds) gets its weights back.

    Returns:
        the names of those blocks.
    """
    kept = []
    with torch.no_grad():
        x = model.stem(batch)
        for name, block in model.blocks.items():
            if block.activation is not None and not _scale_to_unit_std(block, x):
                kept.append(name)
            x = _before_norm(block, x)
            if block.norm is not None:
                x = copy.deepcopy(block.norm).train()(x)
    return kept


def _before_norm(block: Block, x: Tensor) -> Tensor:
    y: Tensor = block.layer(x)
    return y if block.activation is None else block.activation(y)


def _scale_to_unit_std(block: Block, x: Tensor) -> bool:
    """Return whether the block's weights could be scaled to a std of 1; they are as before if not.

    A secant on log(std) against log(scale): one scaling is exact where the activation only
    has slopes, a few are needed where a cap or a bias bends the line.
    """
    weight = block.layer.weight
    start = weight.clone()
    log_scale = 0.0
    elasticity = 1.0
    last: tuple[float, float] | None = None
    for iteration in range(MAX_ITERATIONS + 1):
        std = _before_norm(block, x).std().item()
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


def initialise(model: Model, config: Config, batch: Tensor | None = None) -> list[str]:
    """Set the model's weights as ``config.init`` says, from the default RNG.

    "default" leaves torch's. The Kaiming inits fill, with slope ``config.init_a``, the layers
    that feed an activation and zero their biases; the last linear layer keeps torch's, as in
    the course. "lsuv" starts from Kaiming normal and then runs :func:`lsuv` on ``batch``
    (n, 1, height, width), which lies on the model's device.

    Returns:
        the blocks that LSUV could not bring to a std of 1.

    Raises:
        ValueError: for LSUV without a batch.
    """
    if config.init == "default":
        return []
    if config.init == "lsuv" and batch is None:
        raise ValueError("LSUV needs a batch of pictures")
    fill = kaiming_uniform if config.init == "kaiming_uniform" else kaiming_normal
    for block in model.blocks.values():
        if block.activation is not None:
            fill(block.layer.weight, config.init_a)
            if block.layer.bias is not None:
                nn.init.zeros_(block.layer.bias)
    return lsuv(model, batch) if config.init == "lsuv" and batch is not None else []
