"""Figure of the heads' learning curves: only the head in training gains rows."""

from collections.abc import Mapping

import numpy as np

from lab.concepts import moving_average as ma
from lab.concepts.heads import HEADS
from lab.session import Recording
from widgets.charts.style import column
from widgets.figure.live_figure import LiveFigure
from widgets.panels.softmax_lies import charts


def whole_curve(session: Recording) -> charts.Curve:
    """Return the learning curve of a head's whole record."""
    record = session.since(-1)
    average, weight = ma.ewma(column(record, "accuracy"), charts.BETA)
    return charts.Curve(record.steps, average / weight, record.validations)


class Learning:
    """Live figure of the heads' learning curves, which grow one after the other.

    Attributes:
        figure: the LiveFigure.
    """

    def __init__(self) -> None:
        self.figure = LiveFigure(charts.learning({}), label=charts.LABELS["learning"])
        self.clear()

    def clear(self) -> None:
        """Empty the figure before other sessions are drawn."""
        self._finished: dict[str, charts.Curve] = {}
        self._begin(next(iter(HEADS)))

    def pull(self, sessions: Mapping[str, Recording], key: str) -> None:
        """Draw the rows recorded since the last call by the heads up to ``key``, the one in training."""
        heads = list(HEADS)
        for head in heads[heads.index(self._head) : heads.index(key) + 1]:
            if head != self._head:
                drawn = self.figure.figure["data"][heads.index(self._head)]
                self._finished[self._head] = charts.Curve(drawn["x"], drawn["y"], self._validations)
                self._begin(head)
            self._grow(sessions[head])
        self.figure.flush()

    def _begin(self, head: str) -> None:
        self._head = head
        self._validations: charts.Validations = ()
        # As coarse as the finished heads, so that the x-axis title is true of all lines.
        stride = self.figure.stride if self._finished else 1
        self.figure.draw(charts.learning(self._finished, head), np.empty(0, np.int64), stride)

    def _grow(self, session: Recording) -> None:
        curve = whole_curve(session)
        new = slice(int(np.searchsorted(curve.steps, self.figure.last_step, side="right")), None)
        if not len(curve.steps[new]) and curve.validations == self._validations:
            return
        self._validations = curve.validations
        rows = charts.Curve(curve.steps[new], curve.accuracy[new], curve.validations)
        self.figure.append(rows.steps, charts.learning(self._finished | {self._head: rows}, self._head))
