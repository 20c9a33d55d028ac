"""The probes' figures of one layer in one pass over its values, for the CPU, compiled by numba.

The same figures as the plain-torch :func:`lab.telemetry.probes.measure`, which reads the
values a dozen times: counts exactly, moments to 1e-6 relative.
"""

import numpy as np
from numba import float32, int32, njit, void

from lab.telemetry.record import BINS, COUNTS

_SIGNATURE = void(float32[::1], float32, float32, float32, int32[::1], float32[::1])


# No fastmath: bins equal torch.histc's bit for bit only by its order of float32 operations.
@njit(_SIGNATURE, nogil=True, cache=True, error_model="numpy")
def measure(x, low, high, threshold, counts, figures):  # type: ignore[no-untyped-def]
    """Histogram and figures of ``x``, written into ``counts`` (COUNTS,) and ``figures`` (len(LAYER),).

    Args:
        x: (n,) float32.
        low, high: the histogram's range.
        threshold: t of abs(x) < t and x <= t.
    """
    n = x.size
    bins, width = np.float32(BINS), high - low
    zero, ten, seven, fourteen = np.float32(0), np.float32(10), np.float32(7), np.float32(14)
    # Four sets of counters and sums: neighbours in the same bin do not wait for each other.
    tally = np.zeros((4, COUNTS), np.int64)
    total, squares = np.zeros(4), np.zeros(4)
    relu = general = in_relu = in_general = near_abs = near_below = nans = at_high = 0
    # Shifted by the first value, so that the squares do not cancel.
    shift = np.float64(x[0]) if n and np.isfinite(x[0]) else 0.0
    for begin in range(0, n, 4096):
        block = x[begin : begin + 4096]
        # Counting alone, which the compiler turns into vector instructions.
        for value in block:
            at_relu = value * bins / ten
            at_general = (value + seven) * bins / fourteen
            relu += (at_relu >= 0) & (at_relu < 2)
            general += (at_general >= 19) & (at_general < 22)
            in_relu += (value >= zero) & (value <= ten)
            in_general += (value >= -seven) & (value <= seven)
            near_abs += np.abs(value) < threshold
            near_below += value <= threshold
            nans += value != value
            at_high += ((value - low) * bins / width >= bins) & (value <= high)
        for i in range(block.size):
            value = block[i]
            # No branches: around 0 they would be guessed wrong half of the time.
            position = (value - low) * bins / width
            position = position if position > -1 else np.float32(-1)
            position = position if position < bins else bins
            tally[i & 3, int(np.floor(position)) + 1] += 1
            shifted = np.float64(value) - shift
            total[i & 3] += shifted
            squares[i & 3] += shifted * shifted
    for slot in range(COUNTS):
        counts[slot] = tally[:, slot].sum()
    # nan was counted below the range, and what reaches its upper end above.
    counts[0] -= nans
    counts[BINS + 2] = nans
    counts[BINS] += at_high
    counts[BINS + 1] -= at_high
    summed, squared = total.sum(), squares.sum()
    figures[0] = shift + summed / n
    figures[1] = np.sqrt((squared - summed * summed / n) / (n - 1))
    figures[2] = relu / in_relu
    figures[3] = general / in_general
    figures[4] = near_abs / n
    figures[5] = near_below / n
