"""Scrubbing back: what stands there is the record's row, whoever asks for it, film or finger."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lab.record import Layout, Record
from lab.telemetry.history import History
from widgets.charts.scrub import near_zero_band, nearest, outputs_of, step_histograms
from widgets.charts.view import View
from widgets.panels.training.panel import TrainingPanel
from widgets.run.scrubber.panel import LOOK_EVERY, Scrubber, folded
from widgets.run.scrubber.words import step_tables

PATIENCE = 60
COURSE = {"near_relu": (0.0, 0.5), "near_general": (-0.35, 0.7)}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Run:
    """A run by hand: a History, and how often it was asked for what."""

    def __init__(self, **limits: int) -> None:
        self.history = History(**limits)
        self.layout = Layout(("conv1", "conv2"), (), (-7.0, 7.0), 10)
        self.history.open(self.layout)
        self.on = True
        self.asked: list[int] = []

    def go(self, steps: int) -> None:
        rng = np.random.default_rng(self.history.last_step + 5)
        rows = rng.random((steps, len(self.layout.device_columns)), np.float32)
        hists = rng.integers(0, 50, (steps, 2, 43)).astype(np.int32)
        self.history.append(rows, hists, rng.random((steps, 3)), [0.9] * steps)

    def since(self, step: int) -> Record:
        self.asked.append(step)
        return self.history.since(step)

    def scrubber(self, clock: Clock) -> Scrubber:
        return Scrubber(lambda: self.since(-1), going_on=lambda: self.on, clock=clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(record: Record) -> Iterator[Callable[..., Scrubber]]:
    scrubbers: list[Scrubber] = []

    def make(of: Record = record, **rest: Any) -> Scrubber:
        scrubbers.append(Scrubber(lambda: of, **rest))
        scrubbers[-1].begin()
        return scrubbers[-1]

    yield make
    for scrubber in scrubbers:
        scrubber.close()


def look(scrubber: Scrubber, clock: Clock) -> None:
    clock.now += LOOK_EVERY
    scrubber.tick()


def cells(markup: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", markup)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def number(cell: str) -> float:
    return float(cell.replace("−", "-").replace(",", "").removesuffix(" %")) / (100 if cell.endswith("%") else 1)


def assert_shows(scrubber: Scrubber, record: Record, step: int) -> None:
    """Bars, title and tables against the record's row."""
    assert scrubber.shown == step and scrubber.error == ""
    row = list(record.hist_steps).index(step)
    figure = scrubber.figures["scrub"].figure
    assert f"step {step}" in figure["layout"]["title"]["text"]
    for i, layer in enumerate(record.layers):
        counts = record.hists[row, i, 1:-2]
        assert figure["data"][i]["name"] == layer
        np.testing.assert_allclose(np.expm1(np.float64(figure["data"][i]["y"])), counts, rtol=1e-5)
        assert figure["data"][i]["customdata"] == counts.tolist()
    run_head, run, layer_head, *layers = cells(scrubber.tables.value)
    at = list(record.steps).index(step)
    assert run_head == ["step", "loss", "accuracy", "learning rate", "momentum"] and run[0] == str(step)
    wanted = [record.columns[name][at] for name in ("loss", "accuracy", "lr", "momentum")]
    assert [number(cell) for cell in run[1:]] == pytest.approx(wanted, abs=6e-4)
    assert layer_head[:3] == ["layer", "mean", "std"]
    for i, (name, *row_cells) in enumerate(layers):
        assert name == record.layers[i]
        counts = record.hists[row, i]
        outside = (counts[0] + counts[-2] + counts[-1]) / counts.sum()
        wanted = [*(record.columns[f"{column}/{name}"][at] for column in ("mean", "std", "near_relu")), outside]
        assert [number(cell) for cell in row_cells] == pytest.approx(wanted, abs=6e-4)


def tops_of(scrubber: Scrubber) -> list[Any]:
    layout = scrubber.figures["scrub"].figure["layout"]
    return [layout[name]["range"] for name in ("xaxis", "yaxis", "yaxis2", "yaxis3")]


