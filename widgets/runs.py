"""The training panels of this kernel, so that another panel can offer their runs' records."""

from collections.abc import Callable
from itertools import count
from typing import Any, Protocol
from weakref import WeakMethod, WeakValueDictionary

from lab.telemetry.record import Record


class HasRun(Protocol):
    """What the registry asks of a panel: a session with a record."""

    @property
    def session(self) -> Any: ...


_panels: WeakValueDictionary[int, HasRun] = WeakValueDictionary()
_watchers: list[WeakMethod[Callable[[], None]]] = []
_numbers = count(1)


def add(panel: HasRun) -> None:
    """Offer ``panel``'s run from now on."""
    _panels[next(_numbers)] = panel
    _tell()


def remove(panel: HasRun) -> None:
    """Offer it no more."""
    for number in [number for number, known in _panels.items() if known is panel]:
        del _panels[number]
    _tell()


def watch(method: Callable[[], None]) -> None:
    """Call a bound ``method`` whenever what is offered changes, as long as its object lives."""
    _watchers.append(WeakMethod(method))


def unwatch(method: Callable[[], None]) -> None:
    """Call it no more."""
    _watchers[:] = [known for known in _watchers if known() not in (method, None)]


def offered() -> dict[str, int]:
    """Label -> number of each run that is offered, in the order in which they came."""
    return {f"Loss of training panel {number}": number for number in sorted(_panels)}


def record(number: int) -> Record:
    """All that this panel's run has recorded; empty if it has gone."""
    panel = _panels.get(number)
    return panel.session.since(-1) if panel is not None else Record()


def _tell() -> None:
    for reference in list(_watchers):
        method = reference()
        if method is not None:
            method()
