"""What is asked of CUDA, in what order, told by a stand-in for torch.cuda; test_graph.py asks CUDA itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from lab.cuda import capture as module
from lab.cuda.capture import CudaCapture, alone


class FakeStream:
    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name

    def wait_stream(self, other: "FakeStream") -> None:
        self.log.append(f"{self.name} waits for {other.name}")


class FakeGraph:
    made = 0

    def __init__(self, log: list[str]) -> None:
        FakeGraph.made += 1
        self.log, self.name = log, f"graph {FakeGraph.made}"

    def pool(self) -> str:
        return f"pool of {self.name}"

    def reset(self) -> None:
        self.log.append(f"{self.name} reset")

    def replay(self) -> None:
        self.log.append(f"{self.name} replayed")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    events: list[str] = []
    main, side = FakeStream(events, "main"), FakeStream(events, "side")
    FakeGraph.made = 0

    @contextmanager
    def stream(which: FakeStream) -> Iterator[None]:
        events.append(f"on {which.name}")
        try:
            yield
        finally:
            events.append(f"off {which.name}")

    @contextmanager
    def graph(graph: FakeGraph, pool: Any, stream: FakeStream, capture_error_mode: str) -> Iterator[None]:
        assert module._ALONE.locked(), "one capture at a time"
        events.append(f"{graph.name} begins in {pool} on {stream.name}, {capture_error_mode}")
        yield
        events.append(f"{graph.name} ends")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: FakeGraph(events))
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: main)
    monkeypatch.setattr(module, "_side_stream", lambda device: side)
    yield events


def test_a_warm_step_runs_between_what_came_before_and_what_follows(log: list[str]) -> None:
    CudaCapture(torch.device("cuda")).warm(lambda: log.append("step"))
    assert log == ["side waits for main", "on side", "step", "off side", "main waits for side"]


def test_captures_share_the_memory_of_the_one_before(log: list[str]) -> None:
    capture = CudaCapture(torch.device("cuda"))
    first = capture.record(lambda: log.append("step"))
    assert log == ["on side", "graph 1 begins in None on side, thread_local", "step", "graph 1 ends", "off side"]
    first()
    assert log.pop() == "graph 1 replayed"
    log.clear()
    second = capture.record(lambda: log.append("other step"))
    begin, end = "graph 2 begins in pool of graph 1 on side, thread_local", "graph 2 ends"
    # The first graph holds the memory until the second one does.
    assert log == ["on side", begin, "other step", end, "graph 1 reset", "off side"]
    second()
    assert log.pop() == "graph 2 replayed"


@pytest.mark.parametrize("how", ["warm", "record"])
def test_a_step_that_raises_leaves_the_side_stream_and_the_lock(log: list[str], how: str) -> None:
    def step() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        getattr(CudaCapture(torch.device("cuda")), how)(step)
    assert "off side" in log and not module._ALONE.locked()
    with alone():
        assert module._ALONE.locked()
