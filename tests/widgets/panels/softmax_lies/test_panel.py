"""The comparison's panel by its handlers, without a browser: what it shows is what the heads said."""

import base64
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from lab.concepts.heads import HEADS, MEASURES
from lab.experiments.heads.comparison import RECIPE, Comparison
from lab.session import ENDED
from widgets.markup.grey_png import data_uri
from widgets.panel.panel import CLOSE_AFTER, PAUSE_AFTER
from widgets.panels.softmax_lies import charts, words
from widgets.panels.softmax_lies.panel import SoftmaxLiesPanel

TINY: dict[str, Any] = {"size": 200, "epochs": 1, "widths": (4, 8), "device": "cpu"}
LONG: dict[str, Any] = {**TINY, "epochs": 1000}
PATIENCE = 60

Make = Callable[..., SoftmaxLiesPanel]


@pytest.fixture
def make() -> Iterator[Make]:
    panels: list[SoftmaxLiesPanel] = []

    def made(**changes: Any) -> SoftmaxLiesPanel:
        panels.append(SoftmaxLiesPanel(**{"test": 100, **TINY, **changes}))
        return panels[-1]

    yield made
    for panel in panels:
        panel.close()


@pytest.fixture(scope="module")
def finished() -> Iterator[SoftmaxLiesPanel]:
    """One that has trained its four heads; tests put back what they move."""
    panel = SoftmaxLiesPanel(**TINY, test=100)
    finish(panel)
    yield panel
    panel.close()


def finish(panel: SoftmaxLiesPanel) -> None:
    panel.on_start()
    while panel.comparison.state not in ENDED:
        assert panel.comparison.session.wait(PATIENCE)
        panel.tick()
    panel.tick()


def until(panel: SoftmaxLiesPanel, state: str) -> None:
    session = panel.comparison.session
    assert session.wait_for(lambda: session.state == state, PATIENCE), (session.state, session.error)
    panel.tick()


def running(panel: SoftmaxLiesPanel) -> None:
    """Wait until it trains: its net is built and a step is done."""
    session = panel.comparison.session
    assert session.wait_for(lambda: session.progress.step > 0 or session.state in ENDED, 0.01) or True
    while not session.progress.step:
        assert session.state == "running", session.error
        session.wait(0.02)
    panel.tick()


