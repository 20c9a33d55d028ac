"""Make canvases with no, one or several MNIST digits on them.

The digits come from :mod:`lab.data`: those on training canvases from its training images, on
validation canvases from its validation images, on test canvases from the test file, so that no
digit is in two of the three.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lab import data
from lab.concepts.heads import CLASSES
from lab.config import TRAIN_IMAGES, Config

CANVAS = 56
DIGIT = 28
SCRAP = 10
JITTER = 4
"""Pixels that a digit may lie off the middle of its quarter, each way."""

MOST = 3
COUNTS = (0, 1, 1, 2, 3)
"""Digits on five canvases in a row: a fifth are empty, two fifths hold one, two fifths several."""

NOISE = 0.1
"""Standard deviation of the noise on every canvas, as a share of white: no two empty ones are alike."""

CHUNK = 1000


class Composed(NamedTuple):
    """Canvases with their digits' pictures and places.

    Attributes:
        pictures: (n, 1, 56, 56), 0 to 1.
        present: (n, 10) bool: which digits are there. The digits of a canvas are all different.
        sources: (n, 3) the images used, -1 where there is none.
        corners: (n, 3, 2) top and left edge of each image, -4 to 32.
    """

    pictures: Tensor
    present: Tensor
    sources: Tensor
    corners: Tensor


def compose(
    images: Tensor,
    labels: Tensor,
    n: int,
    generator: torch.Generator,
    noise: float = NOISE,
    scraps: int = 0,
    unit: Callable[[Tensor], Tensor] = lambda images: images,
) -> Composed:
    """Return ``n`` canvases, each digit in a quarter of its own, on the device of ``images``.

    Args:
        images: (m, 1, 28, 28), which ``unit`` brings to 0..1.
        labels: (m,) int64, every class from 0 to 9 at least once.
        n: canvases; they hold COUNTS digits in turn.
        generator: a CPU generator: the canvases are then the same on every device.
        noise: standard deviation of the normal noise added to each pixel, clipped to 0..1 after.
        scraps: pieces of 10 x 10 pixels cut from images and strewn on every canvas: things that
            are no digits, after the cluttered MNIST of V. Mnih et al., arXiv:1406.6247.
    """
    device = images.device
    count = torch.tensor(COUNTS).repeat(-(-n // len(COUNTS)))[:n]
    used = torch.arange(MOST) < count[:, None]
    classes = torch.rand(n, CLASSES, generator=generator, dtype=torch.float32).argsort(dim=1)[:, :MOST]
    sources = _draw(labels.cpu(), classes, generator).masked_fill(~used, -1)
    quarters = torch.rand(n, 4, generator=generator, dtype=torch.float32).argsort(dim=1)[:, :MOST]
    shift = torch.randint(-JITTER, JITTER + 1, (n, MOST, 2), generator=generator)
    corners = torch.stack([quarters // 2, quarters % 2], dim=2) * DIGIT + shift
    present = torch.zeros(n, CLASSES, dtype=torch.bool).scatter(1, classes, used)

    pieces = torch.randint(len(images), (n, scraps), generator=generator)
    cuts = torch.randint(JITTER, DIGIT - SCRAP - JITTER + 1, (n, scraps, 2), generator=generator)
    places = torch.randint(CANVAS - SCRAP + 1, (n, scraps, 2), generator=generator)

    # A margin, cut off in the end, takes what lies over the canvas's edge.
    wide = torch.zeros(n, CANVAS + 2 * JITTER, CANVAS + 2 * JITTER, dtype=torch.float32, device=device)
    for part in torch.split(torch.arange(n), CHUNK):
        for slot in range(MOST):
            which = part[used[part, slot]]
            stamps = unit(images[sources[which, slot].to(device), 0])
            _paste(wide, which.to(device), stamps, (corners[which, slot] + JITTER).to(device))
        for slot in range(scraps):
            bits = unit(images[pieces[part, slot].to(device), 0])
            bits = bits[_window(torch.arange(len(part), device=device), cuts[part, slot].to(device), SCRAP)]
            _paste(wide, part.to(device), bits, (places[part, slot] + JITTER).to(device))
    pictures = wide[:, None, JITTER:-JITTER, JITTER:-JITTER].contiguous()
    if noise:
        for part in torch.split(pictures, CHUNK):
            part += noise * torch.randn(part.shape, generator=generator, dtype=torch.float32).to(device)
        pictures.clamp_(0, 1)
    return Composed(pictures, present.to(device), sources, corners)


def _draw(labels: Tensor, classes: Tensor, generator: torch.Generator) -> Tensor:
    """For each of ``classes`` (any shape) the index of one of the ``labels`` that is of this class."""
    by_class = labels.argsort(stable=True)
    sizes = labels.bincount(minlength=CLASSES)
    begin = sizes.cumsum(0) - sizes
    chance = torch.rand(classes.shape, generator=generator, dtype=torch.float64)
    return by_class[begin[classes] + (chance * sizes[classes]).long()]


def _window(which: Tensor, corners: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return indices (picture, row, column) of ``size`` x ``size`` pixels, from ``corners`` (n, 2) of pictures (n,)."""
    along = torch.arange(size, device=corners.device)
    return which[:, None, None], (corners[:, :1] + along)[:, :, None], (corners[:, 1:] + along)[:, None, :]


def _paste(canvases: Tensor, which: Tensor, stamps: Tensor, corners: Tensor) -> None:
    window = _window(which, corners, stamps.shape[-1])
    canvases[window] = torch.maximum(canvases[window], stamps)


class Part(NamedTuple):
    """Canvases to train, validate or test with: x (n, 1, 56, 56) normalised, present (n, 10) bool."""

    x: Tensor
    present: Tensor


@dataclass(frozen=True, eq=False)
class Canvases:
    """All canvases of one comparison, on one device; ``mean`` and ``std`` are what x was normalised with."""

    train: Part
    valid: Part
    test: Part
    mean: float
    std: float

    def shown(self, n: int) -> NDArray[np.float32]:
        """Return the first ``n`` test canvases as pictures, (n, 56, 56), 0 to 1."""
        return (self.test.x[:n, 0] * self.std + self.mean).clamp(0, 1).cpu().numpy()


def make_canvases(config: Config, device: torch.device, test: int, scraps: int = 0) -> Canvases:
    """``config.size`` canvases to train with, a fifth of that to validate, ``test`` to test, from ``config.seed``.

    Raises:
        lab.data.DataError: when the data set is missing or damaged.
    """
    dataset = data.load(config.dataset, device, TRAIN_IMAGES)
    generator = torch.Generator().manual_seed(config.seed)

    def part(x: Tensor, y: Tensor, n: int) -> Part:
        made = compose(x, y, n, generator, scraps=scraps, unit=dataset.pictures)
        return Part(made.pictures.sub_(dataset.mean).div_(dataset.std), made.present)

    return Canvases(
        part(dataset.x_train, dataset.y_train, config.size),
        part(dataset.x_valid, dataset.y_valid, config.size // 5),
        part(dataset.x_test, dataset.y_test, test),
        dataset.mean,
        dataset.std,
    )
