"""Statistics of each layer's output, weight and gradient at each step, computed on its device.

Nothing here asks the device for a value: every figure is a 0-dim tensor, written into a row of
storage that was allocated before the run. Whoever wants the rows copies them out, many at once.

On the CPU one compiled pass (:mod:`lab.telemetry.fused`) does the same, where numba is installed,
and on CUDA another (:mod:`lab.cuda.fused_probes`), where Triton is: it comes with torch there.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from types import ModuleType, TracebackType
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from lab.nn.layers import Hook, Observed, hook_layers, layers_of
from lab.nn.norms import AveragingNorm, Norm
from lab.record import BINS, COUNTS, LAYER, NORM, OUTPUT_GRADIENT, Layout
from lab.telemetry.backward import Weights, weight_of
from lab.telemetry.host import HostPasses, Metric
from lab.telemetry.torch_norms import measure_torch_norm

log = logging.getLogger(__name__)

RELU_RANGE = (0.0, 10.0)
GENERAL_RANGE = (-7.0, 7.0)


def bin_position(x: Tensor, low: float, high: float) -> Tensor:
    """Return where each value falls, in bins: ``(x - low) * bins / width``.

    In just this order of operations, which is torch.histc's, so that bins agree bit for bit.
    """
    scaled = (x - low).mul_(BINS)
    if x.is_cuda:
        # By a plain number CUDA does not divide: it multiplies by the reciprocal, which rounds otherwise.
        return scaled.div_(x.new_full((), high - low))
    return scaled.div_(high - low)


def histogram(x: Tensor, low: float, high: float) -> Tensor:
    """Return the counts of ``x`` below ``low``, in 40 bins, above ``high``, and nan: (43,) int64.

    The bins equal ``torch.histc(x, 40, low, high)``: both ends belong to the range.
    """
    x = x.flatten()
    slot = bin_position(x, low, high).floor_().clamp_(-1, BINS - 1)
    slot.masked_fill_(x > high, BINS)
    slot = slot.nan_to_num_(nan=BINS + 1).add_(1).long()
    if x.is_cuda:
        # bincount would read the largest slot back from the device.
        return torch.zeros(COUNTS, dtype=torch.int64, device=x.device).index_add_(0, slot, torch.ones_like(slot))
    return torch.bincount(slot, minlength=COUNTS)


def fraction_in_bins(x: Tensor, bounds: tuple[float, float], first: int, last: int) -> Tensor:
    """Return the share of the values inside ``bounds`` that fall into bins ``first`` to ``last`` of 40 (0-dim).

    nan when none lies inside.
    """
    position = bin_position(x, *bounds)
    near = ((position >= first) & (position < last + 1)).sum()
    return near / ((x >= bounds[0]) & (x <= bounds[1])).sum()


def measure(x: Tensor, counts: Tensor, bounds: tuple[float, float], threshold: float) -> list[Tensor]:
    """Return the statistics in record.LAYER of one layer's output ``x``, given its histogram; 0-dim tensors."""
    if bounds == RELU_RANGE:
        relu = counts[1:3].sum() / counts[1 : BINS + 1].sum()
        general = fraction_in_bins(x, GENERAL_RANGE, 19, 21)
    else:
        relu = fraction_in_bins(x, RELU_RANGE, 0, 1)
        general = counts[20:23].sum() / counts[1 : BINS + 1].sum()
    return [
        x.mean(),
        x.std(),
        relu,
        general,
        (x.abs() < threshold).sum() / x.numel(),
        (x <= threshold).sum() / x.numel(),
    ]


def measure_norm(norm: Norm, figures: Tensor) -> None:
    """Write the figures of record.NORM, for a norm that has just run, into ``figures`` (len(NORM),)."""
    torch.amin(norm.used_var, out=figures[0])
    torch.rsqrt(figures[0] + norm.eps, out=figures[1])
    if isinstance(norm, AveragingNorm):
        now = norm.averages()
        # One reduction for all: on a small batch the number of operations is what costs.
        per_channel = [norm.batch_mean, norm.batch_var, now.mean, now.var, now.debiased_mean, now.debiased_var]
        torch.mean(torch.stack(per_channel), dim=1, out=figures[2:8])
        figures[8].copy_(now.debias)


