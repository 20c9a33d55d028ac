"""Snapshots of a run in training: everything that its next batch depends on, so that it can go on from there again."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lab.config import LENGTH, Config
from lab.nn.activations import GeneralRelu
from lab.record import Mark
from lab.telemetry.history import HistoryState
from lab.telemetry.recorder import Recorder, Totals
from lab.training.callbacks import Callback
from lab.training.learner import Learner

EVERY = 200
"""Steps between two snapshots; then the next drain of the record is awaited, at most 63 steps."""

MOST = 64
BYTES = 64 * 2**20
FEWEST = 3
"""A run keeps at most MOST snapshots, and at most BYTES of them, but FEWEST however large its net: the first, the
newest and one between."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run just before a batch. Never written to, so that runs share it; its tensors are on the run's device.

    Attributes:
        step: the batch's number.
        config: the knobs with which the batch before was trained.
        epoch, place: the epoch, and how many of its batches had their turn.
        order: the state of the generator before it drew the epoch's order of images.
        random: the state of ``Learner.random``.
        schedule_from: the step at which the schedules began.
        tensors: parameters and buffers by name; also those that a state_dict leaves out.
        shifts: of each activation, by name: an init may have moved it.
        optimizer: its state_dict.
        totals: of the epoch so far.
        history: the record's running averages and counts.
        seconds: of training so far.
    """

    step: int
    config: Config
    epoch: int
    place: int
    order: Tensor
    random: Tensor
    schedule_from: int
    tensors: dict[str, Tensor]
    shifts: dict[str, float]
    optimizer: dict[str, Any]
    totals: Totals
    history: HistoryState
    seconds: float

    @property
    def bytes(self) -> int:
        """Bytes of its tensors on the device."""
        optimizer = [tensor for value in self.optimizer.values() if isinstance(value, list) for tensor in value]
        tensors = [*self.tensors.values(), *(value for value in optimizer if isinstance(value, Tensor))]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def restore(self, learner: Learner) -> None:
        """Put everything into a learner that was built from the same settings and has not trained yet."""
        with torch.no_grad():
            for name, param in learner.model.named_parameters():
                param.copy_(self.tensors[name])
        for prefix, module in learner.model.named_modules():
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    # Replaced, not filled: in eval mode one buffer of a norm may stand for another.
                    module._buffers[name] = self.tensors[f"{prefix}.{name}" if prefix else name].clone()
        for name, activation in _activations(learner.model):
            activation.sub = self.shifts[name]
        learner.optimizer.load_state_dict(self.optimizer)
        learner.generator.set_state(self.order)
        learner.random.set_state(self.random)
        learner.step, learner.begins_at = self.step, (self.epoch, self.place)
        learner.schedule_from = self.schedule_from
        learner.set_live(learner.config)


def _activations(model: nn.Module) -> list[tuple[str, GeneralRelu]]:
    return [(name, module) for name, module in model.named_modules() if isinstance(module, GeneralRelu)]


class Snapshots(Callback):
    """Takes a run's snapshots and keeps a bounded number of them.

    One is taken before the first batch, then :data:`EVERY` steps after the last one, where the record has just been
    drained: nothing is copied to the host for it and nothing waits for the device, whose copies are queued behind
    the step before. A finished run has one of its end. None is taken after a divergence: the drain ends the run.
    """

    order = -20  # before RemoteControl changes the knobs of this batch

    def __init__(self, recorder: Recorder, clock: Callable[[], float], earlier: Iterable[Snapshot] = ()) -> None:
        """Keep the ``earlier`` ones that another run has taken, too; ``clock`` gives the seconds of training so far."""
        self._recorder = recorder
        self._clock = clock
        self._lock = threading.Lock()
        self._kept = list(earlier)
        self._next = 0

    def before_batch(self, learner: Learner) -> None:
        if learner.training and learner.step >= self._next and self._recorder.caught_up:
            self._take(learner, learner.order, learner.place)

    def after_fit(self, learner: Learner) -> None:
        # Called before the recorder's: rows that are not in yet are taken now.
        self._recorder.take_rows()
        if self._recorder.diverged is not None:
            return
        if learner.left_out:
            self._take(learner, learner.order, learner.place + 1)
        else:
            self._take(learner, learner.generator.get_state(), 0, learner.epoch + 1)

    def cancel_fit(self, learner: Learner) -> None:
        if learner.ended_early:
            self.after_fit(learner)

    def at(self, step: int) -> Snapshot | None:
        """Return the newest snapshot at or before ``step``."""
        return next((snapshot for snapshot in reversed(self.until(step))), None)

    def until(self, step: int) -> list[Snapshot]:
        """Return the snapshots at or before ``step``, oldest first."""
        with self._lock:
            return [snapshot for snapshot in self._kept if snapshot.step <= step]

    def _take(self, learner: Learner, order: Tensor, place: int, epoch: int | None = None) -> None:
        model = learner.model
        named = {**dict(model.named_parameters()), **dict(model.named_buffers(remove_duplicate=False))}
        with torch.no_grad():
            tensors = {name: tensor.detach().clone() for name, tensor in named.items()}
        snapshot = Snapshot(
            step=learner.step,
            config=learner.config,
            epoch=learner.epoch if epoch is None else epoch,
            place=place,
            order=order,
            random=learner.random.get_state(),
            schedule_from=learner.schedule_from,
            tensors=tensors,
            shifts={name: activation.sub for name, activation in _activations(model)},
            optimizer=learner.optimizer.state_dict(),
            totals=self._recorder.totals if place else Totals(),
            history=self._recorder.history.state,
            seconds=self._clock(),
        )
        self._next = learner.step + EVERY
        marks = self._recorder.history.since(learner.step).marks
        with self._lock:
            self._kept = thinned([*self._kept, snapshot], room(snapshot.bytes), marks)


def room(bytes: int) -> int:
    """Return how many snapshots of this size are kept."""
    return min(max(BYTES // max(bytes, 1), FEWEST), MOST)


def thinned(snapshots: Sequence[Snapshot], most: int, marks: Sequence[Mark]) -> list[Snapshot]:
    """Return at most ``most`` of them: the first and the last, then those just before marks, then evenly spread ones.

    Those before marks take at most half of the places; the newest marks come first. The first one of a prolonged run's
    new epochs stays, too: none before it can go on into them.
    """
    kept = list(snapshots)
    if len(kept) <= most:
        return kept
    steps = [snapshot.step for snapshot in kept]
    before_marks: set[int] = set()
    for mark in reversed(marks):
        if len(before_marks) == most // 2:
            break
        before_marks.add(steps[max(bisect_right(steps, mark.step) - 1, 0)])
    while len(kept) > most:

        def worth(i: int) -> tuple[bool, bool, int]:
            now, before = kept[i].config, kept[i - 1].config
            prolonged = any(getattr(now, name) != getattr(before, name) for name in LENGTH)
            # Of equal ones, that whose neighbours are nearest to each other is missed least.
            return prolonged, kept[i].step in before_marks, kept[i + 1].step - kept[i - 1].step

        del kept[min(range(1, len(kept) - 1), key=worth)]
    return kept
