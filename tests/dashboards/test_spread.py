"""The spread dashboard in a real browser: points dragged, and the lesson's numbers read off the page."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.dashboards.reading import (
    comes_to,
    enter,
    fast_drag,
    figure,
    knob,
    open_panel,
    traces,
    wait_for,
    wait_until_drawn,
)

POINTS = "The points, their mean and both spreads around it"
SHARES = "Each point's share in both measures of spread"
FORMULAS = "How wrong both variance formulas are in float32, by offset"
PAIRS = "The second series over the first, with rectangles to the means"
PIXEL = """(div, [x, y]) => {
  const { xaxis, yaxis } = div._fullLayout, corner = div.getBoundingClientRect();
  return [corner.x + xaxis._offset + xaxis.d2p(x), corner.y + yaxis._offset + yaxis.d2p(y)];
}"""


def value(page: Page, name: str, table: str = "points") -> Any:
    """The last cell of a row, of the first table that has "points", "Offset" or "E[xy]" in it."""
    row = page.get_by_role("table").filter(has_text=table).get_by_role("row")
    return row.filter(has=page.get_by_role("rowheader", name=name, exact=True)).get_by_role("cell").last


def pixel(page: Page, label: str, x: float, y: float) -> tuple[float, float]:
    """Where a place on the figure's axes is on the screen."""
    at: list[float] = figure(page, label).evaluate(PIXEL, [x, y])
    return at[0], at[1]


def test_the_lessons_points(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "spread", POINTS)
    for name, number in (
        ("mean, E[x]", "6.25"),
        ("variance, E[(x − E[x])²]", "47.1875"),
        ("variance, E[x²] − E[x]²", "47.1875"),
        ("standard deviation", "6.869"),
        ("mean absolute deviation", "5.875"),
    ):
        expect(value(page, name)).to_have_text(number)
    assert traces(page, POINTS)["points"]["x"] == [1, 2, 4, 18]
    assert traces(page, POINTS)["mean ± std"]["x"] == pytest.approx([6.25 - 6.86932, 6.25 + 6.86932], abs=1e-5)
    assert traces(page, POINTS)["mean ± mean absolute deviation"]["x"] == [0.375, 12.125]
    wait_until_drawn(page, SHARES)
    comes_to(page, lambda: traces(page, SHARES)["of the distances (mean absolute deviation)"]["y"][3], 0.5)
    shares = traces(page, SHARES)
    assert shares["of their squares (variance)"]["y"][3] == pytest.approx(138.0625 / 188.75)
    expect(value(page, "E[(x − E[x])²]", "Offset 100,000,000")).to_have_text("64")
    expect(value(page, "E[x²] − E[x]²", "Offset 100,000,000")).to_have_text("1,073,741,824")
    wait_until_drawn(page, FORMULAS)
    enter(page, "Offset", "0")
    expect(value(page, "E[x²] − E[x]²", "Offset 0")).to_have_text("47.1875")
    wait_for(page, FORMULAS, "E[x²] − E[x]², now", [1e-8])
    expect(page.get_by_role("alert")).to_have_count(0)


def test_drag_the_outlier_fast_and_slowly(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "spread", POINTS)
    at = pixel(page, POINTS, 18, 4)
    by = pixel(page, POINTS, 3, 4)[0] - at[0]
    page.mouse.move(*at)
    page.mouse.down()
    assert fast_drag(page, POINTS, at, by) <= 3
    wait_for(page, POINTS, "points", [1, 2, 4, 3], "x")
    expect(value(page, "mean, E[x]")).to_have_text("2.5")
    at = pixel(page, POINTS, 3, 4)
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(*pixel(page, POINTS, 5, 2), steps=5)
    page.mouse.up()
    wait_for(page, POINTS, "points", [1, 2, 4, 5], "x")
    expect(value(page, "mean, E[x]")).to_have_text("3")
    expect(value(page, "variance, E[(x − E[x])²]")).to_have_text("2.5")
    expect(value(page, "variance, E[x²] − E[x]²")).to_have_text("2.5")
    expect(knob(page, "Point 4").locator("input").first).to_have_value("5")
    expect(knob(page, "Points").locator("input").first).to_have_value("1, 2, 4, 5")
    wait_until_drawn(page, PAIRS)
    wait_for(page, PAIRS, "pairs", [1, 2, 4, 5], "x")

    # The same from the keyboard.
    slider = knob(page, "Point 4").get_by_role("slider")
    slider.press("ArrowRight")
    expect(knob(page, "Point 4").locator("input").first).to_have_value("5.1")
    wait_until_drawn(page, POINTS)
    wait_for(page, POINTS, "points", [1, 2, 4, 5.1], "x")
    expect(value(page, "mean, E[x]")).to_have_text("3.025")


def test_drag_a_pair(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "spread", PAIRS)
    page.get_by_label("Second series is").select_option("The first again")
    wait_for(page, PAIRS, "pairs", [1, 2, 4, 18])
    expect(value(page, "correlation", "E[xy]")).to_have_text("1")
    expect(value(page, "covariance, E[xy] − E[x] E[y]", "E[xy]")).to_have_text("47.1875")
    page.mouse.move(*pixel(page, PAIRS, 18, 18))
    page.mouse.down()
    page.mouse.move(*pixel(page, PAIRS, 18, 1), steps=5)
    page.mouse.up()
    wait_for(page, PAIRS, "pairs", [1, 2, 4, 1])
    expect(knob(page, "Second series").locator("input").first).to_have_value("1, 2, 4, 1")
    expect(value(page, "correlation", "E[xy]")).to_contain_text("−0.3")


def test_bad_points_are_told_and_one_has_no_spread(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "spread", POINTS)
    enter(page, "Points", "1, two")
    expect(page.get_by_role("alert")).to_contain_text("the points, number 2 must be a finite number")
    assert traces(page, POINTS)["points"]["x"] == [1, 2, 4, 18]
    enter(page, "Points", "7")
    expect(value(page, "variance, E[(x − E[x])²]", "1 point")).to_have_text("undefined")
    expect(value(page, "correlation", "varies with nothing")).to_have_text("undefined")
    expect(page.get_by_role("alert")).to_have_count(0)
