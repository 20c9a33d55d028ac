"""The task of naming the digits on a canvas, with each head's targets and loss.

Its data, targets, loss and metric go to the same Session and Learner as any other task's.
"""

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lab.concepts.heads import CLASSES, HEADS
from lab.experiments.heads.composites import Canvases, Part
from lab.nn.models import Model
from lab.training.task import Task

ASKED = 500
"""Pictures that a net is asked about at a time."""


def targets(key: str, present: Tensor) -> Tensor:
    """Return the targets of head ``key``: (n, 10) bool -> (n, outputs) float32.

    For the softmax heads a distribution: what is true of a picture shares the mass equally. That
    is, for "softmax" and "none", each digit that is there (or none); for "pairs" each of the ten
    true statements, K is there or K is not. For "softmax" an empty canvas has no target: all 0.
    """
    there = present.float()
    share = there / there.sum(dim=1, keepdim=True).clamp_min(1)
    if key == "softmax":
        return share
    if key == "none":
        return torch.cat([share, (~present.any(dim=1, keepdim=True)).float()], dim=1)
    if key == "pairs":
        return torch.cat([there, 1 - there], dim=1) / CLASSES
    return there


def divergence(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy with shared targets less its floor, their entropy: nats a picture, 0 at best; 0-dim."""
    return F.kl_div(F.log_softmax(logits, dim=1), targets, reduction="batchmean")


def binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the ten questions' cross-entropies added up: nats a picture, 0 at best; 0-dim."""
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / len(logits)


def exact(key: str, logits: Tensor, targets: Tensor) -> Tensor:
    """Return the share of the pictures with exactly their digits named, at half of a digit's least target; 0-dim.

    For the curve while it trains; the threshold that counts is tuned afterwards.
    """
    chance = logits.sigmoid() if key == "sigmoid" else logits.softmax(dim=1)
    says = chance[:, :CLASSES] >= HEADS[key].least / 2
    return (says == (targets[:, :CLASSES] > 0)).all(dim=1).float().mean()


def make_task(key: str, canvases: Canvases) -> Task:
    """Naming the digits on ``canvases``, for the head ``key``."""
    head = HEADS[key]

    def part(part: Part) -> tuple[Tensor, Tensor]:
        kept = slice(None) if head.sees_empty else part.present.any(dim=1)
        return part.x[kept], targets(key, part.present[kept])

    return Task(
        *part(canvases.train),
        *part(canvases.valid),
        loss=binary_cross_entropy if key == "sigmoid" else divergence,
        metric=partial(exact, key),
        outputs=head.outputs,
    )


def answer(model: Model, part: Part) -> NDArray[np.float32]:
    """Return the net's logits (n, outputs) for the pictures of ``part``; leaves the net evaluating."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(x) for x in torch.split(part.x, ASKED)]).cpu().numpy()
