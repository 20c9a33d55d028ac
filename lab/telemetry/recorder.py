"""The callback that keeps the record: rows from the probes' storage on the device to the host's History."""

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import torch

from lab.nn.layers import layers_of
from lab.record import Layout, Outputs, Validation
from lab.telemetry.backward import weight_of, weight_range
from lab.telemetry.history import History
from lab.telemetry.probes import Probes
from lab.training.callbacks import Callback, CancelFit
from lab.training.learner import Learner

RING = 64
"""Steps between drains at most, and so until a diverged run is noticed."""

DRAIN_SECONDS = 0.1
"""A slow step's rows are drained as often as the screen pulls; 64 steps could take many seconds."""

OUTPUTS_SECONDS = 0.5
"""Asking the net about the gallery costs a forward pass, so less often than a drain."""


class Divergence(NamedTuple):
    """The first step whose loss is not finite: its lr, its loss, and the first layer that was not finite."""

    step: int
    lr: float
    loss: float
    layer: str | None


class Totals(NamedTuple):
    """An epoch's sums so far, each image counted once: of the loss, of the metric, and how many images."""

    loss: float = 0.0
    metric: float = 0.0
    images: int = 0


class Recorder(Callback):
    """Writes each step's row, drains them, notes validations, and ends a fit whose loss is not finite.

    Attributes:
        diverged: where the loss was first not finite, or None.
        outputs: every answer to the gallery, (n, classes) float32, after step ``outputs_step``.
        probes: what writes the rows, during a fit.
    """

    order = 50

    def __init__(self, history: History, clock: Callable[[], float]) -> None:
        """Write to ``history``; ``clock`` gives the seconds of training so far, pauses left out."""
        self.history = history
        self.diverged: Divergence | None = None
        self.outputs: tuple[int, np.ndarray] | None = None
        self.probes: Probes
        self._clock = clock
        self._host: list[tuple[float, float, float, float, int]] = []
        self._drained = self._asked = -math.inf
        self._hooks = ExitStack()
        self._totals, self._images = np.zeros(2), 0
        self._resumed: Totals | None = None

    def before_fit(self, learner: Learner) -> None:
        model, config, task = learner.model, learner.config, learner.task
        if self.history.origin is None:
            layers = layers_of(model)
            ranges = tuple(weight_range(weight_of(layer.layer)) for layer in layers)
            layout = Layout(
                tuple(layer.name for layer in layers),
                tuple(layer.name for layer in layers if layer.norm is not None),
                getattr(model, "histogram_range", config.histogram_range),
                learner.steps_per_epoch,
                ranges,
                output_gradients=config.gradients == "outputs",
                loss=task.loss_name,
                metric=task.metric_name,
                own=task.own,
            )
            self.history.open(layout)
        else:
            layout = self.history.layout  # that of the rows before: a slope changed since would give another range
        probes = Probes(model, layout, config.near_zero, task.x_train.device, RING)
        self.probes = self._hooks.enter_context(probes)

    def before_epoch(self, learner: Learner) -> None:
        self.take_rows()  # of an epoch that was cancelled: they are no part of this one's averages
        totals, self._resumed = self._resumed or Totals(), None
        self._totals, self._images = np.array(totals[:2]), totals.images

    @property
    def caught_up(self) -> bool:
        """Whether every row is in the record."""
        return not self._host

    @property
    def totals(self) -> Totals:
        """The epoch's sums over the rows that are in the record."""
        loss, metric = map(float, self._totals)
        return Totals(loss, metric, self._images)

    def resume(self, totals: Totals) -> None:
        """Go on with these totals in the first epoch."""
        self._resumed = totals

    def measure(self, learner: Learner) -> None:
        self.probes.score(learner.loss, learner.task.metric, learner.logits, learner.y)
        self.probes.measure_weights()

    def before_batch(self, learner: Learner) -> None:
        self._recorded = False

    def after_batch(self, learner: Learner) -> None:
        if not learner.training:
            return
        self._add_row(learner)
        if len(self._host) == RING or time.perf_counter() - self._drained >= DRAIN_SECONDS:
            self.drain(learner)

    def cleanup_batch(self, learner: Learner) -> None:
        # Another callback may have ended the batch, or the fit, after its step.
        if learner.trained and not self._recorded:
            self._add_row(learner)

    def _add_row(self, learner: Learner) -> None:
        optimizer = learner.optimizer
        self._host.append((optimizer.lr, optimizer.momentum, self._clock(), learner.config.beta, len(learner.x)))
        self.probes.row = len(self._host)
        self._recorded = True

    def after_epoch(self, learner: Learner) -> None:
        # The epoch's last rows must be in before its averages are computed.
        self.drain(learner)
        self._note(learner, learner.valid_loss, learner.valid_metric)

    def after_fit(self, learner: Learner) -> None:
        self.take_rows()
        self.ask(learner)

    cancel_fit = after_fit

    def cleanup_fit(self, learner: Learner) -> None:
        # After an error, too, the rows that are there are kept; the net is not asked again.
        with self._hooks:
            self.take_rows()
            self.history.finish()

    def validate(self, learner: Learner) -> None:
        """Validate once more, for a run that ended early."""
        self._note(learner, *learner.validate())

    def _note(self, learner: Learner, loss: float, metric: float) -> None:
        train = self._totals / self._images if self._images else np.full(2, np.nan)
        self.history.validate(Validation(self.history.last_step, learner.epoch, loss, metric, *map(float, train)))

    def validation_losses(self, step: int) -> list[float]:
        """Return the losses of the validations at ``step`` or after it, oldest first."""
        return [row.loss for row in self.history.since(self.history.last_step).validations if row.step >= step]

    def drain(self, learner: Learner) -> None:
        """Copy the rows to the host; the one place where the host waits for the device.

        Raises:
            CancelFit: when a row's loss is not finite.
        """
        self.take_rows()
        self._drained = time.perf_counter()
        if self._drained - self._asked >= OUTPUTS_SECONDS:
            self.ask(learner)
        if self.diverged is not None:
            raise CancelFit

    def settle(self, learner: Learner) -> None:
        """Bring the record and the net's answers up to date before a pause.

        Raises:
            CancelFit: as :meth:`drain`.
        """
        self._asked = -math.inf
        self.drain(learner)

    def take_rows(self) -> None:
        """Copy the rows to the host; rows after a diverged step are left out."""
        count = len(self._host)
        if not count:
            return
        rows = self.probes.rows[:count].cpu().numpy()
        hists = self.probes.hists[:count].cpu().numpy()
        weight_hists = self.probes.weight_hists[:count].cpu().numpy()
        host = np.array(self._host, np.float64)
        self.probes.row = 0
        self._host.clear()
        bad = np.flatnonzero(~np.isfinite(rows[:, 0]))
        if bad.size and self.diverged is None:
            at = int(bad[0])
            step = self.history.last_step + 1 + at
            self.diverged = Divergence(step, float(host[at, 0]), float(rows[at, 0]), self._broken(rows[at], hists[at]))
            count = at + 1  # what follows a diverged step means nothing
        rows, hists, host = rows[:count], hists[:count], host[:count]
        self.history.append(rows, hists, host[:, :3], host[:, 3].tolist(), weight_hists[:count])
        sizes = host[:, 4]
        self._totals += (rows[:, :2] * sizes[:, None]).sum(axis=0)
        self._images += int(sizes.sum())

    def _broken(self, row: np.ndarray, hists: np.ndarray) -> str | None:
        """Return the first layer whose std is not finite; without values, or with one, it has none anyway."""
        columns = self.history.layout.device_columns
        for layer, counts in zip(self.history.layout.layers, hists.sum(axis=1), strict=True):
            if counts > 1 and not math.isfinite(row[columns.index(f"std/{layer}")]):
                return layer
        return None

    def ask(self, learner: Learner) -> None:
        """Ask the net about the gallery's pictures, in eval mode; training is not affected."""
        self._asked = time.perf_counter()
        gallery = learner.task.gallery
        if gallery is None or not gallery.answers or self.history.last_step < 0:
            return
        training = learner.model.training
        learner.model.eval()
        with torch.no_grad():
            logits = learner.model(gallery.x).cpu().numpy()
        learner.model.train(training)
        self.outputs = self.history.last_step, logits

    def pick(self, learner: Learner, digit: int, other: int) -> Outputs | None:
        """Return the latest answers to ``digit``, to ``digit`` and ``other`` overlaid, and to the blank."""
        gallery = learner.task.gallery
        if gallery is None or self.outputs is None:
            return None
        step, logits = self.outputs
        chosen = [gallery.alone(digit), gallery.pair(digit, other), gallery.blank]
        first, second, blank = (gallery.names[i] for i in chosen)
        classes = gallery.outputs or tuple(gallery.names[gallery.pairs[c, c]] for c in range(logits.shape[1]))
        return Outputs(step, logits[chosen], gallery.pictures[chosen].numpy(), (first, second, blank), classes)
