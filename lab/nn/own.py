"""A net of a person's own: its layers found by a trial pass, and errors that name the layer."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from lab.config import KNOBS, Config
from lab.nn.activations import GeneralRelu
from lab.nn.layers import Observed, TorchNorm, alone, tensor_of
from lab.nn.norms import AveragingNorm, Norm

MOST_LAYERS = 64
"""Layers that are measured at most: each costs a pass over its output at every step."""

NO_CHANGE = (nn.Identity, nn.Flatten, nn.Unflatten)
"""Modules whose output has the values of their input: nothing to measure."""

UNSEEN = "_lab_unseen"
"""Buffer of a torch norm with running statistics: the product of (1 - momentum) over its steps."""

PARAMETRIZATIONS = "parametrizations"
"""Where torch keeps modules that compute a weight: they are no layers."""


class NetError(ValueError):
    """A net of one's own that does not fit; the message names the layer and the shapes."""


@dataclass
class _Call:
    """One call of a module in a forward pass; ``leaf`` as long as no module within it was called."""

    name: str
    module: nn.Module
    given: str
    leaf: bool = True
    output: object = None


@dataclass
class Trace:
    """What a forward pass called: the leaf modules in the order in which they returned, and those never called."""

    calls: list[_Call] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    output: object = None


def shape_words(value: object) -> str:
    """Return dtype and shape of a tensor, or of those in a tuple, for a message."""
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        return ", ".join(map(shape_words, value)) or "nothing"
    return type(value).__name__


def _path(net: nn.Module, name: str) -> str:
    return name or type(net).__name__


def trace(net: nn.Module, x: Tensor) -> Trace:
    """Return what a forward pass on ``x`` calls.

    Raises:
        NetError: when it fails; it names the innermost module that was running, and what that was given.
    """
    running: list[_Call] = []
    found = Trace()
    with ExitStack() as stack:
        for name, module in net.named_modules():
            if PARAMETRIZATIONS in name.split("."):
                continue

            def enter(module: nn.Module, args: Any, kwargs: Any, name: str = name) -> None:
                if running:
                    running[-1].leaf = False
                given = shape_words((*args, *kwargs.values()))
                running.append(_Call(_path(net, name), module, given))

            def leave(module: nn.Module, args: Any, output: Any) -> None:
                call = running.pop()
                call.output = output
                if call.leaf:
                    found.calls.append(call)

            stack.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
            stack.callback(module.register_forward_hook(leave).remove)
        try:
            found.output = net(x)
        except Exception as error:
            where = running[-1] if running else _Call(_path(net, ""), net, shape_words(x))
            raise NetError(
                f"Layer {where.name} ({type(where.module).__name__}) cannot take what it was given, {where.given}: "
                f"{type(error).__name__}: {first_line(error)}"
            ) from error
    called = {id(call.module) for call in found.calls}
    found.idle = [
        name
        for name, module in net.named_modules()
        if name and not list(module.children()) and id(module) not in called
        and PARAMETRIZATIONS not in name.split(".") and list(module.parameters())
    ]  # fmt: skip
    return found


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message: torch appends its own trace."""
    return (str(error).strip().splitlines() or [""])[0]


def layers_from(found: Trace) -> tuple[tuple[Observed, ...], list[str]]:
    """Return the layers to measure, and the names of those left out: beyond MOST_LAYERS, or without a tensor of floats.

    A module that is called twice in a pass is two layers, ``relu`` and ``relu#2``. The order is that of the calls.
    """
    times: dict[int, int] = {}
    for call in found.calls:
        times[id(call.module)] = times.get(id(call.module), 0) + 1
    seen: dict[int, int] = {}
    layers: list[Observed] = []
    without: list[str] = []
    for call in found.calls:
        turn = seen.get(id(call.module), 0)
        seen[id(call.module)] = turn + 1
        if isinstance(call.module, NO_CHANGE):
            continue
        name = call.name if turn == 0 else f"{call.name}#{turn + 1}"
        output = tensor_of(call.output)
        if output is None:
            without.append(name)
            continue
        module = call.module
        layers.append(
            alone(
                name,
                module,
                channels=output.shape[1] if output.dim() > 1 else 1,
                norm=module if isinstance(module, Norm | TorchNorm) else None,
                call=turn,
                plain=times[id(module)] == 1 and isinstance(call.output, Tensor),
            )
        )
    if len(layers) > MOST_LAYERS:
        # Those with weights first: an activation says less without its layer than a layer without its activation.
        keep = sorted(range(len(layers)), key=lambda i: (not list(layers[i].module.parameters()), i))[:MOST_LAYERS]
        without += [layer.name for i, layer in enumerate(layers) if i not in keep]
        layers = [layers[i] for i in sorted(keep)]
    return tuple(layers), without


def live_values(net: nn.Module) -> dict[str, float]:
    """Return the live knobs that act within the net, with the values that it has: epsilon, norm momentum, slope.

    A knob acts where the net has such modules, and all of them have the same value, within the knob's range: turning it
    sets all of them. Otherwise it would overwrite what the net's author chose for each.
    """
    found: dict[str, set[float]] = {"norm_eps": set(), "norm_momentum": set(), "leak": set()}
    for module in net.modules():
        for name, _, value in _settable(module):
            found[name].add(value)
    return {name: values.pop() for name, values in found.items() if len(values) == 1 and _in_range(name, *values)}


def _settable(module: nn.Module) -> Iterable[tuple[str, str, float]]:
    """Yield (knob, attribute, value) of what a live knob can set in ``module`` itself."""
    if isinstance(module, Norm | TorchNorm):
        yield "norm_eps", "eps", float(module.eps)
    if isinstance(module, AveragingNorm | _NormBase) and module.momentum is not None:
        yield "norm_momentum", "momentum", float(module.momentum)
    if isinstance(module, nn.LeakyReLU):
        yield "leak", "negative_slope", float(module.negative_slope)
    if isinstance(module, GeneralRelu):
        yield "leak", "leak", float(module.leak)


def _in_range(name: str, value: float) -> bool:
    knob = KNOBS[name]
    return (value > knob.low if knob.low_open else value >= knob.low) and value <= knob.high


class OwnNet(nn.Module):
    """A person's net with the layers that are measured, as :class:`lab.nn.models.Model` has them.

    Attributes:
        net: theirs.
        layers: found by a trial pass.
        live: the live knobs that act within the net.
        histogram_range: of the layers' outputs, which may be below zero.
    """

    may_skip = True
    histogram_range = (-7.0, 7.0)

    def __init__(self, net: nn.Module, layers: tuple[Observed, ...]) -> None:
        super().__init__()
        self.net = net
        self.layers = layers
        self.live = frozenset(live_values(net))
        for module in net.modules():
            _add_unseen(module)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.net(x)
        return answer

    def set_live(self, config: Config) -> None:
        """Take over the live knobs that act within the net, from the next forward on."""
        for module in self.net.modules():
            for name, attribute, _ in _settable(module):
                if name in self.live:
                    setattr(module, attribute, getattr(config, name))


def _add_unseen(norm: nn.Module) -> None:
    """Give a norm with running statistics the buffer UNSEEN: nan where it has seen batches before."""
    if isinstance(norm, _NormBase) and not isinstance(norm, Norm) and norm.running_mean is not None:
        fresh = norm.num_batches_tracked is not None and not int(norm.num_batches_tracked)
        start = torch.full((), 1.0 if fresh else math.nan, dtype=torch.float64, device=norm.running_mean.device)
        norm.register_buffer(UNSEEN, start, persistent=False)


@contextmanager
def _buffers_kept(net: nn.Module) -> Iterator[None]:
    """Put the net's buffers back after the block: a trial pass moves running statistics."""
    kept = [
        (module, {name: buffer.clone() for name, buffer in module._buffers.items() if buffer is not None})
        for module in net.modules()
    ]
    try:
        yield
    finally:
        for module, buffers in kept:
            module._buffers.update(buffers)


