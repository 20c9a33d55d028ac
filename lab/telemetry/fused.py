"""All statistics of one layer in one pass over its values, for the CPU, compiled by numba.

The same figures as the plain-torch :func:`lab.telemetry.probes.measure`, which reads the
values a dozen times: counts exactly, moments to 1e-6 relative. Beside it the figures of a
layer's norm, whose few values take torch thirty operations, and the batch's accuracy.
"""

from typing import Any

import numpy as np
from numba import carray as _array_at  # type: ignore[attr-defined]
from numba import float32, float64, int32, int64, njit, types, void
from numba.extending import intrinsic

from lab.record import BINS, COUNTS, GRADIENT

BLOCK = 4096
"""Values that stay in the fastest cache from loop to loop."""


def _first(position: int, low: float, high: float) -> np.float32:
    """Return the smallest value that falls on ``position``, in bins, or beyond it, by torch.histc's float32 operations.

    They are monotonic, so comparing with it finds the same bin without a division.
    """
    bottom, width = np.float32(low), np.float32(high) - np.float32(low)

    def reached(value: np.float32) -> bool:
        return bool((value - bottom) * np.float32(BINS) / width >= position)

    value = np.float32(low + position * (high - low) / BINS)
    while reached(value):
        value = np.nextafter(value, np.float32(-np.inf))
    while not reached(value):
        value = np.nextafter(value, np.float32(np.inf))
    return value


EACH = len(GRADIENT)
"""Figures of an update."""

# Bounds of the near-zero bins and of the ranges: the first 2 of 40 over 0..10, and 19 to 21 over -7..7.
_RELU = (np.float32(0), _first(2, 0, 10), np.float32(0), np.float32(10))
_GENERAL = (_first(19, -7, 7), _first(22, -7, 7), np.float32(-7), np.float32(7))

# Small enough for a block's counters to be float32, which hold whole numbers up to 2^24.
_ONE, _NONE = np.float32(1), np.float32(0)


# Without fastmath: the bins equal torch.histc's bit for bit only by its order of float32 operations.
@njit(nogil=True, cache=True, error_model="numpy")
def _find_slots(values, low, high, slots):  # type: ignore[no-untyped-def]
    """Find the histogram slot of each value, without branches so that it compiles to vector instructions."""
    bins, width, last = np.float32(BINS), high - low, np.float32(BINS - 1)
    for i in range(values.size):
        value = values[i]
        position = (value - low) * bins / width
        position = position if position > _NONE else _NONE
        position = position if position < last else last
        slot = np.int32(position) + np.int32(1)
        slot = slot if value >= low else np.int32(0)
        slot = slot if value <= high else np.int32(BINS + 1)
        slots[i] = slot if value == value else np.int32(BINS + 2)


# Unsigned slots, since a signed index costs a look at its sign; four sets of counters, so that
# neighbours in the same slot do not wait for each other.
@njit(nogil=True, cache=True, error_model="numpy")
def _count(slots, n, tally):  # type: ignore[no-untyped-def]
    fours = n & ~3
    i = 0
    while i < fours:
        tally[0, slots[i]] += np.int32(1)
        tally[1, slots[i + 1]] += np.int32(1)
        tally[2, slots[i + 2]] += np.int32(1)
        tally[3, slots[i + 3]] += np.int32(1)
        i += 4
    while i < n:
        tally[0, slots[i]] += np.int32(1)
        i += 1


# Only sums may be taken in another order (reassoc): of whole numbers, or in double.
@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _sums(values, shift):  # type: ignore[no-untyped-def]
    total = squares = 0.0
    for i in range(values.size):
        shifted = np.float64(values[i]) - shift
        total += shifted
        squares += shifted * shifted
    return total, squares


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc"})
def _near(values, bounds, threshold):  # type: ignore[no-untyped-def]
    first, end, low, high = bounds
    near = inside = absolute = below = _NONE
    for i in range(values.size):
        value = values[i]
        near += _ONE if (value >= first) & (value < end) else _NONE
        inside += _ONE if (value >= low) & (value <= high) else _NONE
        absolute += _ONE if np.abs(value) < threshold else _NONE
        below += _ONE if value <= threshold else _NONE
    return np.int64(near), np.int64(inside), np.int64(absolute), np.int64(below)


