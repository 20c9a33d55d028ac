"""The moving-average panel by its knobs, and its charts: the lesson's numbers, and nothing it cannot take."""

from collections.abc import Iterator
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import pytest

from lab.concepts import moving_average as ma
from lab.config import Config
from lab.knob import ConfigError
from lab.record import COUNTS, Record
from lab.session import Session
from lab.telemetry.history import History
from widgets.charts.style import Figure
from widgets.panels.moving_average import charts
from widgets.panels.moving_average.panel import REFRESH, MovingAveragePanel
from widgets.panels.training.panel import TrainingPanel
from widgets.run import open_runs

VALUES = np.random.default_rng(2).normal(5, 2, 40)


class Run:
    """A training panel; its session has the losses that a test puts into its history."""

    def __init__(self, *loss: float, **changes: Any) -> None:
        self.run = Session(Config(**changes))
        self.lose(*loss)

    def lose(self, *loss: float) -> None:
        rows = np.stack([loss, np.zeros(len(loss))], axis=1).astype(np.float32)
        hists = np.zeros((len(loss), 0, COUNTS), np.int32)
        self.run.history.append(rows, hists, np.zeros((len(loss), 3)), [0.98] * len(loss))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def panel(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[MovingAveragePanel]:
    """One whose tests call ``tick`` themselves, with no run in the kernel but theirs."""
    monkeypatch.setattr(open_runs, "_panels", WeakValueDictionary())
    monkeypatch.setattr(open_runs, "_numbers", count(1))
    monkeypatch.setattr(MovingAveragePanel, "wake", lambda self: None)
    made = MovingAveragePanel(clock=clock)
    yield made
    made.close()


def said(panel: MovingAveragePanel, name: str) -> str:
    return str(panel.words[name].value)


def stream(panel: MovingAveragePanel) -> Any:
    return panel.knobs["stream"]


def offers(panel: MovingAveragePanel) -> dict[str, str]:
    return {label: key for label, key in stream(panel).entry.options if key.startswith("run ")}


def drawn(panel: MovingAveragePanel, figure: str, name: str) -> Any:
    return next(trace["y"] for trace in panel.figures[figure].figure["data"] if trace["name"] == name)


def plain(markup: str) -> str:
    return markup.replace("<b>", "").replace("</b>", "").replace("<sup>", "^").replace("</sup>", "")


# ---- the lessons' numbers


def test_10_then_20(panel: MovingAveragePanel) -> None:
    text = plain(said(panel, "steps"))
    assert "0.9 × 1 + 0.1 × 20 = 2.9" in text
    assert "2.9 ÷ (1 − 0.9^2) = 2.9 ÷ 0.19 = 15.263" in text
    assert "0.9 × 10 + 0.1 × 20 = 11" in text
    assert drawn(panel, "averages", "from zero")[:2] == pytest.approx([1, 2.9])
    assert drawn(panel, "averages", "de-biased")[:2] == pytest.approx([10, 15.26316])
    panel.knobs["t"].slider.value = 1
    text = plain(said(panel, "steps"))
    assert "0.9 × 0 + 0.1 × 10 = 1" in text and "1 ÷ (1 − 0.9^1) = 1 ÷ 0.1 = 10" in text
    assert "the first value itself = 10" in text


def test_3_then_5(panel: MovingAveragePanel) -> None:
    panel.knobs["values"].entry.value = "3, 5"
    assert "0.9 × 3 + 0.1 × 5 = 3.2" in plain(said(panel, "steps"))
    assert drawn(panel, "averages", "from the first value") == pytest.approx([3, 3.2])


def test_both_conventions(panel: MovingAveragePanel) -> None:
    assert "β = 0.9; torch’s batch-norm momentum = 0.1." in plain(said(panel, "conventions"))
    panel.knobs["beta"].entry.value = "0.98"
    assert "β = 0.98; torch’s batch-norm momentum = 0.02." in plain(said(panel, "conventions"))
    assert "= 50 values" in said(panel, "conventions")


def test_weights_and_factor(panel: MovingAveragePanel) -> None:
    assert drawn(panel, "weights", "from zero") == pytest.approx([0.81, 0.09, 0.1])
    assert drawn(panel, "weights", "from the first value") == pytest.approx([0, 0.9, 0.1])
    assert drawn(panel, "weights", "de-biased") == pytest.approx([0, 0.09 / 0.19, 0.1 / 0.19])
    assert drawn(panel, "factor", "1 − βᵗ")[:3] == pytest.approx([0.1, 0.19, 0.271])
    assert drawn(panel, "factor", "at t = 2") == pytest.approx([0.19])


# ---- streams


@pytest.mark.parametrize("kind", list(ma.STREAMS)[1:])
def test_every_stream(panel: MovingAveragePanel, kind: str) -> None:
    stream(panel).value = kind
    assert panel.series.tolist() == ma.stream(kind).tolist() and panel.knobs["t"].slider.max == 100
    assert drawn(panel, "averages", "values") == pytest.approx(ma.stream(kind))
    panel.knobs["first"].slider.value = -20
    assert panel.series[0] == ma.stream(kind)[0] - 20 and panel.series[1] == ma.stream(kind)[1]
    panel.knobs["noise"].slider.value = 2
    assert np.std((panel.series - ma.stream(kind))[1:]) > 1


def test_typing_makes_it_the_stream(panel: MovingAveragePanel) -> None:
    stream(panel).value = "sine"
    panel.knobs["t"].slider.value = 90
    panel.knobs["values"].entry.value = "1 2 3"
    assert stream(panel).value == "typed" and panel.series.tolist() == [1, 2, 3]
    assert panel.knobs["t"].value == 3 and "t = 3" in said(panel, "steps")


def test_a_stream_that_is_named_beside_typed_values_is_the_one_shown(panel: MovingAveragePanel) -> None:
    panel.knobs["values"].entry.value = "1 2 3"
    stream(panel).value = "sine"
    panel.knobs["t"].entry.value = "90"
    opened = MovingAveragePanel()
    opened.on_link(panel.link.query)
    given = MovingAveragePanel(Record(columns={"loss": np.arange(5.0)}), values=[1, 2, 3])
    assert opened.values == panel.values and opened.error == ""
    assert given.values.stream == "given" and len(given.series) == 5
    for made in (opened, given):
        made.close()


def test_the_loss_of_a_record_that_is_given() -> None:
    loss = np.array([2.5, np.nan, 2.0, np.inf, 1.0], np.float32)
    panel = MovingAveragePanel(record=Record(steps=np.arange(5), columns={"loss": loss}))
    assert stream(panel).value == "given" and panel.series.tolist() == [2.5, 2, 1], "a diverged step says nothing"
    panel.close()


def test_a_run_is_offered_once_it_has_a_step(panel: MovingAveragePanel) -> None:
    training, other = Run(lr=0.9), Run(2.0, norm="none", lr=0.1)
    open_runs.add(training)
    assert offers(panel) == {}, "no step so far"
    open_runs.add(other)
    assert list(offers(panel)) == ["Loss of run 2 (Learning rate 0.1, Norm type None), ready"]
    training.lose(2.0, np.nan, 1.0)
    panel.tick()
    assert next(iter(offers(panel))) == "Loss of run 1 (Learning rate 0.9), ready"
    stream(panel).value = offers(panel)["Loss of run 1 (Learning rate 0.9), ready"]
    assert panel.error == "" and panel.series.tolist() == [2, 1]
    open_runs.remove(other)
    assert len(offers(panel)) == 1 and panel.series.tolist() == [2, 1], "what is chosen stays"
    training.run.stop()
    panel.tick()
    assert list(offers(panel)) == ["Loss of run 1 (Learning rate 0.9), stopped"] and panel.series.tolist() == [2, 1]
    open_runs.remove(training)
    assert offers(panel) == {} and stream(panel).value == "typed" and panel.series[0] == 10


def test_the_chosen_run_is_followed(panel: MovingAveragePanel, clock: Clock) -> None:
    training = Run(3.0)
    open_runs.add(training)
    stream(panel).value = next(iter(offers(panel).values()))
    training.lose(2.0)
    panel.tick()
    assert panel.series.tolist() == [3], "not before a second has passed"
    clock.now += REFRESH
    panel.tick()
    assert panel.series.tolist() == [3, 2]
    clock.now += REFRESH
    training.run = Session()
    panel.tick()
    assert len(offers(panel)) == 1 and panel.series.tolist() == [3, 2] and panel.error == "", "until the next has steps"
    training.lose(7.0)
    panel.tick()
    assert panel.series.tolist() == [7]


def test_a_thinned_record_is_told(panel: MovingAveragePanel) -> None:
    training = Run()
    training.run.history = History(max_rows=4)
    training.lose(1, 2, 3, 4, 5)
    open_runs.add(training)
    assert said(panel, "source") == ""
    stream(panel).value = next(iter(offers(panel).values()))
    assert panel.series.tolist() == [1, 3, 5] and "1 step in 2" in said(panel, "source")
    other = Run(np.nan)
    open_runs.add(other)
    stream(panel).value = list(offers(panel).values())[1]
    assert stream(panel).error.startswith("the run must be started"), "it has no loss"
    panel.knobs["beta"].entry.value = "0.5"
    assert panel.series.tolist() == [1, 3, 5] and "1 step in 2" in said(panel, "source")
    stream(panel).value = "sine"
    assert said(panel, "source") == ""


def test_a_panel_looks_as_long_as_there_is_a_training_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_runs, "_panels", WeakValueDictionary())
    panel = MovingAveragePanel()
    assert not panel.tick()
    training = Run(4.0)
    open_runs.add(training)
    assert panel.tick() and panel._ticker is not None
    open_runs.remove(training)
    assert not panel.tick()
    panel.close()
    options = stream(panel).entry.options
    open_runs.add(training)
    assert stream(panel).entry.options == options, "a closed panel looks no more"