def try_out(net: nn.Module, x: Tensor, check: Callable[[Tensor], None]) -> Trace:
    """Return what a training pass on ``x`` calls, without a trace of it in the net.

    Args:
        check: called with the output; raises what is wrong with it.

    Raises:
        NetError: as :func:`trace`; for an output that is no tensor, parameters that are not float32, or none to train.
    """
    if any(isinstance(part, UninitializedParameter | UninitializedBuffer) for part in _parts(net)):
        net.eval()
        with torch.no_grad():
            trace(net, x)  # torch's lazy modules get their shapes
    parameters = dict(net.named_parameters())
    for name, parameter in parameters.items():
        if parameter.dtype != torch.float32:
            dtype = str(parameter.dtype).removeprefix("torch.")
            raise NetError(f"Parameter {name} is {dtype}: the lab trains in float32. Call .float() on the net.")
    if not any(parameter.requires_grad for parameter in parameters.values()):
        raise NetError(f"{type(net).__name__} has no parameter that can be trained.")
    net.train()
    with _buffers_kept(net), torch.enable_grad():
        found = trace(net, x)
        if not isinstance(found.output, Tensor):
            raise NetError(
                f"{type(net).__name__} returns {type(found.output).__name__} ({shape_words(found.output)}): the lab "
                "needs one tensor. Return it alone, or put the net into a module that does."
            )
        check(found.output)
    return found


@contextmanager
def explained(net: nn.Module, batch: Callable[[], Tensor]) -> Iterator[None]:
    """Name the layer at which a net of one's own fails in the block, on what ``batch()`` then gives.

    Raises:
        NetError: in place of the error, where the net fails on that batch again; another error as it is.
    """
    try:
        yield
    except Exception as error:
        if isinstance(net, OwnNet) and not isinstance(error, NetError):
            try:
                trace(net.net, batch())
            except NetError as named:
                raise named from error
        raise


def _parts(net: nn.Module) -> Iterable[object]:
    yield from net.parameters()
    yield from net.buffers()
