"""List of kept runs with a search field, and buttons for the chosen runs."""

from collections.abc import Sequence
from typing import Any

import ipywidgets

from lab.kept import KeptRun
from lab.kept.search import matches
from widgets.page.fold import Fold
from widgets.page.layout import classed, show
from widgets.panels.kept import words
from widgets.panels.kept.run_list import RunList
from widgets.panels.kept.selection import Opened

SHOWN = 50
"""Number of runs listed before more are requested."""


class Shelf(ipywidgets.VBox):
    """Column beside the charts: search, list and buttons.

    Attributes:
        search: the search field; only runs that contain each of its words are listed.
        list: the runs to choose from; ``list.chosen`` their ids.
        more, clear, remove, undo: Buttons.
        limit: maximum number of runs listed.
    """

    def __init__(self) -> None:
        self.limit = SHOWN
        tip = "In names, notes, settings and outcomes; lr=0.9 asks for one setting"
        self.search = ipywidgets.Text(
            description="Search", placeholder="words, or lr=0.9", tooltip=tip, continuous_update=False
        )
        self.list = RunList()
        self.more = ipywidgets.Button(description="Show older runs")
        self.clear = ipywidgets.Button(description="Untick all", tooltip="Take every run off the charts")
        self.count = classed(ipywidgets.HTML(), "lab-said")
        self.remove = ipywidgets.Button(description="Delete", tooltip="Delete the chosen runs")
        self.undo = ipywidgets.Button(description="Undo delete", tooltip="Bring back what was deleted last")
        self._problems = ipywidgets.HTML()
        self._fold = Fold("Files that are no runs", self._problems)
        row = classed(ipywidgets.HBox([self.clear, self.remove, self.undo]), "lab-buttons")
        scrolled = classed(ipywidgets.VBox([self.list, self.more]), "lab-run-list")
        super().__init__([self.search, row, self.count, scrolled, self._fold])
        classed(self, "lab-knobs", "lab-kept")

    def show(self, runs: Sequence[KeptRun], opened: Sequence[Opened]) -> None:
        """List the ``runs`` that match the search, with line samples of those that are compared."""
        found: list[Any] = [run for run in runs if matches(run, self.search.value)]
        lines = {one.run.id: one.line for one in opened} if len(opened) > 1 else {}
        self.list.rows = [words.card(run, lines.get(run.id)) for run in found[: self.limit]]
        self.list.chosen = [one.run.id for one in opened]
        self.list.empty = words.empty(bool(runs), self.search.value)
        show(self.more, len(found) > self.limit)
        self.remove.disabled = self.clear.disabled = not opened
        listed = {run.id for run in found[: self.limit]}
        self.count.value = words.ticked(len(opened), sum(one.run.id not in listed for one in opened))

    def show_problems(self, problems: Sequence[str]) -> None:
        """Show the files that are not runs, in a folded section."""
        self._problems.value = words.lines(problems)
        show(self._fold, bool(problems))
