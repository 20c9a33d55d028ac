"""The registry of a kernel's panels, which several threads use at once."""

import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from widgets.run import open_runs


class Panel:
    """A panel whose run has no step yet."""

    run = SimpleNamespace(history=SimpleNamespace(last_step=-1))


@pytest.fixture
def eager_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_threads")
def test_it_is_read_while_panels_are_opened_and_closed_in_another_thread() -> None:
    held: list[Any] = [Panel() for _ in range(50)]
    for panel in held:
        open_runs.add(panel)
    done = threading.Event()

    def open_and_close() -> None:
        for _ in range(300):
            made: Any = Panel()
            open_runs.add(made)
            open_runs.remove(made)
        done.set()

    threading.Thread(target=open_and_close).start()
    reads = 0
    while not done.is_set() or not reads:
        assert open_runs.offered() == {}
        reads += 1
    for panel in held:
        open_runs.remove(panel)
