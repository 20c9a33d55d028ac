"""The datasets as tensors on the training device.

``load`` is all there is, and ``prepare`` ahead of it: no DataLoader and no transforms. The whole
set is small enough to stay on the device, where a permutation of indices makes the batches.
"""

import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from lab.config import TRAIN_IMAGES
from lab.data import fashion, mnist
from lab.data.raw import DataError, Raw

__all__ = ["DataError", "Dataset", "load", "prepare"]

SMALLEST = 10
"""Fewest training images that may be asked for: two are left to validate with."""

_READERS: dict[str, tuple[Callable[[], Path], Callable[[Path], Raw], tuple[str, ...]]] = {
    "mnist": (mnist.folder, mnist.read, mnist.CLASSES),
    "fashion": (fashion.folder, fashion.read, fashion.CLASSES),
}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures and labels in three parts, on one device.

    ``x_*`` are float32 of shape (n, 1, 28, 28), normalised; ``y_*`` are int64 of shape (n,),
    indices into ``classes``. ``mean`` and ``std`` are those of the pixels, divided by 256, of
    all 50,000 training images, whatever ``size`` was asked for; ``std`` is the unbiased one.
    A pixel is ``256 * (x * std + mean)``. Do not write into the tensors: they are shared.
    """

    name: str
    classes: tuple[str, ...]
    x_train: Tensor
    y_train: Tensor
    x_valid: Tensor
    y_valid: Tensor
    x_test: Tensor
    y_test: Tensor
    mean: float
    std: float
    _whole: "Dataset | None" = field(default=None, repr=False)

    def pictures(self, x: Tensor) -> Tensor:
        """Return normalised ``x`` as pictures from 0 to 1: normalising divided by 256, but white is 255."""
        return (x * self.std + self.mean) * (256 / 255)


_lock = threading.Lock()
_files: dict[tuple[str, Path], Raw] = {}
# Weak, so that a device's memory is free again once no run uses the set; the bytes as read stay.
_sets: "weakref.WeakValueDictionary[tuple[str, Path, torch.device], Dataset]" = weakref.WeakValueDictionary()
_prepared: dict[tuple[str, Path, torch.device], Dataset] = {}


def load(
    name: str = "mnist",
    device: str | torch.device = "cpu",
    size: int = TRAIN_IMAGES,
    folder: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Return the set ``name`` on ``device``, split and normalised as the lessons do (fastai, part 2, lessons 8-10).

    The first ``size`` of the training file's first 50,000 images train, the first ``size // 5``
    of its last 10,000 validate, and all 10,000 of the test file test. A file is read and checked
    once in a process, and its bytes stay; all that use a set on a device share one copy of its
    tensors (220 MB for MNIST), which is freed with the last Dataset of it. Safe from any thread.

    Args:
        name: "mnist" (in the package) or "fashion" (Fashion-MNIST, four idx files).
        device: where the tensors shall live.
        size: training images, 10 to 50,000.
        folder: where the set's files are; None for their usual place.

    Raises:
        DataError: for an unknown name, a size out of range, or a missing or damaged file.
    """
    if name not in _READERS:
        raise DataError(f"There is no dataset {name!r}: choose one of {', '.join(_READERS)}.")
    if not SMALLEST <= size <= TRAIN_IMAGES:
        raise DataError(f"The number of training images must be {SMALLEST} to {TRAIN_IMAGES}, not {size}.")
    usual, read, _ = _READERS[name]
    place = (usual() if folder is None else Path(folder)).absolute()
    # Asked of a tensor, so that "cuda" and "cuda:0" share one copy.
    where = torch.empty(0, device=device).device
    with _lock:
        if (name, place) not in _files:
            _files[name, place] = read(place)
        whole = _sets.get((name, place, where))
        if whole is None:
            whole = _sets[name, place, where] = _on_device(name, _files[name, place], where)
        _prepared.pop((name, place, where), None)
    if size == TRAIN_IMAGES:
        return whole
    return replace(
        whole,
        x_train=whole.x_train[:size],
        y_train=whole.y_train[:size],
        x_valid=whole.x_valid[: size // 5],
        y_valid=whole.y_valid[: size // 5],
        _whole=whole,
    )


def prepare(name: str = "mnist", device: str | torch.device = "cpu") -> None:
    """Load the set ``name``, and keep it until the next ``load`` of it, which then does not wait.

    Raises:
        DataError: for an unknown name, or a missing or damaged file.
    """
    whole = load(name, device)
    with _lock:
        _prepared[name, _READERS[name][0]().absolute(), whole.x_train.device] = whole


def _on_device(name: str, raw: Raw, device: torch.device) -> Dataset:
    mean, std = raw.mean, raw.std

    def images(part: slice, test: bool = False) -> Tensor:
        pixels = torch.from_numpy((raw.x_test if test else raw.x_train)[part]).to(device)
        return pixels.unsqueeze(1).float().div_(256).sub_(mean).div_(std)

    def labels(part: slice, test: bool = False) -> Tensor:
        return torch.from_numpy((raw.y_test if test else raw.y_train)[part]).to(device, torch.int64)

    train, rest, everything = slice(TRAIN_IMAGES), slice(TRAIN_IMAGES, None), slice(None)
    return Dataset(
        name=name,
        classes=_READERS[name][2],
        x_train=images(train),
        y_train=labels(train),
        x_valid=images(rest),
        y_valid=labels(rest),
        x_test=images(everything, test=True),
        y_test=labels(everything, test=True),
        mean=mean,
        std=std,
    )
