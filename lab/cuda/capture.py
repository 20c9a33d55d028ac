"""Record work on a CUDA device into a graph, while other threads use the same device."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Protocol

import torch


class Capture(Protocol):
    """The interface of a capture: warm device work up, then record it."""

    def warm(self, step: Callable[[], None]) -> None:
        """Run ``step`` where it would be recorded."""

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """Record ``step`` without running it; return a function that runs it."""


_ALONE = threading.Lock()


@contextmanager
def alone() -> Iterator[None]:
    """Let one thread at a time warm up, capture or free memory.

    A process may capture one graph at a time, and whatever waits for the whole device breaks a
    capture that is under way.
    """
    with _ALONE:
        yield


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    """Return the stream of all captures: torch's own pool hands the same 32 out again and again."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class CudaCapture:
    """Captures CUDA graphs on a side stream; each reuses the memory of the one before."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._graph: torch.cuda.CUDAGraph | None = None

    def warm(self, step: Callable[[], None]) -> None:
        """Run ``step`` on the capture's stream, after the work already queued and before what follows."""
        with alone():
            side, current = _side_stream(self._device), torch.cuda.current_stream(self._device)
            side.wait_stream(current)
            try:
                with torch.cuda.stream(side):
                    step()
            finally:
                current.wait_stream(side)

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """Capture ``step``; the graph captured before it must not be replayed any more."""
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
