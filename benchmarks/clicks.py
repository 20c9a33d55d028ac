"""From a click on the page to the first new point in a chart, by the page's own clock."""

from playwright.sync_api import Locator, Page

from benchmarks import browser, measure
from benchmarks.measure import Figure

STEPS = 21
STARTS = 9

TARGET = 300.0
"""Milliseconds."""

WARM = "import lab.warm; lab.warm.warm().join()"
"""In the kernel: wait until torch and the data are loaded, as the page has asked for by itself."""

# The chart writes data-seq when it has been drawn.
AWAIT_POINT = """([button, label]) => {
  const div = document.querySelector(`[aria-label="${label}"]`);
  const points = () => div.data?.[0]?.x?.length ?? 0;
  const before = points();
  window.toPoint = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no new point within 20 s of the click")), 20000);
    button.addEventListener("click", (event) => {
      const clicked = event.timeStamp;
      const seen = new MutationObserver(() => {
        if (points() <= before) return;
        seen.disconnect();
        resolve(performance.now() - clicked);
      });
      seen.observe(div, { attributes: true, attributeFilter: ["data-seq"] });
    }, { once: true, capture: true });
  });
}"""


DRAWN = "() => !globalThis[Symbol.for('foundations-lab/live-figure/3')].drawing"
"""No chart in view waits to be drawn: Reset empties all of them, and nobody presses Start within that moment."""


def enabled(page: Page, name: str) -> Locator:
    """The panel's button of this name, when it can be pressed."""
    return page.locator(".lab-buttons button:enabled", has_text=name)


def one_click(page: Page, name: str) -> float:
    """Press the button ``name``; ms from the click until the loss has a point more on the page.

    Raises:
        playwright.sync_api.Error: when none comes.
    """
    button = enabled(page, name)
    button.wait_for()
    page.evaluate(AWAIT_POINT, [button.element_handle(), browser.LOSS])
    button.click()
    return float(page.evaluate("window.toPoint"))


def wait_for_points(page: Page, condition: str) -> None:
    """Wait until ``condition`` holds for n, the points of the loss that the page shows."""
    points = f"document.querySelector('[aria-label=\"{browser.LOSS}\"]').data?.[0]?.x?.length ?? 0"
    page.wait_for_function(f"() => {{ const n = {points}; return {condition}; }}")


def figures(page: Page) -> list[Figure]:
    """Step after Step; then Reset and Start. The page is a training panel's, its kernel has torch loaded."""
    steps = [one_click(page, "Step") for _ in range(STEPS + 1)][1:]
    starts = []
    for _ in range(STARTS + 1):
        enabled(page, "Reset").click()
        wait_for_points(page, "n === 0")
        page.wait_for_function(DRAWN)
        starts.append(one_click(page, "Start"))
    enabled(page, "Stop").click()
    return [
        measure.figure("click on Step to the new point on the page", steps, "ms", at_most=TARGET),
        measure.figure("click on Start to the first point on the page", starts[1:], "ms", at_most=TARGET),
    ]
