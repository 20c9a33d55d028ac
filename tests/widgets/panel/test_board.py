"""Board itself, with a small one of its own: what is computed when, rules between inputs, a drag, a link."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lab.knob import ConfigError, Knob
from widgets.charts.style import Figure, line, plot
from widgets.figure.requests import Drag
from widgets.markup.config_text import setting_text
from widgets.panel.board import Board, Example, Group, Input, Section, Values


class Sum(Board):
    """a + b, where b is at least a; a chart of a alone, and the sum in words."""

    INPUTS = {
        "a": Input(Knob("First", "", low=0, high=10, slider=(0, 10), step=1), 1),
        "b": Input(Knob("Second", "", low=0, high=10, slider=(0, 10), step=1), 2.5),
        "kind": Input(Knob("Kind", "", choices={"sum": "Sum", "mean": "Mean"}), "sum", name="the kind"),
    }
    EXAMPLES = {"large": Example("Large", "Both at 9", {"a": 9, "b": 9.0})}
    SECTIONS = (
        Section(
            "Sum & <b>more</b>", "How <i>large</i>?", show=(("chart", "kind"), "total"), beside=(Group("In", ("a",)),)
        ),
        Section("Again", show=("b",), beside=(Group("", ()),)),
    )
    LABELS = {"chart": "a as a point"}

    def start(self) -> None:
        self.computed: list[tuple[str, frozenset[str]]] = []

    def together(self, values: Values, changed: frozenset[str]) -> Mapping[str, Any]:
        if values.kind == "mean" and values.a == 7:
            raise ConfigError("a", 7, "another number for a mean")
        return values | {"b": max(values.a, values.b)}

    def compute(self, values: Values, changed: frozenset[str]) -> Iterator[tuple[str, Figure | str]]:
        if "a" in changed:
            self.computed.append(("chart", changed))
            yield "chart", {"data": [line("a", [values.a], [values.a], 0)], "layout": plot("a", "a", "a")}
        self.computed.append(("total", changed))
        yield "total", f"<p>{(values.a + values.b) / (2 if values.kind == 'mean' else 1)}</p>"

    def drag(self, drag: Drag, values: Values) -> Mapping[str, Any]:
        return {"a": round(drag.x)} if drag.trace == "a" else {}


@pytest.fixture
def board() -> Iterator[Sum]:
    made = Sum()
    yield made
    made.close()


def test_values_by_order_and_by_name() -> None:
    for made in (Sum(3, kind="mean"), Sum(a=3, kind="mean"), Sum(3.0, 3, "mean")):
        assert made.values == {"a": 3, "b": 3.0, "kind": "mean"}
        assert isinstance(made.values.a, int) and isinstance(made.values.b, float)
        assert made.words["total"].value == "<p>3.0</p>"
        assert made.link.code == 'from widgets import Sum\n\nSum(a=3, b=3.0, kind="mean")'
        made.close()
    with pytest.raises(AttributeError):
        _ = Sum().values.c
    with pytest.raises(TypeError, match="Sum takes at most 3 values: a, b, kind"):
        Sum(1, 2, "sum", 4)


def test_only_what_changed_is_computed_once_and_drawn_in_order(board: Sum, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [name for name, _ in board.computed] == ["chart", "total"]
    board.computed.clear()
    board.knobs["b"].slider.value = 4
    assert board.computed == [("total", frozenset({"b"}))] and board.words["total"].value == "<p>5.0</p>"
    board.computed.clear()
    board.knobs["a"].slider.value = 6
    both = frozenset({"a", "b"})
    assert board.computed == [("chart", both), ("total", both)], "b follows a, and counts as changed"
    assert board.knobs["b"].value == 6.0 and board.words["total"].value == "<p>12.0</p>"


def test_each_part_is_sent_before_the_next_one_is_computed(board: Sum, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(board.figures["chart"], "flush", lambda: seen.append([name for name, _ in board.computed]))
    board.computed.clear()
    board.knobs["a"].slider.value = 2
    assert seen == [["chart"]]


def test_values_that_do_not_go_together_go_back_with_the_reason_under_the_knob(board: Sum) -> None:
    board.set({"kind": "mean"})
    before = dict(board.values)
    board.knobs["a"].entry.value = "7"
    assert board.values == before and board.knobs["a"].value == before["a"]
    assert board.knobs["a"].error == "a must be another number for a mean; got 7" and board.error == ""
    board.knobs["a"].entry.value = "8"
    assert board.knobs["a"].error == "" and board.values.a == 8
    with pytest.raises(ConfigError, match="another number"):
        board.set({"a": 7, "kind": "mean"})
    assert board.values.a == board.knobs["a"].value == 8
    with pytest.raises(ConfigError, match="another number"):
        Sum(7, kind="mean")


def test_an_example_clears_what_was_refused(board: Sum) -> None:
    board.knobs["a"].entry.value = "many"
    assert "First must be a whole number" in board.knobs["a"].error
    board.examples["large"].click()
    assert board.values == {"a": 9, "b": 9.0, "kind": "sum"} and board.knobs["a"].error == ""


def test_a_dragged_point_changes_an_input(board: Sum) -> None:
    board.on_drag(Drag("a", 0, 3.6, 0.0))
    assert board.values.a == 4 and "drag" in board.computed[-1][1]
    count = len(board.computed)
    board.on_drag(Drag("other", 0, 1.0, 0.0))
    assert board.values.a == 4 and len(board.computed) == count
    with pytest.raises(ConfigError, match="Second must be"):
        board.set({"a": 5, "b": -1})
    assert board.values.a == board.knobs["a"].value == 4, "all of them, or none"
    board.on_drag(Drag("a", 0, 99.0, 0.0))
    assert board.values.a == 4 and "First must be at least 0 and at most 10; got 99" in board.error


def test_a_failure_is_shown_and_the_next_change_works(board: Sum, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(board, "compute", lambda values, changed: 1 / 0)
        board.knobs["b"].slider.value = 5
        assert "ZeroDivisionError" in board.error
    board.knobs["b"].slider.value = 6
    assert board.error == "" and board.words["total"].value == "<p>7.0</p>"


def test_what_of_a_link_does_not_go_with_the_rest_is_told_and_left_out(board: Sum) -> None:
    board.link._handle_custom_msg({"query": "theme=dark&kind=mean&panel=Sum&b=3&a=7&b2=1"}, [])
    assert board.values == {"a": 7, "b": 7.0, "kind": "sum"} == {name: knob.value for name, knob in board.knobs.items()}
    assert "another number for a mean; got 7" in board.error and "b2 is no knob" in board.error
    assert board.words["total"].value == "<p>14.0</p>"
    board.link._handle_custom_msg({"query": "a=3"}, [])
    assert board.values.a == 7, "a page that comes again finds the inputs as they were left"


def test_words_for_a_speaker_have_no_markup(board: Sum) -> None:
    assert board.chart_words() == {"chart": ("Sum & more", "How large?")}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.30000000000000004"),
        ((1, 2.5), "1, 2.5"),
        ("sum", "sum"),
        ({"cat": 0.5, "dog": -1.0}, "cat 0.5, dog -1.0"),
    ],
)
def test_a_setting_as_text_keeps_every_digit(value: Any, text: str) -> None:
    assert setting_text(value) == text