def flat_view(x: Tensor) -> Tensor:
    """Return the values of ``x`` as (n,), in memory order, without a copy where the layout allows it."""
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    return x.reshape(-1)


@cache
def fused_passes() -> ModuleType | None:
    """Return the compiled passes, None without a working numba; loading them takes half a second."""
    try:
        from lab.telemetry import fused
    except ImportError:
        return None
    except Exception:
        # It refuses to load where it can write its cache nowhere, for one.
        log.warning("numba does not work here: layers are measured by torch, slower", exc_info=True)
        return None
    return fused


@cache
def cuda_pass(device: torch.device) -> Callable[[torch.device], Callable[..., None]] | None:
    """Return the factory of compiled CUDA passes; None where Triton is missing or disagrees with torch."""
    try:
        from lab.cuda import fused_probes

        if fused_probes.agrees_with_torch(device):
            return fused_probes.FusedPass
        log.warning("Triton's figures differ from torch's here: layers are measured by torch, slower")
    except ImportError:
        pass
    except Exception:
        log.warning("Triton does not work here: layers are measured by torch, slower", exc_info=True)
    return None


def _both(forward: Hook, backward: Callable[[Tensor], None], net: nn.Module) -> Hook:
    """Return a forward hook that also has ``backward`` called with the gradient of the output, in training."""

    def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
        forward(module, inputs, output)
        if net.training and output.requires_grad:
            output.register_hook(backward)  # type: ignore[no-untyped-call]

    return hook


