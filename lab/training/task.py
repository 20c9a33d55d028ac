"""A training task: data, targets, loss and metric."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lab import data
from lab.config import Config
from lab.nn.plan import CLASSES
from lab.training.metrics import accuracy


@dataclass(frozen=True)
class Task:
    """A task's data on the training device, with its loss and metric.

    Attributes:
        x_train, x_valid: (n, 1, height, width) float32, normalised; 28 x 28 in the lessons.
        y_train, y_valid: the targets that ``loss`` and ``metric`` take.
        loss: (logits, targets) -> mean loss, 0-dim.
        metric: (logits, targets) -> mean score, 0-dim, 0 to 1.
        gallery: pictures to ask the net about while it trains, if any.
        outputs: logits of the net for each picture.
        loss_name, metric_name: what they are called; "" for a metric that gives nan, as there is none.
        own: net and data of a person's own in words; "" for the lab's.
        source: what the tensors are parts of, held so that the next run shares it.
    """

    x_train: Tensor
    y_train: Tensor
    x_valid: Tensor
    y_valid: Tensor
    loss: Callable[[Tensor, Tensor], Tensor]
    metric: Callable[[Tensor, Tensor], Tensor]
    gallery: "Gallery | None" = None
    outputs: int = CLASSES
    source: object = None
    loss_name: str = "cross-entropy"
    metric_name: str = "accuracy"
    own: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures that the net is asked about: one of each class, every two overlaid, a blank.

    Attributes:
        x: (n, 1, 28, 28) float32, normalised, on the training device.
        pictures: (n, 28, 28) float32 from 0 to 1, on the host.
        names: of the pictures.
        pairs: (first class, second class) -> index; (c, c) is class c alone.
        blank: the blank's index.
        answers: whether the net's outputs are logits of classes; without, the pictures are only looked at.
        outputs: names of the logits; () for those of the classes alone.
    """

    x: Tensor
    pictures: Tensor
    names: tuple[str, ...]
    pairs: dict[tuple[int, int], int]
    blank: int
    answers: bool = True
    outputs: tuple[str, ...] = ()

    def alone(self, kind: int) -> int:
        """Return the index of class ``kind`` alone; of the last class, where there are not so many."""
        return self.pairs[min(kind, self.classes - 1), min(kind, self.classes - 1)]

    def pair(self, kind: int, other: int) -> int:
        """Return the index of two classes laid over each other."""
        return self.pairs[min(kind, self.classes - 1), min(other, self.classes - 1)]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return 1 + max(kind for kind, _ in self.pairs)


def classify(config: Config, device: torch.device) -> Task:
    """Return the lesson's task: one class for each picture, by cross-entropy.

    Raises:
        lab.data.DataError: when the data set is missing or damaged.
    """
    dataset = data.load(config.dataset, device, config.size)
    return Task(
        dataset.x_train,
        dataset.y_train,
        dataset.x_valid,
        dataset.y_valid,
        loss=F.cross_entropy,
        metric=accuracy,
        gallery=gallery(dataset),
        source=dataset,
    )


def gallery(dataset: data.Dataset) -> Gallery:
    """Return the first test picture of each class: none of them was trained on."""
    classes = dataset.classes
    first = [dataset.x_test[int((dataset.y_test == label).nonzero()[0])] for label in range(len(classes))]
    stack: list[Tensor] = []
    names: list[str] = []
    pairs: dict[tuple[int, int], int] = {}
    for a in range(len(classes)):
        for b in range(a, len(classes)):
            pairs[a, b] = pairs[b, a] = len(stack)
            stack.append(torch.maximum(first[a], first[b]))
            names.append(classes[a] if a == b else f"{classes[a]} over {classes[b]}")
    stack.append(torch.full_like(first[0], -dataset.mean / dataset.std))
    names.append("blank")
    x = torch.stack(stack)
    return Gallery(x, dataset.pictures(x[:, 0]).clamp(0, 1).cpu(), tuple(names), pairs, len(stack) - 1)
