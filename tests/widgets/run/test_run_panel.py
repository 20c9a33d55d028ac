"""What every panel of a run does, with a run that only notes what it is told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

import lab.warm
from lab.config import DEFAULTS, Config
from lab.progress import Progress
from lab.session import ENDED
from widgets.figure.live_figure import LiveFigure
from widgets.panel.panel import CLOSE_AFTER, PAUSE_AFTER, handler
from widgets.run.control_bar import Buttons
from widgets.run.run_panel import ACTIVE, RunPanel

PATIENCE = 20


@dataclass
class Run:
    """Goes where it is told at once."""

    config: Config = DEFAULTS
    state: str = "ready"
    error: str = ""
    progress: Progress = field(default_factory=Progress)
    told: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.told.append("start")
        self.state = "running"

    def pause(self) -> None:
        self.told.append("pause")
        self.state = "paused"

    def stop(self) -> None:
        self.told.append("stop")
        self.state = "stopped"

    def close(self) -> None:
        self.told.append("close")


class Simple(RunPanel[Run]):
    def __init__(self, clock: Callable[[], float]) -> None:
        self.heard: list[str] = []
        self.moved = False
        super().__init__(Run(), Buttons(("start", "pause", "stop", "reset", "defaults")), clock=clock, watch_page=True)
        self.show_parts({"one": LiveFigure({"data": [], "layout": {}})}, self.status)

    def new_run(self) -> Run:
        return Run()

    def changed(self) -> bool:
        return self.moved

    def empty(self) -> None:
        self.heard.append("empty")

    def pull(self) -> None:
        self.heard.append("pull")

    def on_end(self) -> None:
        self.heard.append("end")

    def about(self) -> str:
        return "about it, "

    @handler
    def on_defaults(self, _: object = None) -> None:
        self.heard.append("defaults")


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def panel(now: list[float]) -> Iterator[Simple]:
    made = Simple(lambda: now[0])
    yield made
    made.run.state = "stopped"
    made.close()


@pytest.mark.parametrize("state", ["ready", *sorted(ACTIVE)])
@pytest.mark.parametrize("moved", [False, True])
def test_start_goes_on_with_the_run_unless_knobs_have_moved_before_it_began(
    panel: Simple, state: str, moved: bool
) -> None:
    old, panel.moved = panel.run, moved
    old.state = state
    panel.on_start()
    assert (panel.run is not old) == (state == "ready" and moved)
    assert panel.run.told == ["start"] and panel.active


@pytest.mark.parametrize("state", sorted(ENDED))
def test_start_after_an_end_is_another_run(panel: Simple, state: str) -> None:
    old = panel.run
    old.state, old.error = state, "it broke"
    panel.tick()
    assert panel.error == "it broke"
    panel.on_start()
    assert panel.run is not old and panel.run.told == ["start"] and old.told[0] == "stop"
    assert "empty" in panel.heard and panel.error == ""


def test_pause_stop_and_reset(panel: Simple) -> None:
    for press, state, word in [
        (panel.on_start, "running", "Starting"),
        (panel.on_pause, "paused", "Paused"),
        (panel.on_pause, "running", "Starting"),
        (panel.on_stop, "stopped", "Stopped"),
        (panel.on_reset, "ready", "Ready"),
    ]:
        press()
        assert panel.run.state == state and word in panel.state_line.value and panel.error == ""


def test_buttons_call_their_handlers(panel: Simple) -> None:
    for name, told in [("start", ["start"]), ("pause", ["start", "pause"]), ("stop", ["start", "pause", "stop"])]:
        panel.buttons[name].click()
        assert panel.run.told == told
    panel.buttons["defaults"].click()
    panel.buttons["reset"].click()
    assert "defaults" in panel.heard and panel.run.state == "ready"


def test_the_end_of_a_run_is_shown_once(panel: Simple) -> None:
    panel.run.state = "running"
    panel.tick()
    panel.run.state = "diverged"
    panel.tick()
    panel.tick()
    assert panel.heard == ["pull", "pull", "end", "pull"]
    panel.on_reset()
    panel.on_stop()
    assert panel.heard[4:] == ["empty", "pull", "pull", "end"], "and the next one once, too"


def test_the_status_says_when_a_step_last_came_in(panel: Simple, monkeypatch: pytest.MonkeyPatch) -> None:
    def at(time: str, step: int) -> str:
        monkeypatch.setattr("time.strftime", lambda _: time)
        panel.run.progress = Progress(step=step, steps=9)
        panel.tick()
        return str(panel.status.value)

    assert at("10:00", 0).startswith("about it, ") and "10:00" not in panel.status.value
    assert "<b>10:01</b>" in at("10:01", 1)
    assert "<b>10:01</b>" in at("10:02", 1), "no news"
    assert "<b>10:03</b>" in at("10:03", 2)
    assert "<b>10:03</b>" in at("10:04", 0), "the run has let go of its net"
    panel.on_reset()
    assert "10:0" not in panel.status.value


def test_a_run_that_goes_on_is_told_of_three_times_a_second_and_one_that_stands_at_once(
    panel: Simple, now: list[float]
) -> None:
    def told(step: int, later: float) -> bool:
        """Whether a look at ``step``, so much later, is told of."""
        now[0] += later
        panel.run.progress = Progress(step=step, steps=90, batch=step, batches=90)
        panel.tick()
        return f"<b>{step} of 90</b>" in panel.status.value

    panel.on_start()
    assert [told(step, 0.11) for step in range(1, 8)] == [False, False, True, False, False, True, False]
    panel.on_pause()
    assert told(8, 0) and told(9, 0)
    panel.on_pause()
    assert told(10, 0) is False
    panel.run.state = "finished"
    assert told(11, 0)


def test_a_page_that_has_gone_pauses_ends_and_resumes_only_what_it_paused(panel: Simple, now: list[float]) -> None:
    panel.run.state = "paused"
    panel.on_away()
    panel.on_back()
    assert panel.run.told == []
    panel.run.state = "running"
    now[0] += PAUSE_AFTER
    panel.tick()
    panel.figures["one"].last_answer = now[0]
    panel.tick()
    assert panel.run.told == ["pause", "start"]
    assert "It was paused while this page did not answer" in panel.error
    now[0] += CLOSE_AFTER
    for _ in range(3):
        panel.tick()
    assert panel.run.told.count("stop") == 1, "once, not at every tick"
    assert "Stopped, as this page did not answer for ten minutes" in panel.error
    panel.on_start()
    assert panel.error == ""


def test_it_warms_up_once_its_page_is_there(panel: Simple, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[object] = []
    monkeypatch.setattr(lab.warm, "warm", warmed.append)
    for _ in range(2):
        panel.figures["one"]._hear(panel.figures["one"], {"type": "ready"}, [])
    assert warmed == [DEFAULTS]


def test_close_ends_the_run(panel: Simple) -> None:
    panel.on_start()
    panel.close()
    assert panel.run.told == ["start", "close"]
