"""The whole step as one CUDA graph: captured once, then replayed by a single launch.

A net this small keeps a GPU busy for less time than Python needs to launch its hundred kernels.
The graph holds what :func:`eager_step` does, all of it: the batch's gathering, forward, loss,
backward, the optimiser's step, the probes' figures and the row's way into the ring.

What a replay reads from fixed places on the device, set before it without waiting: which images,
the optimiser's factors (lr, momentum, weight decay), which row. What it holds fast, because
kernels take it as a plain number, is captured anew when it changes: see ``_held_fast``.
No random number is drawn within a step, so no generator is captured.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor

from lab.config import LIVE
from lab.cuda.capture import Capture
from lab.telemetry.probes import Probes
from lab.telemetry.recorder import Recorder
from lab.training.learner import Learner, eager_step

log = logging.getLogger(__name__)

WARM_STEPS = 3
"""Real steps done before a capture: they build what is built once (kernels, handles, momentum's buffers)."""

INSIDE = ("after_predict", "after_loss", "after_backward", "after_step")
"""Events that a replayed step has no place for."""

_AS_NUMBERS = sorted(LIVE - {"lr", "momentum", "weight_decay", "beta2", "opt_eps", "beta"})
"""Live knobs that the net's kernels take as plain numbers. The optimiser tells of its own; beta stays on the host."""


class GraphStep:
    """Trains a batch as :func:`eager_step` does, with the same numbers, by replaying a graph where possible.

    It can when the batch is full and not gathered yet (nobody has asked for ``learner.x``), each
    parameter has a gradient, and no callback listens within the step. ``measure`` is called when the
    graph is captured. A callback that changes the net itself, rather than a knob, is not noticed:
    it sets ``learner.run_step`` to :func:`eager_step`.
    """

    def __init__(self, recorder: Recorder, capture: Capture) -> None:
        self._recorder = recorder
        self._capture = capture
        self._held: tuple[object, ...] = ()
        self._places: _Places
        self._warmed = 0
        self._replay: Callable[[], None] | None = None
        self._failed = False

    def __call__(self, learner: Learner) -> None:
        if not learner.training or self._failed:
            eager_step(learner)
            return
        # On every batch, also one that no graph does: it may have replaced what the graph holds fast.
        held = self._held_fast(learner)
        if held != self._held:
            self._held, self._places = held, _Places(learner, self._recorder.probes)
            self._warmed, self._replay = 0, None
        if not self._fits(learner):
            eager_step(learner)
        elif self._warmed < WARM_STEPS:
            self._places.set(learner)
            self._capture.warm(partial(self._step, learner))
            self._warmed += 1
        elif (replay := self._replay or self._record(learner)) is not None:
            self._places.set(learner)
            replay()
            self._places.show_results(learner)
        else:
            eager_step(learner)
        # Autograd's nodes remember the stream on which they were made: none may reach from here into a capture.
        learner.logits, learner.loss = learner.logits.detach(), learner.loss.detach()

    def _held_fast(self, learner: Learner) -> tuple[object, ...]:
        config = learner.config
        knobs = (getattr(config, name) for name in _AS_NUMBERS)
        return self._recorder.probes, *knobs, *learner.optimizer.branches()

    def _fits(self, learner: Learner) -> bool:
        return (
            learner.chosen is not None
            and len(learner.chosen) == learner.config.batch_size
            and not learner.gathered
            and learner.optimizer.uniform()
            and not any(learner.listens(event) for event in INSIDE)
        )

    def _record(self, learner: Learner) -> Callable[[], None] | None:
        """Return the captured step; None, and no further try, where it cannot be captured."""
        chosen = learner.chosen
        try:
            self._replay = self._capture.record(partial(self._step, learner))
        except Exception:
            log.warning("the step could not be captured into a CUDA graph: it goes on without, slower", exc_info=True)
            self._failed = True
        else:
            self._places.keep_results(learner)
        learner.take(chosen)
        return self._replay

    def _step(self, learner: Learner) -> None:
        places = self._places
        learner.take(places.chosen)
        with learner.optimizer.on_device(places.factors), places.staged():
            eager_step(learner)


class _Places:
    """The fixed device tensors that a captured step reads and writes."""

    def __init__(self, learner: Learner, probes: Probes) -> None:
        optimizer, device = learner.optimizer, probes.rows.device
        self.chosen = torch.zeros(learner.config.batch_size, dtype=torch.int64, device=device)
        self.factors: dict[str, Tensor] = {}
        self._filled: dict[str, float] = {}
        self._all = list(range(len(optimizer.params)))
        self._probes = probes
        self._row = torch.full_like(probes.rows[:1], torch.nan)
        self._hists = torch.zeros_like(probes.hists[:1])
        self._weight_hists = torch.zeros_like(probes.weight_hists[:1])
        self._at = torch.zeros(1, dtype=torch.int64, device=device)
        self._expected = 0

    def set(self, learner: Learner) -> None:
        """Set the images, factors and row of the next step, without waiting for the device."""
        assert learner.chosen is not None
        self.chosen.copy_(learner.chosen)
        optimizer = learner.optimizer
        optimizer.advance(self._all)
        for name, value in optimizer.factors().items():
            if name not in self.factors:
                self.factors[name] = torch.full((), value, dtype=optimizer.params[0].dtype, device=self.chosen.device)
            elif value != self._filled[name]:
                self.factors[name].fill_(value)
            self._filled[name] = value
        if self._expected != self._probes.row:
            self._at.fill_(self._probes.row)
        self._expected = self._probes.row + 1

    @contextmanager
    def staged(self) -> Iterator[None]:
        """Have the probes write a row of their own in the block, then copy it to where the device's counter says."""
        probes = self._probes
        ring = probes.rows, probes.hists, probes.weight_hists, probes.row
        probes.rows, probes.hists, probes.weight_hists, probes.row = self._row, self._hists, self._weight_hists, 0
        try:
            yield
        finally:
            probes.rows, probes.hists, probes.weight_hists, probes.row = ring
        probes.rows.index_copy_(0, self._at, self._row)
        probes.hists.index_copy_(0, self._at, self._hists)
        probes.weight_hists.index_copy_(0, self._at, self._weight_hists)
        self._at.add_(1)

    def keep_results(self, learner: Learner) -> None:
        """Remember the tensors that a captured step writes its results to; an eager step makes new ones each time."""
        self._results = learner.x, learner.y, learner.logits.detach(), learner.loss.detach()
        self._gradients = [(param, param.grad) for param in learner.optimizer.params]
        self._buffers = [(module._buffers, module._buffers.copy()) for module in learner.model.modules()]

    def show_results(self, learner: Learner) -> None:
        """Make them the learner's results again: another batch has replaced them in between."""
        x, y, learner.logits, learner.loss = self._results
        learner.take(learner.chosen, (x, y))
        for param, gradient in self._gradients:
            param.grad = gradient
        for buffers, captured in self._buffers:
            buffers.update(captured)
