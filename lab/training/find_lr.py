"""The learning rate finder: a short sweep of lr on a copy of a net, its optimiser and its generator."""

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from lab import schedules
from lab.concepts.lr_curve import BATCHES, LrCurve, diverged, sweep_lrs
from lab.config import Config
from lab.training.callbacks import Callback, CancelEpoch, CancelFit
from lab.training.learner import Learner, seeded_step
from lab.training.optimizers import make_optimizer

_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


class SweepCancelled(Exception):
    """The sweep was cancelled before its end."""


def sweep(learner: Learner, config: Config, cancelled: Callable[[], bool] = lambda: False) -> LrCurve:
    """Train a copy of the learner for up to BATCHES batches, lr rising from batch to batch; return the losses' curve.

    The learner, its model, optimiser and generators are afterwards as before, bit for bit. Its callbacks are not
    called: they belong to the run. Momentum is what the schedule gives at the learner's step.

    Args:
        learner: at any point of a fit, or outside of one.
        config: the knobs as ordered, which the learner may only get with its next batch.
        cancelled: asked before each batch.

    Raises:
        SweepCancelled: when ``cancelled()`` is true.
    """
    callback = _Sweep(config.momentum * schedules.parse(config.momentum_schedule).at(_progress(learner)), cancelled)
    # It may be called in a validation, where no gradients are kept.
    with torch.enable_grad(), _cuda_generator_kept(learner.task.x_train.device):
        _copied(learner, config, callback).fit()
    if callback.cancelled:
        raise SweepCancelled
    return LrCurve.of(callback.losses, learner.step)


class _Sweep(Callback):
    """Sets the next lr before each batch, reads the loss after it, and ends the fit where the loss has diverged."""

    def __init__(self, momentum: float, cancelled: Callable[[], bool]) -> None:
        self.losses: list[float] = []
        self.cancelled = False
        self._lrs = sweep_lrs().tolist()
        self._momentum = momentum
        self._ask = cancelled

    def before_batch(self, learner: Learner) -> None:
        if not learner.training:
            raise CancelEpoch  # a validation would take longer than the sweep
        self.cancelled = self._ask()
        if self.cancelled:
            raise CancelFit
        learner.optimizer.lr, learner.optimizer.momentum = self._lrs[len(self.losses)], self._momentum

    def after_batch(self, learner: Learner) -> None:
        # The one place that waits for the device: no training step of the run does, and a hundred here take little.
        self.losses.append(learner.loss.item())
        if len(self.losses) == BATCHES or diverged(self.losses):
            raise CancelFit


def _copied(learner: Learner, config: Config, callback: Callback) -> Learner:
    """Return a learner whose model, optimiser and generator are copies, with the live knobs of ``config``."""
    config = config.replace(epochs=BATCHES, max_steps=0)  # an epoch may be a single batch
    model, parts = copied_model(learner.model)
    optimizer = make_optimizer(config, [parts[id(param)] for param in learner.optimizer.params])
    optimizer.load_state_dict(learner.optimizer.state_dict())
    generator = torch.Generator()
    generator.set_state(learner.generator.get_state())
    made = Learner(config, model, learner.task, optimizer, generator, [callback])
    made.set_live(config)
    made.run_step = seeded_step
    return made


def copied_model(model: nn.Module) -> tuple[nn.Module, dict[int, Any]]:
    """Return a deep copy of ``model`` without the lab's own hooks, and id of a part -> the part's copy.

    The hooks of the probes would write the copy's figures into the run's record. Others may belong to the net, as
    those of torch's spectral norm do.
    """
    originals = [(getattr(module, name), OrderedDict[int, Any]()) for module in model.modules() for name in _HOOKS]
    parts: dict[int, Any] = {id(hooks): copied for hooks, copied in originals}
    made = copy.deepcopy(model, parts)
    for hooks, copied in originals:
        copied.update((key, copy.deepcopy(hook, parts)) for key, hook in hooks.items() if not _of_the_lab(hook))
    return made, parts


def _of_the_lab(hook: object) -> bool:
    return str(getattr(hook, "__module__", "")).partition(".")[0] == "lab"


def _progress(learner: Learner) -> float:
    return min(learner.step / learner.steps, 1.0)


@contextmanager
def _cuda_generator_kept(device: torch.device) -> Iterator[None]:
    """Put the device's generator, from which a net's dropout draws there, back after the block."""
    if device.type != "cuda":
        yield
        return
    state = torch.cuda.get_rng_state(device)
    try:
        yield
    finally:
        torch.cuda.set_rng_state(state, device)
