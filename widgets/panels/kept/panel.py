"""The panel of kept runs: search, open, compare."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import ipywidgets

from lab.kept import KeptError, KeptRun, Library
from widgets.export.provenance import Settings
from widgets.export.section_words import Words
from widgets.export.table import Table
from widgets.page.layout import body, classed, show
from widgets.panel.panel import Panel, handler, under_voila
from widgets.panels.kept import caption, words
from widgets.panels.kept.details import About
from widgets.panels.kept.figures import KeptFigures
from widgets.panels.kept.selection import Opened, Selection
from widgets.panels.kept.shelf import SHOWN, Shelf
from widgets.panels.kept.view import KeptView, arrange
from widgets.run.scrubber.panel import Scrubber, folded
from widgets.run.sections import LAYERS, section_words, sections

EVERY = 2.0
"""Seconds between two reads of the library while a page is there."""

PROBLEMS_EVERY = 5
"""Reads of the library between two searches for foreign files, each of which lists the folder once more."""


class KeptRunsPanel(Panel):
    """A list of all kept runs: search, open, compare, rename, annotate, delete and bring back.

    ``KeptRunsPanel()`` as the last line of a cell shows it, the newest run opened. While a page shows it, it looks for
    news every two seconds.

    Args:
        library: where the runs are; by default the person's own.

    Attributes:
        library: None if it cannot be read at all, as by a newer version.
        shelf: the list, its search and buttons; ``shelf.list.chosen`` are the ids of the chosen runs.
        about: what is said of the chosen runs; ``about.name``, ``about.note``.
        figures: name -> LiveFigure, of those charts that the chosen runs have.
        menus: "x", "near_zero", "layer", "norm" -> Dropdown.
        scrubber: any recorded step of the one opened run.
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
        self._scrub_fold = folded(self.scrubber)
        self._sections = sections(self.figures, self.menus, {LAYERS: self._scrub_fold}, with_help=False)
        self.children = [self.style_sheet, self.status, self.error_line]
        self.children += (body(self.shelf, [self.about, *self._sections.values()]),)
        self._connect()
        with self._guard("opening the library"):
            self._look()
            self._choose([run.id for run in self._runs[:1]])

    @property
    def opened(self) -> tuple[Opened, ...]:
        """The runs that are chosen."""
        return self._choice.opened

    @property
    def active(self) -> bool:
        """Whether it may change without a person's action: as long as a page shows it, a run may begin or grow."""
        return not self._gone and self.library is not None

    @property
    def run_error(self) -> str:
        """Why the library cannot be read at all."""
        return self._refusal

    def update(self) -> None:
        """Read the library every two seconds, while a page shows it."""
        if not (self._away or self._gone) and self._clock() - self._looked >= EVERY:
            self._look()

    @handler
    def on_search(self, _: object = None) -> None:
        """List only the runs that have every word; the chosen ones stay on the charts."""
        self.shelf.limit = SHOWN
        self._look()

    @handler
    def on_more(self, _: object = None) -> None:
        """List older runs too."""
        self.shelf.limit += SHOWN
        self._look()

    @handler
    def on_choose(self, change: dict[str, Any]) -> None:
        """Show the runs whose boxes are ticked: ``change["new"]``, since a look may have put the list back by now."""
        if not self._muted:
            self._choose(change["new"])

    @handler
    def on_clear(self, _: object = None) -> None:
        """Take every run off the charts."""
        self._choose([])

    @handler
    def on_name(self, _: object = None) -> None:
        """Give the opened run another name."""
        if not self._muted:
            self._write(lambda library, id: library.rename(id, self.about.name.value))

    @handler
    def on_note(self, _: object = None) -> None:
        """Write a note to the opened run."""
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
        """Bring back what was deleted last, and choose it."""
        back = [run for _ in range(self._deleted) if (run := self._shelved.undo())]
        self._deleted = 1
        self.status.value = words.said(words.brought_back(back))
        self._look()
        if back:
            self._choose([run.id for run in back])

    @handler
    def on_view(self, name: str, value: Any) -> None:
        """Redraw for another x-axis, definition of near zero, layer or norm."""
        self._view.choose(name, value)
        self._charts.draw(self.opened, self._view.seen(self.opened))
        self.scrubber.redraw()

    def settings(self) -> Settings:
        """Return one run's settings, or what differs between several, for a caption."""
        return caption.settings(self.opened)

    def chart_words(self) -> Mapping[str, Words]:
        """Return chart -> heading of its section."""
        return section_words(with_help=False)

    def table(self, name: str) -> Callable[[], Table]:
        """Return the records' rows that chart ``name`` shows, all of them."""
        return partial(caption.table, name, self.opened, self._view.seen(self.opened), super().table(name))

    def on_gone(self) -> None:
        """Stop reading the library until a page comes back."""
        self._gone = True

    def close(self) -> None:
        """Take the panel off the page."""
        self.scrubber.close()
        super().close()

    @property
    def _shelved(self) -> Library:
        """The library; raises KeptError where there is none."""
        if self.library is None:
            raise KeptError(self._refusal)
        return self.library

    def _look(self) -> None:
        """Bring the list up to date, and what is chosen with it."""
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
        """Change the one opened run, and show the result."""
        try:
            order(self._shelved, self.opened[0].run.id)
        finally:
            self._look()

    def _list(self) -> None:
        """Show the list of runs; a page must be there, since something was asked for."""
        with self._muted:
            self.shelf.show(self._runs, self.opened)
        self._come_back()

    def _draw(self) -> None:
        self._view.offer(self.opened)
        self._charts.draw(self.opened, self._view.seen(self.opened))
        self.scrubber.reload()
        self._say()

    def _say(self) -> None:
        """Show the facts of the chosen runs, and those parts of the page that they have."""
        with self._muted:
            self.about.show(self.opened, bool(self._runs))
        self.figures = arrange(self._sections, self._scrub_fold, self._charts.figures, self.opened)
        self.saver.inner = self.scrubber.saver if len(self.opened) == 1 else None  # several runs are not scrubbed
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
        for figure in self.figures.values():
            figure.on_ready(self._come_back)