def test_saved_while_it_is_folded_it_is_the_last_step_of_the_run_there_is(record: Record) -> None:
    runs = [record]
    scrubber = Scrubber(lambda: runs[-1])
    assert "step 28" in scrubber.saver.chart_file("scrub").chart["layout"]["title"]["text"] and not scrubber.begun
    assert len(scrubber.record.steps) == 0, "it holds no record while it is folded"
    cut = replace(record, hist_steps=record.hist_steps[:3], hists=record.hists[:3])
    runs.append(cut)
    assert f"step {cut.hist_steps[-1]}" in scrubber.saver.chart_file("scrub").chart["layout"]["title"]["text"]
    table = scrubber.table("scrub")()
    for i, layer in enumerate(record.layers):
        assert table[f"{layer}: outputs"].tolist() == cut.hists[-1, i, 1:-2].tolist()
    scrubber.begin()
    scrubber.step.offer("0")
    assert "step 0" in scrubber.saver.chart_file("scrub").chart["layout"]["title"]["text"], (
        "unfolded it is the step in sight"
    )
    scrubber.close()


def test_each_step_shows_its_row(made: Callable[..., Scrubber], record: Record) -> None:
    scrubber = made()
    assert_shows(scrubber, record, 28)
    tops = tops_of(scrubber)
    for asked, step in (("0", 0), ("14", 14), ("15", 14), ("28", 28)):
        scrubber.step.offer(asked)
        assert_shows(scrubber, record, step)
        assert tops_of(scrubber) == tops, "the axes stand still"
    scrubber.on_back()
    assert_shows(scrubber, record, 26)
    scrubber.on_last()
    scrubber.on_on()  # no further
    assert_shows(scrubber, record, 28)
    scrubber.step.slider.value = 4  # as the page's slider does
    assert_shows(scrubber, record, 4)
    scrubber.step.offer("29")
    assert scrubber.shown == 4 and "at most 28; got '29'" in scrubber.step.error


def test_the_axes_reach_from_no_output_to_all_of_them(record: Record) -> None:
    figure = step_histograms(record, 8, View())
    assert outputs_of(record).tolist() == record.hists.sum(axis=2).max(axis=0).tolist()
    for i, name in enumerate(("yaxis", "yaxis2", "yaxis3")):
        low, high = figure["layout"][name]["range"]
        assert low == 0 and high == pytest.approx(1.02 * np.log1p(outputs_of(record)[i]))
        ticks = figure["layout"][name]
        assert np.expm1(ticks["tickvals"]).round() == pytest.approx([number(text) for text in ticks["ticktext"]])
    assert figure["layout"]["xaxis"]["range"] == [0.0, 10.0]
    assert figure["data"][0]["x"] == pytest.approx(np.arange(40) * 0.25 + 0.125)


@pytest.mark.parametrize(
    ("name", "bounds", "bins"), [("near_relu", (0.0, 10.0), (0, 2)), ("near_general", (-7.0, 7.0), (19, 22))]
)
def test_the_courses_near_zero_bins_are_marked(record: Record, name: str, bounds: Any, bins: tuple[int, int]) -> None:
    figure = step_histograms(replace(record, range=bounds), 8, View(near_zero=name))
    marker = figure["data"][0]["marker"]
    marked = [i for i, shape in enumerate(marker["pattern"]["shape"]) if shape]
    assert marked == list(range(*bins)) and len(set(marker["color"])) == 2
    (band,) = figure["layout"]["shapes"]
    assert [band["x0"], band["x1"]] == pytest.approx(COURSE[name])
    assert near_zero_band(View(near_zero=name)) == pytest.approx(COURSE[name])
    assert "near zero" in figure["layout"]["annotations"][0]["text"]


def test_a_threshold_is_a_line_or_a_band_and_named(made: Callable[..., Scrubber], record: Record) -> None:
    views = [View(near_zero="near_abs", threshold=1e-3), View(near_zero="near_below", threshold=0.3)]
    scrubber = made(view=lambda: views[0])
    assert "|x| &lt; 0.001" in scrubber.tables.value
    views.pop(0)
    scrubber.redraw()
    assert "x ≤ 0.3" in scrubber.tables.value
    (band,) = scrubber.figures["scrub"].figure["layout"]["shapes"]
    assert (band["x0"], band["x1"]) == (0.0, 0.3), "as far as it lies in the range"
    assert number(cells(scrubber.tables.value)[3][3]) == pytest.approx(record.columns["near_below/conv1"][28], abs=6e-4)


