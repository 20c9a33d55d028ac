"""Random mouse and keyboard on each dashboard: no error on the page, no dead panel, memory flat.

A few seconds each in ``make test``; ``RANDOM_SECONDS=600 RANDOM_SEED=3`` for ten minutes each, where the memory of the
kernel is measured, too. While a run ends and the next begins it holds both, so the least of the second third is
compared with the least of the last: it must not grow by more than GROWTH.
"""

import os
import random
import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.dashboards.kernel import kernels
from tests.dashboards.reading import READY

SECONDS = float(os.environ.get("RANDOM_SECONDS", "4"))
SEED = int(os.environ.get("RANDOM_SEED", "0"))
GROWTH = 60 * 2**20
LONG = 60
NOTEBOOKS = ("activations", "moving_average", "runs", "softmax", "softmax_lies", "spread", "training")
KEYS = (
    "Tab", "Shift+Tab", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", "Enter",
    "Space", "Escape", "Backspace", "Delete",
)  # fmt: skip
TEXTS = ("0", "1", "-3", "0,5", "1.000", "1e9", "nan", "3 5 8", "<b>x</b>", "many", "", "0.001", "12345678901234567890")
# Links lead away from the page, which is what is tried here.
STAY = "addEventListener('click', (event) => event.target.closest?.('a') && event.preventDefault(), true)"


def act(page: Page, chance: random.Random) -> None:
    """Do one thing that a hand might do."""
    x, y = chance.uniform(5, 1430), chance.uniform(5, 890)
    match chance.choice(["click"] * 6 + ["drag"] * 3 + ["key"] * 5 + ["type"] * 2 + ["wheel", "wheel", "twice"]):
        case "click":
            page.mouse.click(x, y)
        case "twice":
            page.mouse.dblclick(x, y)
        case "drag":
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x + chance.uniform(-200, 200), y + chance.uniform(-60, 60), steps=chance.randint(1, 8))
            page.mouse.up()
        case "key":
            for _ in range(chance.randint(1, 5)):
                page.keyboard.press(chance.choice(KEYS))
        case "type":
            page.keyboard.type(chance.choice(TEXTS))
            page.keyboard.press("Enter")
        case "wheel":
            page.mouse.wheel(0, chance.choice([-900, -200, 200, 900]))


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_random_mouse_and_keyboard(voila_server: Any, page: Page, notebook: str) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{voila_server.url}/voila/render/{notebook}.ipynb")
    page.get_by_role("button").first.wait_for(timeout=READY)
    page.evaluate(STAY)
    kernel = kernels(voila_server.process.pid)[-1]
    chance = random.Random(f"{notebook} {SEED}")
    begin = time.monotonic()
    held: list[list[int]] = [[], [], []]
    while (now := time.monotonic() - begin) < SECONDS:
        act(page, chance)
        held[int(3 * now / SECONDS)].append(kernel.memory_info().rss)
    words = page.locator("body").inner_text()
    assert "Something went wrong" not in words and "cannot be drawn" not in words, words
    expect(page.locator("#gone")).to_have_count(0)
    assert kernel.is_running()
    # It still answers: "Copy link" shows the link, or the search says what it finds.
    page.keyboard.press("Escape")
    if notebook == "runs":
        search = page.get_by_role("textbox", name="Search")
        search.fill("no such run")
        search.press("Enter")
        expect(page.get_by_text(re.compile("No (kept )?run")).first).to_be_visible()
    elif notebook == "softmax_lies":
        page.get_by_role("button", name="Reset", exact=True).first.click()
        expect(page.locator(".lab-state").first).to_contain_text("Ready", timeout=READY)
    else:
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Copy link", exact=True).first.click()
        expect(page.get_by_role("dialog").first).to_be_visible()
    if SECONDS >= LONG:
        second, last = min(held[1]), min(held[2])
        assert last - second < GROWTH, f"from {second} to {last} bytes"
