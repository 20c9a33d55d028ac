"""The stretch of an axis or a slider around some numbers: round ends, and round stops between them."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class AxisRange(NamedTuple):
    """From ``low`` to ``high``, with stops ``stop`` apart."""

    low: float
    high: float
    stop: float

    @classmethod
    def around(cls, values: NDArray[np.float64]) -> "AxisRange":
        """With room to either side of the ``values`` (n,), n at least 1."""
        low, high = float(values.min()), float(values.max())
        width = high - low or max(abs(high), 1.0)
        unit: float = 10.0 ** math.floor(math.log10(1.6 * width)) / 2
        low, high = math.floor((low - 0.3 * width) / unit) * unit, math.ceil((high + 0.3 * width) / unit) * unit
        return cls(_tidy(low), _tidy(high), _tidy(unit / 50))

    @property
    def ends(self) -> list[float]:
        """As plotly has an axis's range."""
        return [self.low, self.high]

    def with_room_for(self, values: NDArray[np.float64]) -> "AxisRange":
        """Itself, if it holds all ``values``: an axis must stay where it is under a drag."""
        return self if self.low <= values.min() and values.max() <= self.high else AxisRange.around(values)

    def nearest(self, value: float) -> float:
        """The stop nearest to ``value``."""
        return _tidy(round(value / self.stop) * self.stop)


def _tidy(value: float) -> float:
    """Without the digits that come of adding up tenths."""
    return float(f"{value:.12g}")
