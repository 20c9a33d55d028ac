"""The challenges' panel: a board with par lines; an entry opens, replays and shows its code."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlencode

import ipywidgets

from lab.experiments.board import Boards, Entry, Standing
from lab.experiments.challenges import CHALLENGES
from lab.experiments.challenges import challenge as challenge_of
from lab.experiments.experiment import ExperimentError
from lab.experiments.results import ResultsError
from lab.kept import KeptError, Library
from lab.plain_code import script
from widgets.export.provenance import Settings
from widgets.export.section_words import Words
from widgets.figure.live_figure import LiveFigure
from widgets.page.fold import Fold
from widgets.page.layout import classed, close_all, section, show
from widgets.panel.panel import Panel, handler, under_voila
from widgets.panel.share_link import ShareLink
from widgets.panels.challenge import charts, words

MOST = 20
"""Entries listed, at most."""


class ChallengePanel(Panel):
    """Panel of the challenges: which kept runs count, how they rank, and the par lines to beat.

    ``ChallengePanel()`` shows the first challenge, ``ChallengePanel("fewest-parameters")`` another.

    Args:
        challenge: a challenge's id.
        library: of the kept runs; by default the person's own.

    Attributes:
        menu: Dropdown of the challenges.
        again: Button that reads the kept runs anew.
        standing: the board that is shown.
        openers: a Button for each listed entry, in their order; it opens the entry.
        opened: the entry that is open, None at first.
        how: Fold with the settings and the code of the entry that is open.

    Raises:
        ExperimentError: there is no challenge of this id.
    """

    TITLE = "Challenges"
    NOTICE = "How far are these runs from the par lines, and how much of that is chance?"

    def __init__(
        self,
        challenge: str = CHALLENGES[0].id,
        *,
        library: Library | None = None,
        clock: Callable[[], float] = time.monotonic,
        watch_page: bool | None = None,
    ) -> None:
        self._problem = ""
        self._served = under_voila()
        self.challenge = challenge_of(challenge)
        self.standing = Standing((), 0)
        self.opened: Entry | None = None
        self.openers: list[Any] = []
        self._boards = Boards(library or self._own_library())
        super().__init__(clock=clock, watch_page=watch_page)
        self.menu = ipywidgets.Dropdown(
            description="Challenge", options=[(one.title, one.id) for one in CHALLENGES], value=self.challenge.id
        )
        self.again = ipywidgets.Button(description="Look again", tooltip="Read the kept runs again")
        self.link = ShareLink(served=self._served)
        self._rule, self._rest, self._facts, self._settings, self._script = (ipywidgets.HTML() for _ in range(5))
        self._rows = classed(ipywidgets.VBox(), "lab-leaders")
        self.how = Fold("How it was done: settings and code", ipywidgets.VBox([self._settings, self._script]))
        self._entry = classed(ipywidgets.VBox([self._facts, self.how]), "lab-section")
        figure = LiveFigure(charts.board(self.challenge, ()), label=charts.LABELS["board"])
        self.figures = {"board": figure}
        head = classed(ipywidgets.HBox([self.menu, self.again, self.link]), "lab-buttons", "lab-menus")
        self.children = [
            self.style_sheet,
            self.error_line,
            head,
            classed(self._rule, "lab-section"),
            section("The board", parts=[self._rows, self._rest, figure]),
            self._entry,
        ]
        self.add_class("lab-challenge")
        self.menu.observe(self.on_challenge, "value")
        self.again.on_click(self.on_again)
        self.link.on_query(self.on_link)
        with self._guard("reading the kept runs"):
            self._show()

    @handler
    def on_challenge(self, _: object = None) -> None:
        """Show the chosen challenge."""
        self.challenge, self.opened = challenge_of(self.menu.value), None
        self._show()

    @handler
    def on_again(self, _: object = None) -> None:
        """Read the kept runs anew."""
        self._show()

    @handler
    def on_open(self, entry: Entry) -> None:
        """Open an entry; its settings and code stay folded until they are asked for."""
        self.opened, self.how.button.value = entry, False
        self._show_entry()

    @handler
    def on_link(self, query: str) -> None:
        """Show the challenge that the page's address names."""
        id = parse_qs(query.lstrip("?")).get("challenge", [self.challenge.id])[0]
        try:
            self.menu.value = challenge_of(id).id
        except ExperimentError as refusal:
            self._problem = str(refusal)

    @property
    def run_error(self) -> str:
        """Why kept runs, or a link, cannot be read."""
        return self._problem

    def settings(self) -> Settings:
        """Return which challenge the chart is of."""
        return {"Challenge": self.challenge.title}

    def chart_words(self) -> Mapping[str, Words]:
        """Return chart name -> heading and help."""
        return {"board": Words(self.challenge.title, self.challenge.question)}

    def _own_library(self) -> Library | None:
        try:
            return Library()
        except KeptError as error:
            self._problem = str(error)
            return None

    def _show(self) -> None:
        """Read the board and show it."""
        one = self.challenge
        try:
            self.standing = self._boards.standing(one)
        except ResultsError as error:
            raise KeptError(str(error)) from error
        finally:
            self._rule.value = words.rule(one, self._served)
            self.link.query = urlencode({"challenge": one.id})
            self.link.code = f"from widgets import ChallengePanel\n\nChallengePanel({one.id!r})"
        entries = self.standing.entries[:MOST]
        self._fill(entries)
        self._rest.value = words.rest(one, len(self.standing.entries) - len(entries), self.standing.short)
        self.draw({"board": charts.board(one, entries)})
        self._show_entry()

    def _fill(self, entries: tuple[Entry, ...]) -> None:
        """List the entries, and each par line above the first entry that it beats."""
        one = self.challenge
        for row in self._rows.children:
            close_all(row)
        pars = sorted(one.pars, key=lambda par: par.value, reverse=not one.lowest_wins)
        self.openers, rows = [], []
        for entry in entries:
            while pars and (not entry.place or one.better(pars[0].value, entry.value)):
                rows.append(_row(words.par(one, pars.pop(0)), "lab-par"))
            opener = ipywidgets.Button(description="Open", tooltip=f"Open: {entry.name}")
            opener.on_click(partial(self._open, entry))
            self.openers.append(opener)
            rows.append(_row(words.entry(one, entry), "", opener))
        self._rows.children = [*rows, *(_row(words.par(one, par), "lab-par") for par in pars)]

    def _open(self, entry: Entry, _: object) -> None:
        self.on_open(entry)

    def _show_entry(self) -> None:
        """Show the opened entry's facts, and fill in what is folded."""
        entry = self.opened
        show(self._entry, entry is not None)
        if entry is not None:
            self._facts.value = words.opened(self.challenge, entry)
            self._settings.value = words.settings(entry.config, self._served)
            self._script.value = words.code(script(entry.config, title=entry.name))


def _row(markup: str, name: str, *more: Any) -> Any:
    row = ipywidgets.HBox([ipywidgets.HTML(markup), *more])
    return classed(row, "lab-leader", *filter(None, [name]))
