"""How a test opens a dashboard, reads its figures, and moves its sliders as a person does."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

READY = 60_000
TRACES = """(div) => {
  const plain = (v) => ArrayBuffer.isView(v) || Array.isArray(v) ? Array.from(v, plain)
    : typeof v === "number" && Number.isNaN(v) ? "nan" : v;
  return Object.fromEntries(div.data.map((trace) => [trace.name, { x: plain(trace.x), y: plain(trace.y) }]));
}"""
CLOSE = """([div, name, axis, wanted]) => {
  const held = div.data?.find((trace) => trace.name === name)?.[axis];
  return held && wanted.every((v, i) => v === null || Math.abs(held[i] - v) <= 1e-5 * Math.max(1, Math.abs(v)));
}"""
# When each draw of a figure was on the screen, beside when each movement of the pointer came in.
CLOCK = """(div) => {
  window.moved = []; window.drawn = [];
  addEventListener("pointermove", () => moved.push(performance.now()), true);
  new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => drawn.push(performance.now()))))
    .observe(div, { attributes: true, attributeFilter: ["data-seq"] });
}"""

# Whatever does not fit the width: the page itself, or a figure.
TOO_WIDE = """(width) => {
  const figures = [...document.querySelectorAll("[role=figure]")].filter((div) => div.checkVisibility());
  const boxes = figures.map((div) => [div.ariaLabel, div.getBoundingClientRect()]);
  const wide = boxes.filter(([, box]) => box.left < 0 || box.right > width);
  const page = document.documentElement.scrollWidth;
  if (page > width) wide.push(["the page", { left: 0, right: page }]);
  return wide.map(([label, box]) => `${label}: ${box.left} to ${box.right}`);
}"""
MET = """async () => {
  const notebook = window.jupyterapp.shell.currentWidget;
  await notebook.context.ready;
  await notebook.sessionContext.ready;
  await notebook.sessionContext.session.kernel.info;
}"""


def open_panel(page: Page, server: Any, notebook: str, label: str) -> None:
    """Go to a dashboard, and wait until the figure of this label is drawn."""
    page.goto(f"{server.url}/voila/render/{notebook}.ipynb")
    wait_until_drawn(page, label)


def wait_until_drawn(page: Page, label: str) -> None:
    """Bring the figure into view, where it is drawn."""
    figure(page, label).scroll_into_view_if_needed(timeout=READY)
    script = "(div) => div.data !== undefined"
    page.wait_for_function(script, arg=figure(page, label).element_handle(), timeout=READY)


# The number of the tab that has a figure, -1 if it stands in none.
TAB = """(label) => {
  const all = [...document.querySelectorAll("[role=figure]")].filter((div) => div.ariaLabel === label);
  const inTab = all.at(-1)?.closest(".widget-tab-contents > *");
  return inTab ? [...inTab.parentElement.children].indexOf(inTab) : -1;
}"""


def open_tab_of(page: Page, label: str) -> None:
    """Open the tab that has the figure; where several have it, the last."""
    tab = page.evaluate(TAB, label)
    if tab >= 0:
        page.get_by_role("tab").nth(tab).click()


def figure(page: Page, label: str) -> Locator:
    return page.get_by_role("figure", name=label, exact=True)


def traces(page: Page, label: str) -> dict[str, Any]:
    """Name -> x and y of each trace on the page, in view: elsewhere a figure is not drawn anew; a gap is "nan"."""
    figure(page, label).scroll_into_view_if_needed()
    held: dict[str, Any] = figure(page, label).evaluate(TRACES)
    return held


def comes_to(page: Page, read: Callable[[], Any], wanted: Any) -> None:
    """Read until it equals ``wanted``: what a page says in words, its charts draw some time later."""
    deadline = time.monotonic() + READY / 1000
    while True:
        try:
            found = read()
        except LookupError as error:  # a trace or a row that is still to come
            found = error
        if found == wanted:
            return
        assert time.monotonic() < deadline, f"found {found!r}, not {wanted!r}"
        page.evaluate("new Promise(requestAnimationFrame)")  # the page's next frame may show it


def wait_for(page: Page, label: str, name: str, wanted: list[float | None], axis: str = "y") -> None:
    """Wait until a trace begins with these numbers; None for any."""
    figure(page, label).scroll_into_view_if_needed()
    try:
        page.wait_for_function(CLOSE, arg=[figure(page, label).element_handle(), name, axis, wanted], timeout=15_000)
    except Exception as error:
        raise AssertionError(f"{name} of {label} is not {wanted}: {traces(page, label).get(name)}") from error


def knob(page: Page, label: str) -> Locator:
    """The knob with this label."""
    return page.locator(".lab-knob").filter(has=page.get_by_text(label, exact=True))


def enter(page: Page, label: str, text: str) -> None:
    """Type into a knob, with Enter."""
    entry = knob(page, label).locator("input").first
    entry.fill(text)
    entry.press("Enter")


def press(page: Page, at: Locator) -> tuple[float, float]:
    """Press the mouse in the middle of what a locator finds; where that is."""
    at.scroll_into_view_if_needed()
    box = at.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    return x, y


def fast_drag(page: Page, label: str, at: tuple[float, float], by: float, moves: int = 60) -> int:
    """Move the pressed mouse from ``at`` by so many pixels at once, let go; how often the figure is drawn then."""
    figure(page, label).evaluate(CLOCK)
    page.mouse.move(at[0] + by, at[1], steps=moves)
    page.mouse.up()
    released = page.evaluate("performance.now()")
    # Until two seconds' worth of nothing: what waits in a queue would come in that time.
    page.wait_for_function("(t) => performance.now() - (drawn.at(-1) ?? t) > 1500", arg=released, timeout=60_000)
    assert len(page.evaluate("moved")) >= moves / 2
    assert page.evaluate("drawn.length") > 0
    return int(page.evaluate("(t) => drawn.filter((at) => at > t).length", released))


def in_notebook(page: Page, server: Any, path: str, label: str) -> None:
    """Open a notebook in JupyterLab or Notebook, and run its cells."""
    page.goto(server.url + path)
    # The cells, and an idle kernel, are shown some time before the two have met: until then nothing is run.
    # JupyterLab brings back what was open before, too.
    script = "(name) => window.jupyterapp?.shell.currentWidget?.context?.path === name"
    page.wait_for_function(script, arg=path.split("/")[-1], timeout=READY)
    page.evaluate(MET)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    figure(page, label).wait_for(timeout=READY, state="attached")
    wait_until_drawn(page, label)


def fits(page: Page, width: int) -> None:
    """Nothing is wider than the page, as soon as its charts have taken its width."""
    comes_to(page, lambda: page.evaluate(TOO_WIDE, width), [])


widths = pytest.mark.parametrize("width", [1440, 400])