@njit(
    void(float32[::1], float32, float32, float32, int32[::1], float32[::1]),
    nogil=True, cache=True, error_model="numpy",
)  # fmt: skip
def measure(x, low, high, threshold, counts, figures):  # type: ignore[no-untyped-def]
    """Write the histogram of ``x`` into ``counts`` (COUNTS,) and its statistics into ``figures`` (len(LAYER),).

    Args:
        x: (n,) float32.
        low, high: the histogram's range, 0 to 10 or -7 to 7.
        threshold: t of abs(x) < t and x <= t.
    """
    n = x.size
    tally = np.zeros((4, COUNTS), np.int32)
    slots = np.empty(min(n, BLOCK), np.uint32)
    total = squares = 0.0
    near = inside = absolute = below = 0
    # The histogram itself tells the near-zero fraction that is defined by its bins; the other is counted.
    plain = low == 0
    other = _GENERAL if plain else _RELU
    # Shifted by the first value, so that the squares do not cancel.
    shift = np.float64(x[0]) if n and np.isfinite(x[0]) else 0.0
    for begin in range(0, n, BLOCK):
        block = x[begin : begin + BLOCK]
        _find_slots(block, low, high, slots)
        _count(slots, block.size, tally)
        part = _sums(block, shift)
        total += part[0]
        squares += part[1]
        found = _near(block, other, threshold)
        near += found[0]
        inside += found[1]
        absolute += found[2]
        below += found[3]
    binned = 0
    for slot in range(COUNTS):
        counts[slot] = tally[0, slot] + tally[1, slot] + tally[2, slot] + tally[3, slot]
        binned += counts[slot] if 0 < slot <= BINS else 0
    figures[0] = shift + total / n
    figures[1] = np.sqrt((squares - total * total / n) / (n - 1))
    by_bins = (counts[1] + counts[2]) / binned if plain else (counts[20] + counts[21] + counts[22]) / binned
    figures[2] = by_bins if plain else near / inside
    figures[3] = near / inside if plain else by_bins
    figures[4] = absolute / n
    figures[5] = below / n


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc"})
def _zeros(values):  # type: ignore[no-untyped-def]
    zeros = _NONE
    for i in range(values.size):
        zeros += _ONE if values[i] == _NONE else _NONE
    return np.int64(zeros)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _moves(weight, before):  # type: ignore[no-untyped-def]
    moved = size = 0.0
    for i in range(weight.size):
        old = np.float64(before[i])
        move = np.float64(weight[i]) - old
        moved += move * move
        size += old * old
    return moved, size


@njit(void(float32[::1], float32[::1]), nogil=True, cache=True, error_model="numpy")
def measure_moments(x, figures):  # type: ignore[no-untyped-def]
    """Write the mean and the unbiased std of ``x`` (n,) into ``figures`` (len(OUTPUT_GRADIENT),)."""
    n = x.size
    shift = np.float64(x[0]) if n and np.isfinite(x[0]) else 0.0
    total, squares = _sums(x, shift)
    figures[0] = shift + total / n
    figures[1] = np.sqrt((squares - total * total / n) / (n - 1))


@njit(
    void(float32[::1], float32[::1], float32[::1], float32, float32, int32[::1], float32[::1]),
    nogil=True, cache=True, error_model="numpy",
)  # fmt: skip
def measure_update(gradient, weight, before, low, high, counts, figures):  # type: ignore[no-untyped-def]
    """Write a weight's histogram into ``counts`` (COUNTS,), its update's statistics into ``figures`` (len(GRADIENT),).

    Args:
        gradient: (n,), or (0,) where there is none; in any order.
        weight, before: (n,) after and before the step; ``before`` becomes a copy of ``weight``.
        low, high: the histogram's range.
    """
    n = weight.size
    tally = np.zeros((4, COUNTS), np.int32)
    slots = np.empty(min(n, BLOCK), np.uint32)
    total = squares = moved = size = 0.0
    zeros = 0
    for begin in range(0, n, BLOCK):
        now, old = weight[begin : begin + BLOCK], before[begin : begin + BLOCK]
        _find_slots(now, low, high, slots)
        _count(slots, now.size, tally)
        norms = _moves(now, old)
        moved += norms[0]
        size += norms[1]
        old[:] = now
    given = gradient.size
    shift = np.float64(gradient[0]) if given and np.isfinite(gradient[0]) else 0.0
    for begin in range(0, given, BLOCK):
        block = gradient[begin : begin + BLOCK]
        part = _sums(block, shift)
        total += part[0]
        squares += part[1]
        zeros += _zeros(block)
    for slot in range(COUNTS):
        counts[slot] = tally[0, slot] + tally[1, slot] + tally[2, slot] + tally[3, slot]
    figures[0] = shift + total / given
    figures[1] = np.sqrt((squares - total * total / given) / (given - 1))
    figures[2] = zeros / given
    figures[3] = np.sqrt(moved) / np.sqrt(size)


