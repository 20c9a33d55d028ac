"""The challenges in a real browser: a kept run stands between the par lines, opens, shows its code, and replays."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from lab.config import Config
from lab.kept import RUNS, Library
from tests.dashboards.reading import READY, fits, open_panel, wait_until_drawn
from tests.lab.experiments.test_board import keep

BOARD = "The board: each seed of every entry, and the par lines"


def test_a_kept_run_is_on_the_board_opens_and_replays(serve: Any, page: Page, tmp_path: Path) -> None:
    library = Library(tmp_path)
    keep(library, Config(epochs=1, lr=0.123, momentum=0.9), (0.9802,), "Hypatia")
    server = serve(**{RUNS: str(tmp_path)})
    open_panel(page, server, "challenge", BOARD)
    row = page.locator(".lab-leader").filter(has_text="Hypatia")
    expect(row).to_contain_text("0.9802")
    above = page.locator(".lab-leader.lab-par").filter(has_text="a public record").bounding_box()
    below = page.locator(".lab-leader.lab-par").filter(has_text="the lecture's").bounding_box()
    here = row.bounding_box()
    assert above and here and below and above["y"] < here["y"] < below["y"]
    fits(page, 1440)
    row.get_by_role("button", name="Open").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Hypatia")).to_be_visible()
    replay = page.get_by_role("link", name="Replay in the training lab")
    expect(replay).to_be_hidden()
    page.get_by_role("button", name="How it was done").click()
    expect(page.locator("pre.lab-code").last).to_contain_text("# Hypatia in plain torch")
    address = replay.get_attribute("href") or ""
    assert re.fullmatch(r"training\.ipynb\?.*lr=0\.123.*", address)

    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(f"{server.url}/voila/render/challenge.ipynb?challenge=fastest")
    wait_until_drawn(page, BOARD)
    expect(page.get_by_role("heading", name="Seconds to 98 %")).to_be_visible()
    expect(page.locator(".lab-leader").filter(has_text="Hypatia")).to_contain_text("1.0 s")
    fits(page, 400)

    page.goto(f"{server.url}/voila/render/{address}")
    expect(page.get_by_role("textbox", name="Learning rate", exact=True)).to_have_value("0.123", timeout=READY)
