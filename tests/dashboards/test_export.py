"""Charts saved from the page by click and by key: what arrives is opened."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from pptx import Presentation

from widgets.panels.spread.panel import SpreadPanel

from .reading import figure, fits, in_notebook, open_panel, traces, wait_until_drawn

POINTS, SHARES = "The points, their mean and both spreads around it", "Each point's share in both measures of spread"
AVERAGES = "The values and their three moving averages"
BAR = ".lab-save"


def menu(page: Page, label: str) -> Locator:
    """The Save menu of a chart."""
    return page.locator(".live-figure-bar").filter(has=page.get_by_label(f"Save: {label}", exact=True))


def save(page: Page, folder: Path, button: Locator, *, by_key: bool = False) -> Path:
    """Press a button, and keep the file that comes."""
    with page.expect_download(timeout=90_000) as coming:
        if by_key:
            button.press("Enter")
        else:
            button.click()
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def picture_in(path: Path) -> Any:
    return Image.open(io.BytesIO(path.read_bytes()))


def test_a_chart_by_click_and_by_key(voila_server: Any, page: Page, tmp_path: Path) -> None:
    open_panel(page, voila_server, "moving_average", AVERAGES)
    chart = menu(page, AVERAGES)
    item = chart.get_by_role("button")
    expect(item.first).to_be_hidden()
    chart.locator("summary").press("Enter")
    expect(item).to_have_count(7)
    fits(page, 1440)

    picture = picture_in(save(page, tmp_path, item.filter(has_text="PNG"), by_key=True))
    assert picture.size == (1920, 1080) and picture.format == "PNG"
    found = picture.convert("RGB").getcolors(1 << 24)
    assert found and {(255, 255, 255), (0x1F, 0x83, 0xC0), (0xD5, 0x5E, 0)} <= {c for n, c in found if n > 200}
    expect(chart.get_by_role("status")).to_have_text("Saved averages.png")

    # As it is seen: the theme of the menu, a range that was zoomed to, a line switched off.
    page.get_by_label("Pictures are").select_option("dark")
    figure(page, AVERAGES).evaluate(
        """async (div) => {
          const Plotly = await globalThis[Symbol.for("foundations-lab/live-figure/3")].plotly;
          await Plotly.relayout(div, { "xaxis.range": [2.5, 6.5] });
          await Plotly.restyle(div, { visible: "legendonly" }, [1]);
        }"""
    )
    svg = save(page, tmp_path, item.filter(has_text="SVG")).read_text("utf-8-sig")
    assert svg.startswith("<svg") and "The values and their moving averages</text>" in svg
    assert "Stream" in svg and "β 0.9" in svg and "torch" in svg
    assert "rgb(20, 23, 28)" in svg and ">3</text>" in svg and ">25</text>" not in svg
    assert "from the first value" in svg and "from zero" not in svg

    rows = list(csv.reader(io.StringIO(save(page, tmp_path, item.filter(has_text="CSV")).read_text("utf-8-sig"))))
    shown = traces(page, AVERAGES)
    names = {name: f"{name}: value" for name in ("values", "from zero", "de-biased")}
    for name, column in names.items():
        values = [float(row[rows[0].index(column)]) for row in rows[1:]]
        assert values == pytest.approx(shown[name]["y"], rel=1e-6)
    made = json.loads(save(page, tmp_path, item.filter(has_text="JSON")).read_text("utf-8-sig"))
    assert made["settings"]["β"] == "0.9" and len(made["columns"]["de-biased: value"]) == 26
    document = save(page, tmp_path, item.filter(has_text="PDF")).read_bytes()
    assert document.startswith(b"%PDF-")

    item.first.press("Escape")
    expect(item.first).to_be_hidden()
    expect(chart.locator("summary")).to_be_focused()


def test_a_dashboard_as_a_deck_and_as_a_page_that_opens_offline(
    voila_server: Any, page: Page, browser: Browser, tmp_path: Path
) -> None:
    open_panel(page, voila_server, "spread", POINTS)
    bar = page.locator(BAR)
    slides = bar.get_by_role("button", name="Slides (PPTX)")
    deck = Presentation(str(save(page, tmp_path, slides)))
    assert len(deck.slides) == 5
    notes = [slide.notes_slide.notes_text_frame.text for slide in deck.slides]
    assert notes[0].startswith(SpreadPanel.NOTICE) and "How far apart are they?" in notes[1]
    assert all("Points: 1, 2, 4, 18" in text for text in notes)
    expect(bar.get_by_role("status")).to_have_text("Saved spread.pptx")
    expect(slides).to_be_enabled()
    path = save(page, tmp_path, bar.get_by_role("button", name="Web page (HTML)"))

    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 800})
    alone = context.new_page()
    errors: list[str] = []
    alone.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    alone.on("pageerror", lambda error: errors.append(str(error)))
    alone.goto(path.as_uri())
    expect(alone.get_by_role("heading", name="Spread")).to_be_visible()
    drawn = "() => [...document.querySelectorAll('.chart')].filter((div) => div.data && div._fullLayout).length"
    alone.wait_for_function(f"({drawn})() === 4")
    chart = alone.get_by_role("figure", name=POINTS)
    assert chart.evaluate("(div) => div.data.find((trace) => trace.name === 'points').x") == [1, 2, 4, 18]
    expect(chart.get_by_text("Drag the points")).to_be_visible()
    # A drag zooms.
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box
    alone.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    alone.mouse.down()
    alone.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=4)
    alone.mouse.up()
    width = "(div) => div._fullLayout.xaxis.range[1] - div._fullLayout.xaxis.range[0] < 15"
    alone.wait_for_function(width, arg=chart.element_handle())
    assert not errors
    context.close()


def test_without_a_browser_on_the_server_the_menu_says_what_to_install(serve: Any, page: Page, tmp_path: Path) -> None:
    server = serve(BROWSER_PATH=str(tmp_path / "none"))
    page.set_viewport_size({"width": 400, "height": 900})
    open_panel(page, server, "spread", SHARES)
    chart = menu(page, SHARES)
    chart.locator("summary").click()
    chart.get_by_role("button", name="PDF").click()
    expect(chart.get_by_role("status")).to_contain_text("PDF needs Chromium or Chrome on the machine that runs the lab")
    box = chart.locator("details > div").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 400
    fits(page, 400)
    assert picture_in(save(page, tmp_path, chart.get_by_role("button", name="PNG"))).size == (1920, 1080)
    bar = page.locator(BAR)
    bar.get_by_role("button", name="Pictures and data (ZIP)").click()
    expect(bar.get_by_role("alert")).to_contain_text("needs Chromium")
    expect(bar.get_by_role("button", name="Slides (PPTX)")).to_be_enabled()


def test_in_jupyterlab(lab_server: Any, page: Page, tmp_path: Path) -> None:
    in_notebook(page, lab_server, "/lab/tree/spread.ipynb", SHARES)
    wait_until_drawn(page, SHARES)
    chart = menu(page, SHARES)
    chart.locator("summary").press("Enter")
    item = chart.get_by_role("button")
    assert picture_in(save(page, tmp_path, item.filter(has_text="PNG"), by_key=True)).size == (1920, 1080)
    assert save(page, tmp_path, item.filter(has_text="CSV")).read_text("utf-8-sig").startswith("point number,")
