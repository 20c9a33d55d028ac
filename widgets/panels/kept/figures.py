"""The kept runs' figures: of one run those of the training lab, of several the same with a line for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.record import Record
from widgets.charts import View
from widgets.charts.compare import ROWS
from widgets.charts.compare_histograms import COLUMNS
from widgets.charts.overlays import OVERLAYS
from widgets.charts.style import Figure
from widgets.figure.detail import Span
from widgets.panels.kept.selection import Opened
from widgets.run.figures import HISTOGRAMS, TrainingFigures, after, within


@dataclass(frozen=True)
class Recorded:
    """A Recording over a whole record."""

    record: Record

    def since(self, step: int) -> Record:
        """Return the rows after ``step`` (-1 for all)."""
        return after(self.record, step)


class KeptFigures:
    """Draws the chosen runs: none, one or several.

    Attributes:
        figures: name -> LiveFigure, as the training lab has them.
    """

    def __init__(self) -> None:
        self._one = TrainingFigures(View())
        self.figures = self._one.figures
        self.on_zoom = self._one.on_zoom

    def draw(self, opened: Sequence[Opened], view: View) -> None:
        """Draw all of these runs."""
        if len(opened) > 1:
            for name, figure in _overlaid(opened, view).items():
                self.figures[name].draw(figure)
            self._one.flush()
            return
        self._one.view = view
        self._one.redraw(Recorded(opened[0].record if opened else Record()))

    def follow(self, opened: Sequence[Opened], view: View) -> None:
        """Show what the same runs have gained: of one its new rows, of several those lines that have changed."""
        if len(opened) == 1:
            self._one.pull(Recorded(opened[0].record), everything=True)
            return
        for name, figure in _overlaid(opened, view).items():
            live = self.figures[name]
            try:
                live.append(np.empty(0, np.int64), figure)
            except ValueError:  # other traces than before: a run's layers are known only now
                live.draw(figure)
            if live.detail:
                self.zoom(name, live.detail.span, opened, view)
        self._one.flush()

    def zoom(self, name: str, span: Span, opened: Sequence[Opened], view: View) -> None:
        """Give figure ``name`` the records' rows of ``span``, if one of them was thinned."""
        if len(opened) < 2:
            self._one.zoom(name, span)
        elif any(_thinned(name, one.record) for one in opened):
            lines = [one.line.over(lambda record: within(record, view, span)) for one in opened]
            self.figures[name].draw_detail(span, OVERLAYS[name](lines, view))
        else:
            self.figures[name].end_detail()


def _thinned(name: str, record: Record) -> bool:
    return len(record.hist_steps) > COLUMNS if name in HISTOGRAMS else len(record.steps) > ROWS


def _overlaid(opened: Sequence[Opened], view: View) -> dict[str, Figure]:
    lines = [one.line for one in opened]
    return {name: chart(lines, view) for name, chart in OVERLAYS.items()}
