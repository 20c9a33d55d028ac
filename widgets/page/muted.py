"""Suppress change callbacks while a widget is updated from code."""

import threading


class Muted(threading.local):
    """Flag that is true inside ``with muted:``; callbacks return early ``if muted``. Blocks may be nested.

    It is per thread: traitlets calls callbacks in the thread that sets a value, so an entry that comes from the page in
    another thread meanwhile is not suppressed.
    """

    def __init__(self) -> None:
        self._depth = 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1

    def __bool__(self) -> bool:
        return self._depth > 0
