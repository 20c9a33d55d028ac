"""Texts above the charts: one run's name, note, facts and settings, or the differences between several runs."""

from collections.abc import Sequence

import ipywidgets

from widgets.page.fold import Fold
from widgets.page.layout import classed, show
from widgets.panels.kept import words
from widgets.panels.kept.selection import Opened


class About(ipywidgets.VBox):
    """Part of the page above the charts.

    Args:
        served: whether dashboards are served as pages that a link can open.

    Attributes:
        name, note: editable fields of the one run.
        heading, facts: HTML.
    """

    def __init__(self, served: bool) -> None:
        self._served = served
        self.heading, self.facts, self._everything = (ipywidgets.HTML() for _ in range(3))
        self.name = ipywidgets.Text(description="Name", continuous_update=False)
        self.note = ipywidgets.Textarea(description="Note", continuous_update=False, rows=2)
        self._labels = classed(ipywidgets.VBox([self.name, self.note]), "lab-labels")
        self._fold = Fold("All settings and versions", self._everything)
        super().__init__([self.heading, self._labels, self.facts, self._fold])
        self.add_class("lab-section")

    def show(self, opened: Sequence[Opened], any_runs: bool) -> None:
        """Show the facts of these runs, or how to make a run if there are not ``any_runs``."""
        one = opened[0] if len(opened) == 1 else None
        self.heading.value = words.heading(opened, any_runs, self._served)
        self.facts.value = words.about(one, self._served) if one else words.comparison(opened)
        if one:
            self.name.value, self.note.value = one.run.name, one.run.note
            self._everything.value = words.everything(one.run)
        for part in (self._labels, self._fold):
            show(part, one is not None)
