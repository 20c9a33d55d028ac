"""A search for a learning rate that goes on in a session's thread: asked, cancelled and awaited from any thread."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.concepts.lr_curve import LrCurve
from lab.config import Config

if TYPE_CHECKING:
    from lab.training.learner import Learner

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


class LrSearches:
    """The searches of one session. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._searches: list[LrSearch] = []  # those that may not be over
        self._threads: list[threading.Thread] = []

    @property
    def over(self) -> bool:
        """Whether none goes on."""
        with self._lock:
            return all(search.over for search in self._searches)

    def new(self) -> LrSearch:
        """Return a new search, which has not begun."""
        with self._lock:
            self._searches = [*(search for search in self._searches if not search.over), search := LrSearch()]
        return search

    def cancel(self, why: str) -> None:
        """Cancel all of them."""
        with self._lock:
            searches = list(self._searches)
        for search in searches:
            search.cancel(why)

    def run_all(self, learner: "Learner | None", config: Config, error: str) -> None:
        """Run those that have not begun, in this thread, or fail them with ``error`` where there is no learner."""
        with self._lock:
            searches = list(self._searches)
        for search in searches:
            if learner is None:
                search.fail(FindLrError(f"There is no net to search with. {error}"))
            else:
                run_search(search, learner, config)

    def run_apart(
        self, search: LrSearch, learner: "Callable[[], Learner]", config: Config, release: Callable[[], None]
    ) -> None:
        """Run ``search`` in a thread of its own, with the net of ``learner()``, then call ``release()`` there."""

        def curve(cancelled: Callable[[], bool]) -> LrCurve:
            from lab.training.find_lr import sweep

            return sweep(learner(), config, cancelled)

        def work() -> None:
            search.run(curve)
            release()

        thread = threading.Thread(target=work, name="lab-find-lr", daemon=True)
        with self._lock:
            self._threads = [*(each for each in self._threads if each.is_alive()), thread]
        thread.start()

    def join(self) -> None:
        """Wait for the threads of :meth:`run_apart`."""
        for thread in self._threads:
            thread.join()


def run_search(search: LrSearch, learner: "Learner", config: Config) -> None:
    """Run ``search`` in this thread, which may use the device."""
    from lab.training.find_lr import sweep

    search.run(lambda cancelled: sweep(learner, config, cancelled))
