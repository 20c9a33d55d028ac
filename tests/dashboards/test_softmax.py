"""The softmax dashboard in a real browser: the lessons' numbers, read off the page."""

import math
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.dashboards.reading import (
    comes_to,
    enter,
    fast_drag,
    figure,
    fits,
    in_notebook,
    knob,
    open_panel,
    press,
    traces,
    wait_for,
    wait_until_drawn,
)

PICTURES = "Softmax and sigmoid of every class, picture 1 above picture 2"
OFFSETS = "Sigmoid of every class and softmax of the largest over the offset"
LOSSES = "The loss over the probability of the right class"
SHIFTED = "The loss as an offset is added, naive and by log-sum-exp"

# As printed on the lesson's slides: output, exp, softmax, sigmoid ("binomial").
IMAGE_1 = {
    "cat": ["0.02", "1.02", "0.08", "0.51"],
    "dog": ["−2.49", "0.08", "0.01", "0.08"],
    "plane": ["−1.75", "0.17", "0.01", "0.15"],
    "fish": ["2.07", "7.93", "0.62", "0.89"],
    "building": ["1.25", "3.49", "0.27", "0.78"],
}
IMAGE_2 = {
    "cat": ["−1.42", "0.24", "0.08", "0.19"],
    "dog": ["−3.93", "0.02", "0.01", "0.02"],
    "plane": ["−3.19", "0.04", "0.01", "0.04"],
    "fish": ["0.63", "1.87", "0.62", "0.65"],
    "building": ["−0.19", "0.82", "0.27", "0.45"],
}


def table(page: Page, caption: str) -> dict[str, list[str]]:
    """A table's rows by their names, without ticks; once its caption is there."""
    found = page.get_by_role("table", name=caption, exact=True)
    expect(found).to_be_visible()
    rows = found.locator("tbody tr").all()
    return {
        row.get_by_role("rowheader").inner_text(): [
            text.removeprefix("✓ ") for text in row.locator("td").all_inner_texts()
        ]
        for row in rows
    }


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def said(page: Page, picture: int) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=f"Picture {picture}", exact=True))


def test_every_cell_of_the_lesson(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "softmax", PICTURES)
    first, second = table(page, "Picture 1"), table(page, "Picture 2 = picture 1 − 1.4425")
    assert first.pop("sum")[1:3] == ["12.70", "1.00"] and second.pop("sum")[1:3] == ["3.00", "1.00"]
    assert first == IMAGE_1 and second == IMAGE_2
    for picture, named in ((1, "cat, fish, building"), (2, "fish")):
        expect(said(page, picture).locator("td").first).to_have_text("softmax: fish, 62 %")
        expect(said(page, picture).locator("td").last).to_have_text(f"sigmoid: {named}")
    shift = table(page, "Picture 2 against picture 1")
    assert [shift[name][2] for name in IMAGE_1] == ["−1.4425"] * 5
    assert [shift[name][3] for name in IMAGE_1] == ["0.2363"] * 5
    bars = traces(page, PICTURES)
    for column, (soft, sig) in (
        (IMAGE_1, ("softmax", "sigmoid")),
        (IMAGE_2, ("softmax of picture 2", "sigmoid of picture 2")),
    ):
        assert bars[soft]["x"] == list(column)
        assert [f"{y:.2f}" for y in bars[soft]["y"]] == [row[2] for row in column.values()]
        assert [f"{y:.2f}" for y in bars[sig]["y"]] == [row[3] for row in column.values()]
    wait_until_drawn(page, OFFSETS)
    comes_to(page, lambda: traces(page, OFFSETS)["softmax fish"]["y"], pytest.approx([0.6245] * 161, abs=1e-3))

    # Dragged, the offset moves sigmoid alone, and nothing waits behind the drag.
    page.evaluate("scrollTo(0, 0)")
    at = press(page, knob(page, "Offset d").locator(".noUi-handle"))
    assert fast_drag(page, PICTURES, at, by=-60) <= 3
    expect(said(page, 2).locator("td").last).to_have_text("sigmoid: none of them")
    expect(said(page, 2).locator("td").first).to_have_text("softmax: fish, 62 %")
    d = float(knob(page, "Offset d").locator("input").first.input_value())
    assert -8 <= d < -2.1
    wait_for(page, PICTURES, "sigmoid of picture 2", [sigmoid(0.0201 + d), sigmoid(-2.49 + d)])
    after = traces(page, PICTURES)
    assert after["softmax of picture 2"]["y"] == pytest.approx(bars["softmax of picture 2"]["y"])
    assert after["sigmoid"]["y"] == bars["sigmoid"]["y"]