def test_a_training_panel_offers_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_runs, "_panels", WeakValueDictionary())
    training = TrainingPanel(size=20, batch_size=10, epochs=1, widths=(4,), device="cpu")
    assert open_runs.any_panels() and open_runs.offered() == {}
    training.on_start()
    assert training.session.wait(60)
    ((label, number),) = open_runs.offered().items()
    assert label.endswith(", finished") and "Batch size 10" in label
    assert open_runs.record(number).steps.tolist() == [0, 1] and open_runs.length(number) == 2
    training.close()
    assert open_runs.offered() == {} and open_runs.length(number) == len(open_runs.record(number).steps) == 0


# ---- bad input


@pytest.mark.parametrize("bad", ["", "ten", "1, nan", "1, inf", "1 2 1e31"])
def test_bad_values_are_told_and_change_nothing(panel: MovingAveragePanel, bad: str) -> None:
    before = said(panel, "steps")
    box = panel.knobs["values"]
    box.entry.value = bad
    assert box.error and 'role="alert"' in box.children[-1].value
    assert box.entry.value.startswith("10, 20, ") and said(panel, "steps") == before


def test_no_values_are_refused() -> None:
    with pytest.raises(ConfigError):
        MovingAveragePanel(values=[])


def test_beta_0_and_1(panel: MovingAveragePanel) -> None:
    panel.knobs["beta"].entry.value = "0"
    assert "0 × 10 + 1 × 20 = 20" in plain(said(panel, "steps")) and "momentum = 1" in plain(said(panel, "conventions"))
    panel.knobs["beta"].entry.value = "1"
    assert "undefined" in said(panel, "steps") and "no value is ever let in" in said(panel, "conventions")
    assert np.isnan(drawn(panel, "averages", "de-biased")).all() and panel.error == ""


