"""Kept runs in a real browser: from the training lab into the list, over each other, away and back, after a SIGKILL."""

import os
import re
import signal
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from lab.kept import RUNS, Library, file
from tests.dashboards.kernel import kernels
from tests.dashboards.reading import READY, comes_to, enter, figure, fits, open_panel, wait_until_drawn

LOSS = "Training and validation loss over time"
# What a chart's legend says.
LEGEND = "(div) => [...div.querySelectorAll('.legendtext')].map((text) => text.textContent)"
# The figures thin what they draw: it is the last step that grows.
LAST_STEP = "(div) => Math.max(...div.data.map((trace) => trace.x.at(-1) ?? -1))"
THINNED = 16


def cards(page: Page) -> Locator:
    return page.get_by_role("list", name="Kept runs").get_by_role("listitem")


def label_of(chart: Locator) -> str:
    return chart.get_attribute("aria-label") or ""


def button(page: Page, name: str) -> Locator:
    return page.locator(".lab-panel").get_by_role("button", name=name, exact=True)


def start(page: Page) -> None:
    page.locator(".lab-panel").get_by_role("button", name="Start").click()


def open_runs(page: Page, server: Any, how_many: int) -> None:
    page.goto(f"{server.url}/voila/render/runs.ipynb")
    expect(cards(page)).to_have_count(how_many, timeout=READY)
    wait_until_drawn(page, LOSS)


def wait_for_legend(page: Page, names: list[str]) -> None:
    """Wait until the loss has these runs in its legend."""
    figure(page, LOSS).scroll_into_view_if_needed()
    comes_to(page, lambda: figure(page, LOSS).evaluate(LEGEND), names)


def test_two_runs_are_trained_kept_compared_named_deleted_and_brought_back(
    serve: Any, page: Page, tmp_path: Path
) -> None:
    server = serve(**{RUNS: str(tmp_path)})
    open_panel(page, server, "training", LOSS)
    page.get_by_role("button", name="Data and run").click()
    for label, text in (("Training images", "640"), ("Epochs", "1")):
        enter(page, label, text)
    start(page)
    expect(page.locator(".lab-state")).to_contain_text("Finished", timeout=READY)
    expect(page.locator(".lab-status")).to_contain_text(re.compile("kept as .*Training images 640"))
    enter(page, "Learning rate", "0.9")
    start(page)
    expect(page.locator(".lab-status")).to_contain_text("kept as Learning rate 0.9", timeout=READY)
    expect(page.locator(".lab-state")).to_contain_text("Finished", timeout=READY)

    # The newest is open; the other is laid over it, from the keyboard.
    open_runs(page, server, 2)
    expect(cards(page).first).to_contain_text("✔ Finished")
    expect(page.get_by_role("textbox", name="Name")).to_have_value(re.compile(r"^Learning rate 0\.9"))
    cards(page).first.get_by_role("checkbox").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.get_by_role("heading", name="2 runs compared")).to_be_visible()
    names = [str(name) for name in cards(page).get_by_role("button").all_text_contents()]
    wait_for_legend(page, ["Learning rate 0.9", "Learning rate 0.4"])
    differing = page.get_by_role("table").filter(has_text="Settings that differ")
    expect(differing.get_by_role("row")).to_have_count(2)
    expect(differing.get_by_role("row").last).to_have_text(re.compile(r"Learning rate\s*0\.9\s*0\.4"))
    finals = page.get_by_role("table").filter(has_text="Final figures")
    expect(finals.get_by_role("row", name="Steps")).to_have_text(re.compile(r"Steps\s*10\s*10"))

    # Each under its own short name, on every chart of the page.
    for i, name in enumerate(("fast", "slow")):
        cards(page).nth(i).get_by_role("button").click()
        entry = page.get_by_role("textbox", name="Name")
        expect(entry).to_have_value(names[i])
        entry.fill(name)
        entry.press("Enter")
        expect(cards(page).nth(i).get_by_role("button")).to_have_text(name)
    cards(page).first.get_by_role("checkbox").check()
    wait_for_legend(page, ["slow", "fast"])
    charts = page.get_by_role("figure").filter(visible=True).all()
    assert len(charts) >= 12
    for chart in charts:
        chart.scroll_into_view_if_needed()  # only there is it drawn anew
        read = "(div) => div.data?.map((trace) => trace.name)" if "Histogram" in label_of(chart) else LEGEND
        comes_to(page, partial(chart.evaluate, read), ["slow", "fast"])
    for width in (400, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        fits(page, width)

    # Another process keeps one more: it comes into the list, and the focus stays where it is.
    library = Library(tmp_path)
    newest = library.runs()[0]
    focused = cards(page).last.get_by_role("checkbox")
    focused.focus()
    file.write(tmp_path / "more.npz", replace(newest, name="more", started=datetime.now(UTC)), library.open(newest.id))
    expect(cards(page).get_by_role("button")).to_have_text(["more", "fast", "slow"], timeout=READY)
    expect(focused).to_be_focused()
    library.delete("more")
    expect(cards(page)).to_have_count(2)

    # Away, and back, in a page of its own too.
    cards(page).first.get_by_role("button").click()
    button(page, "Delete").click()
    expect(cards(page)).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="Deleted: fast")).to_be_visible()
    open_runs(page, server, 1)
    button(page, "Undo delete").click()
    expect(cards(page)).to_have_count(2)
    expect(page.get_by_role("heading", name="fast")).to_be_visible()
    page.get_by_role("textbox", name="Search").fill("lr=0.4")
    page.get_by_role("textbox", name="Search").press("Enter")
    expect(cards(page)).to_have_text([re.compile("^slow")])

    link = page.get_by_role("link", name="Train again with these settings")
    link.click(no_wait_after=True)
    page.wait_for_url("**/training.ipynb?*lr=0.9*", wait_until="commit")
    expect(page.get_by_role("textbox", name="Learning rate", exact=True)).to_have_value("0.9", timeout=READY)


def test_a_run_whose_kernel_is_killed_is_kept_as_interrupted(serve: Any, page: Page, tmp_path: Path) -> None:
    server = serve(**{RUNS: str(tmp_path)})
    training = page.context.new_page()  # not the page that must stay free of errors: it loses its kernel
    open_panel(training, server, "training", LOSS)
    (kernel,) = kernels(server.process.pid)
    training.get_by_role("button", name="Data and run").click()
    enter(training, "Epochs", "1000")  # it must not end before it is killed
    start(training)
    expect(training.locator(".lab-state")).to_contain_text("Training", timeout=READY)

    open_runs(page, server, 1)
    expect(cards(page).first).to_contain_text("▶ Running", timeout=READY)
    grown = "([div, script, n]) => eval(script)(div) > n"
    for _ in range(2):
        before = figure(page, LOSS).evaluate(LAST_STEP)
        page.wait_for_function(grown, arg=[figure(page, LOSS).element_handle(), LAST_STEP, before], timeout=READY)

    os.kill(kernel.pid, signal.SIGKILL)
    expect(cards(page).first).to_contain_text("✂ Interrupted", timeout=READY)
    open_runs(page, server, 1)
    expect(cards(page).first).to_contain_text("✂ Interrupted")
    library = Library(tmp_path)
    (run,) = library.runs()
    last = int(library.open(run.id).steps[-1])
    assert last > 10
    comes_to(page, lambda: last - THINNED < figure(page, LOSS).evaluate(LAST_STEP) <= last, True)
    expect(page.get_by_role("alert")).to_have_count(0)
    training.close()
