"""The activations dashboard in a real browser: exact means and stds, and what survives, read off the page."""

import math
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
    press,
    traces,
    wait_for,
    wait_until_drawn,
)

CURVES = "The curves of the activation shapes"
OUTPUTS = "Histogram of what the shapes make of N(0, 1)"
LAST = "Histogram of the last layer’s outputs"
MEANS = "Mean of the outputs, layer by layer"
STDS = "Standard deviation of the outputs, layer by layer"
APART = "How far apart inputs still are, layer by layer"
FIGURES = (CURVES, OUTPUTS, LAST, MEANS, STDS, APART)


def row(page: Page, caption: str, name: str) -> Any:
    """A shape's cells in the table that begins with this caption."""
    rows = page.get_by_role("table", name=caption).get_by_role("row")
    return rows.filter(has=page.get_by_role("rowheader", name=name, exact=True)).locator("td")


def last_of(page: Page, label: str, name: str) -> float:
    return float(traces(page, label)[name]["y"][-1])


def test_what_each_makes_of_n01_and_of_ten_layers(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "activations", CURVES)
    expect(row(page, "N(0, 1)", "ReLU")).to_have_text(["0.3989", "0.5838", "max(x, 0)"])
    expect(row(page, "N(0, 1)", "GeneralRelu")).to_have_text(["−0.0410", "0.6133", "max(x, 0.1x) − 0.4, at most 6"])
    assert traces(page, CURVES)["GeneralRelu"]["y"][:1] == pytest.approx([0.1 * -8 - 0.4])
    for label in FIGURES:
        wait_until_drawn(page, label)
    # The bin at 0 holds all that a ReLU cuts off, and what lies below .05.
    comes_to(page, lambda: traces(page, OUTPUTS)["ReLU"]["y"][40], pytest.approx(0.5199, abs=1e-3))
    relu = traces(page, MEANS)["ReLU"]["y"]
    assert len(relu) == 11 and relu[1] == pytest.approx(math.sqrt(1 / math.pi), abs=0.01), "about half, and not 0"
    for name in ("ReLU", "GeneralRelu"):
        cells = row(page, "After 10 layers", name).all_inner_texts()
        assert cells[0] == "survives" and float(cells[1]) == pytest.approx(last_of(page, APART, name), rel=1e-3)
        assert float(cells[2].replace("−", "-")) == pytest.approx(last_of(page, MEANS, name), abs=5e-5)
        assert float(cells[3]) == pytest.approx(last_of(page, STDS, name), rel=1e-3)


def test_dragging_sub_moves_the_mean_by_as_much_and_leaves_no_queue(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "activations", CURVES)
    at = press(page, knob(page, "Activation shift (sub)").locator(".noUi-handle"))
    assert fast_drag(page, CURVES, at, by=-90) <= 3
    sub = float(knob(page, "Activation shift (sub)").locator("input").first.input_value())
    assert 0 <= sub < 0.3
    wait_for(page, CURVES, "GeneralRelu", [-0.8 - sub])
    expect(row(page, "N(0, 1)", "GeneralRelu").first).to_have_text(f"{0.9 / math.sqrt(2 * math.pi) - sub:.4f}")
    x, y = press(page, knob(page, "Activation shift (sub)").locator(".noUi-handle"))
    page.mouse.move(x - 300, y, steps=6)
    page.mouse.up()
    expect(row(page, "N(0, 1)", "GeneralRelu")).to_have_text(["0.3590", "0.6133", "max(x, 0.1x), at most 6"])
    wait_for(page, CURVES, "GeneralRelu", [-0.8])
    x, y = press(page, knob(page, "Leaky slope").locator(".noUi-handle"))
    page.mouse.move(x - 300, y, steps=6)
    page.mouse.up()
    expect(row(page, "N(0, 1)", "GeneralRelu")).to_have_text(["0.3989", "0.5838", "max(x, 0), at most 6"])
    expect(page.locator(".lab-first")).to_contain_text("a mean of 0.3989 and a std of 0.5838")
    wait_until_drawn(page, OUTPUTS)
    relu = traces(page, OUTPUTS)["ReLU"]["y"]  # no knob of GeneralRelu moves it
    wait_for(page, OUTPUTS, "GeneralRelu", relu)


def test_layers_by_mouse_and_keys_and_the_sigmoid_is_lost(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "activations", CURVES)
    page.get_by_role("button", name="Sigmoid and tanh").press("Enter")
    expect(row(page, "After 10 layers", "sigmoid").first).to_have_text("lost")
    expect(row(page, "After 10 layers", "tanh").first).to_have_text("survives")
    wait_until_drawn(page, APART)
    page.wait_for_function("(div) => div.data[1]?.name === 'sigmoid'", arg=figure(page, APART).element_handle())
    assert last_of(page, APART, "sigmoid") < 1e-4
    wait_until_drawn(page, STDS)
    page.wait_for_function("(div) => div.data[1]?.name === 'sigmoid'", arg=figure(page, STDS).element_handle())
    assert last_of(page, STDS, "sigmoid") > 0.15, "its spread does not show that"

    knob(page, "Layers").get_by_role("slider").press("ArrowLeft")
    expect(page.get_by_role("table", name="After 9 layers")).to_be_visible()
    x, y = press(page, knob(page, "Layers").locator(".noUi-handle"))
    page.mouse.move(x + 80, y, steps=5)
    page.mouse.up()
    # On the way there the chart shows fewer layers than are asked for.
    agree = """([div, entry]) => {
      const depth = Number(entry.value), names = [...document.querySelectorAll("caption")].map((c) => c.textContent);
      return depth > 15 && div.data[0].y.length === depth + 1 && names.some((n) => n.includes(`After ${depth} layers`));
    }"""
    entry = knob(page, "Layers").locator("input").first
    page.wait_for_function(agree, arg=[figure(page, STDS).element_handle(), entry.element_handle()])


def test_ticks_by_keyboard_and_what_is_refused(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "activations", CURVES)
    page.get_by_role("checkbox", name="GELU").press("Space")
    expect(row(page, "N(0, 1)", "GELU").first).to_have_text("0.2821")
    page.wait_for_function("(div) => div.data.length === 4", arg=figure(page, CURVES).element_handle())
    page.get_by_role("checkbox", name="ReLU", exact=True).press("Space")
    expect(row(page, "N(0, 1)", "ReLU")).to_have_count(0)

    for label, bad, good in (
        ("Activation cap (maxv)", "-1", "1"),
        ("Leaky slope", "1.5", "1"),
        ("Activation shift (sub)", "nan", "1"),
        ("Layers", "0", "3"),
        ("Layers", "", "1"),
    ):
        enter(page, label, bad)
        alert = knob(page, label).get_by_role("alert")
        expect(alert).to_contain_text(f"{label} must be")
        expect(alert).to_contain_text(f"got '{bad}'")
        enter(page, label, good)
        expect(alert).to_have_count(0)
    expect(row(page, "N(0, 1)", "GeneralRelu").last).to_have_text("max(x, 1x) − 1, at most 1")
    expect(page.get_by_role("table", name="After 1 layer")).to_be_visible()
    wait_for(page, CURVES, "GeneralRelu", [-9])
