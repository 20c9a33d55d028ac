"""The part of a run's record that a scrubber shows, kept up to date by what is new."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lab.record import LAYER, Record
from widgets.charts.scrub import nearest, outputs_of

_COLUMNS = ("loss", "accuracy", "lr", "momentum")


class RecordFollower:
    """A copy of a run's record that grows by new rows: a run that is asked for a long one stands still meanwhile.

    Args:
        everything: all that the run has recorded.
        since: what it recorded after a step; without it, nothing is new until :meth:`load`.

    Attributes:
        record: its rows, with the columns that are shown and no more.
        outputs: (layers,) how many outputs each layer has in a full batch.
    """

    def __init__(self, everything: Callable[[], Record], since: Callable[[int], Record] | None = None) -> None:
        self._everything, self._since = everything, since
        self.clear()

    @property
    def last(self) -> int:
        """The last step that has histograms; 0 if there is none."""
        steps = self.record.hist_steps
        return int(steps[-1]) if len(steps) else 0

    def clear(self) -> None:
        """Let go of everything."""
        self.record = Record()
        self.outputs = outputs_of(self.record)

    def load(self) -> None:
        """Copy all of it: another run, or one that has thinned or cut its rows."""
        record = self._everything()
        self.record = replace(record, columns=_shown(record), outputs=None)
        self.outputs = outputs_of(record)

    def look(self) -> bool:
        """Take in what is new; whether anything is."""
        if self._since is None:
            return False
        old = self.record
        news = self._since(int(old.steps[-1]) if len(old.steps) else -1)
        if _shape(news) != _shape(old):
            self.load()
            return True
        if not len(news.steps):
            return False
        columns = {name: np.concatenate([old.columns[name], rows]) for name, rows in _shown(news).items()}
        self.record = replace(
            old,
            steps=np.concatenate([old.steps, news.steps]),
            columns=columns,
            hist_steps=np.concatenate([old.hist_steps, news.hist_steps]),
            hists=np.concatenate([old.hists, news.hists]),
        )
        self.outputs = np.maximum(self.outputs, outputs_of(news))
        return True

    def at(self, step: int) -> int:
        """The step with histograms that lies nearest to ``step``; -1 if there is none."""
        steps = self.record.hist_steps
        return int(steps[nearest(steps, step)]) if len(steps) else -1

    def beside(self, step: int, by: int) -> int:
        """The step with histograms that lies ``by`` steps from ``step``, but at least the next one that way."""
        steps = self.record.hist_steps
        if not len(steps):
            return 0
        there = nearest(steps, step + by)
        if by > 0:
            there = max(there, int(np.searchsorted(steps, step, "right")))
        else:
            there = min(there, int(np.searchsorted(steps, step)) - 1)
        return int(steps[min(max(there, 0), len(steps) - 1)])


def _shape(record: Record) -> object:
    """What decides whether rows follow each other."""
    return record.layers, record.range, record.stride, record.hist_stride, record.steps_per_epoch


def _shown(record: Record) -> dict[str, np.ndarray]:
    names = [*_COLUMNS, *(f"{name}/{layer}" for layer in record.layers for name in LAYER)]
    return {name: record.columns[name] for name in names if name in record.columns}
