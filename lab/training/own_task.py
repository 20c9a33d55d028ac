"""The task of a person's own data: loss and metric by name or their own, checked against the net's output."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.nn.own import NetError, first_line, shape_words
from lab.training.metrics import accuracy
from lab.training.task import Gallery, Task

Score = Callable[[Tensor, Tensor], Any]

LOSSES: dict[str, Score] = {
    "cross_entropy": F.cross_entropy,
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "bce": F.binary_cross_entropy_with_logits,
}
METRICS = ("accuracy", "r2", "none")

ALIKE = (*(LOSSES[name] for name in ("mse", "l1", "bce")), F.smooth_l1_loss, F.huber_loss)
ALIKE_MODULES = nn.MSELoss | nn.L1Loss | nn.SmoothL1Loss | nn.HuberLoss | nn.BCEWithLogitsLoss
"""Losses of outputs and targets of one shape: of two shapes torch would broadcast, and mean something else."""

MOST_CLASSES = 10
"""Classes up to which the net's answers are shown."""

PICTURE = 28
"""Pixels along a side of a picture as it is shown."""


@dataclass(frozen=True, eq=False)
class RSquared:
    """R²: 1 - mean squared error / variance of the validation's targets, whose mean over batches is exactly R².

    Of several outputs each squared error counts alike. Of training batches it is by the same variance.
    """

    variance: float

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return R² of outputs and targets of one shape, 0-dim; nan where the targets do not vary."""
        if outputs.shape != targets.shape:
            raise ValueError(f"R² needs outputs and targets of one shape, not {outputs.shape} and {targets.shape}")
        return 1 - (outputs.detach() - targets).square().mean() / (self.variance or torch.nan)


def no_metric(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return nan, 0-dim: there is no metric."""
    return torch.full((), torch.nan, device=outputs.device)


def compares(loss: Any) -> bool:
    """Return whether a loss, or the one of this name, compares outputs and targets number by number."""
    known = LOSSES.get(loss) if isinstance(loss, str) else loss
    return known in ALIKE or isinstance(known, ALIKE_MODULES)


def name_of(part: object) -> str:
    """Return what a loss or a metric is called in a message."""
    return part if isinstance(part, str) else str(getattr(part, "__name__", type(part).__name__))


def check_names(loss: object, metric: object) -> None:
    """Refuse a loss or metric that is neither a known name nor callable.

    Raises:
        NetError: naming it, and what is known.
    """
    for what, given, known in (("loss", loss, LOSSES), ("metric", metric, METRICS)):
        if given is not None and not callable(given) and given not in known:
            raise NetError(
                f"{what} must be one of {', '.join(known)}, or a function of (outputs, targets); got {given!r}"
            )


def make_task(
    parts: tuple[Tensor, Tensor, Tensor, Tensor],
    device: torch.device,
    loss: Any,
    metric: Any,
    words: str,
    source: object,
) -> Task:
    """Return the task of x and y to train, x and y to validate, on ``device``.

    Args:
        loss: a name in LOSSES, a function or module of (outputs, targets), or None: cross-entropy of class indices,
            mean squared error of floats.
        metric: a name in METRICS, a function, or None: accuracy of class indices, R² of floats.
        words: for the record.
        source: what holds the parts.
    """
    x_train, y_train, x_valid, y_valid = (part.to(device) for part in parts)
    indices = not y_train.is_floating_point()
    loss = ("cross_entropy" if indices else "mse") if loss is None else loss
    if metric is None:
        metric = "accuracy" if indices else "none" if loss == "bce" else "r2"
    made = LOSSES[loss] if isinstance(loss, str) else loss.to(device) if isinstance(loss, nn.Module) else loss
    score: Score
    if metric == "accuracy" or metric is accuracy:
        score = accuracy
    elif metric == "r2":
        score = RSquared(float(y_valid.double().var(0, correction=0).mean()))
    else:
        score = no_metric if metric == "none" else _as_number(metric)
    name = {"r2": "R²", "none": ""}.get(name_of(metric), name_of(metric))
    outputs = int(y_train.max()) + 1 if indices else math.prod(y_train.shape[1:])
    return Task(
        x_train, y_train, x_valid, y_valid, made, score,
        outputs=max(outputs, 1), loss_name=_loss_name(made), metric_name=name, own=words, source=source,
    )  # fmt: skip


def _loss_name(loss: Score) -> str:
    """Return what a loss is called on the charts; cross-entropy is in nats, whoever computes it."""
    if loss is F.cross_entropy or isinstance(loss, nn.CrossEntropyLoss):
        return "cross-entropy"
    if loss is F.mse_loss or isinstance(loss, nn.MSELoss):
        return "mean squared error"
    if loss is F.l1_loss or isinstance(loss, nn.L1Loss):
        return "mean absolute error"
    return name_of(loss)


def _as_number(metric: Score) -> Score:
    def score(outputs: Tensor, targets: Tensor) -> Tensor:
        value = metric(outputs, targets)
        return torch.as_tensor(value, dtype=torch.float32, device=outputs.device).detach()

    score.__name__ = name_of(metric)
    return score


