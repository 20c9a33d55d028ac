"""What does the screen cost? Training speed beside an open page, an update's bytes and time, the way from a click."""

import statistics
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import browser, clicks, kernel, measure, processes, reader, updates
from benchmarks.kernel import Kernel
from benchmarks.measure import Figure
from widgets.serve.__main__ import set_environment

QUESTION = "What does the screen cost: in training speed, for an update, and from a click to the new point?"
PACKAGES = ("ipywidgets", "anywidget", "plotly", "voila", "ipykernel")

SECONDS = 1.5
SETTLE = 0.4
"""Of training in a window, after a moment that is not counted: the screen then catches up with what it missed."""

ROUNDS = 15
"""Short windows, and many: on a shared machine two windows of the same differ by a twentieth."""

NOTES = (
    "One kernel, one run, as many threads as a served kernel has; in turns the screen looks ten times a second, and"
    " not at all (its ticker wakes and does nothing), windows of 1.5 s by the record's own clock. The validation is cut"
    " to 64 images, so that no window has more of it than another. A page's traffic taken and answered: a client in a"
    " process of its own, on the same cores, gets all that the kernel sends and answers as the page does, but draws"
    " nothing; once as if every chart were in sight, once with those in sight that the served page has when it is"
    " opened, 1440 x 900: the others are updated every two seconds. Chromium: the served page, 1440 x 900, its first"
    " charts in view, the server and the browser on the same cores. An update: a panel with 15 charts over a made-up"
    " record of the default net; each brings 10 new rows of the record (every step until 65,536 are recorded, then"
    " every 2nd, 4th, … so that less is new to draw); bytes are all that the kernel publishes, headers included."
    " Clicks: on the served page, real mouse clicks, by the page's clock from the event to when the chart with the new"
    " point has been drawn; torch and the data are loaded, and the charts that Reset has emptied are drawn before Start"
    " is pressed."
)

COUNT_DRAWINGS = """(label) => {
  window.drawn = 0;
  const options = { attributes: true, attributeFilter: ["data-seq"] };
  new MutationObserver(() => window.drawn++).observe(document.querySelector(`[aria-label="${label}"]`), options);
}"""

RUN = "from benchmarks.inside import Gated, find_panel\ngated = Gated(find_panel())"


Speeds = tuple[list[float], list[float], list[float]]


def steps_per_second(page_kernel: Kernel, drawn: Callable[[], int], batch_size: int) -> Speeds:
    """Train with the screen and without, in turns.

    Args:
        page_kernel: holds a TrainingPanel that a page is connected to.
        drawn: updates of the loss's figure that the page has had so far.

    Returns:
        Steps a second with the screen over without, round by round; without over without; updates a second.
    """
    updates_per_second: list[float] = []

    def window(screen: bool) -> float:
        page_kernel.run(f"gated.screen = {screen}")
        time.sleep(SETTLE)
        begin = page_kernel.value("gated.steps_done()")
        before, began = drawn(), time.perf_counter()
        time.sleep(SECONDS)
        seconds = time.perf_counter() - began
        if screen:
            updates_per_second.append((drawn() - before) / seconds)
        return float(page_kernel.value(f"gated.rate({begin})"))

    page_kernel.run(f"gated.screen = True; gated.train({batch_size})")
    rates = measure.interleave({"without": lambda: window(False), "with": lambda: window(True)}, ROUNDS)
    page_kernel.run("gated.screen = True; gated.panel.on_stop()")
    print(f"  batch {batch_size}: {statistics.median(rates['without']):.0f} steps/s", flush=True)
    return measure.ratios(rates, "with"), measure.ratios(rates, measure.NOISE), updates_per_second


def speed_figures(who: str, measured: Speeds, target: bool) -> list[Figure]:
    """The figures of :func:`steps_per_second`."""
    ratios, noise, updates_a_second = measured
    return [
        measure.figure(f"steps/s, {who}, over no screen", ratios, "ratio", at_least=0.95 if target else None),
        measure.figure(f"{measure.NOISE} ({who})", noise, "ratio"),
        measure.figure(f"updates of the loss that reach it ({who})", updates_a_second, "1/s"),
    ]


def with_reader(home: Path, in_sight: Collection[str]) -> list[Figure]:
    """One page's traffic, taken and answered by a reader that draws nothing.

    Args:
        in_sight: labels of the charts that a real page of this size has in sight when it is opened.
    """
    figures = []
    with kernel.started(home) as page_kernel, reader.reading(page_kernel.file) as page:
        page_kernel.run("from widgets import TrainingPanel\npanel = TrainingPanel(watch_page=True)")
        page_kernel.run("import lab.warm; lab.warm.warm().join()")
        page.quiet()
        page_kernel.run(RUN)
        loss = page.figures[browser.LOSS]
        some, every = f"{len(in_sight)} charts in sight", "every chart in sight"
        for labels, sight, batch_size in ((in_sight, some, 64), (in_sight, some, 2), (set(page.figures), every, 64)):
            page.see(labels)
            measured = steps_per_second(page_kernel, lambda: loss.drawn, batch_size)
            figures += speed_figures(
                f"batch {batch_size}, a page's traffic taken and answered, {sight}", measured, True
            )
        page.check()
    return figures


def with_chromium(page: Any, page_kernel: Kernel) -> list[Figure]:
    """Chromium draws, on the same cores."""
    page.evaluate(COUNT_DRAWINGS, browser.LOSS)
    measured = steps_per_second(page_kernel, lambda: int(page.evaluate("window.drawn")), 64)
    return speed_figures("batch 64, Chromium drawing on the same cores", measured, False)


def answer() -> tuple[list[Figure], str]:
    """Every figure of this question; about 7 minutes."""
    set_environment(None)  # as many threads as a served kernel has
    figures: list[Figure] = []
    with TemporaryDirectory() as folder:
        home = Path(folder)
        figures += updates.figures(home)
        with ExitStack() as stack:
            server = stack.enter_context(processes.serving(home))
            page, _ = stack.enter_context(browser.new_page(stack.enter_context(browser.chromium())))
            page.goto(server.url + browser.TRAINING)
            browser.wait_until_ready(page)
            page_kernel = stack.enter_context(kernel.behind(page, server))
            page_kernel.run(clicks.WARM)
            page_kernel.run(RUN)
            in_sight = page_kernel.value("[one.label for one in gated.panel.figures.values() if one.seen]")
            figures += clicks.figures(page)
            figures += with_chromium(page, page_kernel)
        figures += with_reader(home, in_sight)
    return figures, NOTES
