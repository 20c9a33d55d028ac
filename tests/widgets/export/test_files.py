"""Files as they are written: opened and read back. Pictures are drawn by the Chromium of this machine."""

import csv
import io
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import psutil
import pypdf
import pytest
from choreographer.browsers.chromium import Chromium
from PIL import Image
from pptx import Presentation

from lab.config import ConfigError
from tests.widgets.conftest import made_record
from widgets.charts import layer_means, loss
from widgets.export import saver
from widgets.export.pictures import RENDERER, ExportError, Renderer
from widgets.export.section_words import Words
from widgets.figure.live_figure import LiveFigure
from widgets.figure.requests import SaveRequest
from widgets.page.layout import section
from widgets.panel.panel import Panel

PATIENCE = 60
KINDS = "png, svg, pdf, html, csv, xlsx, json"
TITLE, CAPTION = "Loss", "Learning rate 0.9 · Seed 3 · lab"


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 9)).save(file, "png")
    return file.getvalue()


PNG = _png()


class Small(Panel):
    """Two charts in a section, as any panel has them."""

    def __init__(self) -> None:
        super().__init__()
        record = made_record()
        figures = {"loss": LiveFigure(loss(record), label="The loss over time")}
        self.figures = figures | {"mean": LiveFigure(layer_means(record), label="Means")}
        parts = section("How it goes", "Watch the <b>start</b>.", parts=[ipywidgets.Box([*self.figures.values()])])
        self.children = [self.style_sheet, self.error_line, parts]

    def settings(self) -> dict[str, str]:
        return {"Learning rate": "0.9", "Seed": "3"}

    def chart_words(self) -> dict[str, Words]:
        return dict.fromkeys(self.figures, Words.of_section("How it goes", "Watch the <b>start</b>."))


@pytest.fixture
def panel() -> Iterator[Small]:
    made = Small()
    yield made
    made.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[None]:
    """The browser that draws pictures, ended after these tests."""
    if Chromium.find_browser(skip_local=False) is None:
        reason = "there is no Chromium here; on Debian: apt-get install chromium"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    yield
    RENDERER.close()


def picture_in(path: Path) -> Any:
    return Image.open(io.BytesIO(path.read_bytes()))


def colours(picture: Any) -> set[tuple[int, ...]]:
    """The colours that a good part of a picture has."""
    return {colour for count, colour in picture.convert("RGB").getcolors(1 << 24) if count > 200}


@pytest.mark.usefixtures("chromium")
def test_pictures(panel: Small, tmp_path: Path) -> None:
    path = panel.export(tmp_path / "new" / "loss.png")
    light = picture_in(path)
    assert light.format == "PNG" and light.size == (1920, 1080)
    assert {(255, 255, 255), (0x1F, 0x83, 0xC0)} <= colours(light)
    dark = picture_in(panel.export(tmp_path / "mean.png", theme="dark"))
    assert dark.size == (1920, 1080) and {(0x14, 0x17, 0x1C), (0xF5, 0x89, 0x3D)} <= colours(dark)
    panel.save_bar.theme.value = "dark"
    assert (0x14, 0x17, 0x1C) in colours(picture_in(panel.export(tmp_path / "loss.png")))

    svg = panel.export(tmp_path / "loss.svg", theme="print").read_text("utf-8")
    assert svg.startswith("<svg") and f">{TITLE}</text>" in svg and CAPTION in svg and "cross-entropy (nats)" in svg

    document = pypdf.PdfReader(panel.export(tmp_path / "loss.PDF"))
    (page,) = document.pages
    assert float(page.mediabox.width) / float(page.mediabox.height) == pytest.approx(16 / 9, rel=0.002)
    words = page.extract_text()
    assert TITLE in words and CAPTION in words and "each batch" in words


@pytest.mark.usefixtures("chromium")
def test_a_deck(panel: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "speaker_notes", lambda: "Finished after 9 steps.")
    deck = Presentation(str(panel.deck(tmp_path / "run.pptx")))
    assert deck.slide_width / deck.slide_height == pytest.approx(16 / 9, rel=1e-3)
    first, *charts = deck.slides
    assert "Finished after 9 steps." in first.notes_slide.notes_text_frame.text
    texts = [shape.text_frame.text for shape in first.shapes]
    assert texts[0] == "Small" and texts[1].startswith("Learning rate: 0.9 · Seed: 3\nlab ")
    assert [slide.shapes.title.text for slide in charts] == ["Loss", "Mean of each layer's output"]
    for slide, label in zip(charts, ("The loss over time", "Means"), strict=True):
        (picture,) = (shape for shape in slide.shapes if hasattr(shape, "image"))
        assert (picture.width, picture.height) == (deck.slide_width, deck.slide_height)
        assert picture.image.size == (1920, 1080)
        assert len(colours(Image.open(io.BytesIO(picture.image.blob)))) > 3
        assert picture._element.nvPicPr.cNvPr.get("descr") == label
        notes = slide.notes_slide.notes_text_frame.text
        assert notes.startswith("How it goes: Watch the start.")
        assert "Learning rate: 0.9\nSeed: 3\nlab " in notes

    with zipfile.ZipFile(panel.deck(tmp_path / "run.zip")) as archive:
        assert sorted(archive.namelist()) == ["loss.csv", "loss.png", "mean.csv", "mean.png"]
        assert Image.open(io.BytesIO(archive.read("mean.png"))).size == (1920, 1080)


