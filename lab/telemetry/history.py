"""The record of a run in memory: bounded; when full it is thinned, and says so."""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lab.concepts.moving_average import ewma
from lab.record import COUNTS, SCALARS, Layout, Mark, Mistakes, Origin, Outputs, Record, Validation

MAX_ROWS = 65_536
MAX_HISTOGRAMS = 4_096


class HistoryState(NamedTuple):
    """Running averages and counts of a record after ``step`` rows: what its next row depends on.

    Attributes:
        step: rows so far, thinned ones included.
        loss, accuracy, unseen: the moving averages from zero, and beta^t.
        marks, validations: how many there are.
    """

    step: int
    loss: float
    accuracy: float
    unseen: float
    marks: int
    validations: int


class _Table:
    """Rows by step. When full, every second row goes and the stride doubles.

    Kept rows are those whose step is a multiple of the stride, so any two tables of one run (the page's too) thin to
    the same steps. Storage doubles as it fills, up to ``limit`` rows.

    Rows that were handed out are never written again (thinning makes new arrays), so a reader needs no
    copy, and training does not wait while one is made.

    Args:
        shape: of the stored array, with None on the axis along which rows are added.
    """

    def __init__(self, shape: tuple[int | None, ...], dtype: type[np.generic], limit: int) -> None:
        self.limit = limit
        self.stride = 1
        self.length = 0
        self._last: tuple[NDArray[np.int64], NDArray[Any]] | None = None
        self._shape, self._axis = shape, shape.index(None)
        self._steps = np.empty(min(256, limit), np.int64)
        self._rows = self._empty(len(self._steps), dtype)

    def append(self, steps: NDArray[np.int64], rows: NDArray[Any]) -> None:
        if len(steps):
            self._last = steps[-1:].copy(), rows[self._at(slice(-1, None))].copy()
        keep = steps % self.stride == 0
        steps, rows = steps[keep], rows[self._at(keep)]
        while self.length + len(steps) > self.limit:
            self.stride *= 2
            self._keep(np.flatnonzero(self._steps[: self.length] % self.stride == 0), len(self._steps))
            keep = steps % self.stride == 0
            steps, rows = steps[keep], rows[self._at(keep)]
        end = self.length + len(steps)
        capacity = len(self._steps)
        while end > capacity:
            capacity = min(2 * capacity, self.limit)
        if capacity > len(self._steps):
            self._keep(slice(self.length), capacity)
        self._steps[self.length : end], self._rows[self._at(slice(self.length, end))] = steps, rows
        self.length = end

    def since(self, step: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the rows after ``step``, not to be written to."""
        new = slice(int(np.searchsorted(self._steps[: self.length], step, side="right")), self.length)
        steps, rows = self._steps[new], self._rows[self._at(new)]
        steps.flags.writeable = rows.flags.writeable = False
        return steps, rows

    def until(self, step: int) -> "_Table":
        """Return a table of its own with the rows before ``step``."""
        rows = slice(int(np.searchsorted(self._steps[: self.length], step)))
        table = _Table(self._shape, self._rows.dtype.type, self.limit)
        table.stride = self.stride
        table.append(self._steps[rows], self._rows[self._at(rows)])
        return table

    def keep_last(self) -> None:
        """Add the last row that was appended, if it was thinned away."""
        if self._last is not None and (not self.length or self._steps[self.length - 1] < self._last[0][-1]):
            self._keep(slice(self.length), max(len(self._steps), self.length + 1))
            end = slice(self.length, self.length + 1)
            self._steps[end], self._rows[self._at(end)] = self._last
            self.length += 1

    def _keep(self, which: slice | NDArray[np.int64], capacity: int) -> None:
        """Copy the rows at ``which`` into new arrays for ``capacity`` rows."""
        steps, rows = self._steps[which], self._rows[self._at(which)]
        self.length = len(steps)
        self._steps, self._rows = np.empty(capacity, np.int64), self._empty(capacity, rows.dtype)
        self._steps[: self.length], self._rows[self._at(slice(self.length))] = steps, rows

    def _empty(self, capacity: int, dtype: Any) -> NDArray[Any]:
        return np.empty([capacity if size is None else size for size in self._shape], dtype)

    def _at(self, which: slice | NDArray[Any]) -> tuple[Any, ...]:
        """Return the index of the rows at ``which``."""
        return (*[slice(None)] * self._axis, which)


class History:
    """The record of one run in the host's memory. One thread writes, any thread reads.

    Beyond 65,536 rows or 4,096 histograms every second one goes and the stride doubles; marks
    and validations stay. Memory is bounded: about 350 bytes a row at four layers with norms.
    """

    def __init__(self, *, max_rows: int = MAX_ROWS, max_histograms: int = MAX_HISTOGRAMS) -> None:
        self._lock = threading.Lock()
        self._limits = max_rows, max_histograms
        self._marks: list[Mark] = []
        self._validations: list[Validation] = []
        self._outputs: Outputs | None = None
        self._mistakes: Mistakes | None = None
        self.origin: Origin | None = None
        self.last_step = -1
        self.open(Layout())

    def open(self, layout: Layout) -> None:
        """Lay out the storage for a run's rows; once, before the first of them."""
        with self._lock:
            self.layout = layout
            # A column lies in one piece, a step's histograms do.
            self._rows = _Table((len(layout.columns), None), np.float32, self._limits[0])
            self._hists = _Table((None, len(layout.layers), COUNTS), np.int32, self._limits[1])
            self._weight_hists = _Table((None, len(layout.layers), COUNTS), np.int32, self._limits[1])
            # The moving average goes through every row in order, the thinned ones too.
            self._average = self._accuracy = 0.0
            self._unseen = 1.0

    @property
    def state(self) -> HistoryState:
        """The running averages and counts after the last row."""
        with self._lock:
            averages = self._average, self._accuracy, self._unseen
            return HistoryState(self.last_step + 1, *averages, len(self._marks), len(self._validations))

    def fork(self, state: HistoryState, origin: Origin) -> Self:
        """Return a record of its own that begins with the rows, marks and validations of this one up to ``state``."""
        fork = type(self)(max_rows=self._limits[0], max_histograms=self._limits[1])
        with self._lock:
            fork.open(self.layout)
            fork._rows, fork._hists = self._rows.until(state.step), self._hists.until(state.step)
            fork._weight_hists = self._weight_hists.until(state.step)
            fork._marks, fork._validations = self._marks[: state.marks], self._validations[: state.validations]
        fork._average, fork._accuracy, fork._unseen = state.loss, state.accuracy, state.unseen
        fork.last_step, fork.origin = state.step - 1, origin
        return fork

    def append(
        self,
        device_rows: NDArray[np.float32],
        hists: NDArray[np.int32],
        host: NDArray[np.float64],
        betas: Sequence[float],
        weight_hists: NDArray[np.int32] | None = None,
    ) -> None:
        """Add the rows of the next steps, in order.

        Args:
            device_rows: (n, device columns), what the probes measured.
            hists: (n, layers, COUNTS).
            host: (n, 3): lr, momentum, seconds.
            betas: of the loss's moving average at each of these steps.
            weight_hists: (n, layers, COUNTS); None, at every call of a run, where they are not measured.
        """
        average, weight = ewma(device_rows[:, 0], betas, start=self._average, unseen=self._unseen)
        accuracy, _ = ewma(device_rows[:, 1], betas, start=self._accuracy)
        if len(betas):
            self._average, self._accuracy = float(average[-1]), float(accuracy[-1])
            self._unseen = 1 - float(weight[-1])
        rows = np.concatenate(
            [device_rows.T, host.T, [average, weight, accuracy]], dtype=np.float32, casting="same_kind"
        )
        steps = np.arange(self.last_step + 1, self.last_step + 1 + len(device_rows), dtype=np.int64)
        with self._lock:
            self._rows.append(steps, rows)
            self._hists.append(steps, hists)
            if weight_hists is not None:
                self._weight_hists.append(steps, weight_hists)
            self.last_step += len(device_rows)

    def finish(self) -> None:
        """Keep the last row, thinned away or not: no more rows follow."""
        with self._lock:
            self._rows.keep_last()
            self._hists.keep_last()
            self._weight_hists.keep_last()

    def mark(self, mark: Mark) -> None:
        """Add the mark of a knob's change."""
        with self._lock:
            self._marks.append(mark)

    def validate(self, validation: Validation) -> None:
        """Add an epoch's validation."""
        with self._lock:
            self._validations.append(validation)

    def show(self, outputs: Outputs | None) -> None:
        """Keep the net's last answers when the net is freed."""
        with self._lock:
            self._outputs = outputs

    def show_mistakes(self, mistakes: Mistakes) -> None:
        """Replace the answers of the validation before."""
        with self._lock:
            self._mistakes = mistakes

    def since(self, step: int) -> Record:
        """Return the rows and histograms after ``step`` (-1 for all), and every mark and validation.

        Its arrays are views of what is kept, and cannot be written to.
        """
        with self._lock:
            layout = self.layout
            steps, rows = self._rows.since(step)
            hist_steps, hists = self._hists.since(step)
            return Record(
                steps=steps,
                columns=dict(zip(layout.columns, rows, strict=True)),
                hist_steps=hist_steps,
                hists=hists,
                weight_hists=self._weight_hists.since(step)[1],
                layers=layout.layers,
                norms=layout.norms,
                range=layout.range,
                weight_ranges=layout.weight_ranges,
                steps_per_epoch=layout.steps_per_epoch,
                stride=self._rows.stride,
                hist_stride=self._hists.stride,
                marks=tuple(self._marks),
                validations=tuple(self._validations),
                outputs=self._outputs,
                mistakes=self._mistakes,
                origin=self.origin,
                loss=layout.loss,
                metric=layout.metric,
                own=layout.own,
            )


assert SCALARS[5:] == ("loss_average", "loss_weight", "accuracy_average"), "append's order of host columns"
