"""How long until it is there? From the command to the server, from the address to a page that can be used."""

import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from benchmarks import browser, clicks, kernel, measure, processes
from benchmarks.measure import Figure
from benchmarks.processes import Server
from widgets.serve.__main__ import dashboards_folder

QUESTION = "How long until it is there: from `make lab` to listening, from the address to Start?"
PACKAGES = ("voila", "jupyter_server", "ipywidgets", "anywidget", "plotly", "ipykernel")

SERVERS = 5
PAGES = 5

MEASURED = (
    ("paint", "first paint", "s"),
    ("figure", "first figure", "s"),
    ("start", "Start can be pressed", "s"),
    ("torch", "torch loaded", "s"),
    ("bytes", "received", "MB"),
)

NOTES = (
    "`make lab` is `python -m widgets.serve` once the environment is up to date. Pages: the training dashboard in"
    " Chromium on the same cores, 1440 x 900, its cache empty; times from the navigation's start, by the page's own"
    " clock. First paint: the text above the panel. First figure: plotly has drawn the loss's axes. Start can be"
    " pressed: the button is there and enabled, its kernel listens. Torch loaded: Start need not wait for it any more;"
    " the kernel loads it once the page is painted. Warm: `--warm 1`, so that the server keeps one kernel ready for"
    " each dashboard. Cold and warm pages take turns. Received: bodies and headers as they travel, and what comes over"
    " the page's socket."
)

# Each moment in ms since the navigation began.
MOMENTS = """(label) => {
  window.moments = {};
  const note = (name, there) => { if (!(name in moments) && there) moments[name] = performance.now(); };
  const look = () => {
    note("figure", document.querySelector(`[aria-label="${label}"]`)?.dataset.seq);
    note("start", document.querySelector(".lab-buttons button.mod-primary:enabled"));
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true,
                                                 attributeFilter: ["data-seq", "disabled"] });
}"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def page_moments(chromium: Browser, server: Server) -> dict[str, float]:
    """Open the page in a fresh browser context; seconds until each moment, and MB received."""
    with browser.new_page(chromium) as (page, traffic):
        page.add_init_script(f"({MOMENTS})({browser.LOSS!r})")
        began = time.perf_counter()
        page.goto(server.url + browser.TRAINING, wait_until="commit")
        browser.wait_until_ready(page)
        page.wait_for_function("moments.figure && moments.start")
        with kernel.behind(page, server) as page_kernel:
            page_kernel.run(clicks.WARM)
        torch = time.perf_counter() - began
        page.wait_for_load_state("networkidle")
        moments = {name: ms / 1000 for name, ms in page.evaluate("moments").items()}
        paint = page.evaluate(PAINT) / 1000
        return {**moments, "paint": paint, "torch": torch, "bytes": traffic.bytes / 1e6}


def wait_until_idle(server: Server, kernels: int) -> None:
    """Wait until the server has so many kernels, and neither it nor they have anything to do."""

    def idle() -> bool:
        pids = [server.pid, *processes.descendants(server.pid)]
        before = processes.busy_seconds(pids)
        time.sleep(1)
        spent = processes.busy_seconds([server.pid, *processes.descendants(server.pid)]) - before
        return sum(map(bool, map(processes.connection_file, pids))) == kernels and -0.05 < spent < 0.05

    processes.wait_until(f"the server has {kernels} idle kernels", idle, every=0)


def listening(home: Path) -> float:
    """Seconds from the command until the server listens."""
    with processes.serving(home) as server:
        return server.seconds


def answer() -> tuple[list[Figure], str]:
    """Every figure of this question; about 3 minutes."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        seconds = [listening(home) for _ in range(SERVERS + 1)][1:]
        found = [measure.figure("`make lab` to listening", seconds, "s")]
        dashboards = len(list(dashboards_folder().glob("*.ipynb"))) - 1  # the front page has no kernel
        cold = stack.enter_context(processes.serving(home))
        warm = stack.enter_context(processes.serving(home, "--warm", "1"))
        chromium = stack.enter_context(browser.chromium())
        moments: dict[str, list[dict[str, float]]] = {"cold": [], "warm": []}
        for turn in range(-1, PAGES):
            for name, server, kernels in (("cold", cold, 0), ("warm", warm, dashboards)):
                wait_until_idle(warm, dashboards)
                wait_until_idle(server, kernels)
                opened = page_moments(chromium, server)
                if turn >= 0:
                    moments[name].append(opened)
        for name, pages in moments.items():
            for moment, words, unit in MEASURED:
                found.append(measure.figure(f"{name}: {words}", [page[moment] for page in pages], unit))
    return found, NOTES
