"""Registry of this kernel's training panels, through which other panels offer their runs' records."""

import threading
from collections.abc import Callable
from itertools import count
from weakref import WeakMethod, WeakValueDictionary

from lab.record import Record
from lab.session import Session
from widgets.markup.config_text import changes_text
from widgets.run.run_panel import RunPanel

_panels: "WeakValueDictionary[int, RunPanel[Session]]" = WeakValueDictionary()
_watchers: list[WeakMethod[Callable[[], None]]] = []
_numbers = count(1)
_lock = threading.Lock()  # panels are opened and closed in any thread


def add(panel: RunPanel[Session]) -> None:
    """Register ``panel``, whose run is then offered."""
    with _lock:
        _panels[next(_numbers)] = panel
    _tell()


def remove(panel: RunPanel[Session]) -> None:
    """Unregister the panel, whose run is then no longer offered."""
    with _lock:
        for number in [number for number, known in _panels.items() if known is panel]:
            del _panels[number]
    _tell()


def watch(method: Callable[[], None]) -> None:
    """Call a bound ``method`` whenever a panel is opened or closed, as long as its object lives."""
    _watchers.append(WeakMethod(method))


def unwatch(method: Callable[[], None]) -> None:
    """Stop calling the method."""
    _watchers[:] = [known for known in _watchers if known() not in (method, None)]


def any_panels() -> bool:
    """Return whether any panel is registered; its run is offered once it has a step."""
    return bool(_panels)


def offered(chosen: object = None) -> dict[str, int]:
    """Return label -> panel number of each run with a step, and always of the ``chosen`` one, oldest panel first."""
    with _lock:
        known = sorted(_panels.items())
    return {_label(number, panel.run): number for number, panel in known if number == chosen or length(number)}


def length(number: int) -> int:
    """Return the number of steps of panel ``number``'s run, thinned ones included; 0 if the panel is closed."""
    panel = _panels.get(number)
    return panel.run.history.last_step + 1 if panel is not None else 0


def record(number: int) -> Record:
    """Return the whole record of panel ``number``'s run; empty if the panel is closed."""
    panel = _panels.get(number)
    return panel.run.since(-1) if panel is not None else Record()


def _label(number: int, session: Session) -> str:
    return f"Loss of run {number} ({changes_text(session.config)}), {session.state}"


def _tell() -> None:
    for reference in list(_watchers):
        method = reference()
        if method is not None:
            method()
