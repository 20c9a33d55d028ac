"""The experiments in a real browser: predict, run, compare, explain; what is said is read off the page."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.dashboards.reading import comes_to, figure, fits, traces, wait_until_drawn

PREDICTION = "Your prediction, and what the runs show"
SPREAD = "How the results of single runs spread"
ENDED = 180_000


def button(page: Page, name: str) -> Any:
    return page.locator(".lab-panel").get_by_role("button", name=name)


def heading(page: Page, name: str) -> Any:
    return page.get_by_role("heading", name=name)


def finished(page: Page) -> None:
    expect(page.locator(".lab-state")).to_contain_text("Finished", timeout=ENDED)


def test_a_drawn_prediction_then_a_choice_with_more_seeds(voila_server: Any, page: Page) -> None:
    page.goto(f"{voila_server.url}/voila/render/experiments.ipynb?id=dying-relu")
    expect(heading(page, "A large learning rate")).to_be_visible()
    # Nothing but the question until it is answered.
    expect(heading(page, "2. Run it")).to_be_hidden()
    expect(heading(page, "4. Why?")).to_be_hidden()
    wait_until_drawn(page, PREDICTION)
    box = figure(page, PREDICTION).locator(".nsewdrag").first.bounding_box()
    assert box is not None
    x, y, width, height = box["x"], box["y"], box["width"], box["height"]
    page.mouse.move(x + 10, y + 0.75 * height)
    page.mouse.down()
    for part in range(1, 21):
        page.mouse.move(x + 10 + (width - 20) * part / 20, y + height * (0.75 - 0.025 * part))
    page.mouse.up()
    # Of a straight line plotly's drawing mode keeps the ends.
    comes_to(page, lambda: abs(traces(page, PREDICTION)["your prediction"]["y"][0] - 0.25) < 0.05, True)
    drawn = traces(page, PREDICTION)["your prediction"]
    assert abs(drawn["y"][-1] - 0.75) < 0.05, "where the mouse went"
    sliders = page.locator(".lab-three input[type=text]")
    values = [float(each.input_value()) for each in sliders.all()]
    assert len(values) == 3 and abs(values[1] - 0.5) < 0.06, "the sliders follow"
    button(page, "That is my prediction").click()
    expect(heading(page, "2. Run it")).to_be_visible()
    button(page, "Start").click()
    finished(page)
    said = page.locator(".lab-said")
    expect(said).to_contain_text(re.compile(r"Your curve is [\d.]+ away on average"))
    shown = traces(page, PREDICTION)
    assert set(shown) == {"your prediction", "the runs' median"}
    median = [value for value in shown["the runs' median"]["y"] if value != "nan"]
    assert len(median) > 50 and sum(value > 0.5 for value in median) > len(median) / 2
    expect(
        page.get_by_role("row").filter(has_text="with plain ReLU most of the last layer is near zero")
    ).to_contain_text("1 of 1 seeds")
    expect(heading(page, "4. Why?")).to_be_visible()
    button(page, "A run in plain torch").click()
    expect(page.locator(".lab-code").filter(has_text="optimizer.step()").first).to_be_visible()
    href = page.get_by_role("link", name="Turn the knobs yourself").get_attribute("href")
    assert href is not None and href.startswith("training.ipynb?") and "lr=0.9" in href

    # Another question: a choice, from the keyboard; then more seeds.
    button(page, "All questions").click()
    card = page.locator(".lab-card").filter(has_text="InstanceNorm on one pixel")
    card.get_by_role("button", name="Open").click()
    expect(heading(page, "InstanceNorm on one pixel")).to_be_visible()
    expect(button(page, "That is my prediction")).to_be_disabled()
    page.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    expect(button(page, "That is my prediction")).to_be_enabled()
    button(page, "That is my prediction").focus()
    page.keyboard.press("Enter")
    button(page, "Start").click()
    finished(page)
    button(page, "5 more seeds").click()
    expect(page.locator(".lab-status")).to_contain_text(re.compile(r"runs 24 of 24"), timeout=ENDED)
    finished(page)
    expect(page.get_by_role("row").filter(has_text="of 6 seeds").first).to_be_visible()
    expect(page.locator(".lab-said")).to_contain_text("You expected")
    comes_to(page, lambda: len(traces(page, SPREAD)["here"]["x"]), 24)
    for width in (400, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        fits(page, width)
