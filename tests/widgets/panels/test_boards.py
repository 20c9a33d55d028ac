"""What every blackboard panel does: one contract, run through all boards and all of their inputs."""

import csv
import io
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

import widgets
from lab.knob import ConfigError
from widgets.inputs.knob_box import KnobBox
from widgets.inputs.number_knobs import NumberList
from widgets.inputs.seed_button import SeedButton
from widgets.inputs.ticks import Ticks
from widgets.panel.board import Board
from widgets.panels.softmax.logits import LIMIT, Logits
from widgets.panels.spread.points import Points

BOARDS = {name: kind for name in widgets.__all__ if issubclass(kind := getattr(widgets, name), Board)}

every_board = pytest.mark.parametrize("name", BOARDS)
Make = Callable[..., Board]


@pytest.fixture
def make() -> Iterator[Make]:
    """Boards by name and keywords; closed afterwards."""
    made: list[Board] = []

    def board(name: str, **given: Any) -> Board:
        made.append(BOARDS[name](**given))
        return made[-1]

    yield board
    for panel in made:
        panel.close()


def is_number(knob: Any) -> bool:
    """Whether it takes one number, out of a range."""
    return isinstance(knob, KnobBox) and isinstance(knob.value, int | float) and knob.spec.choices is None


def ends(knob: Any) -> list[Any]:
    """Values to try: both ends of the valid range and of the slider; every choice; all ticks and none."""
    if isinstance(knob, Ticks):
        return [tuple(knob.boxes), (), *((key,) for key in knob.boxes)]
    if isinstance(knob, SeedButton):
        return [knob.value + 1]
    if knob.spec.choices is not None:
        return list(knob.spec.choices)
    if isinstance(knob, Points):
        return [(3.0,), (-1e30, 0.0, 1e30), (1.0,) * 12, (2.0, 5.5), tuple(0.1 * i * i for i in range(60))]
    if isinstance(knob, Logits):
        return [{name: x / 2 - 3 for name, x in knob.value.items()}, dict.fromkeys(knob.value, -LIMIT)]
    if isinstance(knob, NumberList):
        return [tuple(3.0 + x for x in knob.value)]
    kind = type(knob.value)
    found = [end for end in (knob.spec.low, knob.spec.high, *(knob.spec.slider or ())) if math.isfinite(end)]
    return [kind(end) for end in found if not (end == knob.spec.low and knob.spec.low_open)]


def words_of(panel: Board) -> dict[str, str]:
    return {name: html.value for name, html in panel.words.items()}


def assert_shows(panel: Board) -> None:
    """No error; every chart is one that plotly takes, titled, labelled and drawable."""
    assert panel.error == "" and not any(knob.error for knob in panel.knobs.values())
    menus = [knob for knob in panel.knobs.values() if isinstance(knob, KnobBox) and knob.spec.choices]
    assert all(menu.entry.value == menu.value for menu in menus), "a menu shows the value"
    assert panel.figures.keys() == panel.LABELS.keys()
    for name, figure in panel.figures.items():
        assert figure.label == panel.LABELS[name] != ""
        chart = figure.figure
        go.Figure(chart)
        layout = chart["layout"]
        assert layout["title"]["text"] and layout["xaxis"]["title"]["text"], name
        axes = [axis for key, axis in layout.items() if key.startswith(("xaxis", "yaxis"))]
        assert all(axis["title"]["text"] is not None for axis in axes)
        assert any(axis["title"]["text"] for key, axis in layout.items() if key.startswith("yaxis")), name
        for axis in axes:
            assert all(end is not None and math.isfinite(end) for end in axis.get("range", ())), name
        for trace in chart["data"]:
            for key in "xyz":
                if isinstance(trace.get(key), np.ndarray):
                    assert not np.isinf(trace[key]).any(), (name, trace["name"])
    assert any(html.value for html in panel.words.values())


@every_board
def test_it_begins_with_all_of_its_charts_and_every_part_on_the_page(make: Make, name: str) -> None:
    panel = make(name)
    assert_shows(panel)
    assert panel.values.keys() == panel.INPUTS.keys() and list(panel.knobs) == list(panel.INPUTS)
    shown = set()

    def walk(widget: Any) -> None:
        shown.add(widget)
        for child in getattr(widget, "children", ()):
            walk(child)

    walk(panel)
    parts = {**panel.knobs, **panel.figures, **panel.words, "link": panel.link, **panel.examples}
    assert not [key for key, part in parts.items() if part not in shown]


@every_board
def test_every_input_at_its_ends(make: Make, name: str) -> None:
    panel = make(name)
    for key, knob in panel.knobs.items():
        before = knob.value
        for value in ends(knob):
            knob.value = value
            assert panel.values[key] == value, "shown, not put back"
            assert_shows(panel)
        knob.value = before
    assert_shows(panel)


@every_board
def test_all_inputs_at_an_end_at_once(make: Make, name: str) -> None:
    panel, chosen = make(name), random.Random(5)
    for _ in range(6):
        for knob in panel.knobs.values():
            if found := ends(knob):
                knob.value = chosen.choice(found)
        assert_shows(panel)


@every_board
def test_a_bad_number_is_refused_under_its_knob_and_changes_nothing(make: Make, name: str) -> None:
    panel = make(name)
    for knob in filter(is_number, panel.knobs.values()):
        low, high = knob.spec.low, knob.spec.high
        beyond = [f"{low - 1 - abs(low):g}"] * math.isfinite(low) + [f"{high + 1 + abs(high):g}"] * math.isfinite(high)
        before, shown = knob.value, words_of(panel)
        for bad in ("", "much", "nan", "inf", "-inf", "<b>1</b>", *beyond):
            knob.entry.value = bad
            assert knob.error.startswith(f"{knob.name} must be ") and knob.error.endswith(f"; got {bad!r}")
            assert knob.spec.allowed in knob.error and 'role="alert"' in knob.children[-1].value
            assert "<b>" not in knob.children[-1].value, "typed markup is text"
            assert knob.value == before and words_of(panel) == shown and panel.error == ""
        knob.entry.value = str(ends(knob)[0])
        assert knob.value == ends(knob)[0] and knob.error == "", "it goes on working"
        knob.value = before
    assert_shows(panel)


