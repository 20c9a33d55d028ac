"""Callbacks of the training loop, and the exceptions by which they leave it.

After the Learner of fastai's lessons 9 and 10 ("04_callbacks", "05b_early_stopping").
"""

import math
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from lab import schedules

if TYPE_CHECKING:
    from lab.training.learner import Learner


class CancelBatch(Exception):
    """Skip the rest of this batch."""


class CancelEpoch(Exception):
    """Skip the rest of this epoch, its validation too."""


class CancelFit(Exception):
    """End the fit."""


class Callback:
    """A plain class that defines just the events it wants, each taking the learner.

    Events: ``before_``, ``after_``, ``cancel_`` and ``cleanup_`` of ``fit``, ``epoch`` and
    ``batch``, and within a batch ``after_predict``, ``after_loss``, ``after_backward``,
    ``after_step``. ``after_`` is left out when the level was cancelled, ``cleanup_`` never is.
    ``measure`` ends a training step: work on the device alone, which may be captured into a
    CUDA graph with the step, and is then replayed without the callback being called.
    Validation batches dispatch the batch events too, with ``learner.training`` False.

    Random numbers: draw from ``learner.random``, or they differ from run to run.
    """

    order = 0
    """Callbacks run by ascending order; equal ones as they were given."""


EVENTS = frozenset(
    f"{when}_{level}" for when in ("before", "after", "cancel", "cleanup") for level in ("fit", "epoch", "batch")
) | {"after_predict", "after_loss", "after_backward", "after_step", "measure"}


def check_events(callback: Callback) -> None:
    """Refuse a callback with a method that looks like an event and is none: it would never be called.

    Raises:
        ValueError: naming the method and the event that it may be meant for.
    """
    for name in dir(callback):
        if name.startswith("_") or name in EVENTS or not callable(getattr(type(callback), name, None)):
            continue
        meant = get_close_matches(name, sorted(EVENTS), n=1, cutoff=0.85)
        if meant or name.startswith(("before_", "after_", "cancel_", "cleanup_")):
            hint = f"; did you mean {meant[0]}?" if meant else ""
            raise ValueError(
                f"{type(callback).__name__}.{name} is no event{hint} The events are {', '.join(sorted(EVENTS))}."
            )


class EarlyStopping(Callback):
    """Cancels the fit after ``config.patience`` epochs without a lower validation loss; 0 never does.

    The weights stay those of the last epoch, not of the best one. L. Prechelt, "Early stopping, but when?" (1998);
    the course's notebook 05b_early_stopping cancels in the same way.
    """

    order = 1000  # when all others have had the epoch, and its validation is in the record

    def __init__(self, losses: Callable[[int], Sequence[float]]) -> None:
        """``losses(step)`` gives the validation losses since ``step``, oldest first, a branch's from before it too."""
        self._losses = losses

    def after_epoch(self, learner: "Learner") -> None:
        patience = learner.config.patience
        left = learner.step < learner.steps
        if patience and left and epochs_since_best(self._losses(learner.schedule_from)) >= patience:
            learner.ended_early = True
            raise CancelFit


def epochs_since_best(losses: Iterable[float]) -> int:
    """Return how many losses came after the lowest one, the first of equal ones; nan is never the lowest."""
    best, since = math.inf, 0
    for loss in losses:
        best, since = (loss, 0) if loss < best else (best, since + 1)
    return since


class ApplySchedule(Callback):
    """Sets the optimiser's lr and momentum before each training batch: knob times schedule.

    It reads the knobs anew at each batch, so a knob moved while it trains scales the rest of
    the schedule by new/old.
    """

    order = 10

    def before_fit(self, learner: "Learner") -> None:
        self._lr = schedules.parse(learner.config.lr_schedule)
        self._momentum = schedules.parse(learner.config.momentum_schedule)

    def before_batch(self, learner: "Learner") -> None:
        if not learner.training:
            return
        begin = learner.schedule_from
        progress = (learner.step - begin) / (learner.steps - begin)
        learner.optimizer.lr = learner.config.lr * self._lr.at(progress)
        learner.optimizer.momentum = learner.config.momentum * self._momentum.at(progress)
