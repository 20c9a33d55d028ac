"""LiveFigure's kernel half, against a page written here from its protocol alone."""

import gzip
import importlib.util
import json
import pathlib
import random
import threading
from collections.abc import Callable
from typing import Any

import comm
import numpy as np
import pytest
from comm.base_comm import BaseComm

from widgets.figure import live_figure
from widgets.figure.bounded_figure import BoundedFigure
from widgets.figure.live_figure import UNANSWERED, LiveFigure
from widgets.figure.requests import Drag
from widgets.figure.wire import same


class PaperPage:
    """What a page does with the messages it gets; it may lose them, and be reloaded."""

    def __init__(self) -> None:
        self.seq: int | None = None
        self.data: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {}
        self.grow: list[list[str]] = []
        self.detail: PaperPage | None = None
        self.span: list[float] | None = None

    def get(self, message: dict[str, Any], buffers: list[bytes] | None) -> list[dict[str, Any]]:
        """Take a message; the answers."""
        floats = np.frombuffer((buffers or [b""])[0], np.float32)
        if message["type"] == "zoomed":
            return []
        if message["type"] == "ping":
            return [{"type": "ack", "seq": self.seq} if self.seq == message["seq"] else {"type": "ready"}]
        if message["type"] == "draw":
            self.detail = self.span = None
            self.data, self.layout = self._unpack(message["data"], floats), self._unpack(message["layout"], floats)
            self.grow = message["grow"]
        elif self.seq is None or message["seq"] <= self.seq:
            return []
        elif message["seq"] != self.seq + 1:
            return [{"type": "ready"}]
        elif message["type"] == "detail":
            self.detail, self.span = PaperPage(), message["span"]
            self.detail.get({**message, "type": "draw"}, buffers)
        elif "span" in message:
            if self.detail and self.span == message["span"]:
                self.detail._append(message, floats)
        else:
            self._append(message, floats)
        self.seq = message["seq"]
        return [{"type": "ack", "seq": self.seq}]

    def _unpack(self, value: Any, floats: Any) -> Any:
        if isinstance(value, list):
            return [self._unpack(item, floats) for item in value]
        if isinstance(value, dict) and "$f32" in value:
            start, *shape = value["$f32"]
            return floats[start : start + int(np.prod(shape))].reshape(shape)
        return {k: self._unpack(v, floats) for k, v in value.items()} if isinstance(value, dict) else value

    def _append(self, message: dict[str, Any], floats: Any) -> None:
        first, every = message.get("keep", (0, 1))
        at, rows = 0, message["rows"]
        for trace, fields in zip(self.data, self.grow, strict=True):
            for field in fields:
                shape = (*trace[field].shape[:-1], rows)
                new = floats[at : at + int(np.prod(shape))].reshape(shape)
                at += new.size
                trace[field] = np.concatenate([trace[field][..., first::every], new], -1)
        for i, trace in message.get("whole", {}).items():
            self.data[int(i)] = self._unpack(trace, floats)
        self.layout |= self._unpack(message.get("layout", {}), floats)


class Wire:
    """Carries messages between a LiveFigure and a page, when told to, and counts them."""

    def __init__(self, figure: LiveFigure) -> None:
        self.figure, self.page = figure, PaperPage()
        self.sent: list[tuple[dict[str, Any], list[bytes] | None]] = []
        self.log: list[dict[str, Any]] = []
        figure.send = self._send  # type: ignore[method-assign]

    def _send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.sent.append((json.loads(json.dumps(content, allow_nan=False)), buffers))
        self.log.append(content)

    def say(self, **message: Any) -> None:
        self.figure._handle_custom_msg(message, [])

    def open(self) -> None:
        """A page, new or reloaded, comes."""
        self.page = PaperPage()
        self.say(type="ready")
        self.carry()

    def carry(self) -> None:
        while self.sent:
            for answer in self.page.get(*self.sent.pop(0)):
                self.say(**answer)

    def check(self) -> None:
        """The page shows what the kernel holds."""
        figure, detail = self.figure.figure, self.figure.detail
        assert same(self.page.data, figure["data"])
        assert same(self.page.layout, figure["layout"])
        if detail:
            assert self.page.detail and self.page.span == list(detail.span)
            assert same(self.page.detail.data, detail.figure()["data"])


