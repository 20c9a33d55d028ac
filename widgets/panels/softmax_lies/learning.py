"""The figure of how the heads learn: only the head that trains gains rows, the curves of finished heads stay."""

from collections.abc import Mapping

import numpy as np

from lab.concepts import moving_average as ma
from lab.concepts.heads import HEADS
from lab.session import Recording
from widgets.charts.style import column
from widgets.figure.live_figure import LiveFigure
from widgets.panels.softmax_lies import charts


def whole_curve(session: Recording) -> charts.Curve:
    """Return all that a head's session has recorded."""
    record = session.since(-1)
    average, weight = ma.ewma(column(record, "accuracy"), charts.BETA)
    return charts.Curve(record.steps, average / weight, record.validations)


class Learning:
    """Draws the heads' records as they grow, one after the other.

    Attributes:
        figure: the LiveFigure.
    """

    def __init__(self) -> None:
        self.figure = LiveFigure(charts.learning({}), label=charts.LABELS["learning"])
        self.clear()

    def clear(self) -> None:
        """Empty the figure, for other sessions."""
        self._finished: dict[str, charts.Curve] = {}
        self._begin(next(iter(HEADS)))

    def pull(self, sessions: Mapping[str, Recording], key: str) -> None:
        """Show what the heads up to ``key``, the one that trains, recorded since the last call."""
        heads = list(HEADS)
        for head in heads[heads.index(self._head) : heads.index(key) + 1]:
            if head != self._head:
                drawn = self.figure.figure["data"][heads.index(self._head)]
                self._finished[self._head] = charts.Curve(drawn["x"], drawn["y"], self._validations)
                self._begin(head)
            self._grow(sessions[head])
        self.figure.flush()

    def redraw(self, sessions: Mapping[str, Recording], key: str) -> None:
        """Draw head ``key`` anew: its record has been cut, maybe after its last rows had been drawn."""
        self.pull(sessions, key)
        self._begin(key)
        self.pull(sessions, key)

    def _begin(self, head: str) -> None:
        self._head, self._seen, self._average, self._unseen = head, -1, 0.0, 1.0
        self._validations: charts.Validations = ()
        # As coarse as the heads that have finished, so that what the x-axis says of its steps is true of all.
        stride = self.figure.stride if self._finished else 1
        self.figure.draw(charts.learning(self._finished, head), np.empty(0, np.int64), stride)

    def _grow(self, session: Recording) -> None:
        record = session.since(self._seen)
        if not len(record.steps) and record.validations == self._validations:
            return
        average, weight = ma.ewma(column(record, "accuracy"), charts.BETA, start=self._average, unseen=self._unseen)
        if len(record.steps):
            self._seen, self._average, self._unseen = int(record.steps[-1]), float(average[-1]), 1 - float(weight[-1])
        self._validations = record.validations
        curve = charts.Curve(record.steps, average / weight, record.validations)
        self.figure.append(record.steps, charts.learning(self._finished | {self._head: curve}, self._head))
