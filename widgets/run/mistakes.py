"""The worst mistakes of a run's last validation, on a page."""

import ipywidgets

import lab.record
from widgets.markup.mistakes import tiles
from widgets.page.layout import classed


class Mistakes(ipywidgets.HTML):
    """Tiles of the wrong answers with the largest loss: picture, true class, what the net said."""

    def __init__(self) -> None:
        super().__init__(tiles(None))
        self._shown: lab.record.Mistakes | None = None
        classed(self, "lab-tiles")

    def show(self, mistakes: lab.record.Mistakes | None) -> None:
        """Show these, unless they are shown already."""
        if mistakes is not self._shown:
            self._shown = mistakes
            self.value = tiles(mistakes)
