"""The probes' compiled passes on the CPU: they write a layer's or norm's statistics straight into a row."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.nn.norms import AveragingNorm, Norm, RunningBatchNorm
from lab.record import LAYER, NORM, OUTPUT_GRADIENT
from lab.telemetry.backward import Weights
from lab.training.metrics import accuracy

Metric = Callable[[Tensor, Tensor], Tensor]


class HostPasses:
    """Writes the statistics of record.LAYER, NORM and GRADIENT into rows in the host's memory.

    At a batch of two a look at a tensor from Python costs as much as its arithmetic, so this
    works on views of the storage that were made once.
    """

    def __init__(
        self, fused: ModuleType, rows: Tensor, hists: Tensor, bounds: tuple[float, float], threshold: float
    ) -> None:
        """``fused`` is :mod:`lab.telemetry.fused`; ``rows`` and ``hists`` are those of the probes."""
        self._fused: Any = fused
        self._rows = rows.numpy()
        self._hists = hists.numpy()
        self._how = (*bounds, threshold)

    def measure(self, output: Tensor, row: int, layer: int, at: int) -> None:
        """Write the statistics of a layer's detached ``output`` to the row's columns from ``at``, and its histogram."""
        figures = self._rows[row, at : at + len(LAYER)]
        self._fused.measure(_in_memory_order(output), *self._how, self._hists[row, layer], figures)

    def watch_weights(self, weights: Weights, hists: Tensor) -> None:
        """Prepare :meth:`measure_weights`, which writes the weights' histograms into ``hists``."""
        self._weights = weights
        self._weight_hists = hists.numpy()
        layers = len(weights.weights)
        # Weight and copy stay where they are, and are kept alive here; the gradient is another at each step.
        self._places = np.zeros((layers, 3), np.int64)
        self._sizes = np.zeros(layers, np.int64)
        self._ranges = np.array(weights.ranges, np.float32).reshape(layers, 2)
        for layer, (weight, before) in enumerate(zip(weights.weights, weights.before, strict=True)):
            if weight is not None and before is not None:
                self._places[layer, 1:] = weight.data_ptr(), before.data_ptr()
                self._sizes[layer] = weight.numel()

    def measure_weights(self, row: int) -> None:
        """Write each layer's gradient, update and weight histogram; the weights now are then those before."""
        weights = self._weights
        # A copy of a gradient that is not one piece must live until the call is over.
        gradients = [_one_piece(weights.gradient(layer)) for layer in range(len(self._sizes))]
        self._places[:, 0] = [0 if gradient is None else gradient.data_ptr() for gradient in gradients]
        figures = self._rows[row, weights.columns]
        self._fused.measure_updates(self._places, self._sizes, self._ranges, self._weight_hists[row], figures)

    def measure_moments(self, gradient: Tensor, row: int, at: int) -> None:
        """Write the mean and std of an output's ``gradient`` to the row's columns from ``at``."""
        place = self._rows[row, at : at + len(OUTPUT_GRADIENT)]
        self._fused.measure_moments(_in_memory_order(gradient), place)

    def score(self, loss: Tensor, metric: Metric, logits: Tensor, targets: Tensor, row: int) -> None:
        """Write the step's loss (0-dim) and its ``metric``."""
        row_of_figures = self._rows[row]
        row_of_figures[0] = loss.item()
        # The one metric with a compiled pass; another task's own is asked as it is.
        if metric is accuracy and logits.is_contiguous() and targets.is_contiguous():
            row_of_figures[1] = self._fused.accuracy(logits.detach().numpy(), targets.numpy())
        else:
            row_of_figures[1] = metric(logits, targets).item()

    def measure_norm(self, norm: Norm, row: int, at: int) -> None:
        """Write the statistics of ``norm``, which has just run, to the row's columns from ``at``."""
        figures = self._rows[row, at : at + len(NORM)]
        # Past the module's own look-up of attributes, which tries its parameters first.
        buffers = norm._buffers
        self._fused.measure_scale(_numpy(buffers["used_var"]), norm.eps, figures)
        if isinstance(norm, RunningBatchNorm):
            names = ("batch_mean", "batch_var", "sums", "squares")
            counts = (_numpy(buffers["count"])[0], _numpy(buffers["unseen"])[0])
            self._fused.measure_sums(*(_numpy(buffers[name]) for name in names), *counts, figures)
        elif isinstance(norm, AveragingNorm):
            names = ("batch_mean", "batch_var", "running_mean", "running_var")
            unseen = _numpy(buffers["unseen"])[0]
            self._fused.measure_averages(*(_numpy(buffers[name]) for name in names), unseen, figures)


def _one_piece(gradient: Tensor | None) -> Tensor | None:
    """Return the gradient, or a copy of it where it does not fill one piece of memory in some order of its axes."""
    if gradient is None or gradient.is_contiguous():
        return gradient
    if gradient.dim() == 4 and gradient.is_contiguous(memory_format=torch.channels_last):
        return gradient
    return gradient.contiguous()


def _in_memory_order(x: Tensor) -> Any:
    """Return the values as (n,) numpy, without a copy of what is contiguous or channels_last."""
    values = x.numpy()
    if x.dim() == 4 and not x.is_contiguous():
        # channels_last as it lies in memory; numpy turns a view faster than torch.
        values = values.transpose(0, 2, 3, 1)
    return values.reshape(-1)


def _numpy(buffer: Tensor | None) -> Any:
    """Return a view of the tensor's values as numpy; a norm's reported buffers hold no gradient."""
    assert buffer is not None
    return buffer.numpy().reshape(-1)
