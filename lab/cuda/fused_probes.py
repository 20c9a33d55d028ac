"""All statistics of one layer in one pass over its values, for a CUDA device, compiled by Triton.

The same figures as the plain-torch :func:`lab.telemetry.probes.measure`, which launches some
thirty kernels: counts exactly, moments to 1e-6 relative. It waits for nothing, allocates
nothing and always does the same, so that it can be captured into a CUDA graph.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from lab.record import BINS, COUNTS, LAYER
from lab.telemetry.probes import GENERAL_RANGE, RELU_RANGE, histogram, measure

BLOCK = 1024
PROGRAMS = 128
"""At most, on the pass over the values; each leaves one row of sums."""

SLOTS = 64
"""A program's whole numbers: the histogram's counts, then from FIRST on the six that the fractions are made of."""

FIRST = 48
assert FIRST >= COUNTS and FIRST + 6 < SLOTS, "the last slot counts what lies behind the end"

_BINS = tl.constexpr(BINS)
_COUNTS = tl.constexpr(COUNTS)
_SLOTS = tl.constexpr(SLOTS)
_FIRST = tl.constexpr(FIRST)


@triton.jit
def _is_finite(value):  # type: ignore[no-untyped-def]
    return tl.abs(value) <= 3.4028234663852886e38


@triton.jit
def _position(x, low, width):  # type: ignore[no-untyped-def]
    # In this order, and with a division that rounds as IEEE says: bins equal torch.histc's only so.
    return tl.div_rn((x - low) * _BINS, width + tl.zeros_like(x))


@triton.jit  # type: ignore[untyped-decorator]
def _pass(x_ptr, n, low, high, threshold, whole_ptr, sums_ptr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    program, programs = tl.program_id(0), tl.num_programs(0)
    first = tl.load(x_ptr)
    # Shifted by the first value, so that the squares do not cancel.
    shift = tl.where(_is_finite(first), first, 0.0).to(tl.float64)
    lanes = tl.arange(0, BLOCK)
    tally = tl.zeros([_SLOTS], tl.int32)
    relu = tl.zeros([BLOCK], tl.int32)
    general = tl.zeros([BLOCK], tl.int32)
    in_relu = tl.zeros([BLOCK], tl.int32)
    in_general = tl.zeros([BLOCK], tl.int32)
    near_abs = tl.zeros([BLOCK], tl.int32)
    near_below = tl.zeros([BLOCK], tl.int32)
    total = tl.zeros([BLOCK], tl.float64)
    squares = tl.zeros([BLOCK], tl.float64)
    for begin in range(program * BLOCK, n, programs * BLOCK):
        there = begin + lanes < n
        x = tl.load(x_ptr + begin + lanes, mask=there, other=0.0)
        position = _position(x, low, high - low)
        # No floor: Triton's takes the smallest negative numbers for 0.
        slot = tl.where(position < 0.0, 0, tl.minimum(position, _BINS - 1.0).to(tl.int32) + 1)
        slot = tl.where(x > high, _BINS + 1, slot)
        slot = tl.where(x != x, _BINS + 2, slot)
        tally += tl.histogram(tl.where(there, slot, _SLOTS - 1), _SLOTS)
        at_relu = _position(x, 0.0, 10.0)
        at_general = _position(x, -7.0, 14.0)
        relu += (there & (at_relu >= 0.0) & (at_relu < 2.0)).to(tl.int32)
        general += (there & (at_general >= 19.0) & (at_general < 22.0)).to(tl.int32)
        in_relu += (there & (x >= 0.0) & (x <= 10.0)).to(tl.int32)
        in_general += (there & (x >= -7.0) & (x <= 7.0)).to(tl.int32)
        near_abs += (there & (tl.abs(x) < threshold)).to(tl.int32)
        near_below += (there & (x <= threshold)).to(tl.int32)
        shifted = tl.where(there, x.to(tl.float64) - shift, 0.0)
        total += shifted
        squares += shifted * shifted
    slots = tl.arange(0, _SLOTS)
    tally = tl.where(slots == _FIRST, tl.sum(relu), tally)
    tally = tl.where(slots == _FIRST + 1, tl.sum(in_relu), tally)
    tally = tl.where(slots == _FIRST + 2, tl.sum(general), tally)
    tally = tl.where(slots == _FIRST + 3, tl.sum(in_general), tally)
    tally = tl.where(slots == _FIRST + 4, tl.sum(near_abs), tally)
    tally = tl.where(slots == _FIRST + 5, tl.sum(near_below), tally)
    tl.store(whole_ptr + program * _SLOTS + slots, tally)
    tl.store(sums_ptr + program * 2, tl.sum(total))
    tl.store(sums_ptr + program * 2 + 1, tl.sum(squares))


@triton.jit
def _share(whole, slots, slot, count):  # type: ignore[no-untyped-def]
    part = tl.sum(tl.where(slots == slot, whole, 0))
    return tl.div_rn(part.to(tl.float32), count.to(tl.float32))


@triton.jit(do_not_specialize_on_alignment=["counts_ptr", "figures_ptr"])  # type: ignore[untyped-decorator]
def _finish(  # type: ignore[no-untyped-def]
    x_ptr, n, programs, whole_ptr, sums_ptr, counts_ptr, figures_ptr, PROGRAMS: tl.constexpr
):
    rows = tl.arange(0, PROGRAMS)
    slots = tl.arange(0, _SLOTS)
    there = rows < programs
    whole = tl.load(whole_ptr + rows[:, None] * _SLOTS + slots[None, :], mask=there[:, None], other=0)
    whole = tl.sum(whole, axis=0)
    tl.store(counts_ptr + slots, whole, mask=slots < _COUNTS)
    summed = tl.sum(tl.load(sums_ptr + rows * 2, mask=there, other=0.0))
    squared = tl.sum(tl.load(sums_ptr + rows * 2 + 1, mask=there, other=0.0))
    first = tl.load(x_ptr)
    shift = tl.where(_is_finite(first), first, 0.0).to(tl.float64)
    count = n.to(tl.float64)
    variance = (squared - summed * summed / count) / (count - 1.0)
    tl.store(figures_ptr, (shift + summed / count).to(tl.float32))
    tl.store(figures_ptr + 1, tl.sqrt(variance).to(tl.float32))
    in_relu = tl.sum(tl.where(slots == _FIRST + 1, whole, 0))
    in_general = tl.sum(tl.where(slots == _FIRST + 3, whole, 0))
    tl.store(figures_ptr + 2, _share(whole, slots, _FIRST, in_relu))
    tl.store(figures_ptr + 3, _share(whole, slots, _FIRST + 2, in_general))
    tl.store(figures_ptr + 4, _share(whole, slots, _FIRST + 4, n))
    tl.store(figures_ptr + 5, _share(whole, slots, _FIRST + 5, n))


class FusedPass:
    """The pass of one run; it has its own memory for the programs' sums, since runs on one device may overlap."""

    def __init__(self, device: torch.device) -> None:
        self._whole = torch.zeros(PROGRAMS, SLOTS, dtype=torch.int32, device=device)
        self._sums = torch.zeros(PROGRAMS, 2, dtype=torch.float64, device=device)

    def __call__(
        self, x: Tensor, low: float, high: float, threshold: float, counts: Tensor, figures: Tensor
    ) -> None:  # fmt: skip
        """Histogram and figures of ``x``, written into ``counts`` (COUNTS,) int32 and ``figures`` (len(LAYER),).

        Args:
            x: at least one float32; dense in any order, else it is copied.
            low, high: the histogram's range.
            threshold: t of abs(x) < t and x <= t.
        """
        if not (x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last)):
            x = x.contiguous()
        n = x.numel()
        programs = min(triton.cdiv(n, BLOCK), PROGRAMS)
        whole, sums = self._whole, self._sums
        # Multiply, then add: fused, they would round once where torch rounds twice.
        _pass[(programs,)](x, n, low, high, threshold, whole, sums, BLOCK=BLOCK, enable_fp_fusion=False)
        _finish[(1,)](x, n, programs, whole, sums, counts, figures, PROGRAMS=PROGRAMS, enable_fp_fusion=False)


def agrees_with_torch(device: torch.device) -> bool:
    """Return whether the pass agrees with torch on the CPU, for values on the bins' edges, beside them and far away."""
    generator = torch.Generator().manual_seed(0)
    edges = torch.cat([torch.linspace(low, high, BINS + 1) for low, high in (RELU_RANGE, GENERAL_RANGE)])
    beside = [torch.nextafter(edges, torch.tensor(side)) for side in (torch.inf, -torch.inf)]
    x = torch.cat([torch.randn(200 * BLOCK, generator=generator) * 4, edges, *beside])
    run = FusedPass(device)
    for bounds in (RELU_RANGE, GENERAL_RANGE):
        counts = torch.zeros(COUNTS, dtype=torch.int32, device=device)
        figures = torch.zeros(len(LAYER), device=device)
        run(x.to(device), *bounds, 0.1, counts, figures)
        tally = histogram(x, *bounds)
        expected = torch.stack([*measure(x.double(), tally, bounds, 0.1)[:2], *measure(x, tally, bounds, 0.1)[2:]])
        if not torch.equal(counts.cpu().long(), tally):
            return False
        if not torch.allclose(figures.cpu(), expected.float(), rtol=1e-6, atol=1e-7):
            return False
    return True
