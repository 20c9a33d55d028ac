"""The moving-average dashboard in a real browser: the lesson's numbers, read off the page."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.dashboards.reading import (
    enter,
    fast_drag,
    figure,
    knob,
    open_panel,
    press,
    traces,
    wait_for,
    wait_until_drawn,
)

AVERAGES = "The values and their three moving averages"
WEIGHTS = "Weight of every past value in the three averages"
FACTOR = "The factor 1 - beta^t over the steps"


def row(page: Page, name: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))


def test_10_then_20(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "moving_average", AVERAGES)
    expect(page.get_by_text("β = 0.9; torch’s batch-norm momentum = 0.1.")).to_be_visible()
    expect(row(page, "from zero")).to_contain_text("0.9 × 1 + 0.1 × 20 = 2.9")
    expect(row(page, "de-biased")).to_contain_text("2.9 ÷ 0.19 = 15.263")
    expect(row(page, "from the first value")).to_contain_text("0.9 × 10 + 0.1 × 20 = 11")
    held = traces(page, AVERAGES)
    assert held["values"]["y"][:2] == [10, 20]
    assert held["from zero"]["y"][:2] == pytest.approx([1, 2.9])
    assert held["de-biased"]["y"][:2] == pytest.approx([10, 15.263158])
    for label in (WEIGHTS, FACTOR):
        wait_until_drawn(page, label)
    assert traces(page, WEIGHTS)["from zero"]["y"] == pytest.approx([0.81, 0.09, 0.1])
    assert traces(page, WEIGHTS)["de-biased"]["y"] == pytest.approx([0, 9 / 19, 10 / 19])
    assert traces(page, FACTOR)["1 − βᵗ"]["y"][:2] == pytest.approx([0.1, 0.19])

    # Back to t = 1 by the keyboard.
    knob(page, "Step t").get_by_role("slider").press("ArrowLeft")
    expect(row(page, "from zero")).to_contain_text("0.9 × 0 + 0.1 × 10 = 1")
    expect(row(page, "de-biased")).to_contain_text("1 ÷ 0.1 = 10")
    wait_for(page, WEIGHTS, "from zero", [0.9, 0.1])
    enter(page, "Values", "3, 5")
    enter(page, "Step t", "2")
    expect(row(page, "from the first value")).to_contain_text("0.9 × 3 + 0.1 × 5 = 3.2")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_pointing_says_the_arithmetic_and_a_fast_drag_leaves_no_queue(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "moving_average", AVERAGES)
    plot = figure(page, AVERAGES).locator(".nsewdrag").first.bounding_box()
    at = figure(page, AVERAGES).evaluate("(div) => div._fullLayout.xaxis.d2p(2)")
    assert plot
    page.mouse.move(plot["x"] + at, plot["y"] + plot["height"] / 2)
    words = figure(page, AVERAGES).locator(".hoverlayer")
    expect(words).to_contain_text("0.9 × 1 + 0.1 × 20 = 2.9")
    expect(words).to_contain_text("2.9 ÷ 0.19 = 15.263")
    expect(words).to_contain_text("0.9 × 10 + 0.1 × 20 = 11")
    at = press(page, knob(page, "β").locator(".noUi-handle"))
    assert fast_drag(page, AVERAGES, at, by=-120) <= 3
    beta = float(knob(page, "β").locator("input").first.input_value())
    assert 0 <= beta < 0.7
    wait_for(page, AVERAGES, "from zero", [10 * (1 - beta), 10 * (1 - beta) * beta + 20 * (1 - beta)])
    expect(page.get_by_text(f"β = {beta:g}; torch’s batch-norm momentum = {1 - beta:.4g}.")).to_be_visible()


def test_another_stream_and_a_bad_one(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "moving_average", AVERAGES)
    page.get_by_label("Stream").select_option("Constant 10")
    wait_for(page, AVERAGES, "de-biased", [10] * 100)
    enter(page, "First value off by", "-20")
    wait_for(page, AVERAGES, "from the first value", [-10, -8])
    enter(page, "Values", "1, nan")
    expect(page.get_by_role("alert")).to_contain_text("the values, number 2 must be a finite number")
    wait_for(page, AVERAGES, "values", [-10, 10])
