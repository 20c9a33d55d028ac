"""The training loop: fit, epoch and batch, each with before, after, cancel and cleanup events."""

import logging
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

import torch
from torch import Tensor

from lab.config import Config
from lab.training.callbacks import Callback, CancelBatch, CancelEpoch, CancelFit, check_events
from lab.training.optimizers import Optimizer
from lab.training.seeded import seeded
from lab.training.task import Task

P = ParamSpec("P")

log = logging.getLogger(__name__)


def _level(
    name: str, cancel: type[Exception]
) -> Callable[[Callable[Concatenate["Learner", P], None]], Callable[Concatenate["Learner", P], bool]]:
    """Decorate a level of the loop: dispatch before, after and cleanup; end it on the exception ``cancel``.

    The method then returns whether it was completed, that is, not cancelled.
    """

    def decorate(run: Callable[Concatenate["Learner", P], None]) -> Callable[Concatenate["Learner", P], bool]:
        before, after, cancelled, cleanup = (f"{event}_{name}" for event in ("before", "after", "cancel", "cleanup"))

        @wraps(run)
        def guarded(self: "Learner", *args: P.args, **kwargs: P.kwargs) -> bool:
            try:
                self.call(before)
                run(self, *args, **kwargs)
                self.call(after)
                return True
            except cancel:
                self.call(cancelled)
                return False
            finally:
                self._clean_up(cleanup)

        return cast(Callable[Concatenate["Learner", P], bool], guarded)

    return decorate


def eager_step(learner: "Learner") -> None:
    """Predict and score the batch; when training, also backward and optimiser step.

    lab.cuda.graph does the same by replaying a CUDA graph, where there is a CUDA device.

    The gradients are zeroed before they are computed: a batch that a callback cancelled leaves none to the next.
    """
    learner.logits = learner.model(learner.x)
    learner.call("after_predict")
    learner.loss = learner.task.loss(learner.logits, learner.y)
    learner.call("after_loss")
    if not learner.training:
        return
    learner.optimizer.zero_grad()
    learner.loss.backward()  # type: ignore[no-untyped-call]
    learner.call("after_backward")
    with torch.no_grad():
        learner.optimizer.step()
    learner.call("after_step")
    learner.call("measure")


def seeded_step(learner: "Learner") -> None:
    """Do a step whose own draws (a net of one's own may have dropout) are the same at each run of this seed and step.

    torch's default generators are as before.
    """
    with seeded(learner.config.seed + learner.step, learner.task.x_train.device):
        eager_step(learner)


