"""When softmax lies, in a real browser: trained live on few canvases; table, bars and pictures read off the page."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lab.concepts.heads import HEADS, MEASURES
from tests.dashboards.reading import (
    comes_to,
    enter,
    figure,
    fits,
    in_notebook,
    knob,
    open_panel,
    traces,
    wait_for,
    wait_until_drawn,
)

LEARNING = "Share of exact sets while the heads train"
EXACT = "Share of canvases whose digits are named exactly, by their number"
ERRORS = "False alarms, wrong digits and missed digits of each head"
NAMES = [head.name for head in HEADS.values()]


def row(page: Page, measure: str) -> Any:
    """A row of the table: what each head has."""
    return (
        page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=measure, exact=True)).get_by_role("cell")
    )


def cells(page: Page, measure: str) -> list[str]:
    found: list[str] = row(page, measure).all_inner_texts()
    return found


def button(page: Page, name: str) -> Any:
    return page.locator(".lab-panel").get_by_role("button", name=name)


def state(page: Page) -> Any:
    return page.locator(".lab-state")


def test_train_compare_and_move_a_threshold(voila_server: Any, page: Page) -> None:
    open_panel(page, voila_server, "softmax_lies", LEARNING)
    expect(page.get_by_text("No head has been trained yet")).to_be_visible()
    enter(page, "Canvases", "300")
    enter(page, "Epochs", "1")
    button(page, "Start").focus()
    page.keyboard.press("Enter")
    expect(state(page)).to_contain_text("Finished", timeout=120_000)
    expect(page.locator(".lab-status")).to_contain_text("sigmoid (4 of 4)")

    # What is in the table is on the bars.
    wait_until_drawn(page, EXACT)
    expect(row(page, MEASURES["exact_none"]).nth(3)).to_have_text(re.compile(r"[01]\.\d{3}"))
    exact = [cells(page, MEASURES[f"exact_{kind}"]) for kind in ("none", "one", "several")]
    for i, name in enumerate(NAMES):
        wanted = pytest.approx([float(found[i]) for found in exact], abs=6e-4)
        comes_to(page, lambda name=name: traces(page, EXACT)[name]["y"], wanted)
    wait_until_drawn(page, LEARNING)
    # Plain softmax has no empty canvas to train on.
    comes_to(page, lambda: [len(traces(page, LEARNING)[name]["x"]) for name in NAMES], [4, 5, 5, 5])

    # At 0 every digit is named; only this head changes.
    before, sure = cells(page, MEASURES["false_alarms"]), cells(page, MEASURES["sure"])
    enter(page, "sigmoid", "0")
    wait_until_drawn(page, ERRORS)
    wait_for(page, ERRORS, "sigmoid", [1, None, None, 0, 0])
    expect(row(page, MEASURES["false_alarms"])).to_have_text([*before[:3], "1.000"])
    assert cells(page, MEASURES["sure"]) == sure
    button(page, "Tuned thresholds").click()
    expect(row(page, MEASURES["false_alarms"])).to_have_text(before)
    expect(knob(page, "sigmoid").locator("input").first).not_to_have_value("0")

    # Real pictures, of the kind that is asked for.
    pictures = page.locator(".lab-gallery img")
    expect(pictures).to_have_count(6)
    comes_to(
        page, lambda: pictures.evaluate_all("(all) => all.map((img) => img.complete && img.naturalWidth)"), [56] * 6
    )
    page.get_by_label("Canvases with").select_option("no digit")
    for i in range(6):
        expect(pictures.nth(i)).to_have_attribute("alt", "canvas with no digit")
    page.get_by_label("Canvases with").select_option("2–3 digits")
    expect(pictures.first).to_have_attribute("alt", re.compile(r"canvas with \d, \d"))
    expect(page.locator(".lab-gallery li")).to_have_count(24)
    expect(page.get_by_role("alert")).to_have_count(0)
    fits(page, 1440)


def test_a_bad_threshold_and_stop_on_a_phone(voila_server: Any, page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 900})
    open_panel(page, voila_server, "softmax_lies", LEARNING)
    enter(page, "sigmoid", "1.5")
    expect(knob(page, "sigmoid").get_by_role("alert")).to_contain_text("at least 0 and at most 1")
    button(page, "Start").click()
    expect(state(page)).to_contain_text("Training", timeout=60_000)
    expect(page.locator(".lab-gallery img")).to_have_count(6)
    button(page, "Stop").click()
    expect(state(page)).to_contain_text("Stopped")
    expect(button(page, "Start")).to_be_enabled()
    for label in (EXACT, ERRORS):
        wait_until_drawn(page, label)
    expect(figure(page, ERRORS).get_by_text("missed,")).to_have_count(2)
    fits(page, 400)


def test_in_notebook(notebook_server: Any, page: Page) -> None:
    in_notebook(page, notebook_server, "/notebooks/softmax_lies.ipynb", LEARNING)
    enter(page, "Canvases", "100")
    enter(page, "Epochs", "1")
    button(page, "Start").click()
    expect(state(page)).to_contain_text("Finished", timeout=120_000)
    expect(row(page, MEASURES["false_alarms"]).nth(3)).to_have_text(re.compile(r"[01]\.\d{3}"))
