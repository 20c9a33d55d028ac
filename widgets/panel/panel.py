"""The base class of every panel: handlers that report exceptions, an error line, a ticker, and leases for pages."""

import functools
import html
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar
from weakref import WeakSet

import ipywidgets
import numpy as np
import traitlets

from lab.config import ConfigError
from lab.kept import KeptError
from widgets.charts.style import Figure
from widgets.export.provenance import Settings, knob_settings
from widgets.export.save_bar import SaveBar
from widgets.export.saver import Saver
from widgets.export.section_words import Words
from widgets.export.table import Table, of_figure
from widgets.figure.live_figure import LiveFigure
from widgets.page.layout import close_all
from widgets.page.muted import Muted

log = logging.getLogger(__name__)

MOST_ERRORS = 3
"""Lines of errors kept at most, so that a failure with ever new words does not fill the page."""

PERIOD = 0.1
"""Seconds between two ticks: a panel looks at its run ten times a second."""

QUICK, QUICK_FOR = 0.02, 0.5
"""Seconds between two ticks, and for how many seconds, after :meth:`Panel.hurry`."""

PING_EVERY = 10.0
PAUSE_AFTER, CLOSE_AFTER = 60.0, 600.0
"""Seconds without an answer from any figure of the page until it is asked, counts as away, counts as gone."""

STYLE = Path(__file__).with_suffix(".css")