def chart(steps: Any, **layout: Any) -> dict[str, Any]:
    """A line and a faint one over the steps, and a point that is replaced."""
    steps = np.asarray(steps)
    return {
        "data": [
            {"type": "scatter", "name": "loss", "x": steps, "y": np.cos(steps), "line": {"dash": "dot"}},
            {"type": "scatter", "name": "average", "x": steps, "y": np.sin(steps)},
            {"type": "scatter", "x": steps[:1] // 100, "y": steps[:1] // 100, "meta": {"whole": True}},
        ],
        "layout": {"xaxis": {"title": {"text": "step"}}, **layout},
    }


def picture(steps: Any) -> dict[str, Any]:
    steps = np.asarray(steps)
    z = np.arange(4)[:, None] * 1000 + steps
    return {"data": [{"type": "heatmap", "x": steps, "y": np.arange(4), "z": z}], "layout": {}}


@pytest.fixture
def wired() -> Callable[..., tuple[LiveFigure, Wire]]:
    def make(figure: dict[str, Any] | None = None, **options: Any) -> tuple[LiveFigure, Wire]:
        made = LiveFigure(chart([]) if figure is None else figure, **options)
        return made, Wire(made)

    return make


Wired = Callable[..., tuple[LiveFigure, Wire]]


def test_nothing_is_sent_before_a_page_is_ready_and_everything_when_it_is(wired: Wired) -> None:
    figure, wire = wired()
    figure.append(np.arange(5), chart(range(5)))
    figure.flush()
    assert wire.log == [] and not figure.ready and figure.last_answer == 0.0
    wire.open()
    assert figure.ready and figure.last_answer > 0 and len(wire.page.data[0]["x"]) == 5
    wire.check()
    figure.flush()
    assert len(wire.log) == 1  # the page lacks nothing


def test_append_sends_the_new_rows_and_nothing_that_stays(wired: Wired) -> None:
    figure, wire = wired()
    wire.open()
    figure.append(np.arange(100), chart(range(100)))
    figure.flush()
    wire.carry()
    figure.append(np.arange(100, 102), chart(np.arange(100, 102)))
    figure.flush()
    message, buffers = wire.sent[0]
    assert message == {"type": "append", "rows": 2, "seq": message["seq"], "whole": message["whole"]}
    assert buffers is not None and len(buffers[0]) == 4 * (2 * 2 * 2 + 2)
    wire.carry()
    wire.check()


@pytest.mark.parametrize("first", [0, 3, 4096])
@pytest.mark.parametrize("make", [chart, picture])
def test_thinned_piece_by_piece_is_the_same_as_at_once(wired: Wired, make: Any, first: int) -> None:
    figure, wire = wired(make([]), max_points=60)
    wire.open()
    rng, step = random.Random(first), first
    while step < first + 1500:
        end = step + rng.randint(1, 70)
        figure.append(np.arange(step, end), make(np.arange(step, end)))
        if rng.random() < 0.6:
            figure.flush()
        wire.carry()
        step = end
    figure.flush()
    wire.carry()
    wire.check()
    at_once = BoundedFigure(make([]), 60)
    at_once.extend(np.arange(first, step), make(np.arange(first, step)))
    steps = np.arange(first, step)
    kept = steps[steps % figure.stride == 0]
    assert figure.stride == at_once.stride == 32 and 30 < len(kept) <= 60
    assert np.array_equal(figure.figure["data"][0]["x"], kept)
    assert same(figure.figure["data"], at_once.figure()["data"][:2] + figure.figure["data"][2:])
    assert [m["type"] for m in wire.log].count("draw") == 1


def test_stride_is_written_on_the_x_axis(wired: Wired) -> None:
    figure, wire = wired(max_points=10)
    wire.open()
    for stride, text in [(1, "step"), (2, "step (every 2nd step)"), (4, "step (every 4th step)")]:
        steps = np.arange(10) + 10 * (stride - 1)
        figure.append(steps, chart(steps))
        figure.flush()
        wire.carry()
        assert figure.stride == stride and wire.page.layout["xaxis"]["title"]["text"] == text
    figure.draw(chart([]))
    assert figure.stride == 1 and figure.figure["layout"]["xaxis"]["title"]["text"] == "step"
    figure.draw(chart([]), np.empty(0, np.int64), stride=4)
    figure.append(np.arange(1, 10), chart(np.arange(1, 10)))
    assert figure.figure["layout"]["xaxis"]["title"]["text"] == "step (every 4th step)"
    assert figure.stride == 4 and figure.figure["data"][0]["x"].tolist() == [4, 8]
    untitled, _ = wired(picture([]), max_points=2)
    untitled.append(np.arange(35), picture(range(35)))
    assert untitled.figure["layout"]["xaxis"]["title"]["text"] == "every 32nd step"


def test_steps_with_gaps_thin_by_sending_the_whole(wired: Wired) -> None:
    figure, wire = wired(max_points=8)
    wire.open()
    for steps in ([0, 1, 2, 6], [7, 20, 22], [23, 24, 30]):
        figure.append(np.array(steps), chart(steps))
        figure.flush()
        wire.carry()
        wire.check()
    assert figure.figure["data"][0]["x"].tolist() == [0, 2, 6, 20, 22, 24, 30]


def test_gaps_survive(wired: Wired) -> None:
    figure, wire = wired({"data": [{"y": []}, {"y": [1, None, 3], "meta": {"whole": True}}], "layout": {"a": np.nan}})
    wire.open()
    figure.append(np.arange(3), {"data": [{"y": [np.nan, np.inf, 1e300]}, {"y": [1, None, 3]}]})
    figure.flush()
    wire.carry()
    wire.check()
    assert np.isnan(wire.page.data[0]["y"][0]) and np.isposinf(wire.page.data[0]["y"][1:]).all()
    assert np.isnan(wire.page.data[1]["y"][1]) and wire.page.layout["a"] is None


def test_marks_and_whole_traces_travel_only_when_changed(wired: Wired) -> None:
    line = {"type": "line", "x0": 3, "x1": 3}
    figure, wire = wired()
    wire.open()
    sent = []
    for step, shapes in enumerate([[], [line], [line], [line, line], []]):
        figure.append(np.array([step]), chart([step], shapes=shapes))
        figure.flush()
        wire.carry()
        wire.check()
        sent.append(("whole" in wire.log[-1], wire.log[-1].get("layout")))
    shapes_sent = [layout and len(layout["shapes"]) for _, layout in sent]
    assert shapes_sent == [0, 1, None, 2, 0] and [whole for whole, _ in sent] == [True, False, False, False, False]


def test_draw_supersedes_what_waits(wired: Wired) -> None:
    figure, wire = wired()
    wire.open()
    figure.append(np.arange(9), chart(range(9)))
    figure.draw(chart([4, 5], height=420))
    figure.append(np.array([6]), chart([6]))
    figure.flush()
    assert [m["type"] for m in wire.log[1:]] == ["draw"]
    wire.carry()
    wire.check()
    assert wire.page.data[0]["x"].tolist() == [4, 5, 6] and figure.height == 420


def test_draw_with_steps_is_thinned_and_extended(wired: Wired) -> None:
    figure, wire = wired(max_points=20)
    wire.open()
    seconds = {"data": [{"x": np.arange(30) * 0.3, "y": np.arange(30)}]}
    figure.draw(seconds, np.arange(30))
    assert figure.stride == 2
    figure.append(np.array([30, 31]), {"data": [{"x": [9, 9.3], "y": [30, 31]}]})
    figure.flush()
    wire.carry()
    wire.check()
    assert wire.page.data[0]["y"].tolist() == list(range(0, 31, 2))


def test_unanswered_messages_stop_the_sending_not_the_appending(wired: Wired) -> None:
    figure, wire = wired()
    wire.open()
    for step in range(50):
        figure.append(np.array([step]), chart([step]))
        figure.flush()
    assert len(wire.sent) == UNANSWERED
    wire.carry()  # the first answer lets the rest go, as one message
    wire.check()
    assert [message["rows"] for message in wire.log[1:]] == [1] * UNANSWERED + [50 - UNANSWERED]
    figure.append(np.array([50]), chart([50]))
    wire.say(type="ack", seq=figure._seq)
    assert not wire.sent  # what nobody has flushed stays
    for step in range(51, 60):
        figure.append(np.array([step]), chart([step]))
        figure.flush()
    wire.sent.clear()
    wire.open()
    figure.append(np.array([60]), chart([60]))
    figure.flush()
    assert wire.sent  # answers that the page before this one owed are not waited for


def test_lost_messages_are_found_and_sent_again(wired: Wired, monkeypatch: Any) -> None:
    figure, wire = wired()
    wire.open()
    for step in range(10):
        figure.append(np.array([step]), chart([step]))
        figure.flush()
    wire.sent.clear()  # a connection broke
    figure.flush()
    assert wire.sent == []  # within the time that an answer may take
    monkeypatch.setattr(live_figure, "PING_AFTER", -1.0)
    figure.flush()
    assert [m["type"] for m, _ in wire.sent] == ["ping", "append"], "and goes on, at this slow rate"
    wire.carry()
    wire.check()


@pytest.mark.parametrize("seed", range(8))
def test_any_order_of_appends_losses_and_reloads_ends_alike(wired: Wired, seed: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(live_figure, "PING_AFTER", -1.0)
    figure, wire = wired(max_points=40)
    rng, step = random.Random(seed), 5
    for _ in range(300):
        kinds = ["append"] * 6 + ["flush"] * 6 + ["carry"] * 4 + ["lose", "open", "draw", "late", "zoom", "reset"]
        match rng.choice(kinds):
            case "append":
                n = rng.randint(0, 12)
                new = chart(np.arange(step, step + n), shapes=[{"x0": step // 50}])
                figure.append(np.arange(step, step + n), new)
                figure.append_detail(np.arange(step, step + n), new)
                step += n
            case "zoom":
                begin = rng.randint(0, step)
                figure.draw_detail((begin, step), chart(np.arange(begin, step)), np.arange(begin, step))
            case "reset":
                figure.end_detail()
            case "flush":
                figure.flush()
            case "carry":
                wire.carry()
            case "lose" if wire.sent:
                wire.sent.pop(rng.randrange(len(wire.sent)))
            case "open":
                wire.open()
            case "late":
                wire.say(type="ready")
            case "draw" if rng.random() < 0.3:
                figure.draw(chart([]))
    figure.ping()
    wire.carry()
    figure.flush()
    wire.carry()
    wire.open() if wire.page.seq is None else None
    wire.check()
    assert len(figure.figure["data"][0]["x"]) <= 40


@pytest.mark.parametrize("make", [chart, picture])
def test_a_zoom_is_answered_by_the_rows_of_the_span_which_grow_with_it(wired: Wired, make: Any) -> None:
    figure, wire = wired(make([]), max_points=60)
    figure.append(np.arange(1000), make(np.arange(1000)))
    asked: list[Any] = []

    def rows(span: Any) -> None:
        asked.append(span)
        steps = np.arange(span[0], min(span[1], 1000)).astype(int)
        figure.draw_detail(span, make(steps), steps)

    figure.on_zoom(rows)
    wire.open()
    wire.say(type="zoom", range=[300, 350], figures=[figure._number])
    assert [m["type"] for m, _ in wire.sent] == ["detail", "zoomed"] and asked == [(300, 350)]
    wire.carry()
    wire.check()
    assert figure.detail and figure.detail.figure()["data"][0]["x"].tolist() == list(range(300, 350))
    seen = figure.figure_at((300, 350))["data"][0]
    assert seen["x"].tolist() == [*range(0, 300, 32), *range(300, 350), *range(352, 1000, 32)]
    full = make(seen["x"])["data"][0]
    for field in ("x", "z") if make is picture else ("x", "y"):
        np.testing.assert_allclose(seen[field], full[field], rtol=1e-5)
    assert same(figure.figure_at((0, 9)), figure.figure) and same(figure.figure_at(None), figure.figure)

    # A wide one is thinned to as many rows as the whole, and goes on to be.
    wire.say(type="zoom", range=[100, 5000], figures=[figure._number])
    wire.carry()
    for begin in (1000, 1040, 1900):
        figure.append_detail(np.arange(begin, begin + 40), make(np.arange(begin, begin + 40)))
        figure.flush()
        assert [(m["type"], m["span"]) for m, _ in wire.sent] == [("append", [100, 5000])]
        wire.carry()
        wire.check()
    assert len(figure.detail.figure()["data"][0]["x"]) <= 60 and figure.detail.stride == 32
    sent = len(wire.log)
    figure.flush()
    assert len(wire.log) == sent

    # What is drawn anew, or not zoomed, has none; a page that connects again asks again.
    wire.say(type="zoom", range=None, figures=[figure._number])
    assert figure.detail is None and len(asked) == 2
    for forget in (lambda: figure.draw(make([])), wire.open):
        wire.say(type="zoom", range=[3, 4], figures=[figure._number, 10**9])
        assert figure.detail
        forget()
        assert figure.detail is None
    wire.open()
    wire.check()


def test_a_detail_without_a_point_leaves_a_trace_as_it_is(wired: Wired) -> None:
    whole = {"data": [{"x": [1, 2], "y": [3, 4], "meta": {"whole": True}} for _ in range(2)] + [{"y": [1]}]}
    figure, _ = wired(whole)
    none, gap = {"x": [], "y": []}, {"x": [None], "y": [None]}
    figure.draw_detail((5, 6), {"data": [{**trace, "meta": {"whole": True}} for trace in (none, gap)] + [{"y": [1]}]})
    assert same(figure.figure_at((5, 6))["data"], figure.figure["data"])


def test_a_zoom_of_several_figures_is_one_message(wired: Wired) -> None:
    made = [wired(chart(range(9))) for _ in range(3)]
    for figure, wire in made:
        figure.on_zoom(lambda span, figure=figure: figure.draw_detail(span, chart([2, 3]), np.array([2, 3])))
        wire.open()
        wire.log.clear()
    wire.say(type="zoom", range=[2, 3], figures=[figure._number for figure, _ in made])
    kinds = [[m["type"] for m in wire.log] for _, wire in made]
    assert kinds == [["many"], [], ["zoomed"]]
    assert [part["type"] for _, part, _ in made[0][1].log[0]["parts"]] == ["detail"] * 3


@pytest.mark.parametrize("make", [chart, picture])
def test_an_append_at_10_000_steps_costs_no_more_bytes_than_at_100(make: Any, monkeypatch: Any) -> None:
    wire: list[int] = []

    class RecordedComm(BaseComm):
        def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any):
            wire.append(len(json.dumps(data)) + sum(len(b) for b in buffers or ()))

    monkeypatch.setattr(comm, "create_comm", RecordedComm)
    figure = LiveFigure(make([]))
    figure._handle_custom_msg({"type": "ready"}, [])
    cost: dict[int, int] = {}
    for step in range(10_001):
        figure.append(np.array([step]), make([step]))
        wire.clear()
        figure.flush()
        cost[step] = sum(wire)
        figure._handle_custom_msg({"type": "ack", "seq": figure._seq}, [])
    assert figure.stride == 16
    assert 0 < cost[10_000] <= cost[100] < 400
    assert max(cost[step] for step in range(9_000, 10_001)) <= cost[100]


@pytest.mark.parametrize(
    ("steps", "figure", "words"),
    [
        ([5], {"data": chart([5])["data"][:2]}, "2 traces cannot extend the 3"),
        ([4], chart([4]), "steps must rise"),
        ([6, 6], chart([6, 6]), "steps must rise"),
        ([5, 6], chart([5]), "one value for each of the 2 steps"),
        ([5], {"data": [{"x": [5], "y": ["a"]}, {}, {}]}, "trace 0: y must have one value"),
    ],
)
def test_an_append_that_does_not_fit_changes_nothing(wired: Wired, steps: Any, figure: Any, words: str) -> None:
    live, wire = wired(chart(range(5)))
    wire.open()
    before = live.figure
    with pytest.raises(ValueError, match=words):
        live.append(np.array(steps), figure)
    live.flush()
    assert same(live.figure, before) and len(wire.log) == 1


def test_rows_without_steps_or_arrays_cannot_be_extended(wired: Wired) -> None:
    sweep, _ = wired({"data": [{"x": [0.1, 0.2], "y": [1, 2]}]})
    with pytest.raises(ValueError, match="2 values for 0 steps"):
        sweep.append(np.array([3]), {"data": [{"x": [3], "y": [1]}]})
    bare, _ = wired({"data": [{"type": "scatter"}]})
    with pytest.raises(ValueError, match="without arrays to extend"):
        bare.append(np.array([3]), {"data": [{"x": [3], "y": [1]}]})
    heat, _ = wired(picture([1]))
    with pytest.raises(ValueError, match="has rows"):
        heat.append(np.array([3]), {"data": [{"x": [3], "z": [[1], [2]]}]})
    with pytest.raises(ValueError, match="at least 2"):
        wired(max_points=1)
    with pytest.raises(ValueError, match="give the steps"):
        sweep.draw({"data": [{"x": [0.1, 0.2], "y": [1, 2]}]}, np.array([1]))


def test_a_picture_drawn_without_rows_gets_them(wired: Wired) -> None:
    figure, wire = wired({"data": [{"type": "heatmap", "x": [], "z": []}]})
    wire.open()
    figure.append(np.array([1, 2]), picture([1, 2]))
    figure.flush()
    wire.carry()
    wire.check()
    assert wire.page.data[0]["z"].shape == (4, 2)


def test_digits_as_names_of_bars_stay_names(wired: Wired) -> None:
    figure, _ = wired({"data": [{"type": "bar", "x": ["0", "1"], "y": (0.5, np.float64(1))}]})
    trace = figure.figure["data"][0]
    assert trace["x"] == ["0", "1"] and trace["y"].dtype == np.float32
    figure, _ = wired({"data": [{"type": "bar", "x": ["0", None]}]})
    assert figure.figure["data"][0]["x"] == ["0", None]


def test_the_copy_is_the_figures_own(wired: Wired) -> None:
    y = np.zeros(3)
    figure, _ = wired({"data": [{"y": y, "marker": {"size": 3}}], "layout": {"height": 200}})
    y[:] = 9
    figure.figure["data"][0]["y"][:] = 7
    figure.figure["data"][0]["marker"]["size"] = 7
    assert figure.figure["data"][0]["y"].tolist() == [0, 0, 0] and figure.figure["data"][0]["marker"]["size"] == 3


def test_plotly_takes_the_figure() -> None:
    go = pytest.importorskip("plotly.graph_objects")
    figure = LiveFigure(chart([], shapes=[{"type": "line", "x0": 1, "x1": 1}]), max_points=10)
    figure.append(np.arange(40), chart(range(40)))
    assert len(go.Figure(figure.figure).data[0].x) == 10


def test_ready_calls_back_each_time_and_survives_a_callback_that_raises(wired: Wired, caplog: Any) -> None:
    figure, wire = wired()
    calls: list[int] = []
    figure.on_ready(lambda: calls[0])
    figure.on_ready(lambda: calls.append(len(wire.log)))
    wire.open()
    wire.open()
    assert calls == [1, 2]  # after the whole was sent, each time
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [IndexError]


def test_an_answer_counts_for_the_other_figures_that_it_names(wired: Wired) -> None:
    figure, wire = wired()
    other, others_wire = wired()
    wire.open()
    others_wire.open()
    for step in range(UNANSWERED + 1):
        other.append(np.array([step]), chart([step]))
        other.flush()
    assert len(others_wire.sent) == UNANSWERED
    number = others_wire.log[0]["me"][1]
    before = other.last_answer
    wire.say(type="ack", seq=figure._seq, others={str(number): other._seq, "0": 7, "987654": 7})
    assert len(others_wire.sent) == UNANSWERED + 1 and other.last_answer > before


def test_a_drag_is_answered_even_by_a_callback_that_raises(wired: Wired, caplog: Any) -> None:
    figure, wire = wired()
    places: list[Drag] = []
    figure.on_drag(lambda drag: places[5])
    figure.on_drag(places.append)
    wire.say(type="drag", trace="points", point=2, x=1.5, y=3)
    assert places == [Drag("points", 2, 1.5, 3.0)]
    assert wire.sent[-1][0] == {"type": "dragged"}
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [IndexError]


def test_the_script_is_the_installed_plotly_packages(wired: Wired) -> None:
    _, wire = wired()
    wire.say(type="library")
    ((message, buffers),) = wire.sent
    spec = importlib.util.find_spec("plotly")
    assert spec and spec.submodule_search_locations and buffers
    path = pathlib.Path(spec.submodule_search_locations[0], "package_data", "plotly.min.js")
    assert message == {"type": "library"} and gzip.decompress(buffers[0]) == path.read_bytes()
    assert len(buffers[0]) < 1_600_000


def test_a_closed_figure_takes_everything_quietly() -> None:
    figure = LiveFigure(chart([]))
    figure._handle_custom_msg({"type": "ready"}, [])
    figure.close()
    figure.append(np.array([1]), chart([1]))
    figure.flush()
    figure.ping()


def test_a_page_that_comes_and_goes_beside_a_ticker_misses_nothing(wired: Wired) -> None:
    figure, wire = wired(max_points=100)
    done = threading.Event()

    def tick() -> None:
        for step in range(3000):
            figure.append(np.array([step]), chart([step]))
            figure.flush()
        done.set()

    ticker = threading.Thread(target=tick)
    ticker.start()
    while not done.is_set():
        wire.say(type="ready")
        wire.carry()
    ticker.join()
    figure.flush()
    wire.carry()
    figure.flush()
    wire.carry()
    wire.check()


def test_it_is_in_sight_until_every_page_says_that_it_is_not(wired: Wired) -> None:
    figure, wire = wired()
    other = LiveFigure(chart([]))
    assert figure.seen and other.seen
    numbers = [str(of._number) for of in (figure, other)]
    wire.say(type="seen", page="a", figures=dict.fromkeys([*numbers, "999999"], False))
    assert not figure.seen and not other.seen
    wire.say(type="seen", page="b", figures={numbers[1]: True})
    assert not figure.seen and other.seen
    wire.say(type="seen", page="b", figures={numbers[1]: False})
    assert not other.seen
