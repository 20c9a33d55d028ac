"""The callback that keeps the record: rows from the probes' storage on the device to the host's History."""

import math
import time
from collections.abc import Callable

import numpy as np
import torch

from lab.telemetry.history import History
from lab.telemetry.probes import Probes
from lab.telemetry.record import Layout, Outputs, Validation
from lab.training.callbacks import Callback, CancelFit
from lab.training.learner import Learner

RING = 64
"""Steps between drains at most, and so until a diverged run is noticed."""

DRAIN_SECONDS = 0.1
"""A slow step's rows are drained as often as the screen pulls; 64 steps could take many seconds."""

OUTPUTS_SECONDS = 0.5
"""Asking the net about the gallery costs a forward pass, so less often than a drain."""


class Recorder(Callback):
    """Writes each step's row, drains them, notes validations, and ends a fit whose loss is not finite.

    Attributes:
        diverged_at: the first step with a loss that is not finite, or None.
        diverged_lr: the lr that this step used.
        outputs: every answer to the gallery, (n, classes) float32, after step ``outputs_step``.
    """

    order = 50

    def __init__(self, history: History, clock: Callable[[], float]) -> None:
        """``clock``: seconds of training so far, pauses left out."""
        self.history = history
        self.diverged_at: int | None = None
        self.diverged_lr = math.nan
        self.outputs: tuple[int, np.ndarray] | None = None
        self._clock = clock
        self._host: list[tuple[float, float, float, float, int]] = []
        self._drained = self._asked = -math.inf

    def before_fit(self, learner: Learner) -> None:
        model, config = learner.model, learner.config
        layout = Layout(tuple(model.blocks), tuple(model.norms), config.histogram_range, learner.steps_per_epoch)
        self.history.open(layout)
        self._probes = Probes(model, layout, config.near_zero, learner.task.x_train.device, RING)
        self._probes.__enter__()

    def before_epoch(self, learner: Learner) -> None:
        self._totals = np.zeros(2)
        self._images = 0

    def after_batch(self, learner: Learner) -> None:
        if not learner.training:
            return
        with torch.no_grad():
            self._probes.score(learner.loss, learner.task.metric(learner.logits, learner.y))
        optimizer = learner.optimizer
        seconds = self._clock()
        self._host.append((optimizer.lr, optimizer.momentum, seconds, learner.config.beta, len(learner.x)))
        if len(self._host) == RING or time.perf_counter() - self._drained >= DRAIN_SECONDS:
            self.drain(learner)

    def after_epoch(self, learner: Learner) -> None:
        # The epoch's last rows must be in before its averages are told.
        self.drain(learner)
        self._note(learner, learner.valid_loss, learner.valid_metric)

    def cleanup_fit(self, learner: Learner) -> None:
        try:
            self._take_rows()
            self.ask(learner)
        finally:
            self._probes.__exit__(None, None, None)

    def validate(self, learner: Learner) -> None:
        """A validation out of turn: for a run that ended early."""
        self._note(learner, *learner.validate())

    def _note(self, learner: Learner, loss: float, metric: float) -> None:
        train = self._totals / self._images if self._images else np.full(2, np.nan)
        self.history.validate(Validation(self.history.last_step, learner.epoch, loss, metric, *map(float, train)))

    def drain(self, learner: Learner) -> None:
        """Copy the rows to the host; the one place where the host waits for the device.

        Raises:
            CancelFit: when a row's loss is not finite.
        """
        self._take_rows()
        self._drained = time.perf_counter()
        if self._drained - self._asked >= OUTPUTS_SECONDS:
            self.ask(learner)
        if self.diverged_at is not None:
            raise CancelFit

    def _take_rows(self) -> None:
        count = len(self._host)
        if not count:
            return
        rows = self._probes.rows[:count].cpu().numpy()
        hists = self._probes.hists[:count].cpu().numpy()
        host = np.array(self._host, np.float64)
        begin = self.history.last_step + 1
        self.history.append(rows, hists, host[:, :3], host[:, 3].tolist())
        self._probes.row = 0
        self._host.clear()
        bad = np.flatnonzero(~np.isfinite(rows[:, 0]))
        if bad.size and self.diverged_at is None:
            self.diverged_at = begin + int(bad[0])
            self.diverged_lr = float(host[bad[0], 0])
            self.history.cut(self.diverged_at)
            count = int(bad[0]) + 1
        sizes = host[:count, 4]
        self._totals += (rows[:count, :2] * sizes[:, None]).sum(axis=0)
        self._images += int(sizes.sum())

    def ask(self, learner: Learner) -> None:
        """What does the net say of the gallery's pictures now? Eval mode, and no trace in the training."""
        self._asked = time.perf_counter()
        gallery = learner.task.gallery
        if gallery is None or self.history.last_step < 0:
            return
        training = learner.model.training
        learner.model.eval()
        with torch.no_grad():
            logits = learner.model(gallery.x).cpu().numpy()
        learner.model.train(training)
        self.outputs = self.history.last_step, logits


def pick(recorder: Recorder, learner: Learner, digit: int, other: int) -> Outputs | None:
    """The answers to ``digit``, to ``digit`` and ``other`` overlaid, and to the blank."""
    gallery = learner.task.gallery
    if gallery is None or recorder.outputs is None:
        return None
    step, logits = recorder.outputs
    chosen = [gallery.pairs[digit, digit], gallery.pairs[digit, other], gallery.blank]
    first, second, blank = (gallery.names[i] for i in chosen)
    return Outputs(step, logits[chosen], gallery.pictures[chosen].numpy(), (first, second, blank))
