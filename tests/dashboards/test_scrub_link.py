"""Links and scrubbing in a real browser: what a link opens, and what a step that is scrubbed back to shows."""

import math
import re
import threading
import time
from typing import Any

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.dashboards.conftest import DASHBOARDS, Serve
from tests.dashboards.kernel import kernels, newest_kernel
from tests.dashboards.reading import (
    READY,
    comes_to,
    enter,
    figure,
    fits,
    knob,
    open_tab_of,
    traces,
    wait_for,
    wait_until_drawn,
)
from widgets.run.scrubber.panel import LABEL

LOSS = "Training and validation loss over time"
BARS = "(div) => div.data.map((trace) => Array.from(trace.y))"
SHOWN = "([div, step]) => div.layout?.title?.text?.endsWith(`at step ${step}`)"


@pytest.fixture(scope="module")
def server(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The training lab alone, with a kernel ready before its page."""
    folder = tmp_path_factory.mktemp("dashboards")
    (folder / "training.ipynb").write_bytes((DASHBOARDS / "training.ipynb").read_bytes())
    made = serve(str(folder), "--warm", "1")
    deadline = time.monotonic() + READY / 1000
    while True:
        assert time.monotonic() < deadline, "no kernel was made ready"
        try:
            with newest_kernel(made.process.pid):
                return made
        except (AssertionError, IndexError, OSError, ValueError):
            assert made.process.poll() is None
            # A look is work for the kernel: without a pause it would never come to its notebook.
            threading.Event().wait(1)


def kernel_of(page: Page, server: Any) -> psutil.Process:
    config = page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent)")
    return next(kernel for kernel in kernels(server.process.pid) if config["kernelId"] in " ".join(kernel.cmdline()))


def expect_knob(page: Page, label: str, value: str) -> None:
    expect(knob(page, label).locator("input, select").first).to_have_value(value, timeout=READY)


def ranges(div: Locator) -> Any:
    return div.evaluate("(div) => ['xaxis', 'yaxis', 'yaxis4'].map((name) => div.layout[name].range)")


def test_a_link_opens_the_same_settings(server: Any, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    address = f"{server.url}/voila/render/training.ipynb"
    page.goto(f"{address}?lr=9999&foo=1&norm=layer&epochs=2&theme=auto&token=not-to-be-told")
    alert = page.get_by_role("alert").filter(has_text="link")
    expect(alert).to_contain_text("(lr) must be above 0 and at most 1000; got '9999'", timeout=READY)
    expect(alert).to_contain_text("foo is no knob")
    assert kernel_of(page, server).environ()["VOILA_PREHEAT"] == "True", "this kernel was there before its page"
    expect(page.locator(".lab-state")).to_contain_text("Ready")
    expect_knob(page, "Norm type", "LayerNorm")
    expect_knob(page, "Learning rate", "0.4")
    enter(page, "Learning rate", "0.123456")

    page.get_by_role("button", name="Copy link", exact=True).press("Enter")
    dialog = page.get_by_role("dialog")
    link = dialog.get_by_label("Link to these settings")
    expect(link).to_have_value(f"{address}?lr=0.123456&norm=layer&epochs=2")
    expect(link).to_be_focused()
    expect(dialog.get_by_role("status")).to_have_text("The link is copied. It opens on this computer only.")
    copied = link.input_value()
    page.wait_for_function("async (text) => (await navigator.clipboard.readText()) === text", arg=copied)
    code = dialog.get_by_label("Code for a notebook").input_value()
    assert code.endswith('TrainingPanel(lr=0.123456, norm="layer", epochs=2)')
    # A page by http has no such clipboard.
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    dialog.get_by_role("button", name="Copy code").click()
    expect(dialog.get_by_role("status")).to_have_text("The code is copied.")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Copy link", exact=True)).to_be_focused()

    page.goto(copied)
    expect_knob(page, "Learning rate", "0.123456")
    expect_knob(page, "Norm type", "LayerNorm")
    page.get_by_role("button", name="Data and run").click()
    expect_knob(page, "Epochs", "2")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("button", name="Copy link", exact=True).click()
    expect(page.get_by_label("Link to these settings")).to_have_value(copied)


def test_scrub_back_by_keyboard_and_as_a_film(voila_server: Any, page: Page) -> None:
    page.goto(f"{voila_server.url}/voila/render/training.ipynb?size=640&epochs=3")
    page.get_by_role("tab", name="Any step").click(timeout=READY)
    expect(page.get_by_text("Nothing is recorded yet.")).to_be_visible(timeout=READY)
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".lab-state")).to_contain_text("Finished", timeout=READY)
    wait_until_drawn(page, LABEL)
    div = figure(page, LABEL)
    row = page.locator(".lab-scrub tbody").first.locator("td")

    def shows(step: int) -> None:
        page.wait_for_function(SHOWN, arg=[div.element_handle(), step], timeout=READY)
        expect(page.locator(".lab-scrub caption").first).to_contain_text(f"Step {step}, epoch {step // 10 + 1}")

    shows(29)  # it has followed the run to its end
    axes = ranges(div)
    with newest_kernel(voila_server.process.pid) as kernel:
        record = kernel.value("vars(panel.session.since(-1))")
    slider = page.get_by_role("slider", name="Step", exact=True)
    for key, step in (("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("End", 29), ("ArrowLeft", 28)):
        slider.press(key)
        shows(step)
        bars = div.evaluate(BARS)
        for i in range(len(record["layers"])):
            counts = record["hists"][step][i][1:-2]
            assert bars[i] == pytest.approx([math.log1p(count) for count in counts], rel=1e-5)
        assert ranges(div) == axes
        comes_to(page, lambda: float(row.first.inner_text()), pytest.approx(record["columns"]["loss"][step], abs=6e-5))
    enter(page, "Step", "12")
    shows(12)

    page.get_by_role("button", name="Play").press("Enter")
    expect(page.locator(".lab-scrub caption").first).to_contain_text(re.compile("Step (1[4-9]|2)"), timeout=READY)
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=READY)  # it has come to the end
    shows(29)
    page.set_viewport_size({"width": 400, "height": 900})
    fits(page, 400)


def test_a_branch_is_laid_over_the_run_it_came_from(voila_server: Any, page: Page) -> None:
    page.goto(f"{voila_server.url}/voila/render/training.ipynb?size=640&epochs=3")
    page.get_by_role("tab", name="Any step").click(timeout=READY)
    branch = page.get_by_role("button", name="Branch at step", exact=False)
    expect(page.get_by_role("button", name="Branch here")).to_be_disabled(timeout=READY)
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".lab-state")).to_contain_text("Finished", timeout=READY)
    enter(page, "Step", "12")
    expect(branch).to_have_text("Branch at step 12", timeout=READY)
    with newest_kernel(voila_server.process.pid) as kernel:
        parent = kernel.value("vars(panel.session.since(-1))")["columns"]
    branch.press("Enter")
    expect(page.locator(".lab-state")).to_contain_text("Paused", timeout=READY)
    expect(page.locator(".lab-status")).to_contain_text("branch at step 12 of")
    enter(page, "Learning rate", "0.05")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".lab-state")).to_contain_text("Finished", timeout=READY)
    with newest_kernel(voila_server.process.pid) as kernel:
        record = kernel.value("vars(panel.session.since(-1))")
    assert record["columns"]["loss"][:12] == parent["loss"][:12] != record["columns"]["loss"][-12:]
    average = [a / w for a, w in zip(parent["loss_average"], parent["loss_weight"], strict=True)]
    open_tab_of(page, LOSS)
    wait_for(page, LOSS, "before the branch", average[12:])
    assert traces(page, LOSS)["before the branch"]["x"] == list(range(12, 30))
    wait_for(page, LOSS, "each batch", record["columns"]["loss"])
    # Prolonged by an epoch from the keyboard.
    page.get_by_role("tab", name="Any step").click()
    page.get_by_role("button", name="Prolong").press("Enter")
    expect(page.locator(".lab-status")).to_contain_text("prolonged from step 30 of", timeout=READY)
    expect(page.locator(".lab-state")).to_contain_text("Finished", timeout=READY)
    expect(page.locator(".lab-progress")).to_contain_text("step 40 of 40")
