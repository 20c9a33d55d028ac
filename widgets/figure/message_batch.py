"""Several figures' messages to the page as one: a message costs the kernel more than what is in it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import uuid4

KERNEL = uuid4().hex
"""Id by which a page tells this kernel's figures from another's."""


class Sender(Protocol):
    """A widget."""

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None: ...


Parts = list[tuple[Sender, int, dict[str, Any], bytes]]


class _Held(threading.local):
    parts: Parts | None = None


_held = _Held()


def post(sender: Sender, number: int, content: dict[str, Any], buffer: bytes) -> None:
    """Send ``content``, now or with the rest of :func:`one_message`.

    Args:
        sender: the figure that it is for.
        number: of that figure in this kernel.
        content, buffer: the message.
    """
    if _held.parts is None:
        sender.send(content, [buffer] if buffer else None)
    else:
        _held.parts.append((sender, number, content, buffer))


@contextmanager
def one_message() -> Iterator[None]:
    """Collect what this thread posts in the block, and send it as one message.

    It travels with the first figure's: ``{"type": "many", "kernel": KERNEL, "parts": [[number, message, bytes], …]}``,
    the parts' buffers end to end.
    """
    if _held.parts is not None:
        yield
        return
    parts: Parts = []
    _held.parts = parts
    try:
        yield
    finally:
        _held.parts = None
        if len(parts) == 1:
            post(*parts[0])
        elif parts:
            entries = [(number, content, len(buffer)) for _, number, content, buffer in parts]
            joined = b"".join(buffer for *_, buffer in parts)
            message = {"type": "many", "kernel": KERNEL, "parts": entries}
            parts[0][0].send(message, [joined] if joined else None)
