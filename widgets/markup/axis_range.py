"""Range with round ends and round steps for an axis or a slider."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class AxisRange(NamedTuple):
    """Range from ``low`` to ``high`` in steps of ``stop``."""

    low: float
    high: float
    stop: float

    @classmethod
    def around(cls, values: NDArray[np.float64]) -> "AxisRange":
        """Return a range with a margin on either side of the ``values`` (n,), n at least 1."""
        low, high = float(values.min()), float(values.max())
        largest = max(abs(low), abs(high))
        # Charts are drawn in float32: a narrower axis would have no length there.
        width = max(high - low, 1e-6 * largest) if high > low else max(largest, 1.0)
        unit: float = 10.0 ** math.floor(math.log10(1.6 * width)) / 2
        low, high = math.floor((low - 0.3 * width) / unit) * unit, math.ceil((high + 0.3 * width) / unit) * unit
        return cls(_tidy(low), _tidy(high), _tidy(unit / 50))

    @property
    def ends(self) -> list[float]:
        """Both ends, as plotly's axis range."""
        return [self.low, self.high]

    def with_room_for(self, values: NDArray[np.float64]) -> "AxisRange":
        """Return a range that holds all ``values``: this one if possible, so that axes stay fixed during a drag."""
        return self if self.low <= values.min() and values.max() <= self.high else AxisRange.around(values)

    def nearest(self, value: float) -> float:
        """Return the multiple of ``stop`` nearest to ``value``."""
        return _tidy(round(value / self.stop) * self.stop)


def _tidy(value: float) -> float:
    """Return ``value`` without the rounding error of adding tenths."""
    return float(f"{value:.12g}")