def _to_pointer(typing_context, address):  # type: ignore[no-untyped-def]
    """Return an address as a pointer to float32."""

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    pointer: Any = types.CPointer(types.float32)  # type: ignore[no-untyped-call]
    return pointer(types.int64), generate


_pointer: Any = intrinsic(_to_pointer)


@njit(
    void(int64[:, ::1], int64[::1], float32[:, ::1], int32[:, ::1], float32[::1]),
    nogil=True, cache=True, error_model="numpy",
)  # fmt: skip
def measure_updates(places, sizes, ranges, counts, figures):  # type: ignore[no-untyped-def]
    """Call :func:`measure_update` for each layer: on a small batch, what a call from Python costs is what counts.

    Args:
        places: (layers, 3), addresses of the gradient (0 for none), the weight and the copy, one piece of memory each.
        sizes: (layers,), how many float32 lie at each of them; a layer of none is left out.
        ranges: (layers, 2), of the histograms.
        counts, figures: (layers, COUNTS) and (layers * len(GRADIENT),).
    """
    for layer in range(sizes.size):
        n = sizes[layer]
        if n == 0:
            continue
        gradient = _array_at(_pointer(places[layer, 0]), n if places[layer, 0] != 0 else 0)
        weight, before = _array_at(_pointer(places[layer, 1]), n), _array_at(_pointer(places[layer, 2]), n)
        place = figures[layer * EACH : (layer + 1) * EACH]
        measure_update(gradient, weight, before, ranges[layer, 0], ranges[layer, 1], counts[layer], place)


@njit(float64(float32[:, ::1], int64[::1]), nogil=True, cache=True, error_model="numpy")
def accuracy(logits, targets):  # type: ignore[no-untyped-def]
    """Return lab.training.metrics.accuracy: of equal largest logits the first counts, and nan is the largest."""
    hits = 0
    for row in range(targets.size):
        best = 0
        for column in range(1, logits.shape[1]):
            largest, value = logits[row, best], logits[row, column]
            if largest == largest and not value <= largest:
                best = column
        hits += best == targets[row]
    return hits / targets.size


@njit(nogil=True, cache=True, error_model="numpy")
def _mean(values):  # type: ignore[no-untyped-def]
    total = 0.0
    for value in values:
        total += value
    return total / values.size


@njit(void(float32[::1], float64, float32[::1]), nogil=True, cache=True, error_model="numpy")
def measure_scale(used_var, eps, figures):  # type: ignore[no-untyped-def]
    """Write the first two of record.NORM into ``figures``: the smallest variance, the largest 1/sqrt(var + eps)."""
    smallest = used_var[0]
    for value in used_var:
        # A nan stays.
        if value < smallest or value != value:
            smallest = value
    figures[0] = smallest
    figures[1] = 1 / np.sqrt(smallest + eps)


@njit(
    void(float32[::1], float32[::1], float32[::1], float32[::1], float64, float32[::1]),
    nogil=True, cache=True, error_model="numpy",
)  # fmt: skip
def measure_averages(batch_mean, batch_var, mean, var, unseen, figures):  # type: ignore[no-untyped-def]
    """Write the last seven of record.NORM into ``figures``, for averages that started at mean 0 and variance 1.

    Args:
        batch_mean, batch_var, mean, var: (channels,), the batch's and the moving averages.
        unseen: the weight of where they started.
    """
    figures[2] = _mean(batch_mean)
    figures[3] = _mean(batch_var)
    figures[4] = _mean(mean)
    figures[5] = _mean(var)
    debias = 1 - unseen
    figures[6] = figures[4] / debias
    figures[7] = (figures[5] - unseen) / debias
    figures[8] = debias


@njit(
    void(float32[::1], float32[::1], float32[::1], float32[::1], float64, float64, float32[::1]),
    nogil=True, cache=True, error_model="numpy",
)  # fmt: skip
def measure_sums(batch_mean, batch_var, sums, squares, count, unseen, figures):  # type: ignore[no-untyped-def]
    """Do as :func:`measure_averages`, for a norm that averages sums, squares and ``count`` from 0."""
    figures[2] = _mean(batch_mean)
    figures[3] = _mean(batch_var)
    mean = var = 0.0
    for channel in range(sums.size):
        centre = sums[channel] / count
        mean += centre
        var += squares[channel] / count - centre * centre
    debias = 1 - unseen
    figures[6] = mean / sums.size
    figures[7] = var / sums.size
    figures[4] = debias * figures[6]
    figures[5] = debias * figures[7]
    figures[8] = debias
