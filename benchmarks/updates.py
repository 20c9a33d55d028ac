"""What an update of the screen costs the kernel and the wire, with a short and with a long record behind it."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import kernel, measure, processes, reader
from benchmarks.kernel import Kernel
from benchmarks.measure import Figure
from benchmarks.reader import Reader

LENGTHS = (100, 10_000, 1_000_000)
"""Steps recorded."""

UPDATES = 12
ROUNDS = 4

INDEPENDENT = 1.2
"""What a longer record may cost at most, over the shortest."""


def one_cost(page_kernel: Kernel, page: Reader, steps: int) -> tuple[float, float, float]:
    """Processor ms, ms of the ticker and bytes on the wire, for one update with ``steps`` recorded."""
    page_kernel.run(f"updates.prepare({steps})")
    page.quiet()
    before = page.bytes
    page_kernel.run(f"updates.start({steps}, {UPDATES})")
    time.sleep(0.11 * UPDATES)  # a question now would be part of what is measured
    processes.wait_until("the updates are done", lambda: page_kernel.value("updates.cost is not None"), every=0.3)
    page.quiet()
    cpu, wall = page_kernel.value("updates.cost")
    return cpu, wall, (page.bytes - before) / UPDATES


def figures(home: Path) -> list[Figure]:
    """Each length's cost, and the longer ones over the shortest, in turns."""
    more: dict[int, list[tuple[float, float]]] = {steps: [] for steps in LENGTHS}
    with kernel.started(home) as page_kernel, reader.reading(page_kernel.file) as page:
        page_kernel.run("from benchmarks.inside import Updates\nupdates = Updates()")

        def contestant(steps: int) -> Callable[[], float]:
            def cost() -> float:
                cpu, *rest = one_cost(page_kernel, page, steps)
                more[steps].append((rest[0], rest[1]))
                return cpu

            return cost

        costs = measure.interleave({f"{steps:,}": contestant(steps) for steps in LENGTHS}, ROUNDS)
        page.check()
    found = []
    for steps in LENGTHS:
        walls, sizes = zip(*more[steps], strict=True)
        found += [
            measure.figure(f"an update, {steps:,} steps recorded: kernel, processor time", costs[f"{steps:,}"], "ms"),
            measure.figure(f"an update, {steps:,} steps recorded: until it is sent", walls, "ms"),
            measure.figure(f"an update, {steps:,} steps recorded: bytes", [size / 1000 for size in sizes], "kB"),
        ]
    first, *longer = LENGTHS
    base = statistics.median(size for _, size in more[first])
    for steps in longer:
        name, words = f"{steps:,}", f"an update, {steps:,} steps over {first}"
        found += [
            measure.figure(f"{words}: processor time", measure.ratios(costs, name), "ratio", at_most=INDEPENDENT),
            measure.figure(f"{words}: bytes", [size / base for _, size in more[steps]], "ratio", at_most=INDEPENDENT),
        ]
    return [*found, measure.figure(f"{measure.NOISE} (processor time)", measure.ratios(costs, measure.NOISE), "ratio")]