def cells(markup: str) -> dict[str, list[str]]:
    """Row -> its cells, of a table's markup."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', markup)
    return {name: re.findall(r"<td>(.*?)</td>", rest) for name, rest in rows}


def test_before_the_start(make: Make) -> None:
    panel = make()
    assert panel.comparison.state == "ready" and "Ready" in panel.state_line.value
    assert "press Start" in panel.results.value and "press Start" in panel.gallery.value
    assert not panel.buttons["start"].disabled and panel.buttons["stop"].disabled and panel.buttons["pause"].disabled
    assert [knob.value for knob in panel.knobs.values()] == [200, 1, RECIPE.lr, 0, 0]
    assert not panel.active


def test_the_table_is_what_the_comparison_measured(finished: SoftmaxLiesPanel) -> None:
    rows = cells(finished.results.value)
    measures = finished.comparison.measures()
    for name, text in MEASURES.items():
        assert rows[text] == [f"{measures[key][name]:.3f}" for key in HEADS]
    assert rows["threshold"] == [f"{result.threshold:.4f}" for result in finished.comparison.results.values()]
    assert "Finished" in finished.state_line.value and finished.progress.value == 1000
    assert "sigmoid</b> (4 of 4)" in finished.status.value


def test_the_bars_are_the_tables_numbers(finished: SoftmaxLiesPanel) -> None:
    measures = finished.comparison.measures()
    for figure, names in (("exact", charts.KINDS), ("errors", charts.ERRORS)):
        for key, trace in zip(HEADS, finished.figures[figure].figure["data"], strict=True):
            assert trace["name"] == HEADS[key].name and trace["x"] == list(names.values())
            assert trace["y"].tolist() == pytest.approx([measures[key][name] for name in names], abs=1e-6)


def test_the_curves_are_the_sessions_records(finished: SoftmaxLiesPanel) -> None:
    data = finished.figures["learning"].figure["data"]
    for index, session in enumerate(finished.comparison.sessions.values()):
        record = session.since(-1)
        assert data[index]["x"].tolist() == record.steps.tolist()
        assert data[index]["y"][0] == pytest.approx(record.columns["accuracy"][0]), "de-biased: begins at the first"
        assert data[4 + index]["y"].tolist() == pytest.approx([record.validations[0].accuracy])


def test_a_threshold_moves_its_head_alone(finished: SoftmaxLiesPanel) -> None:
    tuned = cells(finished.results.value)
    finished.thresholds["sigmoid"].offer("0")
    moved = cells(finished.results.value)
    false_alarms, missed = MEASURES["false_alarms"], MEASURES["missed_one"]
    assert moved[false_alarms][3] == "1.000" and moved[missed][3] == "0.000", "at 0 everything is named"
    assert moved["threshold"][3] == "0.0000"
    assert [row[:3] for row in moved.values()] == [row[:3] for row in tuned.values()]
    bars = finished.figures["errors"].figure["data"][3]["y"]
    assert bars[0] == 1
    finished.on_tuned()
    assert cells(finished.results.value) == tuned


@pytest.mark.parametrize("typed", ["1.2", "-0.1", "nan", "inf", "", "much"])
def test_a_bad_threshold_is_refused(finished: SoftmaxLiesPanel, typed: str) -> None:
    knob, before = finished.thresholds["none"], finished.results.value
    old = knob.value
    knob.offer(typed)
    assert knob.error and knob.value == old and finished.results.value == before
    knob.offer(str(old))


def test_the_gallery_says_what_the_heads_say(finished: SoftmaxLiesPanel) -> None:
    shown = finished.comparison.shown
    assert shown is not None
    figures = re.findall(r"<figure>(.*?)</figure>", finished.gallery.value)
    assert len(figures) == words.SHOWN
    for i, figure in enumerate(figures):
        truth = ", ".join(map(str, np.flatnonzero(shown.present[i]))) or "no digit"
        assert f'alt="canvas with {truth}"' in figure and data_uri(shown.pictures[i]) in figure
        for key, result in finished.comparison.results.items():
            says = result.scores[i] >= result.threshold
            sign = "✔" if (says == shown.present[i]).all() else "✘"
            (heard,) = re.findall(rf"{sign}</span> {re.escape(HEADS[key].name)}: (.*?)</li>", figure)
            digits = [int(digit) for digit in re.findall(r"(\d) \(", heard)]
            assert digits == np.flatnonzero(says).tolist() or (heard.startswith("no digit") and not says.any())


@pytest.mark.parametrize(("kind", "counts"), [("none", {0}), ("one", {1}), ("several", {2, 3})])
def test_pictures_of_a_kind(finished: SoftmaxLiesPanel, kind: str, counts: set[int]) -> None:
    finished.menus["kind"].value = kind
    truths = re.findall(r'alt="canvas with (.*?)"', finished.gallery.value)
    assert len(truths) == words.SHOWN
    assert {len(re.findall(r"\d", truth)) for truth in truths} <= counts
    first = finished.gallery.value
    finished.on_others()
    assert finished.gallery.value != first
    for _ in range(20):
        finished.on_others()
        assert "<figure>" in finished.gallery.value, "after the last ones come the first again"
    finished.menus["kind"].value = "any"


@pytest.mark.parametrize("asked", ["apart", "wrong"])
def test_pictures_by_the_answers(finished: SoftmaxLiesPanel, asked: str) -> None:
    shown = finished.comparison.shown
    assert shown is not None
    says = words.answers(finished.comparison, finished.thresholds.values_now())
    which = words.choose(finished.comparison, says, "any", asked)
    for i in range(len(shown.pictures)):
        given = {tuple(found[i]) for found in says.values()}
        fits = len(given) > 1 if asked == "apart" else given != {tuple(shown.present[i])}
        assert (i in which) == fits


def test_none_to_show_is_said(finished: SoftmaxLiesPanel) -> None:
    assert "No such canvas" in words.gallery(finished.comparison, {}, np.empty(0, np.int64))
    assert len(words.choose(finished.comparison, {}, "any", "apart")) == 0
    assert len(words.choose(Comparison(RECIPE), {}, "any", "all")) == 0


def test_a_start_takes_the_knobs_and_defaults_put_them_back(make: Make) -> None:
    panel = make()
    for name, typed in {"size": "150", "epochs": "2", "lr": "0.01", "seed": "7", "scraps": "3"}.items():
        panel.knobs[name].offer(typed)
    panel.on_start()
    config = panel.comparison.config
    assert (config.size, config.epochs, config.lr, config.seed, panel.comparison.scraps) == (150, 2, 0.01, 7, 3)
    assert config.widths == (4, 8) and config.lr_schedule == "one-cycle", "the rest of the recipe stays"
    panel.on_stop()
    panel.on_defaults()
    assert [knob.value for knob in panel.knobs.values()] == [200, 1, RECIPE.lr, 0, 0]


def test_two_knobs_that_do_not_go_together(make: Make) -> None:
    panel = make()
    panel.knobs["size"].offer("20")
    panel.on_start()
    assert "batch_size" in panel.error and panel.comparison.state == "ready"


def test_pause_resume_stop_and_anew(make: Make) -> None:
    panel = make(**LONG)
    panel.on_start()
    running(panel)
    assert panel.active and panel.buttons["start"].disabled
    panel.on_pause()
    until(panel, "paused")
    assert panel.buttons["pause"].description == "▶ Resume"
    first = panel.comparison
    panel.on_pause()
    until(panel, "running")
    panel.on_stop()
    until(panel, "stopped")
    assert "Stopped" in panel.state_line.value and "press Start" in panel.results.value
    panel.on_start()
    assert panel.comparison is not first and panel.active


def test_reset_empties_the_charts(make: Make) -> None:
    panel = make()
    finish(panel)
    assert len(panel.figures["learning"].figure["data"][0]["x"])
    panel.on_reset()
    assert panel.comparison.state == "ready" and "press Start" in panel.gallery.value
    assert not len(panel.figures["learning"].figure["data"][0]["x"])
    assert np.isnan(panel.figures["exact"].figure["data"][0]["y"]).all()


def test_a_head_that_has_finished_is_shown_before_the_rest(make: Make) -> None:
    panel = make()
    panel.on_start()
    assert panel.comparison.session.wait(PATIENCE)
    panel.tick()
    panel.on_stop()
    assert panel.comparison.session.wait(PATIENCE)
    panel.tick()
    found = [key for key in HEADS if key in panel.comparison.results]
    row = cells(panel.results.value)[MEASURES["exact_one"]]
    assert found and [cell != "–" for cell in row] == [key in found for key in HEADS]


def test_a_failure_is_told(make: Make) -> None:
    panel = make(lr=1000.0, optimizer="sgd", lr_schedule="constant", norm="none", leak=1.0)
    finish(panel)
    assert panel.comparison.state == "diverged"
    head = HEADS[panel.comparison.key].name
    assert panel.error.startswith(f"{head}: Loss became")
    panel.on_others()
    assert panel.error.startswith(f"{head}: Loss became"), "it stays until something else runs"
    panel.on_reset()
    assert panel.error == ""


def test_a_page_that_has_gone_pauses_and_then_ends_it(make: Make) -> None:
    now = [0.0]
    panel = make(**LONG, clock=lambda: now[0], watch_page=True)
    panel.on_start()
    running(panel)
    now[0] = PAUSE_AFTER + 1
    panel.tick()
    until(panel, "paused")
    panel.on_back()
    until(panel, "running")
    now[0] = CLOSE_AFTER + 1
    panel.tick()
    until(panel, "stopped")


def test_a_png_holds_the_picture() -> None:
    picture = np.array([[0, 0.5, 1], [2, -1, 0.25]])
    raw = base64.b64decode(data_uri(picture).removeprefix("data:image/png;base64,"))
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(raw):
        (size,) = struct.unpack(">I", raw[at : at + 4])
        kind, content = raw[at + 4 : at + 8], raw[at + 8 : at + 8 + size]
        assert struct.unpack(">I", raw[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + content)
        chunks[kind] = content
        at += 12 + size
    assert chunks[b"IHDR"] == struct.pack(">II5B", 3, 2, 8, 0, 0, 0, 0)
    assert list(zlib.decompress(chunks[b"IDAT"])) == [0, 255, 128, 0, 0, 0, 255, 191]
