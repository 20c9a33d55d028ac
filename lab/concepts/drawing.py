"""A drawn digit prepared as MNIST's were: no larger than 20 x 20 pixels, its centre of mass in the middle."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIDE, MIDDLE = 28, 14
"""Pixels of a picture, and the one (from 0) at which a digit's centre of mass lies: measured on MNIST's own digits, all
of whose centres lie within half a pixel of it."""

LARGEST = 20
"""Pixels along the longer side of a digit. Y. LeCun, C. Cortes, C. Burges, "The MNIST database": "normalized to fit in
a 20x20 pixel box while preserving their aspect ratio … centered in a 28x28 image by computing the center of mass"."""


def as_mnist(picture: ArrayLike) -> NDArray[np.float32]:
    """Return a drawing (28, 28), 0 to 1, shrunk to 20 x 20 if it is larger, and moved by whole pixels.

    Without it the answer would tell of the place and the size that somebody draws in, not of the digit: the net has
    only seen digits that lie like this. A smaller drawing is not enlarged, as MNIST's digits were: the first dot of a
    stroke would fill the picture. Nothing leaves the picture; an empty one stays empty.
    """
    x = np.asarray(picture, np.float64)
    rows, columns = np.flatnonzero(x.any(axis=1)), np.flatnonzero(x.any(axis=0))
    if not rows.size:
        return x.astype(np.float32)
    x = x[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longer = max(x.shape)
    if longer > LARGEST:
        height, width = (max(1, round(side * LARGEST / longer)) for side in x.shape)
        x = _overlaps(x.shape[0], height) @ x @ _overlaps(x.shape[1], width).T
    top, left = (_begin(x.sum(axis=1 - axis)) for axis in (0, 1))
    made = np.zeros((SIDE, SIDE), np.float32)
    made[top : top + x.shape[0], left : left + x.shape[1]] = np.clip(x, 0, 1)
    return made


def _begin(masses: NDArray[np.float64]) -> int:
    """Return where a row of masses begins so that its centre is at MIDDLE, or as near to it as it fits."""
    centre = float(masses @ np.arange(len(masses)) / masses.sum())
    return int(np.clip(math.floor(MIDDLE - centre + 0.5), 0, SIDE - len(masses)))


def _overlaps(before: int, after: int) -> NDArray[np.float64]:
    """Return the matrix (after, before) that averages ``before`` pixels into ``after`` fewer ones, by area."""
    edges = np.arange(after + 1) * before / after
    pixels = np.arange(before)
    low, high = np.maximum(edges[:-1, None], pixels), np.minimum(edges[1:, None], pixels + 1)
    made: NDArray[np.float64] = np.maximum(high - low, 0) * after / before
    return made