@pytest.mark.parametrize(("step", "index"), [(-5, 0), (0, 0), (4, 1), (5, 1), (6, 2), (7, 2), (99, 2)])
def test_nearest(step: int, index: int) -> None:
    assert nearest(np.array([0, 3, 7]), step) == index


def test_a_thinned_record_says_whose_numbers_stand_there(record: Record) -> None:
    rows = slice(0, 30, 4)
    thin = replace(record, steps=record.steps[rows], columns={k: v[rows] for k, v in record.columns.items()}, stride=4)
    assert "Step 8, epoch 1<" in step_tables(thin, 8, View())
    assert "Step 10, epoch 2; the numbers are those of step 8, the nearest one kept" in step_tables(thin, 10, View())


def test_before_the_first_step_there_is_nothing_to_move(empty: Record, made: Callable[..., Scrubber]) -> None:
    scrubber = made(empty)
    scrubber.on_play()
    scrubber.tick()
    for press in (scrubber.on_back, scrubber.on_on, scrubber.on_last):
        press()
    assert scrubber.error == "" and not scrubber.playing and scrubber.shown == -1
    assert all(button.disabled for button in scrubber.buttons.values())
    assert "Nothing is recorded" in scrubber.tables.value


def test_the_film(made: Callable[..., Scrubber], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scrubber, "wake", lambda self: None)  # ticked here
    scrubber = made()
    scrubber.on_play()
    assert scrubber.shown == 0 and scrubber.buttons["play"].description == "❚❚ Pause"
    seen = []
    while scrubber.playing:
        scrubber.tick()
        seen.append(scrubber.shown)
    assert seen == [*range(2, 30, 2), 28]
    assert scrubber.buttons["play"].description == "▶ Play"
    scrubber.stride.value = 5
    scrubber.on_play()
    scrubber.tick()
    assert scrubber.shown == 4, "the kept step nearest to 5"
    scrubber.step.offer("20")
    scrubber.tick()
    assert scrubber.shown == 24, "a film goes on from where it was moved to"
    scrubber.on_play()
    scrubber.tick()
    assert scrubber.shown == 24 and not scrubber.active


