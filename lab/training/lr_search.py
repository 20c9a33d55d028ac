"""A search for a learning rate that goes on in a session's thread: asked, cancelled and awaited from any thread."""

import logging
import threading
from collections.abc import Callable

from lab.concepts.lr_curve import LrCurve

log = logging.getLogger(__name__)


class FindLrError(RuntimeError):
    """Why a search gave no curve, for a person."""


class FindLrCancelled(FindLrError):
    """The search was cancelled before its end."""


class LrSearch:
    """One search, which runs once, in a thread that may use the device."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = False
        self._over = threading.Event()
        self._cancelled = ""
        self._curve: LrCurve | None = None
        self._error: FindLrError | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended, with a curve or without."""
        return self._over.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody has cancelled it; it may still be on its last batch."""
        return bool(self._cancelled)

    def cancel(self, why: str = "The search was cancelled.") -> None:
        """End it at its next batch, or before it begins; no-op once it is over."""
        with self._lock:
            self._cancelled = self._cancelled or why
            if self._begun:
                return
            self._begun = True
        self.fail(FindLrCancelled(self._cancelled))

    def run(self, sweep: Callable[[Callable[[], bool]], LrCurve]) -> None:
        """Call ``sweep(cancelled)`` for the curve, unless it has begun or is cancelled already. Raises nothing.

        Args:
            sweep: is to raise as soon as ``cancelled()`` is true.
        """
        with self._lock:
            if self._begun:
                return
            self._begun = True
        try:
            self._curve = sweep(lambda: self.cancelled)
        except BaseException as error:
            if self._cancelled:
                self._error = FindLrCancelled(self._cancelled)
            else:
                log.exception("the search for a learning rate failed")
                self._error = FindLrError(f"No learning rate was found: {type(error).__name__}: {error}")
        finally:
            self._over.set()

    def fail(self, error: FindLrError) -> None:
        """End it without a curve."""
        self._error = error
        self._over.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end, at most ``timeout`` seconds; return whether it is over."""
        return self._over.wait(timeout)

    def result(self) -> LrCurve:
        """Wait for its end; return the curve.

        Raises:
            FindLrError: why there is none; FindLrCancelled if it was cancelled.
        """
        self._over.wait()
        if self._error is not None:
            raise self._error
        assert self._curve is not None
        return self._curve
