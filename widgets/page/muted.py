"""What a widget shows by itself is no entry of a person's, though the same callbacks hear of both."""

import threading


class Muted(threading.local):
    """``with quiet:`` around what is shown, ``if quiet:`` in the callbacks. Blocks may lie within each other.

    Callbacks are called in the thread that shows: what a person enters meanwhile comes in another, and counts.
    """

    def __init__(self) -> None:
        self._depth = 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1

    def __bool__(self) -> bool:
        return self._depth > 0