def test_one_value_alone(panel: MovingAveragePanel) -> None:
    panel.knobs["values"].entry.value = "8"
    assert panel.knobs["t"].value == 1 and panel.knobs["t"].slider.disabled
    assert "0.8 ÷ 0.1 = 8" in plain(said(panel, "steps")) and panel.error == ""


def test_a_thousand_values_and_identical_ones(panel: MovingAveragePanel) -> None:
    panel.knobs["values"].entry.value = "7 " * 1000
    panel.knobs["t"].entry.value = "1000"
    assert len(panel.series) == 1000 and "= 7" in plain(said(panel, "steps")) and panel.error == ""
    assert drawn(panel, "averages", "de-biased") == pytest.approx([7] * 1000)


# ---- the charts


def test_many_values_are_thinned_in_the_open() -> None:
    def x_title(figure: Figure) -> str:
        return str(figure["layout"]["xaxis"]["title"]["text"])

    many = np.arange(2500.0)
    figure = charts.averages(many, 0.9, 3)
    assert len(figure["data"][0]["x"]) <= charts.SHOWN and "(1 in 3 shown)" in x_title(figure)
    assert figure["data"][0]["y"][:2].tolist() == [0, 3]
    assert "shown" not in x_title(charts.averages(VALUES, 0.9, 3))
    assert "(1 in 3 shown)" in x_title(charts.factor(2500, 0.9, 3))


def test_weights_beyond_the_bars_are_told() -> None:
    figure = charts.weights(200, 0.99)
    assert [len(trace["y"]) for trace in figure["data"]] == [charts.BARS] * 3
    words = [note["text"] for note in figure["layout"]["annotations"]]
    assert words[0] == f"from zero, and older ones and the start {0.99**charts.BARS:.1%}"
    assert words[2].startswith("de-biased, and older")
    words = [note["text"] for note in charts.weights(100, 0.99)["layout"]["annotations"]]
    assert words == ["from zero", "from the first value", "de-biased"], "the streams' hundred values have a bar each"


@pytest.mark.parametrize(("t", "beta", "end"), [(1, 0.9, 1), (2, 0.5, 1), (5, 0.8, 0.5), (100, 0.98, 0.2)])
def test_small_weights_have_a_scale_of_their_own(t: int, beta: float, end: float) -> None:
    figure = charts.weights(t, beta)
    ranges = [figure["layout"][axis]["range"] for axis in ("yaxis", "yaxis2", "yaxis3")]
    assert ranges == [[0, pytest.approx(end)]] * 3, "one for all three"