class Probes:
    """Hooks on a net's layers that write a row for each training step; a context manager.

    The hooks are removed on leaving, whatever happened. Outputs of a model in eval mode are not
    measured.

    Attributes:
        rows: (capacity, device columns) float32, on the model's device.
        hists: (capacity, layers, COUNTS) int32, on the model's device.
        weight_hists: the same of the layers' weights.
        row: the index that the step in work writes.
    """

    def __init__(self, model: nn.Module, layout: Layout, threshold: float, device: torch.device, capacity: int) -> None:
        self.model = model
        self.layers = layers_of(model)
        self.layout = layout
        self.threshold = threshold
        self.capacity = capacity
        self.rows = torch.full((capacity, len(layout.device_columns)), torch.nan, dtype=torch.float32, device=device)
        self.hists = torch.zeros(capacity, len(layout.layers), COUNTS, dtype=torch.int32, device=device)
        self.weight_hists = torch.zeros_like(self.hists)
        self.row = 0
        self._weights = Weights(
            [weight_of(layer.layer) for layer in self.layers], layout.weight_ranges, layout.weight_columns
        )
        self._hooks = ExitStack()
        self._host: HostPasses | None = None
        if device.type == "cpu" and (fused := fused_passes()) is not None:
            self._host = HostPasses(fused, self.rows, self.hists, layout.range, threshold)
            self._host.watch_weights(self._weights, self.weight_hists)
        make = cuda_pass(device) if device.type == "cuda" else None
        self._fused_cuda = make(device) if make is not None else None
        # The pass gives an output's figures too, which mean nothing of a weight.
        self._unused = torch.empty(len(LAYER), device=device)

    def __enter__(self) -> Self:
        if getattr(self.model, "may_skip", False):
            self._hooks.callback(self.model.register_forward_pre_hook(self._blank).remove)
        hooks = [self._hook(index, layer) for index, layer in enumerate(self.layers)]
        hook_layers(self._hooks, self.model, self.layers, hooks)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.close()

    def _blank(self, _: nn.Module, __: object) -> None:
        """Forget what an earlier step wrote into this row, for layers that this one may leave out."""
        if self.model.training:
            self.rows[self.row].fill_(torch.nan)
            self.hists[self.row].zero_()

    def _hook(self, layer: int, observed: Observed) -> Hook:
        """Measure a layer's output: a forward hook of torch."""
        net, norm = self.model, observed.norm
        begin = 2 + layer * len(LAYER)
        at_norm = 2 + len(self.layout.layers) * len(LAYER)
        if norm is not None:
            at_norm += self.layout.norms.index(self.layout.layers[layer]) * len(NORM)

        foreign = norm is not None and not isinstance(norm, Norm)

        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if not net.training:
                return
            with torch.no_grad():
                values = flat_view(output.detach().float())
                self._measure(layer, values, self.rows[self.row, begin : begin + len(LAYER)])
                if norm is not None:
                    figures = self.rows[self.row, at_norm : at_norm + len(NORM)]
                    if foreign:
                        measure_torch_norm(norm, inputs[0], figures)
                    else:
                        measure_norm(cast(Norm, norm), figures)

        host = self._host
        on_gradient = self._output_gradient_hook(layer)
        if host is None:
            return hook if on_gradient is None else _both(hook, on_gradient, net)

        def on_host(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if not net.training:
                return
            values = output.detach()
            host.measure(values if values.dtype is torch.float32 else values.float(), self.row, layer, begin)
            if norm is None:
                return
            if foreign:
                measure_torch_norm(norm, inputs[0], self.rows[self.row, at_norm : at_norm + len(NORM)])
            else:
                host.measure_norm(cast(Norm, norm), self.row, at_norm)

        return on_host if on_gradient is None else _both(on_host, on_gradient, net)

    def _output_gradient_hook(self, layer: int) -> Callable[[Tensor], None] | None:
        """Return a hook that writes a gradient's mean and std, None where they are not asked for."""
        if not self.layout.output_gradients:
            return None
        begin = self.layout.weight_columns.stop + layer * len(OUTPUT_GRADIENT)

        def write(gradient: Tensor) -> None:
            if self._host is not None:
                self._host.measure_moments(gradient.detach(), self.row, begin)
                return
            with torch.no_grad():
                figures = self.rows[self.row, begin : begin + len(OUTPUT_GRADIENT)]
                torch.stack([gradient.mean(), gradient.std()], out=figures)

        return write

    def _measure(self, layer: int, x: Tensor, figures: Tensor) -> None:
        counts = self.hists[self.row, layer]
        if self._fused_cuda is not None:
            self._fused_cuda(x, *self.layout.range, self.threshold, counts, figures)
            return
        tally = histogram(x, *self.layout.range)
        counts.copy_(tally)
        torch.stack(measure(x, tally, self.layout.range, self.threshold), out=figures)

    def score(self, loss: Tensor, metric: Metric, logits: Tensor, targets: Tensor) -> None:
        """Write the step's loss (0-dim) and its ``metric(logits, targets)``, a task's."""
        with torch.no_grad():
            if self._host is not None:
                # No waiting here: a value of the host's is there.
                self._host.score(loss, metric, logits, targets, self.row)
                return
            torch.stack([loss.detach(), metric(logits, targets)], out=self.rows[self.row, :2])

    def measure_weights(self) -> None:
        """Write each layer's gradient, update and weight histogram, after the optimiser's step."""
        if self._host is not None:
            self._host.measure_weights(self.row)
            return
        weights = self._weights
        if all(weight is None for weight in weights.weights):
            return
        with torch.no_grad():
            self.rows[self.row, weights.columns].copy_(weights.figures())
            for weight, bounds, counts in zip(
                weights.weights, weights.ranges, self.weight_hists[self.row], strict=True
            ):
                if weight is None:
                    continue
                values = flat_view(weight)
                if self._fused_cuda is not None:
                    self._fused_cuda(values, *bounds, self.threshold, counts, self._unused)
                else:
                    counts.copy_(histogram(values, *bounds))
