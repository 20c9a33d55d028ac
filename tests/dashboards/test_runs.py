"""Kept runs in a real browser: from the training lab into the list, over each other, away and back, after a SIGKILL."""

import os
import re
import signal
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, expect

from lab.config import Config
from lab.kept import RUNS, KeptRun, Library, file
from lab.record import Record
from tests.dashboards.kernel import kernels
from tests.dashboards.reading import READY, comes_to, enter, figure, fits, open_panel, traces, wait_until_drawn
from tests.widgets.conftest import long_record

LOSS = "Training and validation loss over time"
MEANS = "Mean of each layer's output over time"
HISTOGRAM = "Histogram of one layer's outputs over time"
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


def put(folder: Path, id: str, record: Record) -> None:
    """Keep a run that nobody has trained."""
    facts = {"note": "", "config": Config(), "outcome": "finished", "error": "", "steps": len(record.steps)}
    facts |= {"started": datetime.now(UTC), "updated": datetime.now(UTC), "seconds": 9.0, "device": "CPU"}
    figures = {"versions": {}, "loss": 0.5, "valid_loss": 0.9, "accuracy": 0.8}
    file.write(folder / f"{id}.npz", KeptRun(id=id, name=id, **facts, **figures), record)


def zoom(page: Page, chart: Locator, *spans: tuple[float, float]) -> Any:
    """Drag over a chart from one x to another, for each of ``spans``; returns the steps that it then shows."""
    read = "(div) => div._fullLayout.xaxis.range"
    for span in spans:
        chart.scroll_into_view_if_needed()
        plot, ends = chart.locator(".nsewdrag").first.bounding_box(), chart.evaluate(read)
        assert plot
        at = [plot["x"] + plot["width"] * (x - ends[0]) / (ends[1] - ends[0]) for x in span]
        page.mouse.move(at[0], plot["y"] + 50)
        page.mouse.down()
        page.mouse.move(at[1], plot["y"] + 52, steps=5)
        page.mouse.up()
        narrow = 1.5 * (span[1] - span[0])
        comes_to(page, lambda narrow=narrow: np.ptp(chart.evaluate(read)) < narrow, True)
    low, high = chart.evaluate(read)
    return np.arange(int(np.ceil(low)), int(high) + 1)


def test_a_zoom_into_a_long_run_shows_each_step_of_it_and_of_a_run_beside_it(
    serve: Any, page: Page, traffic: Any, tmp_path: Path
) -> None:
    ripple = np.sin(np.arange(3000)).astype(np.float32)
    records = {"one": long_record(), "two": long_record(seed=8)}
    for id, record in records.items():
        # In a long fall, a ripple that is level on the whole chart's axis.
        loss = (9 * np.exp(-np.arange(3000) / 100) + 0.3 + 0.01 * ripple).astype(np.float32)
        more = {"loss": loss, "loss_average": loss, "loss_weight": np.ones_like(loss), "mean/conv1": ripple / 50}
        records[id] = replace(record, columns=record.columns | more, validations=())
        put(tmp_path, id, records[id])
    open_runs(page, serve(**{RUNS: str(tmp_path)}), 2)
    chart = figure(page, LOSS)
    usual = chart.evaluate("(div) => div._fullLayout.yaxis.range")
    assert usual[0] == 0 and usual[1] > 9 and len(traces(page, LOSS)["each batch"]["x"]) == 750

    before = traffic.socket_bytes
    steps = zoom(page, chart, (900, 1200), (1000, 1050))
    assert 30 < len(steps) < 70
    comes_to(page, lambda: traces(page, LOSS)["each batch"]["x"], steps.tolist())
    np.testing.assert_array_equal(
        np.float32(traces(page, LOSS)["each batch"]["y"]), records["two"].columns["loss"][steps]
    )
    fitted = chart.evaluate("(div) => div._fullLayout.yaxis.range")
    assert 0.28 < fitted[0] < 0.291 and 0.309 < fitted[1] < 0.32
    # All charts of the run are zoomed; those in sight have each step as well.
    comes_to(page, lambda: traces(page, MEANS)["conv1"]["x"], steps.tolist())
    np.testing.assert_allclose(traces(page, MEANS)["conv1"]["y"], ripple[steps] / 50, rtol=1e-6)
    wait_until_drawn(page, HISTOGRAM)  # for the first time, and zoomed all the same
    columns = [step for step in range(0, 3000, 2) if steps[0] - 2 <= step <= steps[-1] + 2]
    comes_to(page, lambda: figure(page, HISTOGRAM).evaluate("(div) => [...div.data[0].x]"), columns)
    assert traffic.socket_bytes - before < 200_000, "of charts that come into sight for the first time, too"

    figure(page, LOSS).scroll_into_view_if_needed()
    chart.locator(".nsewdrag").first.dblclick()
    comes_to(page, lambda: len(traces(page, LOSS)["each batch"]["x"]), 750)
    assert chart.evaluate("(div) => div._fullLayout.yaxis.range") == usual

    cards(page).last.get_by_role("checkbox").check()
    wait_for_legend(page, ["two", "one"])
    steps = zoom(page, chart, (1900, 2200), (2000, 2050))
    lines = "(div) => div.data.filter((t) => t.mode === 'lines').map((t) => [t.name, [...t.x], [...t.y]])"
    comes_to(page, lambda: [x for _, x, _ in chart.evaluate(lines)], [steps.tolist()] * 2)
    for name, _, y in chart.evaluate(lines):
        np.testing.assert_array_equal(np.float32(y), records[name].columns["loss"][steps])


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