def test_a_frame_waits_until_the_page_has_answered(
    made: Callable[..., Scrubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scrubber, "wake", lambda self: None)
    scrubber = made()
    figure = scrubber.figures["scrub"]
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(figure, "send", lambda content, buffers=None: sent.append(content))
    figure._handle_custom_msg({"type": "ready"}, [])
    scrubber.on_play()
    for _ in range(12):
        scrubber.tick()
    stands = scrubber.shown
    assert 0 < stands < 12 and len(sent) <= 5
    figure._handle_custom_msg({"type": "ack", "seq": sent[-1]["seq"]}, [])
    scrubber.tick()
    assert scrubber.shown > stands


def test_the_film_plays_by_itself(made: Callable[..., Scrubber]) -> None:
    scrubber = made()
    scrubber.stride.value = 20
    scrubber.on_play()
    deadline = time.monotonic() + PATIENCE
    while scrubber.playing:
        assert time.monotonic() < deadline
        if scrubber._ticker:
            scrubber._ticker.join(1)
    assert scrubber.shown == 28


def test_who_stands_at_the_end_follows_and_who_stands_elsewhere_stays(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scrubber, "wake", lambda self: None)
    run = Run()
    scrubber = run.scrubber(clock)
    scrubber.begin()
    run.go(5)
    look(scrubber, clock)
    assert_shows(scrubber, run.history.since(-1), 4)
    run.go(3)
    scrubber.tick()
    assert scrubber.shown == 4, "four looks a second"
    look(scrubber, clock)
    assert_shows(scrubber, run.history.since(-1), 7)
    scrubber.step.offer("2")
    run.go(4)
    look(scrubber, clock)
    assert_shows(scrubber, run.history.since(-1), 2)
    assert scrubber.step.slider.max == 11 and scrubber.step.spec.high == 11
    scrubber.on_last()
    assert_shows(scrubber, run.history.since(-1), 11)
    run.go(1)
    look(scrubber, clock)
    assert_shows(scrubber, run.history.since(-1), 12)
    assert len(run.asked) == 5, "once as it began, and once a look"
    scrubber.close()


def test_the_end_of_a_run_is_shown_and_then_it_is_read_no_more(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scrubber, "wake", lambda self: None)
    run = Run()
    run.go(20)
    scrubber = run.scrubber(clock)
    scrubber.begin()
    look(scrubber, clock)
    run.go(3)
    run.on = False
    scrubber.tick()
    assert_shows(scrubber, run.history.since(-1), 22)
    asked = len(run.asked)
    look(scrubber, clock)
    assert len(run.asked) == asked, "it is over"
    scrubber.close()


def test_a_run_that_thins_its_rows_keeps_the_place(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scrubber, "wake", lambda self: None)
    run = Run(max_rows=64, max_histograms=16)
    run.go(16)
    scrubber = run.scrubber(clock)
    scrubber.begin()
    scrubber.step.offer("8")
    run.go(40)
    look(scrubber, clock)
    record = run.history.since(-1)
    assert record.hist_stride == 4
    assert_shows(scrubber, record, 8)
    assert scrubber.step.slider.step == 4 and scrubber.step.slider.max == record.hist_steps[-1]
    scrubber.on_on()
    assert_shows(scrubber, record, 12)
    run.go(20)  # 12 has gone
    look(scrubber, clock)
    assert scrubber.shown == 12, "what stands there was true"
    scrubber.on_back()
    assert_shows(scrubber, run.history.since(-1), 8)
    scrubber.close()


def test_folded_it_asks_for_nothing_and_holds_nothing(clock: Clock) -> None:
    run = Run()
    run.go(5)
    scrubber = run.scrubber(clock)
    fold = folded(scrubber)
    for quiet in (scrubber.reload, scrubber.redraw, scrubber.wake, scrubber.tick):
        quiet()
    assert run.asked == [] and scrubber._ticker is None
    fold.button.value = True
    assert run.asked and scrubber.shown == 4 and scrubber._ticker is not None
    fold.button.value = False
    assert not scrubber.active and len(scrubber.record.steps) == 0
    scrubber.close()


def test_a_failure_is_told_on_the_panel(made: Callable[..., Scrubber]) -> None:
    def fails() -> Record:
        raise OSError("the disk is gone")

    scrubber = Scrubber(fails)
    scrubber.begin()
    assert "the disk is gone" in scrubber.error
    scrubber.close()


def test_in_the_training_panel() -> None:
    panel = TrainingPanel(size=200, batch_size=50, epochs=2, widths=(4, 8), device="cpu")
    scrubber = panel.scrubber
    scrubber.begin()
    panel.on_start()
    assert panel.session.wait(PATIENCE)
    panel.tick()
    scrubber.tick()
    scrubber._grew = False  # as if the run had ended before the scrubber saw it running
    scrubber.record = Record()
    panel.on_end()
    record = panel.session.since(-1)
    assert scrubber.shown == len(record.steps) - 1 == 7
    assert "near zero is −0.35 ≤ x &lt; 0.7" in scrubber.tables.value, "the panel's definition"
    panel.on_view("near_zero", "near_below")
    assert "near zero is x ≤ 0.001" in scrubber.tables.value
    scrubber.step.offer("3")
    bars = scrubber.figures["scrub"].figure["data"][1]["y"]
    np.testing.assert_allclose(np.expm1(bars), record.hists[3, 1, 1:-2], rtol=1e-5)
    panel.on_reset()
    assert scrubber.shown == -1, "another run"
    panel.close()


def test_a_failed_look_while_folded_is_no_reason_to_save_another_runs_chart() -> None:
    def fails() -> Record:
        raise OSError("the disk is gone")

    scrubber = Scrubber(fails)
    with pytest.raises(OSError, match="the disk is gone"):
        scrubber.catch_up()
    scrubber.close()