def fitted(task: Task, output: Tensor, count: int, defaults: bool) -> Task:
    """Return the task with targets, loss and metric as they fit ``output``, of the first ``count`` training examples.

    For a loss that compares number by number class indices become floats, and targets (n,) become (n, 1) where the net
    gives one number an example.

    Args:
        output: with its gradient's way.
        defaults: whether the metric was not asked for: one that does not fit is then left out.

    Raises:
        NetError: naming shapes and dtypes, for what does not fit.
    """
    if output.dim() == 0 or len(output) != count:
        raise NetError(f"The net returns {shape_words(output)} for {count} examples: its first axis must count them.")
    alike = compares(task.loss)
    if alike:
        task = replace(task, y_train=task.y_train.float(), y_valid=task.y_valid.float())
    if alike and output.shape[1:] == (1,) and task.y_train.dim() == 1:
        task = replace(task, y_train=task.y_train[:, None], y_valid=task.y_valid[:, None])
    targets = task.y_train[:count]
    loss_name = task.loss_name
    shapes = f"the net's output {shape_words(output)} with targets {shape_words(targets)}"
    fits = f"The loss {loss_name} cannot take {shapes}"
    if alike and output.shape != targets.shape:
        raise NetError(f"{fits}: both must have one shape.")
    if task.loss is F.cross_entropy and not targets.is_floating_point():
        if output.dim() < 2 or targets.shape != output.shape[:1] + output.shape[2:]:
            raise NetError(f"{fits}: (n, classes) and (n,) are wanted.")
        _check_range(task, output.shape[1])
    try:
        loss = task.loss(output, targets)
    except Exception as error:
        raise NetError(f"{fits}: {type(error).__name__}: {first_line(error)}") from error
    if not isinstance(loss, Tensor) or loss.dim():
        raise NetError(
            f"The loss {loss_name} gives {shape_words(loss)}: it must be one number, as a mean over the batch."
        )
    if not loss.requires_grad:
        raise NetError(f"The loss {loss_name} does not depend on any parameter of the net: nothing could be trained.")
    try:
        score: object = task.metric(output.detach(), targets)
        if not isinstance(score, Tensor) or score.numel() != 1 or score.dim():
            raise ValueError(f"it gives {shape_words(score)}, not one number")
    except Exception as error:
        if defaults:
            return replace(task, metric=no_metric, metric_name="")
        raise NetError(
            f"The metric {task.metric_name} cannot take {shapes}: {type(error).__name__}: {first_line(error)}"
        ) from error
    if task.metric is accuracy and (output.dim() != 2 or output.dtype != torch.float32):
        # Accuracy's compiled pass takes (n, classes) only, and knows the function by itself.
        task = replace(task, metric=lambda logits, targets: accuracy(logits, targets))
    return task


def _check_range(task: Task, classes: int) -> None:
    for name, targets in (("y", task.y_train), ("y_valid", task.y_valid)):
        wrong = (targets < 0) | (targets >= classes)
        if wrong.any():
            at = int(wrong.flatten(1).any(1).nonzero()[0] if wrong.dim() > 1 else wrong.nonzero()[0])
            value = int(targets[at].max()) if int(targets[at].max()) >= classes else int(targets[at].min())
            raise NetError(
                f"{name} holds class {value} (in example {at}), but the net has {classes} outputs: class indices must "
                f"be 0 to {classes - 1}."
            )


def gallery(task: Task, classes: tuple[str, ...], outputs: int | None) -> Gallery | None:
    """Return pictures to ask the net about: each class's first one in validation, every two overlaid, an empty one.

    None for what are no pictures, (n, 1 or 3, height, width). Where the targets are no class indices, or there are more
    than MOST_CLASSES, ten validation pictures, of which no answers are shown.

    Args:
        classes: the classes' names, () for their numbers.
        outputs: logits of the net, None where they are none.
    """
    if not pictures(task.x_train):
        return None
    low, high = float(task.x_train.min()), float(task.x_train.max())
    classes_there = class_count(task.y_train) or MOST_CLASSES + 1
    answers = outputs is not None and classes_there <= outputs <= MOST_CLASSES
    count = classes_there if answers else min(len(task.x_valid), 10)
    names = tuple(classes[:count]) if answers and len(classes) >= count else tuple(map(str, range(count)))
    if not answers:
        names = tuple(f"example {i}" for i in range(count))
    first = [_first(task, kind) if answers else task.x_valid[kind] for kind in range(count)]
    stack: list[Tensor] = []
    labels: list[str] = []
    pairs: dict[tuple[int, int], int] = {}
    for a in range(count):
        for b in range(a, count if answers else a + 1):
            pairs[a, b] = pairs[b, a] = len(stack)
            stack.append(torch.maximum(first[a], first[b]))
            labels.append(names[a] if a == b else f"{names[a]} over {names[b]}")
    stack.append(torch.full_like(first[0], low))
    x = torch.stack(stack)
    shown = ((x.mean(1, keepdim=True) - low) / ((high - low) or 1)).clamp(0, 1)
    if shown.shape[2:] != (PICTURE, PICTURE):
        shown = F.interpolate(shown, (PICTURE, PICTURE), mode="area")
    all_names = (*names, *map(str, range(count, outputs or 0)))
    return Gallery(x, shown[:, 0].cpu(), (*labels, "blank"), pairs, len(stack) - 1, bool(answers), all_names)


def _first(task: Task, kind: int) -> Tensor:
    for x, y in ((task.x_valid, task.y_valid), (task.x_train, task.y_train)):
        found = (y == kind).nonzero()
        if len(found):
            return x[int(found[0])]
    return torch.full_like(task.x_train[0], float(task.x_train.min()))  # a class without any example


def pictures(x: Tensor) -> bool:
    """Return whether examples are pictures, (1 or 3, height, width)."""
    return x.dim() == 4 and x.shape[1] in (1, 3) and min(x.shape[2:]) > 1 and x.is_floating_point()


def class_count(y: Tensor) -> int | None:
    """Return the number of classes, None where targets are no class indices or there are too many to show."""
    if y.is_floating_point() or y.dim() != 1:
        return None
    count = int(y.max()) + 1
    return count if 2 <= count <= MOST_CLASSES else None
