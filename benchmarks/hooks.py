"""How others watch a net's activations: the course's hooks, and fastai's ActivationStats."""

import importlib.util
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

# Whoever has it may compare with it; the project does not need it. It warns of torch's old parts that it uses.
with warnings.catch_warnings(action="ignore"):
    fastai = importlib.import_module("fastai.basics") if importlib.util.find_spec("fastai") else None

FASTAI = "reproduced after fastai 2.8's source" if fastai is None else f"fastai {version('fastai')}'s own"

Kept = list[Any]


@contextmanager
def course(blocks: Iterable[nn.Module]) -> Iterator[Kept]:
    """As lesson 10's notebook 06: after each block mean, std and a 40-bin histogram, to the CPU, in lists that grow."""
    kept: Kept = []

    def hook(block: nn.Module, inputs: object, output: Tensor) -> None:
        if block.training:
            x = output.data
            kept.append((x.mean().cpu(), x.std().cpu(), x.cpu().histc(40, 0, 10)))

    handles = [block.register_forward_hook(hook) for block in blocks]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def activation_stats(blocks: Iterable[nn.Module]) -> Iterator[Callable[[], None]]:
    """fastai's ActivationStats; the function given keeps a step's figures, as its ``after_batch`` does."""
    kept: Kept = []
    if fastai is not None:
        watch = importlib.import_module("fastai.callback.hook")
        with watch.Hooks(list(blocks), watch.ActivationStats(with_hist=True).hook) as hooks:
            yield lambda: kept.append(hooks.stored)
        return
    blocks = list(blocks)
    stored: dict[int, dict[str, Any]] = {}

    def hook_of(index: int) -> Callable[..., None]:
        def hook(block: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            x = output.detach().float()
            near_zero = (x <= 0.05).long().sum().item() / x.numel()
            stored[index] = {"mean": x.mean().item(), "std": x.std().item(), "near_zero": near_zero}
            stored[index]["hist"] = torch.histc(x, 40, 0, 10)

        return hook

    handles = [block.register_forward_hook(hook_of(index)) for index, block in enumerate(blocks)]
    try:
        yield lambda: kept.append(list(stored.values()))
    finally:
        for handle in handles:
            handle.remove()