def test_data_of_every_chart(panel: Small, tmp_path: Path) -> None:
    paths = panel.export_all(tmp_path, formats=("csv", "json"))
    assert [path.name for path in paths] == ["loss.csv", "loss.json", "mean.csv", "mean.json"]
    rows = list(csv.DictReader(io.StringIO(paths[2].read_text("utf-8"))))
    np.testing.assert_array_equal(
        np.array([row["conv3: mean"] for row in rows], np.float32), made_record().columns["mean/conv3"]
    )
    assert '"Learning rate": "0.9"' in paths[1].read_text("utf-8")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda panel: panel.export("lss.svg"), "the chart must be one of loss, mean; got 'lss'"),
        (
            lambda panel: panel.export("loss.gif"),
            "the format must be one of png, svg, pdf, html, csv, xlsx, json; got 'gif'",
        ),
        (lambda panel: panel.export("loss"), "the format must be one of png, svg, pdf, html, csv, xlsx, json; got ''"),
        (lambda panel: panel.export("loss.csv", "blue"), "the theme must be one of light, dark, print; got 'blue'"),
        (lambda panel: panel.export_all("x", ("bmp",)), "the format must be one of png, .*; got 'bmp'"),
        (lambda panel: panel.deck("run.ppt"), "the format must be one of pptx, html, zip; got 'ppt'"),
        (lambda panel: Panel().deck("run.html"), "the panel must be one with charts; got 'no chart'"),
    ],
)
def test_what_cannot_be_written_is_named(panel: Small, call: Any, said: str, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        with pytest.raises(ConfigError, match=f"^{said}$"):
            call(panel)
    assert list(tmp_path.iterdir()) == []


def test_without_a_browser_the_rest_still_works(panel: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no-browser"))
    renderer = Renderer()
    monkeypatch.setattr("widgets.export.chart_file.RENDERER", renderer)
    for make in (lambda: panel.export(tmp_path / "loss.pdf"), lambda: panel.deck(tmp_path / "run.pptx")):
        with pytest.raises(ExportError, match=r"needs Chromium or Chrome .*apt-get install chromium.*BROWSER_PATH"):
            make()
    assert b"Plotly.newPlot" in panel.deck(tmp_path / "run.html").read_bytes()
    assert panel.export(tmp_path / "loss.csv").stat().st_size > 100
    assert not list(tmp_path.glob("*.p*"))
    renderer.close()


@pytest.mark.usefixtures("chromium")
def test_a_browser_that_hangs_or_is_killed_does_not_take_the_next_picture_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figure = {"data": [], "layout": {"title": {"text": "here"}}}
    hasty = Renderer(timeout=0.001)
    with pytest.raises(ExportError, match=r"^SVG: Chromium gave no picture within 0.001 s; try again$"):
        hasty.render(figure, "svg")
    hasty.close()
    renderer = Renderer()
    assert b"here" in renderer.render(figure, "svg")
    browsers = [child for child in psutil.Process().children(recursive=True) if "chrom" in child.name()]
    assert browsers
    for browser in browsers:
        browser.kill()
    assert b"here" in renderer.render(figure, "svg")
    renderer.close()
    gone = psutil.wait_procs(psutil.Process().children(recursive=True), timeout=10)
    assert not [child for child in gone[1] if "chrom" in child.name()]


class Told(LiveFigure):
    """A figure that keeps what it would send to the page."""

    def __init__(self) -> None:
        super().__init__(loss(made_record()), label="loss")
        self.sent: list[dict[str, Any]] = []
        self.answered = threading.Event()

    def send(self, content: dict[str, Any], buffers: Any = None) -> None:
        self.sent.append({**content, "buffer": (buffers or [b""])[0]})
        self.answered.set()


def request(figure: LiveFigure, kind: str, **rest: Any) -> None:
    figure._hear(None, {"type": "save", "id": "7", "kind": kind, **rest}, None)


@pytest.fixture
def told(panel: Small) -> Told:
    figure = Told()
    panel.figures = {"loss": figure}
    return figure


def test_a_wish_of_the_page(panel: Small, told: Told) -> None:
    assert told.savable and not LiveFigure(loss(made_record())).savable
    request(told, "svg", ranges={"xaxis": [3, 9]}, hidden=[0])
    (slide,) = told.sent
    assert (slide["type"], slide["id"], slide["name"]) == ("slide", "7", "loss.svg")
    assert slide["figure"]["layout"]["xaxis"]["range"] == [3, 9]
    assert [trace.get("visible", True) for trace in slide["figure"]["data"]] == [False, True, True]
    assert slide["figure"]["layout"]["annotations"][-1]["text"].startswith(CAPTION)

    told.answered.clear()
    request(told, "csv")
    assert told.answered.wait(PATIENCE)
    made = told.sent[-1]
    assert (made["type"], made["id"], made["name"], made["media"]) == ("file", "7", "loss.csv", "text/csv")
    assert made["buffer"].startswith(b"\xef\xbb\xbfstep,")


def test_a_wish_that_cannot_be_granted_is_answered_where_it_was_made(
    panel: Small, told: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    request(told, "gif")
    assert told.sent[-1]["type"] == "unsaved" and "one of png, svg" in told.sent[-1]["why"]
    assert not caplog.records

    def broken(*_: object) -> bytes:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(panel, "table", lambda name: broken)
    told.answered.clear()
    request(told, "json")
    assert told.answered.wait(PATIENCE)
    assert told.sent[-1]["why"] == "It could not be saved: ZeroDivisionError: by zero (the log has the details)"
    assert "Traceback" in caplog.text and panel.error == ""


def test_all_charts_by_a_button(panel: Small, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    bar = panel.save_bar
    assert panel.children[-1] is bar
    bar.buttons["html"].click()
    assert told.answered.wait(PATIENCE)
    assert told.sent[-1]["name"] == "small.html" and b"Plotly.newPlot" in told.sent[-1]["buffer"]
    _ended(bar)
    assert "Saved small.html" in bar.note.value

    def broken(*_: object, **__: object) -> bytes:
        raise ExportError("no <room>")

    monkeypatch.setattr(saver, "write_deck", broken)
    bar.buttons["zip"].click()
    _ended(bar)
    assert 'role="alert"' in bar.note.value and "no &lt;room&gt;" in bar.note.value


def _ended(bar: Any) -> None:
    for thread in threading.enumerate():
        if thread.name == "lab-export":
            thread.join(PATIENCE)
    assert not any(button.disabled for button in bar.buttons.values())


def test_a_panel_without_charts_has_no_save_bar() -> None:
    panel = Panel([ipywidgets.HTML("words")])
    assert panel.save_bar.layout.display == "none"
    panel.figures = {"loss": LiveFigure(loss(made_record()))}
    assert panel.save_bar.layout.display is None
    panel.children = [ipywidgets.HTML("other words")]
    assert [type(child).__name__ for child in panel.children] == ["HTML", "SaveBar"]
    panel.close()


def test_a_panel_inside_of_a_panel_has_no_bar_of_its_own(panel: Small, tmp_path: Path) -> None:
    inner = Panel()
    inner.figures = {"scrub": LiveFigure(loss(made_record()), label="inside")}
    inner.children = [inner.error_line, *inner.figures.values()]
    panel.adopt(inner)
    assert panel.children[-1] is panel.save_bar is inner.save_bar
    assert not [child for child in inner.children if child is panel.save_bar or child is not inner.children[0]][1:]
    paths = panel.export_all(tmp_path, ("json",))
    assert [path.name for path in paths] == ["loss.json", "mean.json", "scrub.json"]
    assert '"Learning rate": "0.9"' in panel.export(tmp_path / "scrub.json").read_text("utf-8")
    panel.save_bar.theme.value = "dark"
    assert inner.saver.chart_file("scrub").theme == "dark"
    inner.close()


def test_a_wish_as_it_is_written() -> None:
    message = {"id": 5, "kind": "png", "ranges": {"xaxis": [1, 2]}, "hidden": [2.0]}
    assert SaveRequest.of(message) == SaveRequest("5", "png", {"xaxis": (1, 2)}, frozenset({2}))


def test_control_characters_in_a_name_break_no_slide(
    panel: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel, "settings", lambda: {"Run": "best\x07 one\x00\x0b", "Seed": "3"})
    monkeypatch.setattr(RENDERER, "render", lambda figure, format: PNG)
    notes = Presentation(panel.deck(tmp_path / "deck.pptx")).slides[1].notes_slide.notes_text_frame.text
    assert "best one" in notes


def test_an_empty_chart_has_no_slide(panel: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RENDERER, "render", lambda figure, format: PNG)
    panel.figures["mean"].draw(layer_means(made_record(0)))
    assert len(Presentation(panel.deck(tmp_path / "deck.pptx")).slides) == 2, "the title's and the loss's"


def test_a_home_folder_and_one_format(panel: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert panel.export("~/loss.csv") == tmp_path / "loss.csv"
    assert [path.name for path in panel.export_all("~/figs", formats="csv")] == ["loss.csv", "mean.csv"]
    assert (tmp_path / "figs" / "mean.csv").exists() and not (tmp_path / "~").exists()