def under_voila(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether this kernel belongs to a page of voila, which sets this variable for all of its kernels."""
    return "VOILA_BASE_URL" in environment


_cells: dict[str, tuple[str, "WeakSet[Panel]"]] = {}
"""Notebook cell -> the last execution that made panels, and these."""


def _close_earlier(panel: "Panel") -> None:
    """Close the panels that an earlier execution of the same notebook cell made: their output is replaced.

    Their runs would go on with no button that reaches them. Only where the notebook says which cell runs.
    """
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell, execution = parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id", "")
    if not cell:
        return
    before, panels = _cells.get(cell, (execution, WeakSet()))
    if before != execution:
        for earlier in list(panels):
            earlier.close()
        panels = WeakSet()
    panels.add(panel)
    _cells[cell] = execution, panels


P = TypeVar("P", bound="Panel")
A = ParamSpec("A")


def handler(method: Callable[Concatenate[P, A], None]) -> Callable[Concatenate[P, A], None]:
    """Decorate a callback of the page: take the panel's lock, and show and log an exception, which would vanish."""

    @functools.wraps(method)
    def guarded(self: P, /, *args: A.args, **kwargs: A.kwargs) -> None:
        with self._guard(method.__qualname__, clear=True):
            method(self, *args, **kwargs)

    return guarded


class Panel(ipywidgets.VBox):
    """The base class of a dashboard's panel: children under an error line, brought up to date by a ticker.

    A subclass overrides :meth:`update`, :attr:`active`, :attr:`run_error` and, for a page that was closed,
    :meth:`on_away`, :meth:`on_back` and :meth:`on_gone`.

    Args:
        children: the widgets that it shows.
        clock: returns seconds, as ``time.monotonic`` and ``LiveFigure.last_answer`` count them.
        watch_page: whether a run is paused and then ended when its page stops answering; by default under voila
            only, since a notebook is meant to go on without its page.

    Attributes:
        figures: name -> LiveFigure; the name is that of the chart's file.
        saver: writes the charts to files.
        error: the text of the error line: errors of the last action, then :attr:`run_error`; empty if there are none.
    """

    TITLE: ClassVar[str] = ""
    """Heading of decks and pages; if empty, the class's name without "Panel"."""

    NOTICE: ClassVar[str] = ""
    """What to look at, in one or two sentences for decks and pages: questions, not answers."""

    def __init__(
        self,
        children: Iterable[Any] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        watch_page: bool | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._clock = clock
        self._watch_page = under_voila() if watch_page is None else watch_page
        self._ticker: threading.Thread | None = None
        self._closed = threading.Event()
        self._tick_now = threading.Event()
        self._quick_until = 0.0
        self._away = self._page_gone = False
        self._listening_since = self._pinged = clock()
        self._guarding = False
        self._guarded_by: int | None = None  # the thread in a guarded block
        self._muted = Muted()
        self._errors: deque[str] = deque(maxlen=MOST_ERRORS)
        self.saver = Saver(self, self._lock)
        self.figures = {}
        self.error = ""
        self.error_line = ipywidgets.HTML()
        self.error_line.add_class("lab-error-line")
        self.style_sheet = ipywidgets.HTML(f"<style>{STYLE.read_text()}</style>")
        self.style_sheet.add_class("lab-style")
        super().__init__([self.style_sheet, self.error_line, *children])
        self.add_class("lab-panel")
        _close_earlier(self)

    @traitlets.validate("children")
    def _with_save_bar(self, proposal: Any) -> tuple[Any, ...]:
        """Append the save bar to the children, unless this panel stands in another one, which has it."""
        shown = tuple(child for child in proposal["value"] if child is not self.save_bar)
        return shown if self.saver.outer else (*shown, self.save_bar)

    @property
    def figures(self) -> dict[str, LiveFigure]:
        return self._figures

    @figures.setter
    def figures(self, figures: dict[str, LiveFigure]) -> None:
        self._figures = figures
        self.saver.connect(figures)

    @property
    def save_bar(self) -> SaveBar:
        """The menu of themes and the buttons that save all charts."""
        return self.saver.bar

    def adopt(self, inner: "Panel") -> None:
        """Save ``inner``, a panel that stands in this one, with it: they share save bar and settings."""
        own = inner.save_bar
        self.saver.adopt(inner.saver)
        inner.children = tuple(child for child in inner.children if child is not own)
        close_all(own)

    def settings(self) -> Settings:
        """Return what a chart's caption says that it was made with; by default the value of every knob."""
        knobs = getattr(self, "knobs", {})
        return knob_settings(knobs) if isinstance(knobs, dict) else {}

    def table(self, name: str) -> Callable[[], Table]:
        """Return a function that reads chart ``name``'s data, of the run that is shown now; any thread may call it.

        By default they are the arrays of the chart's traces.
        """
        return functools.partial(of_figure, self.figures[name].figure)

    def chart_words(self) -> Mapping[str, Words]:
        """Return chart -> heading and help of the section that it stands in; by default of none."""
        return {}

    def speaker_notes(self) -> str:
        """Return what a speaker may say of all charts, for the notes of a deck's first slide. By default nothing."""
        return ""

    def catch_up(self) -> None:
        """Bring every chart up to date before it is saved, those out of sight too; by default they always are."""

    def export(self, path: str | Path, theme: str = "") -> Path:
        """Write one chart to a file: ``panel.export("loss.svg")``.

        Args:
            path: its stem names the chart, its suffix the format (chart_file.FORMATS); missing folders are made.
            theme: "light", "dark" or "print"; by default what the panel's menu has.

        Returns:
            The path.

        Raises:
            ConfigError: for another chart, format or theme, with those there are.
            ExportError: for a picture, if there is no browser to draw it.
        """
        return self.saver.export(path, theme)

    def export_all(self, folder: str | Path, formats: Iterable[str] = ("png", "csv"), theme: str = "") -> list[Path]:
        """Write every chart into ``folder``, in each of ``formats``; otherwise as :meth:`export`."""
        return self.saver.export_all(folder, formats, theme)

    def deck(self, path: str | Path, theme: str = "") -> Path:
        """Write all charts into one file: slides (.pptx), a web page (.html), pictures and data (.zip)."""
        return self.saver.deck(path, theme)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"  # ipywidgets would spell out every widget inside

    @property
    def active(self) -> bool:
        """Whether the panel may still change without a person's action."""
        return False

    @property
    def run_error(self) -> str:
        """A lasting error, such as why the run failed; shown until it is empty."""
        return ""

    def draw(self, figures: Mapping[str, Figure], **words: str) -> None:
        """Draw and send figures by name; set the HTML attributes of these names to markup."""
        for name, figure in figures.items():
            self.figures[name].draw(figure)
            self.figures[name].flush()
        for name, markup in words.items():
            getattr(self, name).value = markup

    def update(self) -> None:
        """Bring everything that is shown up to date. Called with the panel's lock held."""

    def on_away(self) -> None:
        """Pause the run: the page has not answered for PAUSE_AFTER seconds."""

    def on_back(self) -> None:
        """Resume what :meth:`on_away` paused: the page answers again."""

    def on_gone(self) -> None:
        """End the run and free its memory: the page has not answered for CLOSE_AFTER seconds."""

    def wake(self) -> None:
        """Start the ticker, which calls :meth:`tick` until the panel is no longer active."""
        with self._lock:
            if self._ticker is None and not self._closed.is_set():
                self._listening_since = self._clock()
                self._ticker = threading.Thread(target=self._tick_until_idle, name="lab-ticker", daemon=True)
                self._ticker.start()

    def hurry(self) -> None:
        """Tick now, and faster for a moment, if the ticker runs: a person waits for the effect of a click."""
        self._quick_until = time.monotonic() + QUICK_FOR
        self._tick_now.set()

    def tick(self) -> bool:
        """Update the panel once; return whether there may be more to update."""
        going_on = False
        with self._guard("tick"):
            going_on = self.active
            self._check_page()
            self.update()
        return going_on

    def close(self) -> None:
        """End the ticker, and close the panel and its figures."""
        self._closed.set()
        self._tick_now.set()
        ticker = self._ticker
        # Closed by one of its own handlers, it holds the lock that the ticker may wait for: that ends by itself.
        if (
            ticker is not None
            and ticker is not threading.current_thread()
            and self._guarded_by != threading.get_ident()
        ):
            ticker.join()
        close_all(self)

    def __del__(self) -> None:
        """Do nothing: ipywidgets would call close() at the interpreter's exit, when no thread can be joined."""

    def _tick_until_idle(self) -> None:
        while True:
            self._tick_now.wait(QUICK if time.monotonic() < self._quick_until else PERIOD)
            self._tick_now.clear()
            if self._closed.is_set():
                return
            # Under the lock, so that a wake() that comes now starts a new ticker or finds this one going on.
            with self._lock:
                if not self.tick():
                    self._ticker = None
                    return

    @contextmanager
    def _guard(self, where: str, *, clear: bool = False) -> Iterator[None]:
        """Run the block under the panel's lock; show and log its exception.

        Args:
            where: named in the log.
            clear: forget earlier errors first. A block within a block never does: it adds to the outer one's.
        """
        # A notebook may have numpy raise on 0 ÷ 0, which a chart draws as a gap.
        with self._lock, np.errstate(all="ignore"):
            outermost, self._guarding = not self._guarding, True
            self._guarded_by = threading.get_ident()
            if outermost and clear:
                self._errors.clear()
            try:
                yield
            except Exception as error:
                self._record_error(error, where)
            finally:
                self._guarding = not outermost
            if outermost:
                self._guarded_by = None
                self._show_errors()

    def _record_error(self, error: Exception, where: str) -> None:
        refused = isinstance(error, ConfigError | KeptError)
        line = str(error)
        if not refused:
            line = f"Something went wrong: {type(error).__name__}: {error} (the log has the details)"
        if line not in self._errors:  # a tick that fails fails ten times a second
            self._errors.append(line)
            if not refused:
                log.exception("%s failed", where)

    def _show_errors(self) -> None:
        """Write the error line, which a screen reader reads out."""
        lines = [line for line in (*self._errors, *self.run_error.splitlines()) if line]
        self.error = "\n".join(lines)
        shown = "<br>".join(f'<span role="alert">{html.escape(line)}</span>' for line in lines)
        if self.error_line.value != shown:
            self.error_line.value = shown

    def _check_page(self) -> None:
        if not self._watch_page or not self.figures:
            return
        now = self._clock()
        if now - self._pinged >= PING_EVERY:
            self._pinged = now
            next(iter(self.figures.values())).ping()
        heard = max(figure.last_answer for figure in self.figures.values())
        silence = now - max(heard, self._listening_since)
        if silence >= CLOSE_AFTER:
            if not self._page_gone:
                self._page_gone = True
                self.on_gone()
        elif silence >= PAUSE_AFTER and not self._away:
            self._away = True
            self.on_away()
        elif silence < PAUSE_AFTER and self._away:
            self._away = self._page_gone = False
            self.on_back()
