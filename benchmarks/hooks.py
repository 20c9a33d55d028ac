"""How others watch a net's activations: the course's hooks, and fastai's ActivationStats."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

try:
    from fastai.callback.hook import ActivationStats as _ActivationStats
    from fastai.callback.hook import Hooks as _Hooks

    FASTAI = "fastai's own, with_hist=True"
except ImportError:
    _ActivationStats = _Hooks = None
    FASTAI = "reproduced after fastai 2.8's source, with_hist=True"

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
    if _ActivationStats is not None:
        with _Hooks(list(blocks), _ActivationStats(with_hist=True).hook) as hooks:
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
