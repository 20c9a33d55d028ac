"""Panels in a notebook that lives long: closed panels leave nothing, a cell that runs again leaves no run."""

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

import widgets
from lab.config import DEFAULTS
from tests.widgets.tiny_runs import PATIENCE, TINY
from widgets.figure import live_figure
from widgets.figure.live_figure import FigureScript, LiveFigure
from widgets.panels.training.panel import TrainingPanel

PANELS = [name for name in widgets.__all__ if name.endswith("Panel")]


@pytest.mark.parametrize("name", PANELS)
def test_a_closed_panel_leaves_no_widget_and_no_thread(name: str) -> None:
    FigureScript.bring()  # one for all figures of a kernel: it stays
    before, threads = set(_instances), threading.active_count()
    panel = getattr(widgets, name)()
    assert len(set(_instances) - before) > 30
    panel.close()
    left = {type(_instances[key]).__name__ for key in set(_instances) - before}
    assert left == set()
    assert threading.active_count() <= threads


def test_the_record_of_a_closed_panel_is_freed() -> None:
    panel = TrainingPanel(**TINY)
    panel.on_start()
    assert panel.session.wait(PATIENCE)
    panel.tick()
    history = weakref.ref(panel.session.history)
    panel.close()
    del panel
    gc.collect()
    assert history() is None


def test_a_panel_may_be_closed_by_its_own_handler() -> None:
    panel = TrainingPanel(**{**TINY, "epochs": 1000})
    panel.on_start()
    panel.knobs.on_change(lambda name, value: panel.close())
    done = threading.Event()

    def turn() -> None:
        panel.knobs["lr"].value = 0.123
        done.set()

    threading.Thread(target=turn, daemon=True).start()
    assert done.wait(PATIENCE), "it waits for its own ticker"
    assert panel.session.wait(PATIENCE) and panel.session.state == "stopped"


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Say which notebook cell runs now, and in which execution."""
    parent: dict[str, Any] = {}
    shell = SimpleNamespace(get_parent=lambda: parent)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))

    def runs(id: str, execution: str) -> None:
        parent.update({"metadata": {"cellId": id} if id else {}, "header": {"msg_id": execution}})

    yield runs


def test_a_cell_that_runs_again_ends_its_earlier_run(cell: Callable[[str, str], None]) -> None:
    made = []
    for id, execution in (("one", "1"), ("one", "1"), ("two", "2"), ("", "3")):
        cell(id, execution)
        made.append(TrainingPanel(**{**TINY, "epochs": 1000}))
        made[-1].on_start()
    assert all(panel.active for panel in made), "two panels of one cell, another cell, an app that names no cells"
    cell("one", "4")
    again = TrainingPanel(**TINY)
    assert [panel.session.wait(PATIENCE) for panel in made[:2]] == [True, True]
    assert made[2].active and made[3].active
    for panel in (*made[2:], again):
        panel.close()


def test_what_a_persons_callback_raises_is_no_refusal_and_is_said() -> None:
    panel = TrainingPanel(**TINY)

    def fails(name: str, value: Any) -> None:
        raise ValueError(f"no {name} today")

    panel.knobs.on_change(fails)
    panel.knobs["lr"].entry.value = "0.7"
    assert panel.knobs["lr"].value == 0.7 and panel.knobs["lr"].error == ""
    assert "ValueError: no lr today" in panel.knobs._problem_line.value
    panel.close()


def test_charts_go_on_slowly_while_the_kernel_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(live_figure.time, "monotonic", lambda: now[0])
    figure = LiveFigure({"data": [{"type": "scatter", "x": [], "y": []}], "layout": {}})
    sent: list[Any] = []
    monkeypatch.setattr(figure, "send", lambda content, buffers=None: sent.append(content))
    figure._hear(None, {"type": "ready"}, [])
    for step in range(200):  # a cell runs for 20 seconds: no answer is heard
        now[0] += 0.1
        figure.append(np.array([step]), {"data": [{"x": np.array([step]), "y": np.array([0.5])}], "layout": {}})
        figure.flush()
    appended = [message for message in sent if message["type"] == "append"]
    assert 10 <= len(appended) <= 16 and sum(message["rows"] for message in appended) > 150
    figure.close()


def test_adams_usual_values_are_offered_and_set() -> None:
    knobs = TrainingPanel(**TINY).knobs
    knobs.set(DEFAULTS)
    assert "lab-folded" in knobs.usual._dom_classes
    knobs["optimizer"].entry.value = "adam"
    assert "lab-folded" not in knobs.usual._dom_classes
    assert knobs.usual.description == "Usual for Adam: learning rate 0.001, momentum 0.9"
    knobs.usual.click()
    assert (knobs["lr"].value, knobs["momentum"].value) == (0.001, 0.9) and "lab-folded" in knobs.usual._dom_classes
    knobs["optimizer"].entry.value = "adamw"
    assert knobs.usual.description == "Usual for AdamW: weight decay 0.01", "what differs is named, no more"
    knobs["optimizer"].entry.value = "rmsprop"
    assert knobs.usual.description == "Usual for RMSProp: momentum 0, beta2 0.9"
    knobs["beta2"].value = 0.9
    assert knobs.usual.description == "Usual for RMSProp: momentum 0"
    knobs["optimizer"].entry.value = "sgd"
    knobs.usual.click()
    assert (knobs["lr"].value, knobs["momentum"].value) == (0.4, 0)