def test_keys_classes_and_bad_input(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "softmax", PICTURES)
    knob(page, "cat").get_by_role("slider").press("ArrowRight")
    wait_for(page, PICTURES, "sigmoid", [sigmoid(0.03)])
    enter(page, "Threshold", "0.8")
    expect(said(page, 1).locator("td").last).to_have_text("sigmoid: fish")
    enter(page, "Threshold", "1.5")
    expect(page.get_by_role("alert")).to_contain_text("Threshold must be at least 0 and at most 1; got '1.5'")
    enter(page, "Threshold", "0.5")
    expect(page.get_by_role("alert")).to_have_count(0)

    page.get_by_role("button", name="Remove fish").press("Enter")
    expect(said(page, 1).locator("td").first).to_have_text("softmax: building, 73 %")
    expect(said(page, 1).locator("td").last).to_have_text("sigmoid: cat, building")
    page.get_by_label("New class").fill("tree")
    page.get_by_role("button", name="Add class").click()
    enter(page, "tree", "many")
    expect(page.get_by_role("alert")).to_contain_text("the output for tree must be a number")
    enter(page, "tree", "10000")
    expect(said(page, 1).locator("td").first).to_have_text("softmax: tree, 100 %")
    comes_to(page, lambda: table(page, "Picture 1").get("tree"), ["10000.00", "∞", "1.00", "1.00"])
    page.get_by_role("button", name="The lesson").click()
    expect(said(page, 1).locator("td").last).to_have_text("sigmoid: cat, fish, building")
    fits(page, 1440)
    page.evaluate("scrollTo(0, 1000)")
    expect(knob(page, "Offset d").get_by_role("slider")).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 400, "height": 900})
    fits(page, 400)
    # The answers in words stay in sight above the knobs, where the charts are below them.
    page.evaluate("scrollTo(0, 1000)")
    expect(said(page, 2)).to_be_in_viewport(ratio=1)


def test_the_sum_is_the_look_up_and_the_logarithm_breaks(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "softmax", LOSSES)
    rows = {
        "Row 1: not sure": ("−(1 × −0.69 + 0 × −0.69) = 0.69", "−log p(cat) = 0.69", "0.30"),
        "Row 2: sure and right": ("−(1 × −0.02 + 0 × −3.91) = 0.02", "−log p(cat) = 0.02", "0.01"),
        "Row 3: sure and wrong": ("−(0 × −0.11 + 1 × −2.30) = 2.30", "−log p(dog) = 2.30", "1.00"),
    }
    for name, wanted in rows.items():
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))
        expect(row).to_have_count(1)
        comes_to(page, lambda row=row: tuple(row.locator("td").all_inner_texts()[2:]), wanted)
    enter(page, "Row 1: p(cat)", "0.05")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Row 1: sure and wrong"))
    expect(row).to_contain_text("−log p(cat) = 3.00")
    wait_for(page, LOSSES, "Row 1: sure and wrong", [2.995732])

    # The naive logarithm breaks and log-sum-exp does not; nothing waits behind a fast drag.
    wait_until_drawn(page, SHIFTED)
    expect(page.get_by_text("With these logits the naive one breaks")).to_contain_text("from d = 86.2 up")
    outcome = page.get_by_text("Loss if the picture shows fish")
    expect(outcome).to_contain_text("naive 0.4708, log-sum-exp 0.4708. Both agree.")
    at = press(page, knob(page, "Shift d").locator(".noUi-handle"))
    assert fast_drag(page, SHIFTED, at, by=60) <= 3
    d = float(knob(page, "Shift d").locator("input").first.input_value())
    assert d > 87
    comes_to(page, lambda: figure(page, SHIFTED).evaluate("(div) => div.layout.shapes.at(-1).x0"), d)
    expect(outcome).to_contain_text("naive nan, log-sum-exp 0.4708. The naive one breaks: ex of fish is too large")
    comes_to(page, lambda: table(page, "Naive: as it is written")["fish"][1:], ["∞", "nan", "nan"])
    for typed, words in (("1000, -1000", "naive nan, log-sum-exp 0.0000"), ("-1000, -1001", "0 ÷ 0 is not a number")):
        enter(page, "Shift d", "0")
        enter(page, "Logits", typed)
        expect(page.get_by_text("Loss if the picture shows cat")).to_contain_text(words)
    comes_to(page, lambda: traces(page, SHIFTED)["log-sum-exp"]["y"], pytest.approx([0.3133] * 801, abs=1e-3))
    assert "nan" in traces(page, SHIFTED)["naive"]["y"]


def test_in_notebook(notebook_server: Any, page: Page) -> None:
    in_notebook(page, notebook_server, "/notebooks/softmax.ipynb", PICTURES)
    expect(said(page, 1).locator("td").last).to_have_text("sigmoid: cat, fish, building")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    wait_until_drawn(page, LOSSES)
