"""The shared panel: no exception is lost, one ticker that ends by itself, and a page that has gone."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from lab.config import ConfigError
from widgets.figure.live_figure import LiveFigure
from widgets.panel.panel import CLOSE_AFTER, PAUSE_AFTER, PING_EVERY, Panel, handler, under_voila

PATIENCE = 20


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Figure(LiveFigure):
    """Notes pings instead of sending them."""

    def __init__(self) -> None:
        super().__init__({"data": [], "layout": {}})
        self.pings = 0

    def ping(self) -> None:
        self.pings += 1


class Counting(Panel):
    """Live for as many ticks as it is told, or until told to stop."""

    def __init__(self, **rest: Any) -> None:
        super().__init__(**rest)
        self.left = 0
        self.heard: list[str] = []
        self.run_says = ""
        self.ticked = threading.Event()
        self.threads: set[int] = set()

    @property
    def active(self) -> bool:
        return self.left > 0

    @property
    def run_error(self) -> str:
        return self.run_says

    def update(self) -> None:
        self.left -= 1
        self.threads.add(threading.get_ident())
        self.ticked.set()

    def on_away(self) -> None:
        self.heard.append("away")

    def on_back(self) -> None:
        self.heard.append("back")

    def on_gone(self) -> None:
        self.heard.append("gone")

    @handler
    def on_press(self, error: Exception | None = None) -> None:
        """Fails if told to."""
        if error:
            raise error
        self.heard.append("pressed")

    @handler
    def on_many(self, *errors: Exception | None) -> None:
        """One press that does several things."""
        for error in errors:
            self.on_press(error)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def panel(clock: Clock) -> Iterator[Counting]:
    made = Counting(clock=clock, watch_page=True)
    made.figures = {"one": Figure(), "two": Figure()}
    yield made
    made.close()


def test_a_callback_that_raises_says_so_and_the_panel_works_on(
    panel: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        panel.on_press(ZeroDivisionError("by <zero>"))
    assert "ZeroDivisionError: by <zero>" in panel.error
    assert 'role="alert"' in panel.error_line.value and "&lt;zero&gt;" in panel.error_line.value
    assert "on_press" in caplog.text and "Traceback" in caplog.text
    panel.on_press()
    assert panel.heard == ["pressed"] and panel.error == "" and panel.error_line.value == ""


def test_a_refused_value_needs_no_trace(panel: Counting, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        panel.on_press(ConfigError("lr", 0, "above 0"))
    assert panel.error == "lr must be above 0; got 0" and not caplog.records


def test_one_press_tells_all_that_is_refused_in_it(panel: Counting) -> None:
    lr, momentum = ConfigError("lr", 0, "above 0"), ConfigError("momentum", 2, "below 1")
    panel.on_many(lr, None, momentum, lr, None)
    assert panel.error == f"{lr}\n{momentum}" and panel.error_line.value.count('role="alert"') == 2
    panel.on_many(None)
    assert panel.error == ""
    panel.on_many(*(ConfigError("lr", value, "above 0") for value in range(-9, 1)))
    assert panel.error.splitlines()[-1] == str(lr) and len(panel.error.splitlines()) == 3, "the page is not filled"


def test_what_is_wrong_with_the_run_stays_whatever_is_pressed(panel: Counting) -> None:
    panel.run_says = "Loss became nan"
    panel.tick()
    assert panel.error == "Loss became nan" and 'role="alert"' in panel.error_line.value
    panel.on_press()
    assert panel.error == "Loss became nan"
    panel.on_press(ConfigError("lr", 0, "above 0"))
    assert panel.error == "lr must be above 0; got 0\nLoss became nan"
    panel.run_says = ""
    panel.on_press()
    assert panel.error == panel.error_line.value == ""


def test_a_tick_leaves_what_a_press_told(panel: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    panel.on_press(ConfigError("lr", 0, "above 0"))
    monkeypatch.setattr(panel, "update", panel.on_press)
    panel.tick()
    assert panel.heard == ["pressed"] and panel.error == "lr must be above 0; got 0"


def test_the_ticker_ends_by_itself_and_wakes_again(panel: Counting) -> None:
    for _ in range(2):
        panel.left = 3
        panel.wake()
        ticker = panel._ticker
        assert ticker and ticker.daemon
        ticker.join(PATIENCE)
        assert not ticker.is_alive() and panel._ticker is None
        assert panel.left == -1, "one look after the last change, for what came in between"


def test_one_ticker_however_often_it_is_woken(panel: Counting) -> None:
    panel.left = 10**9
    for _ in range(5):
        panel.wake()
    assert panel.ticked.wait(PATIENCE)
    panel.ticked.clear()
    assert panel.ticked.wait(PATIENCE)
    assert len(panel.threads) == 1


def test_what_a_click_has_set_going_is_looked_at_at_once(panel: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("widgets.panel.panel.PERIOD", 10 * PATIENCE)
    panel.left = 10**9
    panel.wake()
    for _ in range(2):
        panel.hurry()
        for _ in range(2):
            assert panel.ticked.wait(PATIENCE)
            panel.ticked.clear()


def test_tick_needs_no_thread(panel: Counting) -> None:
    panel.left = 1
    assert panel.tick() is True
    assert panel.tick() is False
    assert panel.threads == {threading.get_ident()}


def test_a_tick_that_fails_is_told_once_and_goes_on(
    panel: Counting, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.left = 5
    monkeypatch.setattr(panel, "_check_page", lambda: 1 / 0)
    with caplog.at_level(logging.ERROR):
        assert panel.tick() and panel.tick()
    assert "ZeroDivisionError" in panel.error and len(caplog.records) == 1


def test_close_ends_the_ticker(panel: Counting) -> None:
    panel.left = 10**9
    panel.wake()
    ticker = panel._ticker
    panel.close()
    assert ticker and not ticker.is_alive()
    panel.wake()
    assert panel._ticker is not None and not panel._ticker.is_alive(), "a closed panel does not tick again"


def test_a_page_that_does_not_answer(panel: Counting, clock: Clock) -> None:
    panel.left = 10**9

    def after(seconds: float) -> list[str]:
        clock.now += seconds
        panel.tick()
        heard, panel.heard = panel.heard, []
        return heard

    assert after(PAUSE_AFTER - 1) == []
    assert after(1) == ["away"]
    assert after(1) == []
    panel.figures["two"].last_answer = clock.now
    assert after(0) == ["back"]
    assert after(PAUSE_AFTER - 1) == []
    assert after(2) == ["away"]
    assert after(CLOSE_AFTER - PAUSE_AFTER - 2) == []
    assert after(1) == ["gone"]


def test_the_page_is_asked_now_and_then(panel: Counting, clock: Clock) -> None:
    figure = panel.figures["one"]
    assert isinstance(figure, Figure)
    for _ in range(100):
        clock.now += PING_EVERY / 10
        panel.tick()
    assert figure.pings == 10


def test_silence_counts_from_the_wake(panel: Counting, clock: Clock) -> None:
    panel.left = 10**9
    clock.now += CLOSE_AFTER  # nothing was live, so nobody asked
    panel.wake()
    panel.tick()
    assert panel.heard == []


def test_a_notebook_runs_on_without_its_page(clock: Clock) -> None:
    panel = Counting(clock=clock, watch_page=False)
    panel.figures = {"one": Figure()}
    clock.now += 10 * CLOSE_AFTER
    panel.tick()
    assert panel.heard == []
    panel.close()


def test_only_voila_tells_of_its_pages() -> None:
    assert under_voila({"VOILA_BASE_URL": "/", "PATH": ""}) and not under_voila({"PATH": ""})


def test_draw_sends_figures_and_puts_words(panel: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = panel.figures["one"], panel.figures["two"]
    flushed: list[LiveFigure] = []
    for figure in (one, two):
        monkeypatch.setattr(figure, "flush", lambda figure=figure: flushed.append(figure))
    panel.draw({"two": {"data": [], "layout": {"height": 123}}}, error_line="<b>words</b>")
    assert two.figure["layout"]["height"] == 123 and flushed == [two]
    assert panel.error_line.value == "<b>words</b>"


def test_its_repr_is_short() -> None:
    assert repr(Panel()) == "Panel()"
