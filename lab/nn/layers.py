"""The layers of a net that are measured: the blocks of the lab's own nets, the leaf modules of any other."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

Hook = Callable[[nn.Module, Any, Tensor], None]
"""Called with a module, its inputs and its output tensor."""

TorchNorm = _NormBase | nn.LayerNorm | nn.GroupNorm
"""Torch's norms whose statistics can be told, BatchNorm and InstanceNorm the first two; for ``isinstance``."""


@dataclass(frozen=True, eq=False)
class Observed:
    """One layer of a net: a module whose output is measured.

    Attributes:
        name: in the record.
        module: its output is read.
        layer: the module with the weights whose gradient and update are read.
        activated: the module whose output tells which channels are dead: before a norm, if any.
        norm: the norm whose statistics are read, if any.
        channels: of the output, (n, channels, ...).
        call: which of the module's calls in one forward pass, from 0.
        plain: whether each forward pass calls the module once, and it returns a tensor: hooks need no look at either.
    """

    name: str
    module: nn.Module
    layer: nn.Module
    activated: nn.Module
    norm: nn.Module | None
    channels: int
    call: int = 0
    plain: bool = True

    @property
    def parameters(self) -> int:
        """Weights and biases of the module, all of them."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    @property
    def norm_name(self) -> str:
        """The norm's class, empty without one."""
        return "" if self.norm is None else type(self.norm).__name__


def alone(name: str, module: nn.Module, channels: int = 1, **rest: Any) -> Observed:
    """Return a layer that is one module by itself, without a norm unless ``rest`` names one."""
    return Observed(name, module, module, module, **{"norm": None, **rest}, channels=channels)


def layers_of(net: nn.Module) -> tuple[Observed, ...]:
    """Return the layers of a net that says which they are: lab.nn.models.Model, lab.nn.own.OwnNet."""
    layers: tuple[Observed, ...] = net.layers  # type: ignore[assignment]
    return layers


def tensor_of(output: object) -> Tensor | None:
    """Return a module's output tensor: itself, or the first one of a tuple; None where there is none of floats."""
    if isinstance(output, tuple | list):
        output = next((part for part in output if isinstance(part, Tensor)), None)
    return output if isinstance(output, Tensor) and output.is_floating_point() and output.numel() else None


def hook_layers(
    stack: ExitStack,
    net: nn.Module,
    layers: Sequence[Observed],
    hooks: Sequence[Hook],
    where: Callable[[Observed], nn.Module] = lambda layer: layer.module,
) -> None:
    """Call each hook with its layer's output at each forward pass, until ``stack`` is closed.

    A module that is called several times in a pass is several layers: each gets the output of its own call.
    """
    counted: dict[nn.Module, dict[int, Hook]] = {}
    for layer, hook in zip(layers, hooks, strict=True):
        if layer.plain:
            stack.callback(where(layer).register_forward_hook(hook).remove)
        else:
            counted.setdefault(where(layer), {})[layer.call] = hook
    if not counted:
        return
    turns = dict.fromkeys(counted, 0)

    def begin(_: nn.Module, __: object) -> None:
        turns.update(dict.fromkeys(turns, 0))

    stack.callback(net.register_forward_pre_hook(begin).remove)
    for module, by_call in counted.items():

        def dispatch(module: nn.Module, inputs: Any, output: Any, by_call: dict[int, Hook] = by_call) -> None:
            hook = by_call.get(turns[module])
            turns[module] += 1
            found = tensor_of(output)
            if hook is not None and found is not None:
                hook(module, inputs, found)

        stack.callback(module.register_forward_hook(dispatch).remove)
