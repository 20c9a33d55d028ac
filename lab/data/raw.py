"""A dataset as its files hold it, and the error for a bad file."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lab.config import TRAIN_IMAGES

Bytes = NDArray[np.uint8]


class DataError(ValueError):
    """The data cannot be had; the message names the file and says what to do."""


@dataclass(frozen=True, eq=False)
class Raw:
    """Pixels 0..255 of shape (60000 or 10000, 28, 28) and labels 0..9 of shape (60000 or 10000,)."""

    x_train: Bytes
    y_train: Bytes
    x_test: Bytes
    y_test: Bytes

    @cached_property
    def mean(self) -> float:
        """Mean of pixels/256 over the first 50,000 training images (MNIST: .1304)."""
        return self._moments[0]

    @cached_property
    def std(self) -> float:
        """Unbiased standard deviation of the same pixels (MNIST: .3073)."""
        return self._moments[1]

    @cached_property
    def _moments(self) -> tuple[float, float]:
        # In whole numbers, so exact: the square of a byte fits in 16 bits, the sums in 64.
        pixels = self.x_train[:TRAIN_IMAGES].astype(np.uint16)
        count, total = pixels.size, int(pixels.sum(dtype=np.uint64))
        squares = int(np.square(pixels, out=pixels).sum(dtype=np.uint64))
        variance = (squares - total * total / count) / (count - 1)
        return total / count / 256, variance**0.5 / 256
