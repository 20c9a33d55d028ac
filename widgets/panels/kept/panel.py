"""Panel of kept runs: search, open, compare."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import ipywidgets

from lab.kept import KeptError, KeptRun, Library
from widgets.export.provenance import Settings
from widgets.export.section_words import Words
from widgets.export.table import Table
from widgets.figure.detail import Span
from widgets.page.layout import body, classed, show
from widgets.panel.panel import Panel, handler, under_voila
from widgets.panels.kept import caption, words
from widgets.panels.kept.details import About
from widgets.panels.kept.figures import KeptFigures
from widgets.panels.kept.selection import Opened, Selection
from widgets.panels.kept.shelf import SHOWN, Shelf
from widgets.panels.kept.view import KeptView, arrange
from widgets.run.mistakes import Mistakes
from widgets.run.scrubber.panel import Scrubber, folded
from widgets.run.sections import LAYERS, MISTAKES, section_words, sections

EVERY = 2.0
"""Seconds between two reads of the library while a page is connected."""

PROBLEMS_EVERY = 5
"""Reads of the library between two searches for foreign files, each of which lists the folder once more."""


class KeptRunsPanel(Panel):
    """Panel that lists all kept runs: search, open, compare, rename, annotate, delete and restore.

    ``KeptRunsPanel()`` as the last line of a cell shows it, the newest run opened. While a page shows it, it reads
    the library every two seconds.

    Args:
        library: library of the runs; by default the user's own.

    Attributes:
        library: None if it cannot be read at all, such as one of a newer version.
        shelf: the list with its search and buttons; ``shelf.list.chosen`` are the ids of the chosen runs.
        about: facts of the chosen runs; ``about.name``, ``about.note``.
        figures: name -> LiveFigure, of those charts that the chosen runs have.
        menus: "x", "near_zero", "layer", "norm" -> Dropdown.
        scrubber: Scrubber over the one opened run.
    """

    TITLE = "Kept runs"
    NOTICE = (
        "What differed in the settings of these runs, and what did that do to the charts? "
        "Train one setting with two seeds: is the difference larger than theirs?"
    )

    def __init__(
        self, library: Library | None = None, *, clock: Callable[[], float] = time.monotonic, watch_page: bool = True
    ) -> None:
        self.library, self._refusal = library, ""
        try:
            self.library = library or Library()
        except KeptError as error:
            self._refusal = str(error)
        self._choice, self._view, self._charts = Selection(), KeptView(), KeptFigures()
        self._runs: list[KeptRun] = []
        self._looked, self._looks, self._deleted, self._gone = 0.0, 0, 1, False
        self.shelf, self.about, self.menus = Shelf(), About(under_voila()), self._view.menus
        self.status = classed(ipywidgets.HTML(), "lab-said")
        super().__init__(clock=clock, watch_page=watch_page)
        self.figures = self._charts.figures
        self.scrubber = Scrubber(
            lambda: self._choice.record,
            going_on=lambda: self._choice.growing,
            view=lambda: self._view.seen(self.opened),
        )
        self.adopt(self.scrubber)
        self.mistakes = Mistakes()
        self._scrub_fold = folded(self.scrubber)
        self._sections = sections(
            self.figures, self.menus, {LAYERS: self._scrub_fold, MISTAKES: self.mistakes}, with_help=False
        )
        self.children = [self.style_sheet, self.status, self.error_line]
        self.children += (body(self.shelf, [self.about, *self._sections.values()]),)
        self._connect()
        with self._guard("opening the library"):
            self._look()
            self._choose([run.id for run in self._runs[:1]])

    @property
    def opened(self) -> tuple[Opened, ...]:
        """The chosen runs."""
        return self._choice.opened

    @property
    def active(self) -> bool:
        """True while a page shows the panel: a run may begin or grow without a person's action."""
        return not self._gone and self.library is not None

    @property
    def run_error(self) -> str:
        """Error text: why the library cannot be read at all."""
        return self._refusal

    def update(self) -> None:
        """Read the library every two seconds, while a page shows the panel."""
        if not (self._away or self._gone) and self._clock() - self._looked >= EVERY:
            self._look()

    @handler
    def on_search(self, _: object = None) -> None:
        """List only the runs that contain every search word; the chosen ones stay on the charts."""
        self.shelf.limit = SHOWN
        self._look()

    @handler
    def on_more(self, _: object = None) -> None:
        """List older runs too."""
        self.shelf.limit += SHOWN
        self._look()

    @handler
    def on_choose(self, change: dict[str, Any]) -> None:
        """Show the runs whose boxes are ticked: ``change["new"]``, since a refresh may have reset the list by now."""
        if not self._muted:
            self._choose(change["new"])

    @handler
    def on_clear(self, _: object = None) -> None:
        """Remove every run from the charts."""
        self._choose([])

    @handler
    def on_name(self, _: object = None) -> None:
        """Rename the opened run."""
        if not self._muted:
            self._write(lambda library, id: library.rename(id, self.about.name.value))

    @handler
    def on_note(self, _: object = None) -> None:
        """Save the note of the opened run."""
        if not self._muted:
            self._write(lambda library, id: library.set_note(id, self.about.note.value))

    @handler
    def on_remove(self, _: object = None) -> None:
        """Delete the chosen runs."""
        gone: list[str] = []
        try:
            for one in self.opened:
                self._shelved.delete(one.run.id)
                gone.append(one.run.name)
        finally:
            self._deleted = max(len(gone), 1)
            self.status.value = words.said(f"Deleted: {'; '.join(gone) or 'none'}.")
            self._look()

    @handler
    def on_undo(self, _: object = None) -> None:
        """Restore the runs deleted last, and choose them."""
        back = [run for _ in range(self._deleted) if (run := self._shelved.undo())]
        self._deleted = 1
        self.status.value = words.said(words.brought_back(back))
        self._look()
        if back:
            self._choose([run.id for run in back])

    @handler
    def on_view(self, name: str, value: Any) -> None:
        """Redraw the charts for another x-axis, definition of near zero, layer or norm."""
        self._view.choose(name, value)
        self._charts.draw(self.opened, self._view.seen(self.opened))
        self.scrubber.redraw()

    def on_zoom(self, name: str, span: Span) -> None:
        """Give a chart that was thinned the records' rows of the span that it is zoomed to."""
        with self._guard("on_zoom"):  # a page asks by itself, too: an error that is shown stays
            self._charts.zoom(name, span, self.opened, self._view.seen(self.opened))

    def settings(self) -> Settings:
        """Return one run's settings, or those that differ between several, for a caption."""
        return caption.settings(self.opened)

    def chart_words(self) -> Mapping[str, Words]:
        """Return chart name -> heading of its section."""
        return section_words(with_help=False)

    def table(self, name: str) -> Callable[[], Table]:
        """Return a function that reads chart ``name``'s data: all rows of the records, not thinned ones."""
        return partial(caption.table, name, self.opened, self._view.seen(self.opened), super().table(name))

    def on_gone(self) -> None:
        """Stop reading the library until a page connects again."""
        self._gone = True

    def close(self) -> None:
        """Remove the panel from the page."""
        self.scrubber.close()
        super().close()

    @property
    def _shelved(self) -> Library:
        """The library; raises KeptError if there is none."""
        if self.library is None:
            raise KeptError(self._refusal)
        return self.library

    def _look(self) -> None:
        """Refresh the list and the chosen runs."""
        self._looked = self._clock()
        if self.library is None:
            return
        self._runs = self.library.runs()
        changed, grown = self._choice.refresh(self.library, self._runs)
        if changed:
            self._draw()
        elif grown:
            self._charts.follow(self.opened, self._view.seen(self.opened))
        self._say()
        self._list()
        if self._looks % PROBLEMS_EVERY == 0:
            self.shelf.show_problems(self.library.problems())
        self._looks += 1

    def _choose(self, ids: Sequence[str]) -> None:
        runs = {run.id: run for run in self._runs}
        try:
            self._choice.choose(self._shelved, [runs[id] for id in ids if id in runs])
        finally:
            self._list()
        self._draw()

    def _write(self, order: Callable[[Library, str], None]) -> None:
        """Change the one opened run by ``order``, and show the result."""
        try:
            order(self._shelved, self.opened[0].run.id)
        finally:
            self._look()

    def _list(self) -> None:
        """Show the list of runs; a page is assumed to be connected, since it sent a request."""
        with self._muted:
            self.shelf.show(self._runs, self.opened)
        self._come_back()

    def _draw(self) -> None:
        self._view.offer(self.opened)
        self._charts.draw(self.opened, self._view.seen(self.opened))
        self.scrubber.reload()
        self._say()

    def _say(self) -> None:
        """Show the facts of the chosen runs, and the parts of the page that apply to them."""
        with self._muted:
            self.about.show(self.opened, bool(self._runs))
        self.figures = arrange(self._sections, self._scrub_fold, self._charts.figures, self.opened)
        self.mistakes.show(self.opened[0].record.mistakes if len(self.opened) == 1 else None)
        self.saver.inner = self.scrubber.saver if len(self.opened) == 1 else None  # the scrubber shows one run only
        show(self.save_bar, bool(self.opened))

    def _come_back(self) -> None:
        self._gone = False
        self.wake()

    def _connect(self) -> None:
        self.shelf.search.observe(self.on_search, "value")
        self.shelf.list.observe(self.on_choose, "chosen")
        for name in ("more", "clear", "remove", "undo"):
            getattr(self.shelf, name).on_click(getattr(self, f"on_{name}"))
        self.about.name.observe(self.on_name, "value")
        self.about.note.observe(self.on_note, "value")
        self._view.on_choice(self.on_view)
        self._charts.on_zoom(self.on_zoom)
        for figure in self.figures.values():
            figure.on_ready(self._come_back)
