"""The kernel's copy of a figure: bounded, thinned by powers of two; it knows which rows the page lacks.

A figure is a plain dict in plotly's JSON shape, ``{"data": [trace, ...], "layout": {...}}``. Arrays in it are float32.
Rows are points of a line, or columns of a heatmap; every row belongs to one step.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.figure.wire import Floats, pack, same, to_wire

Figure = dict[str, Any]


def _trace(value: dict[str, Any]) -> dict[str, Any]:
    """Return a trace of JSON types whose x, y and z are arrays wherever they hold numbers."""
    trace = dict(value)
    for field in "xyz":
        if isinstance(trace.get(field), list | tuple):
            with suppress(ValueError):  # lists of unequal lengths stay lists
                array = np.asarray(trace[field])
                # None stands for a gap; digits as text are categories, not numbers.
                if array.dtype.kind in "iuf" or (array.dtype == object and not _has_text(array)):
                    trace[field] = array.astype(np.float64)
    return {str(key): to_wire(item) for key, item in trace.items()}


def _has_text(array: NDArray[Any]) -> bool:
    return any(isinstance(item, str) for item in array.flat)


def _is_whole(trace: dict[str, Any]) -> bool:
    meta = trace.get("meta")
    return isinstance(meta, dict) and bool(meta.get("whole"))


def _growing(trace: dict[str, Any]) -> list[str]:
    """Return the fields of a trace that gain rows by ``extend``."""
    if _is_whole(trace):
        return []
    fields = ("x", "z") if trace.get("type") == "heatmap" else ("x", "y")
    return [field for field in fields if isinstance(trace.get(field), np.ndarray)]


def _rising(steps: NDArray[np.int64], after: int = -1) -> NDArray[np.int64]:
    steps = np.asarray(steps, dtype=np.int64)
    if np.any(np.diff(steps, prepend=after) <= 0):
        raise ValueError("steps must rise, and start after the last one appended")
    return steps


def _every(stride: int) -> str:
    return f"every {stride}{'nd' if stride % 10 == 2 and stride % 100 != 12 else 'th'} step"


class BoundedFigure:
    """A figure of at most ``max_points`` rows, extended by rows and thinned so that steps with step % stride == 0 stay.

    ``take`` and ``take_all`` hand out what a page needs to hold the same, and count it as given.
    A figure whose rows have no steps, and that is never extended, is kept as it is given, however long.

    Args:
        figure: see the module.
        max_points: at least 2.
        steps: (n,) rising, of the rows that ``figure`` has. If None: the x of its first line, where that can be steps.
        stride: to start with, a power of two; counts with ``steps`` only.

    Raises:
        ValueError: max_points below 2, steps that do not rise or are not as many as the rows.
    """

    def __init__(
        self, figure: Figure, max_points: int, steps: NDArray[np.int64] | None = None, stride: int = 1
    ) -> None:
        if max_points < 2:
            raise ValueError(f"max_points must be at least 2, not {max_points}")
        self.max_points = max_points
        self.stride = 1 if steps is None else stride
        self.data: list[dict[str, Any]] = [_trace(trace) for trace in figure.get("data", ())]
        self._fields = [_growing(trace) for trace in self.data]  # asked for many times at each update
        self.layout: dict[str, Any] = to_wire(figure.get("layout", {}))
        self.layout.setdefault("uirevision", "keep")
        self._titles = self._axis_titles()
        self.steps = self._steps_of_first_line() if steps is None else _rising(steps)
        self.last_step = int(self.steps[-1]) if len(self.steps) else -1  # thinned away or not
        self._all = True  # whether a page needs everything
        self._given = 0  # how many of the rows a page holds
        self._keep = (0, 1)  # of the rows a page holds: the first that stays, and every how many
        self._whole: set[int] = set()  # traces, and
        self._parts: set[str] = set()  # parts of the layout, that a page holds in an older form
        if steps is not None:
            self._check_rows()
            self._thin()
            self._show_stride()

    def figure(self) -> Figure:
        """Return a copy of the figure as a page shows it."""
        return {"data": to_wire(self.data), "layout": to_wire(self.layout)}

    @property
    def behind(self) -> bool:
        """Whether a page lacks anything."""
        return self._all or self._given < len(self.steps) or self._keep != (0, 1) or bool(self._whole or self._parts)

    def extend(self, steps: NDArray[np.int64], figure: Figure) -> None:
        """Append one row for each of ``steps`` (rising); see ``LiveFigure.append``. Nothing changes if it raises."""
        steps = _rising(steps, after=self.last_step)
        given = figure.get("data", ())
        if len(given) != len(self.data):
            raise ValueError(f"{len(given)} traces cannot extend the {len(self.data)} drawn: draw the figure anew")
        # Of a trace that grows, the rest stays as drawn.
        new = [
            _trace({field: trace[field] for field in fields if field in trace} if fields else trace)
            for fields, trace in zip(self._fields, given, strict=True)
        ]
        self._check_rows()
        stay = slice(None) if self.stride == 1 else np.flatnonzero(steps % self.stride == 0)
        grown: list[tuple[int, str, Floats]] = []
        for i, (old, add) in enumerate(zip(self.data, new, strict=True)):
            if not self._fields[i] and not _is_whole(old) and _growing(add):
                raise ValueError(f"trace {i} was drawn without arrays to extend: draw them empty, or mark it whole")
            for field in self._fields[i]:
                grown.append((i, field, self._joined(i, field, old[field], add.get(field), len(steps), stay)))
        for i, field, array in grown:
            self.data[i][field] = array
        self.steps = np.concatenate([self.steps, steps[stay]])
        self.last_step = int(steps[-1]) if len(steps) else self.last_step
        for i, (old, add) in enumerate(zip(self.data, new, strict=True)):
            if not self._fields[i] and not same(old, add):
                self.data[i], self._fields[i] = add, _growing(add)
                self._whole.add(i)
        for part in ("shapes", "annotations"):
            if part in figure.get("layout", {}):
                self._set_layout(part, to_wire(figure["layout"][part]))
        if len(self.steps) > self.max_points:
            self._thin()

    def take(self) -> tuple[dict[str, Any], list[Floats]]:
        """Return the message that brings a page up to date, with its floats: rows first, in the order of "grow"."""
        if self._all:
            return self.take_all()
        new = slice(self._given, None)
        floats = [self.data[i][field][..., new].ravel() for i, field in self._rows()]
        message: dict[str, Any] = {"type": "append", "rows": len(self.steps) - self._given}
        if self._keep != (0, 1):
            message["keep"] = self._keep
        if self._whole:
            message["whole"] = {str(i): pack(self.data[i], floats) for i in sorted(self._whole)}
        if self._parts:
            message["layout"] = {part: pack(self.layout[part], floats) for part in sorted(self._parts)}
        self._count_as_given()
        return message, floats

    def take_all(self) -> tuple[dict[str, Any], list[Floats]]:
        """Return the message that gives a page everything, with its floats."""
        floats: list[Floats] = []
        message = {
            "type": "draw",
            "data": pack(self.data, floats),
            "layout": pack(self.layout, floats),
            "grow": self._fields,
        }
        self._count_as_given()
        return message, floats

    def _rows(self) -> Iterator[tuple[int, str]]:
        """Return (trace, field) of each array that has one value a step."""
        return ((i, field) for i, fields in enumerate(self._fields) for field in fields)

    def _count_as_given(self) -> None:
        self._all, self._given, self._keep = False, len(self.steps), (0, 1)
        self._whole, self._parts = set(), set()

    def _joined(self, i: int, field: str, old: Floats, add: Any, rows: int, stay: slice | NDArray[np.int64]) -> Floats:
        if not isinstance(add, np.ndarray) or add.shape[-1] != rows:
            raise ValueError(f"trace {i}: {field} must have one value for each of the {rows} steps, or mark it whole")
        if old.size == 0 and old.shape[:-1] != add.shape[:-1]:
            self._all = True  # a page cannot tell from new columns how many rows there are
            old = np.empty((*add.shape[:-1], old.shape[-1]), np.float32)
        if old.shape[:-1] != add.shape[:-1]:
            raise ValueError(f"trace {i}: {field} has rows {add.shape[:-1]}, drawn with {old.shape[:-1]}")
        return np.concatenate([old, add[..., stay]], axis=-1)

    def _check_rows(self) -> None:
        for i, field in self._rows():
            count = self.data[i][field].shape[-1]
            if count != len(self.steps):
                text = f"{count} values for {len(self.steps)} steps: give the steps, or mark it whole"
                raise ValueError(f"trace {i}: {field} was drawn with {text}")

    def _thin(self) -> None:
        """Double the stride until the rows fit, on the kernel's side and, by ``_keep``, on the page's."""
        before = self.stride
        while True:
            keep = np.flatnonzero(self.steps % self.stride == 0)
            if len(keep) <= self.max_points:
                break
            self.stride *= 2
        if len(keep) == len(self.steps):
            return
        first, every = self._keep
        held = keep[keep < self._given]
        jumps = np.diff(held)
        if len(held) and np.all(jumps == jumps[:1]):
            jump = int(jumps[0]) if len(jumps) else self._given
            self._keep = (first + int(held[0]) * every, jump * every)
        elif self._given:
            self._all = True  # the steps have gaps, so no single rule tells a page what stays
        self._given = len(held)
        for i, field in self._rows():
            self.data[i][field] = np.ascontiguousarray(self.data[i][field][..., keep])
        self.steps = self.steps[keep]
        if self.stride != before:
            self._show_stride()

    def _show_stride(self) -> None:
        if self.stride == 1:
            return
        for axis, text in self._titles.items():
            title = f"{text} ({_every(self.stride)})" if text else _every(self.stride)
            old = self.layout.get(axis, {})
            kept = old.get("title") if isinstance(old.get("title"), dict) else {}
            self._set_layout(axis, {**old, "title": {**kept, "text": title}})

    def _set_layout(self, part: str, value: Any) -> None:
        if not same(self.layout.get(part), value):
            self.layout[part] = value
            self._parts.add(part)

    def _axis_titles(self) -> dict[str, str]:
        """Return the x axes that say what a row is, with their titles."""
        titles = {}
        for axis in self.layout:
            if re.fullmatch(r"xaxis\d*", axis):
                title = self.layout[axis].get("title")
                titles[axis] = str(title.get("text") or "") if isinstance(title, dict) else str(title or "")
        return {axis: text for axis, text in titles.items() if text} or {"xaxis": ""}

    def _steps_of_first_line(self) -> NDArray[np.int64]:
        """Return the steps of the rows already drawn: the first growing trace's x, none if those are no steps."""
        none = np.empty(0, np.int64)
        xs = [self.data[i]["x"] for i, field in self._rows() if field == "x"]
        if not xs or not np.all(np.isfinite(xs[0])):
            return none
        steps = xs[0].astype(np.int64)
        return steps if np.array_equal(steps, xs[0]) and np.all(np.diff(steps) > 0) else none
