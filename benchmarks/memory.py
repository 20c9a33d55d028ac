"""How much memory does a kernel with a training panel hold, and does it grow with the length of a run?"""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import kernel, measure, processes, reader
from benchmarks.kernel import Kernel
from benchmarks.measure import Figure
from lab.telemetry.history import MAX_ROWS
from widgets.serve.__main__ import set_environment

QUESTION = "How much memory does a kernel with one training panel hold, and does it grow over 200,000 steps?"
PACKAGES = ("ipywidgets", "ipykernel", "numba")

FULL, LONG = 70_000, 200_000
"""Steps at which the record is full and has been thinned (it holds 65,536), and much later."""

SAMPLES = 20
GROWTH = 5.0
"""MB that the allocator may have in hand, more or less, at another time: what the target takes for no growth."""

PATIENCE = 900.0
"""Seconds for a run that takes two minutes on a quiet machine."""

assert FULL > MAX_ROWS

NOTES = (
    "PSS (`/proc/PID/smaps_rollup`) counts a page that several processes map in shares; growth is told by the"
    " anonymous part, which no other process changes. One kernel, outside a server; a page's traffic is taken and"
    " answered throughout, ten times a second. The first run has the default knobs; the long one is the 784-50-10 net"
    " at batch size 2, because it is fast: 19 columns of record, measured at every step. The last row fills the record"
    " of the default net (67 columns, four layers of histograms) directly, without training, the panel looking on."
)


def samples(of: Kernel) -> list[processes.Memory]:
    """Over two seconds: a panel at work takes and gives back."""
    found = []
    for _ in range(SAMPLES):
        found.append(processes.memory(of.pid))
        time.sleep(0.1)
    return found


def pss(what: str, of: Kernel) -> Figure:
    """The PSS now."""
    return measure.figure(f"PSS, {what}", [sample.pss for sample in samples(of)], "MB")


def growth(what: str, before: list[processes.Memory], after: list[processes.Memory]) -> Figure:
    """What was added to the anonymous part's median, sample by sample."""
    base = statistics.median(sample.anonymous for sample in before)
    return measure.figure(what, [sample.anonymous - base for sample in after], "MB", at_most=GROWTH)


def noise(before: list[processes.Memory]) -> Figure:
    """How far the samples of one moment lie from their median."""
    base = statistics.median(sample.anonymous for sample in before)
    return measure.figure(f"{measure.NOISE} ({FULL:,} steps)", [sample.anonymous - base for sample in before], "MB")


def train_to(steps: int, page_kernel: Kernel) -> list[processes.Memory]:
    """Samples from when the run has done so many steps."""
    done = "gated.steps_done()"
    processes.wait_until(f"{steps:,} steps", lambda: page_kernel.value(done) >= steps, PATIENCE, every=1.0)
    return samples(page_kernel)


def answer() -> tuple[list[Figure], str]:
    """Every figure of this question; about 3 minutes."""
    set_environment(None)  # as many threads as a served kernel has
    with TemporaryDirectory() as home, kernel.started(Path(home)) as page_kernel:
        figures = [pss("a kernel with nothing in it", page_kernel)]
        with reader.reading(page_kernel.file) as page:
            # torch is loaded when the page is painted: not yet.
            page_kernel.run("import lab.warm\nwarm, lab.warm.warm = lab.warm.warm, lambda *_: None")
            page_kernel.run("from widgets import TrainingPanel\npanel = TrainingPanel(watch_page=True)")
            page.quiet()
            figures.append(pss("a training panel on a page, at rest", page_kernel))
            page_kernel.run("warm().join()")
            figures.append(pss("torch, numba and the data loaded", page_kernel))
            page_kernel.run("from benchmarks.inside import Gated, Recorded\ngated = Gated(panel)\ngated.train(64)")
            processes.wait_until("a first hundred steps", lambda: page_kernel.value("gated.steps_done()") > 100)
            figures.append(pss("in training, default knobs", page_kernel))
            page_kernel.run("gated.train(2, model='mlp')")
            full = train_to(FULL, page_kernel)
            figures.append(measure.figure(f"PSS, {FULL:,} steps of the small net", [s.pss for s in full], "MB"))
            later = train_to(LONG, page_kernel)
            figures.append(noise(full))
            figures.append(growth(f"growth from {FULL:,} to {LONG:,} steps, the small net", full, later))
            figures.append(filled(page_kernel))
            page.check()
    return figures, NOTES


def filled(page_kernel: Kernel) -> Figure:
    """The growth of the default net's record, filled without training."""
    page_kernel.run(f"gated.panel.on_reset()\ngated.panel.run = Recorded({FULL})\ngated.panel.redraw()")
    full = samples(page_kernel)
    for _ in range((LONG - FULL) // 10_000):
        page_kernel.run("for _ in range(10):\n    gated.panel.run.more(1000)\n    gated.panel.tick()")
    return growth(f"growth from {FULL:,} to {LONG:,} steps, the default net's record", full, samples(page_kernel))
