"""The confusion matrix and the worst mistakes of each validation, from the logits that it computes anyway."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.record import Mistakes
from lab.telemetry.history import History
from lab.telemetry.maps import black_and_white
from lab.training.callbacks import Callback
from lab.training.learner import Learner
from lab.training.task import Task

MOST = 12
"""Mistakes that are kept: the wrong answers with the largest loss."""


class ValidationAnswers(Callback):
    """Keeps a validation's logits on the device until its end, and then what became of them.

    Only of tasks whose targets are classes, one a picture. A validation of which a callback cancelled batches has none.

    Attributes:
        history: gets the latest validation's Mistakes.
    """

    order = 45

    def __init__(self, history: History) -> None:
        self.history = history
        self._logits: list[Tensor] = []

    def before_epoch(self, learner: Learner) -> None:
        self._logits.clear()

    def after_batch(self, learner: Learner) -> None:
        if not learner.training and classes_of(learner.task):
            self._logits.append(learner.logits.clone())  # the next batch may overwrite them

    def after_epoch(self, learner: Learner) -> None:
        self.note(learner)

    def cleanup_fit(self, learner: Learner) -> None:
        self._logits.clear()

    def note(self, learner: Learner) -> None:
        """Give the validation that has just ended to the history."""
        task = learner.task
        logits = torch.cat(self._logits) if self._logits else torch.empty(0)
        self._logits.clear()
        if len(logits) != len(task.y_valid) or logits.dim() != 2 or not _are_classes(task.y_valid, logits.shape[1]):
            return
        counts, worst, losses = judge(logits, task.y_valid)
        classes = classes_of(task)
        if len(classes) != logits.shape[1]:
            classes = tuple(map(str, range(logits.shape[1])))
        self.history.show_mistakes(
            Mistakes(
                step=learner.step - 1,
                epoch=learner.epoch,
                counts=counts.cpu().numpy(),
                classes=classes,
                truths=task.y_valid[worst].cpu().numpy(),
                logits=logits[worst].float().cpu().numpy(),
                losses=losses.float().cpu().numpy(),
                pictures=_grey(task, task.x_valid[worst]).cpu().numpy(),
            )
        )


def judge(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the confusion matrix, and the indices and losses of the worst mistakes, all on the logits' device.

    Args:
        logits: (n, classes); the answer is the largest, as lab.training.metrics.accuracy has it.
        y: (n,) the true classes, int64.

    Returns:
        counts (classes, classes) int64, rows true, columns answered; at most :data:`MOST` indices of wrong answers,
        and their cross-entropies in nats, falling. A loss that is no number counts as infinite.
    """
    classes = logits.shape[1]
    answers = logits.argmax(dim=1)
    counts = torch.zeros(classes * classes, dtype=torch.int64, device=logits.device)
    counts.scatter_add_(0, y * classes + answers, torch.ones_like(y))
    losses = F.cross_entropy(logits, y, reduction="none").nan_to_num(nan=torch.inf, posinf=torch.inf)
    ranked = torch.where(answers != y, losses, -1.0)
    top, index = ranked.topk(min(MOST, len(ranked)))
    wrong = top >= 0
    return counts.reshape(classes, classes), index[wrong], top[wrong]


def _are_classes(y: Tensor, outputs: int) -> bool:
    low, high = torch.aminmax(y)
    return int(low) >= 0 and int(high) < outputs


def classes_of(task: Task) -> tuple[str, ...]:
    """Return the names of a task's classes; () where its targets are not one class a picture."""
    if task.y_valid.dim() != 1 or task.y_valid.dtype != torch.int64:
        return ()
    gallery = task.gallery
    if gallery is None:
        return tuple(map(str, range(task.outputs)))
    if not gallery.answers:
        return ()
    return tuple(gallery.names[gallery.pairs[c, c]] for c in range(task.outputs) if (c, c) in gallery.pairs)


def _grey(task: Task, x: Tensor) -> Tensor:
    """Return pictures (n, channels, height, width) as (n, height, width) uint8; (n, 0, 0) of what is no picture."""
    if x.dim() != 4:
        return torch.empty(len(x), 0, 0, dtype=torch.uint8)
    x = x.float().mean(dim=1)
    if task.gallery is not None:
        black, white = black_and_white(task.gallery)
    else:
        black, white = task.x_valid.min().float(), task.x_valid.max().float()
    return ((x - black) / (white - black).clamp(min=1e-12) * 255).round().clamp(0, 255).to(torch.uint8)
