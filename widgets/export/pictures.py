"""Render figures as PNG, SVG and PDF without a page: in one Chromium, which kaleido keeps running.

Nothing is fetched: plotly's script is the installed package's, and there is no MathJax.
"""

import asyncio
import atexit
import logging
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from widgets.charts.style import Figure
from widgets.export.slide import HEIGHT, SCALE, WIDTH
from widgets.figure.plotly_js import plotly_path
from widgets.figure.wire import to_json

log = logging.getLogger(__name__)

IDLE_SECONDS = 60.0
"""Seconds after the last picture until the browser is ended."""

TIMEOUT = 60.0
"""Seconds for one picture, the browser's start included."""

INSTALL = (
    "needs Chromium or Chrome on the machine that runs the lab: install it (Debian, Ubuntu: apt-get install chromium) "
    "or name it in the environment variable BROWSER_PATH"
)

T = TypeVar("T")


class ExportError(Exception):
    """Error raised when a file cannot be made; the message says why."""


class Renderer:
    """The browser and the thread that talks to it; both start with the first picture and end with the process.

    Args:
        timeout: seconds for one picture.
    """

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kaleido: Any = None
        self._idle: threading.Timer | None = None

    def render(self, figure: Figure, format: str) -> bytes:
        """Return ``figure`` as a picture in ``format`` png, svg or pdf; callers wait for each other.

        Raises:
            ExportError: there is no browser, or it does not answer in time.
        """
        from choreographer.errors import ChromeNotFoundError

        with self._lock, self._closed_when_idle():
            for attempt in (1, 2):
                try:
                    return self._wait(self._render(figure, format), self._timeout)
                except ChromeNotFoundError:
                    raise ExportError(f"{format.upper()} {INSTALL}") from None
                except TimeoutError:
                    self._close_browser()
                    raise ExportError(
                        f"{format.upper()}: Chromium gave no picture within {self._timeout:g} s; try again"
                    ) from None
                except Exception:
                    # It may have been ended from outside since the last picture: a new one gets one try.
                    self._close_browser()
                    if attempt == 2:
                        raise
                    log.warning("the browser for pictures has failed; starting another", exc_info=True)
        raise AssertionError("the second attempt returns or raises")

    @contextmanager
    def _closed_when_idle(self) -> Iterator[None]:
        """End the browser if it stays idle for a while after the block: each kernel that saves a PDF has one."""
        if self._idle is not None:
            self._idle.cancel()
        try:
            yield
        finally:
            self._idle = threading.Timer(IDLE_SECONDS, self._close_if_idle)
            self._idle.daemon = True
            self._idle.start()

    def _close_if_idle(self) -> None:
        with self._lock:
            if self._idle is threading.current_thread():
                self._close_browser()

    def close(self) -> None:
        """End the browser and its thread."""
        with self._lock:
            self._close_browser()
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None

    async def _render(self, figure: Figure, format: str) -> bytes:
        if self._kaleido is None:
            from kaleido import Kaleido

            kaleido = Kaleido(n=1, timeout=self._timeout, plotlyjs=plotly_path().as_uri(), mathjax=False)
            await kaleido.open()
            self._kaleido = kaleido
        size = {"format": format, "width": WIDTH, "height": HEIGHT, "scale": SCALE if format == "png" else 1}
        return bytes(await self._kaleido.calc_fig(to_json(figure), opts=size))

    def _wait(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_run, args=(self._loop,), name="lab-pictures", daemon=True).start()
            atexit.register(self.close)
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    def _close_browser(self) -> None:
        """End the browser, whatever state it is in."""
        kaleido, self._kaleido = self._kaleido, None
        if kaleido is not None:
            try:
                self._wait(kaleido.close(), 10)
            except Exception:
                log.warning("the browser for pictures did not close", exc_info=True)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


RENDERER = Renderer()
"""The renderer of this process."""
