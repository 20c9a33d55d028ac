"""The page without a screen: a figure goes on sending to it as to a real one."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from benchmarks.reader import FigureReader, answers_of, sight
from widgets.figure.live_figure import UNANSWERED, LiveFigure
from widgets.figure.message_batch import one_message


def line(steps: range) -> dict[str, Any]:
    return {"data": [{"type": "scatter", "x": np.array(steps), "y": np.array(steps)}], "layout": {}}


WIRES: "dict[str, Wire]" = {}


class Wire:
    """Carries a figure's messages to a reader, and its answers back; loses those that it is told to."""

    def __init__(self, page: dict[str, FigureReader] | None = None) -> None:
        self.page: dict[str, FigureReader] = {} if page is None else page
        self.figure, self.reader = LiveFigure(line(range(0))), FigureReader(self.page, str(id(self)))
        WIRES[str(id(self))] = self
        self.figure.send = self._send  # type: ignore[method-assign]
        self.sent: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []
        self.step, self.answering, self.losing = 0, True, False

    def _send(self, message: dict[str, Any], buffers: object = None) -> None:
        self.sent.append(message)
        if not self.losing:
            for comm, answer in answers_of(self.reader, message, self.page):
                WIRES[comm].say(answer)

    def say(self, answer: dict[str, Any]) -> None:
        self.said.append(answer)
        if self.answering:
            self.figure._handle_custom_msg(answer, [])

    def update(self, times: int) -> int:
        """So many updates; how many messages they made."""
        before = len(self.sent)
        for _ in range(times):
            self.figure.append(np.array([self.step]), line(range(self.step, self.step + 1)))
            self.figure.flush()
            self.step += 1
        return len(self.sent) - before


@pytest.fixture
def wire() -> Wire:
    wire = Wire()
    wire.say({"type": "ready"})
    return wire


def test_its_answers_keep_the_figure_sending(wire: Wire) -> None:
    assert wire.update(50) == 50
    assert wire.reader.drawn == 51  # the whole came first
    assert len(wire.said) == 27  # ready, the whole's answer, and one for every second update


@pytest.mark.parametrize(("way", "answers"), [(nullcontext, 20), (one_message, 10)])
def test_one_answer_is_for_all_figures_of_a_page(way: Callable[[], Any], answers: int) -> None:
    page: dict[str, FigureReader] = {}
    wires = [Wire(page) for _ in range(3)]
    for wire in wires:
        wire.say({"type": "ready"})
    before = sum(len(wire.said) for wire in wires)
    for _ in range(20):
        with way():
            for wire in wires:
                wire.update(1)
                assert not wire.figure.waiting
    assert sum(len(wire.said) for wire in wires) - before <= answers
    assert [wire.reader.drawn for wire in wires] == [21, 21, 21]


def test_without_answers_the_figure_stalls(wire: Wire) -> None:
    wire.answering = False
    assert wire.update(50) == UNANSWERED
    wire.answering = True
    wire.figure.ping()
    assert wire.update(50) == 50


def test_a_lost_message_brings_everything_again_once(wire: Wire) -> None:
    wire.losing = True
    wire.update(1)
    wire.losing, wire.answering = False, False
    wire.update(2)
    assert [answer["type"] for answer in wire.said].count("ready") == 2
    wire.answering = True
    wire.say(wire.said[-1])
    assert wire.sent[-1]["type"] == "draw"
    assert wire.update(10) == 10


def test_it_says_what_it_has_in_sight(wire: Wire) -> None:
    readers = {"loss": wire.reader, "never drawn": FigureReader({})}
    wire.say(sight(readers, ["another"]))
    assert not wire.figure.seen
    wire.say(sight(readers, ["loss"]))
    assert wire.figure.seen


def test_what_comes_before_the_whole_is_not_answered() -> None:
    reader = FigureReader({})
    assert reader.answers({"type": "append", "seq": 7, "rows": 1}) == []
    assert reader.answers({"type": "dragged"}) == []
    assert reader.answers({"type": "ping", "seq": 7}) == [{"type": "ready"}]
    assert reader.answers({"type": "draw", "seq": 8, "me": ["kernel", 1]}) == [{"type": "ack", "seq": 8, "others": {}}]
    assert reader.answers({"type": "ping", "seq": 8}) == [{"type": "ack", "seq": 8}]
