"""How work on a CUDA device is recorded into a graph, beside other threads that use the same device."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Protocol

import torch


class Capture(Protocol):
    """How device work is warmed up and recorded."""

    def warm(self, step: Callable[[], None]) -> None:
        """Do ``step``, where it would be recorded."""

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """Take down what ``step`` would do, without doing it; the function returned does it."""


_ALONE = threading.Lock()


@contextmanager
def alone() -> Iterator[None]:
    """While one thread warms up, captures or gives memory back, no other does.

    A process may capture one graph at a time, and whatever waits for the whole device breaks a
    capture that is under way.
    """
    with _ALONE:
        yield


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    """One for all captures: torch's own pool hands the same 32 out again and again."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class CudaCapture:
    """Captures CUDA graphs on a side stream, one after the other in the same memory."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._graph: torch.cuda.CUDAGraph | None = None

    def warm(self, step: Callable[[], None]) -> None:
        """Do ``step`` on the stream of the capture, after what is under way and before what follows."""
        with alone():
            side, current = _side_stream(self._device), torch.cuda.current_stream(self._device)
            side.wait_stream(current)
            try:
                with torch.cuda.stream(side):
                    step()
            finally:
                current.wait_stream(side)

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """Capture ``step``; the graph captured before must not be replayed any more."""
        graph, old = torch.cuda.CUDAGraph(), self._graph
        # The old graph lets go only afterwards: a pool without a graph is gone.
        pool = None if old is None else old.pool()
        # thread_local: other runs' threads may go on. The outer context: a capture that fails leaves its stream set.
        with alone(), torch.cuda.stream(side := _side_stream(self._device)):
            with torch.cuda.graph(graph, pool=pool, stream=side, capture_error_mode="thread_local"):
                step()
            if old is not None:
                old.reset()
        self._graph = graph
        return graph.replay