@every_board
def test_examples_are_states_that_anybody_can_enter(make: Make, name: str) -> None:
    for example, button in (panel := make(name)).examples.items():
        for knob in panel.knobs.values():
            if isinstance(knob, KnobBox) and isinstance(knob.entry.value, str) and not knob.spec.choices:
                knob.entry.value = "bad"
            elif found := ends(knob):
                knob.value = found[-1]
        assert any(knob.error for knob in panel.knobs.values())
        button.click()
        assert_shows(panel)
        values = panel.EXAMPLES[example].values
        assert {key: panel.values[key] for key in values} == {
            key: panel.knobs[key].checked(value) for key, value in values.items()
        }
        assert button.description and button.tooltip


@every_board
def test_each_chart_is_drawn_once_at_a_change(make: Make, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = make(name)
    drawn: list[str] = []
    for key, figure in panel.figures.items():
        monkeypatch.setattr(figure, "flush", lambda key=key: drawn.append(key))
    for knob in panel.knobs.values():
        for value in ends(knob):
            drawn.clear()
            knob.value = value
            assert len(drawn) == len(set(drawn))


@every_board
def test_a_page_that_is_slow_to_answer_gets_the_last_redraw_only(
    make: Make, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("widgets.figure.live_figure.PING_AFTER", math.inf)  # on a busy machine it is asked meanwhile
    panel = make(name)
    knob = next(knob for knob in panel.knobs.values() if is_number(knob) and isinstance(knob.value, float))
    low, high = knob.spec.slider
    sent: dict[str, list[dict[str, Any]]] = {key: [] for key in panel.figures}
    for key, figure in panel.figures.items():
        figure.send = lambda content, buffers=None, key=key: sent[key].append(content)
        figure._hear(None, {"type": "ready"}, [])
    for step in range(60):
        knob.value = low + (high - low) * step / 59
    assert any(len(messages) == 4 for messages in sent.values()), "all of it, three more, and then what waits"
    for key, figure in panel.figures.items():
        assert len(sent[key]) <= 5, "what is not answered is not added to"
        last = len(sent[key])
        figure._hear(None, {"type": "ack", "seq": sent[key][-1]["seq"]}, [])
        assert len(sent[key]) <= last + 1 and not figure.waiting and not figure._copy.behind


@every_board
def test_a_link_and_the_line_of_code_make_the_same_values(make: Make, name: str) -> None:
    panel = make(name)
    assert panel.link.query == "" and panel.link.code == f"from widgets import {name}\n\n{name}()"
    for knob in panel.knobs.values():
        if found := [value for value in ends(knob) if value != knob.value]:
            knob.value = found[-1]
    assert panel.link.query.startswith(f"panel={name}&")
    again = make(name)
    again.link._handle_custom_msg({"query": f"{panel.link.query}&theme=dark&token=secret"}, [])
    assert again.values == panel.values and words_of(again) == words_of(panel)
    assert_shows(again)
    names: dict[str, Any] = {}
    exec(panel.link.code.replace(f"\n\n{name}(", f"\n\nmade = {name}("), names)
    assert names["made"].values == panel.values
    names["made"].close()


@every_board
def test_what_a_link_cannot_set_is_named(make: Make, name: str) -> None:
    panel = make(name)
    before = dict(panel.values)
    number = next(key for key, knob in panel.knobs.items() if is_number(knob))
    panel.link._handle_custom_msg({"query": f"panel={name}&{number}=much&<i>=1"}, [])
    assert panel.values == before and "&lt;i&gt; is no knob" in panel.error_line.value
    assert f"{panel.knobs[number].name} must be" in panel.error and "got 'much'" in panel.error


@every_board
def test_a_link_to_another_panel_on_the_page_is_not_its_own(make: Make, name: str) -> None:
    panel = make(name)
    panel.link._handle_custom_msg({"query": "panel=OtherPanel&what=1"}, [])
    assert panel.error == "" and panel.link.query == ""


@every_board
def test_its_arguments_are_its_inputs(make: Make, name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} has no 'colour'; its inputs are {', '.join(BOARDS[name].INPUTS)}"):
        make(name, colour="red")
    panel = make(name)
    for key, knob in panel.knobs.items():
        if is_number(knob):
            for bad in ("much", math.nan, None):
                with pytest.raises(ConfigError, match=re.escape(f"{knob.name} must be")):
                    make(name, **{key: bad})
        elif knob.spec.choices:
            with pytest.raises(ConfigError, match=re.escape(f"{knob.name} must be")):
                make(name, **{key: ("neither",) if isinstance(knob, Ticks) else "neither"})
        for value in ends(knob)[:1]:
            assert make(name, **{key: value}).values[key] == value


@every_board
def test_the_data_of_every_chart_can_be_saved(make: Make, name: str, tmp_path: Path) -> None:
    panel = make(name)
    for path in panel.export_all(tmp_path, ["csv"]):
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))
        assert len(rows) > 2 and len(rows[0]) > 1, path.name
    settings = panel.settings()
    assert all(settings.values()) and settings


@every_board
def test_each_section_has_words_for_a_speaker(make: Make, name: str) -> None:
    words = make(name).chart_words()
    assert words.keys() == BOARDS[name].LABELS.keys()
    assert all(one.title and "<" not in one.title + one.notice for one in words.values())