class Learner:
    """Trains a model on a task and dispatches events to callbacks.

    Attributes:
        config: the knobs as of now; a callback that changes it calls :meth:`set_live`.
        epoch, step: both from 0; ``step`` counts the training batches done, and so numbers the
            one in work. A batch that was cancelled before its step is not counted.
        steps: of the whole fit: all its epochs, or ``config.max_steps`` if that is fewer.
        steps_per_epoch: of a whole epoch; a last partial batch counts.
        left_out: batches of the last epoch that ``config.max_steps`` left out.
        ended_early: whether ``config.patience`` has ended the fit before its last epoch.
        training: False during validation.
        trained: whether the optimiser has stepped for the batch in work.
        place: batches of the epoch that had their turn before the one in work, cancelled ones too.
        order: state of ``generator`` before it drew the epoch's order of images.
        begins_at: the epoch and the place at which :meth:`fit` begins.
        schedule_from: the step at which the schedules begin; they end with the fit.
        random: for callbacks: what they draw from it is the same for the same seed, and changes nothing else.
        chosen: indices into the training set of the batch in work; None for a validation batch.
        x, y, logits, loss: of the batch in work. The next batch may overwrite the tensors: clone what is to stay.
    """

    def __init__(
        self,
        config: Config,
        model: Any,
        task: Task,
        optimizer: Optimizer,
        generator: torch.Generator,
        callbacks: Iterable[Callback] = (),
    ) -> None:
        """``model`` has ``layers`` and ``set_live``: lab.nn.models.Model or lab.nn.own.OwnNet.

        ``generator`` is a CPU generator: the order of the images is then the same on every device.
        """
        self.config = config
        self.model = model
        self.task = task
        self.optimizer = optimizer
        self.generator = generator
        self.random = torch.Generator().manual_seed(config.seed)
        self.callbacks = sorted(callbacks, key=lambda callback: callback.order)
        for callback in self.callbacks:
            check_events(callback)
        self.trained = False
        self.run_step: Callable[[Learner], None] = eager_step
        self._table: dict[str, list[Callable[[Learner], None]]] = {}
        self.epoch = self.step = self.place = self.schedule_from = 0
        self.begins_at = 0, 0
        self.order = generator.get_state()
        self.steps_per_epoch = config.steps_per_epoch(len(task.x_train))
        self.steps = config.steps(len(task.x_train))
        self.left_out = 0
        self.ended_early = False
        self.training = True
        self.chosen: Tensor | None = None
        self._batch: tuple[Tensor, Tensor] | None = None
        self.logits: Tensor
        self.loss: Tensor

    @property
    def x(self) -> Tensor:
        """The batch's pictures, (n, 1, height, width)."""
        return self._gather()[0]

    @x.setter
    def x(self, value: Tensor) -> None:
        self._batch = value, self._gather()[1]

    @property
    def y(self) -> Tensor:
        """The batch's targets, one a picture."""
        return self._gather()[1]

    @y.setter
    def y(self, value: Tensor) -> None:
        self._batch = self._gather()[0], value

    def take(self, chosen: Tensor | None, batch: tuple[Tensor, Tensor] | None = None) -> None:
        """Set the current batch to these images of the training set; gathered when first read."""
        self.chosen, self._batch = chosen, batch

    @property
    def gathered(self) -> bool:
        """Whether the current batch has been gathered."""
        return self._batch is not None

    def _gather(self) -> tuple[Tensor, Tensor]:
        if self._batch is None:
            self._batch = self.task.x_train[self.chosen], self.task.y_train[self.chosen]
        return self._batch

    def call(self, event: str) -> None:
        """Dispatch ``event`` to the callbacks that have it."""
        for listener in self._listeners(event):
            listener(self)

    def listens(self, event: str) -> bool:
        """Return whether a callback has this event."""
        return bool(self._listeners(event))

    def _listeners(self, event: str) -> "list[Callable[[Learner], None]]":
        """Return the callbacks that have the event; looked up once."""
        try:
            return self._table[event]
        except KeyError:
            listeners = [getattr(cb, event) for cb in self.callbacks if hasattr(cb, event)]
            self._table[event] = listeners
            return listeners

    def _clean_up(self, event: str) -> None:
        """Dispatch ``event`` to every listener, whatever the others raise.

        The first error goes on, the one that is under way already before any of these; the others are logged.
        """
        under_way = sys.exception()
        first = None if isinstance(under_way, CancelBatch | CancelEpoch | CancelFit) else under_way
        for listener in self._listeners(event):
            try:
                listener(self)
            except Exception as error:
                if first is not None:
                    log.exception("%s failed too", event)
                first = first or error
        if first is not None and first is not under_way:
            raise first

    def set_live(self, config: Config) -> None:
        """Put the live knobs of ``config`` into the model and the optimiser; lr and momentum follow with the batch."""
        self.config = config
        self.model.set_live(config)
        self.optimizer.weight_decay = config.weight_decay
        self.optimizer.beta2 = config.beta2
        self.optimizer.eps = config.opt_eps

    @_level("fit", CancelFit)
    def fit(self) -> None:
        """Train for ``config.epochs``, with a validation after each, or until ``config.max_steps``, with one there."""
        first, self.place = self.begins_at
        self.left_out = 0
        for epoch in range(first, self.config.epochs):
            self.epoch = epoch
            self._one_epoch()
            if self._at_limit:
                return
            self.place = 0

    @property
    def _at_limit(self) -> bool:
        return 0 < self.config.max_steps <= self.step

    @_level("epoch", CancelEpoch)
    def _one_epoch(self) -> None:
        self.model.train()
        for chosen in self._train_batches():
            self.take(chosen)
            self.trained = False
            try:
                self._one_batch()
            finally:
                # A batch that was left before its step is not counted; one that was left after it is.
                self.step += self.trained
            if self._at_limit:
                self.left_out = self.steps_per_epoch - self.place - 1
                break
        self.valid_loss, self.valid_metric = self.validate()

    @_level("batch", CancelBatch)
    def _one_batch(self) -> None:
        self.run_step(self)
        self.trained = self.training

    def validate(self) -> tuple[float, float]:
        """Return the mean loss and metric over the validation images; nan when every batch was cancelled.

        Raises:
            CancelEpoch, CancelFit: when a callback does, in the middle of it too.
        """
        task, size = self.task, 2 * self.config.batch_size
        count = 0
        totals = torch.zeros(2, device=task.x_valid.device, dtype=torch.float64)
        self.training = False
        self.model.eval()
        try:
            with torch.no_grad():
                for x, y in zip(torch.split(task.x_valid, size), torch.split(task.y_valid, size), strict=True):
                    self.take(None, (x, y))
                    if self._one_batch():
                        totals += torch.stack([self.loss, task.metric(self.logits, self.y)]) * len(self.x)
                        count += len(self.x)
        finally:
            self.training = True
            self.model.train()
        loss, metric = (totals / count if count else totals * math.nan).tolist()
        return loss, metric

    def _train_batches(self) -> Iterator[Tensor]:
        """Yield each batch's indices: every image once, in a new order; the last batch may be smaller."""
        images = self.task.x_train
        self.order = self.generator.get_state()
        order = torch.randperm(len(images), generator=self.generator).to(images.device)
        batches = torch.split(order, self.config.batch_size)
        for place in range(self.place, len(batches)):
            self.place = place
            yield batches[place]
