"""The widget that shows a plotly figure and sends the page only its new points."""

import logging
import pathlib
import threading
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from widgets.figure import message_batch
from widgets.figure.bounded_figure import BoundedFigure, Figure
from widgets.figure.detail import Detail, Span, merged
from widgets.figure.js import figure_module, shared_module
from widgets.figure.plotly_js import plotly_script
from widgets.figure.requests import Drag, Points, SaveRequest, path_points
from widgets.figure.wire import Floats, pack, to_wire

log = logging.getLogger(__name__)

UNANSWERED = 4  # messages sent without an answer, before the rest waits and is sent as one
PING_AFTER = 2.0  # seconds without an answer, before a page is asked for one

_numbers = count(1)
_figures: "WeakValueDictionary[int, LiveFigure]" = WeakValueDictionary()


class FigureScript(anywidget.AnyWidget):
    """A widget without a view that brings the page the script and style of all figures, once for a kernel."""

    _esm = shared_module()
    _css = pathlib.Path(__file__).with_suffix(".css").read_text("utf-8")
    _only: "FigureScript | None" = None

    @classmethod
    def bring(cls) -> None:
        """Make the one of this kernel, if there is none or somebody has closed it."""
        if cls._only is None or cls._only.comm is None:
            cls._only = cls()


class LiveFigure(anywidget.AnyWidget):
    """A plotly figure that is updated by sending new points only.

    ``draw`` and ``append`` change the kernel's copy, which is the truth; ``flush`` sends what the page lacks; a page
    that (re)connects is given everything. Safe to call from any thread.

    Messages to the page: "draw" (everything), "append" (what is new) and "detail" (the rows of a span), numbered by
    "seq"; "ping" with the last of these numbers; "library" (plotly's script, on request, once a page); "dragged" (send
    the next place), "zoomed" (the next span); "slide" (a figure to draw and save), "file" (one to save), "unsaved" (why
    there is none); "many" (see message_batch). Its answers: "ready" (send everything: it is new, or has found a number
    missing), "ack" (received up to seq, and others of the kernel's figures up to theirs), "library" (send the script),
    "drag" (a point is dragged to a place), "click" (on a point), "zoom" (some figures are zoomed to a span, or no
    longer), "save" (a SaveRequest), "seen" (which of the kernel's figures have come into a page's sight, or gone out
    of it).

    Args:
        figure: ``{"data": [trace, ...], "layout": {...}}`` in plotly's JSON shape; arrays may be numpy's.
        max_points: the most rows (points of a line, columns of a heatmap) that ``append`` leaves, at least 2.
        label: what a screen reader calls the figure.
        words: [word, meaning] pairs, which a "?" beside the figure's buttons explains on hover and focus.
    """

    _esm = figure_module()
    label = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(300).tag(sync=True)  # pixels, known to the page before it has the figure: nothing jumps
    clickable = traitlets.Bool(False).tag(sync=True)  # whether a click on a point is told
    words: Any = traitlets.List().tag(sync=True)  # [word, meaning] pairs that a "?" explains; without, there is none
    sketchable = traitlets.Bool(False).tag(sync=True)  # whether a line that is drawn by hand is told
    savable = traitlets.Bool(False).tag(sync=True)  # whether there is a Save menu

    def __init__(
        self, figure: Figure, *, max_points: int = 1000, label: str = "", words: Iterable[list[str]] = ()
    ) -> None:
        self._lock = threading.RLock()
        self.max_points = max_points
        self._copy = BoundedFigure(figure, max_points)
        self._detail: Detail | None = None
        self._seq = self._answered = 1_000_000  # as many digits, and so bytes, in every message of a long run
        self._number = next(_numbers)
        self._waiting = False  # whether a flush is put off until an answer comes
        self._pinged = 0.0
        self._callbacks: list[Callable[[], None]] = []
        self._drag_callbacks: list[Callable[[Drag], None]] = []
        self._click_callbacks: list[Callable[[float, float], None]] = []
        self._zoom_callbacks: list[Callable[[Span], None]] = []
        self._sketch_callbacks: list[Callable[[Points], None]] = []
        self._save_callback: Callable[[SaveRequest], None] | None = None
        self._pages: dict[str, bool] = {}  # page -> whether it has this figure in sight
        self.ready = False
        self.last_answer = 0.0
        FigureScript.bring()
        super().__init__(label=label, height=self._height(), words=list(words))
        _figures[self._number] = self
        self.on_msg(self._hear)

    @property
    def figure(self) -> Figure:
        """A copy of the figure as the page shows it after a flush: at most ``max_points`` rows, float32."""
        with self._lock:
            return self._copy.figure()

    def figure_at(self, span: Span | None) -> Figure:
        """Return the figure with the rows of the detail, if that is of ``span``."""
        with self._lock:
            whole = self._copy.figure()
            return merged(whole, self._detail.figure()) if self._detail and self._detail.span == span else whole

    @property
    def detail(self) -> Detail | None:
        """The rows of the span that the page has asked for; not to be changed."""
        with self._lock:
            return self._detail

    @property
    def stride(self) -> int:
        """Rows kept are those with step % stride == 0: 1, then 2, 4 ... as more than ``max_points`` are appended."""
        with self._lock:
            return self._copy.stride

    @property
    def last_step(self) -> int:
        """The step of the last row that was drawn or appended, -1 before the first."""
        with self._lock:
            return self._copy.last_step

    @property
    def seen(self) -> bool:
        """Whether a page has the figure on or near its screen. True until a page says otherwise.

        While this is False nobody looks: what is drawn can wait. A page that breaks off is taken to look on.
        """
        pages = self._pages.copy()
        return not pages or any(pages.values())

    @property
    def waiting(self) -> bool:
        """Whether an update waits for the page's answers."""
        with self._lock:
            return self._waiting

    def draw(self, figure: Figure, steps: NDArray[np.int64] | None = None, stride: int = 1) -> None:
        """Replace the whole figure, unsent rows included; the reader's zoom stays, its rows are asked for again.

        Args:
            steps: (n,) of the figure's rows, if more are to be appended and x is not the step. With steps the figure
                is thinned as ``append`` does it; without, it is drawn as it is.
            stride: of those steps, to start with: a power of two.

        Raises:
            ValueError: steps that do not rise, or not one for each row.
        """
        copy = BoundedFigure(figure, self.max_points, steps, stride)
        with self._lock:
            self._copy, self._detail = copy, None
            self.height = self._height()

    def append(self, steps: NDArray[np.int64], figure: Figure) -> None:
        """Extend the traces by one row for each step.

        Args:
            steps: (n,) rising, after the last one appended. Rows drawn without steps count by the first line's x.
            figure: the same traces over the new rows only: x and y (heatmap: x and the columns of z) have n values.
                A trace with meta {"whole": True}, or without arrays, is replaced instead, and so are layout.shapes and
                layout.annotations if given; all else stays as drawn.

        Raises:
            ValueError: other traces than drawn, other lengths, steps that do not rise. Nothing has changed then.
        """
        with self._lock:
            self._copy.extend(steps, figure)

    def draw_detail(self, span: Span, figure: Figure, steps: NDArray[np.int64] | None = None) -> None:
        """Give the page the rows of ``span``, which it shows in place of the figure's own while it is zoomed to it.

        Args:
            figure: the same traces over the span's rows only; thinned to ``max_points`` rows.
            steps: (n,) of these rows, as in :meth:`draw`.
        """
        detail = Detail(span, figure, self.max_points, steps)
        with self._lock:
            self._detail = detail

    def append_detail(self, steps: NDArray[np.int64], figure: Figure) -> None:
        """Extend the detail as :meth:`append` does the figure; no-op if there is none."""
        with self._lock:
            if self._detail:
                self._detail.extend(steps, {"data": figure["data"]})

    def end_detail(self) -> None:
        """Drop the detail: the page is no longer zoomed, or lacks nothing."""
        with self._lock:
            self._detail = None

    def flush(self) -> None:
        """Send what the page lacks: now or, while too many answers are missing, when the next answer comes."""
        with self._lock:
            if not self.ready or not (self._copy.behind or (self._detail and self._detail.behind)):
                return
            self._waiting = self._seq - self._answered >= UNANSWERED
            if not self._waiting:
                self._post_new()
            elif time.monotonic() - max(self._pinged, self.last_answer) > PING_AFTER:
                self.ping()  # a message may be lost: the answer says so, and all is sent again
                # While a cell runs the kernel hears no answer: go on, at this slow rate.
                self._post_new()

    def ping(self) -> None:
        """Ask the page for an answer, which sets ``last_answer``."""
        with self._lock:
            self._pinged = time.monotonic()
            self._tell({"type": "ping", "seq": self._seq})

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever a page has (re)connected and been sent everything, in the kernel's thread."""
        self._callbacks.append(callback)

    def on_click(self, callback: Callable[[float, float], None]) -> None:
        """Call ``callback(x, y)`` when a person clicks on a point; x and y are the point's."""
        self._click_callbacks.append(callback)
        self.clickable = True

    def on_sketch(self, callback: Callable[[Points], None]) -> None:
        """Call ``callback`` with the (x, y) of a line drawn by hand, in the order in which it was drawn.

        What is drawn needs plotly's drawing mode (``layout.dragmode`` "drawopenpath"); the line itself goes with the
        figure's next :meth:`draw`, so that ``callback`` can show it as a trace.
        """
        self._sketch_callbacks.append(callback)
        self.sketchable = True

    def on_drag(self, callback: Callable[[Drag], None]) -> None:
        """Call ``callback`` as somebody drags a point; what it draws and flushes is the answer.

        The next place comes after it has returned, the newest one then: it may be slow, and nothing piles up.
        """
        self._drag_callbacks.append(callback)

    def on_zoom(self, callback: Callable[[Span], None]) -> None:
        """Call ``callback`` when a page is zoomed to a span of x; what it gives by :meth:`draw_detail` is the answer.

        The next span comes after it has returned, the newest one then.
        """
        self._zoom_callbacks.append(callback)

    def on_save_request(self, callback: Callable[[SaveRequest], None]) -> None:
        """Offer a Save menu, and call ``callback`` with what is chosen; it answers by one of the next three."""
        self._save_callback = callback
        self.savable = True

    def send_file(self, id: str, name: str, media_type: str, content: bytes) -> None:
        """Send a file for the page to save; ``id`` is the request's, "" for a file that was asked for elsewhere."""
        self._tell({"type": "file", "id": id, "name": name, "media": media_type}, content)

    def send_slide(self, id: str, name: str, figure: Figure) -> None:
        """Send ``figure`` for the page to draw out of sight, in its layout's size, and save as picture ``name``."""
        floats: list[Floats] = []
        packed = pack(to_wire(figure), floats)
        buffer = np.concatenate(floats).tobytes() if floats else b""
        self._tell({"type": "slide", "id": id, "name": name, "figure": packed}, buffer)

    def send_refusal(self, id: str, why: str) -> None:
        """Answer a save request with the reason why there is no file."""
        self._tell({"type": "unsaved", "id": id, "why": why})

    def _height(self) -> int:
        return int(self._copy.layout.get("height") or 300)

    def _post_new(self) -> None:
        for part in (self._copy, self._detail):
            if part and part.behind:
                self._post(*part.take())

    def _post(self, message: dict[str, Any], floats: list[Floats]) -> None:
        self._seq += 1
        if message["type"] == "draw":
            message = {**message, "me": (message_batch.KERNEL, self._number)}
        buffer = np.concatenate(floats).tobytes() if floats else b""
        message_batch.post(self, self._number, {**message, "seq": self._seq}, buffer)

    def _tell(self, content: dict[str, Any], buffer: bytes = b"") -> None:
        self.send(content, [buffer] if buffer else None)

    def _count_answered(self, seq: Any) -> None:
        with self._lock:
            self.last_answer = time.monotonic()
            self._answered = max(self._answered, min(int(seq), self._seq))
            if self._waiting:
                self.flush()

    def _hear(self, _: object, content: dict[str, Any], __: object) -> None:
        with self._lock:
            self.last_answer = time.monotonic()
            match content.get("type"):
                case "ack":
                    self._count_answered(content["seq"])
                case "library":
                    self._tell({"type": "library"}, plotly_script())
                case "ready":
                    self.ready, self._detail = True, None  # a page that is zoomed asks for the span again
                    self._post(*self._copy.take_all())
        match content.get("type"):
            case "ack":
                # Not under this figure's lock: whoever holds another's may wait for it.
                for number, seq in content.get("others", {}).items():
                    if other := _figures.get(int(number)):
                        other._count_answered(seq)
            case "seen":
                for number, seen in content["figures"].items():
                    if other := _figures.get(int(number)):
                        other._pages[str(content["page"])] = bool(seen)
            case "ready":
                _call(self._callbacks)
            case "drag":
                place = (str(content["trace"]), int(content["point"]), float(content["x"]), float(content["y"]))
                _call(self._drag_callbacks, Drag(*place))
                self._tell({"type": "dragged"})
            case "zoom":
                span = _span(content["range"])
                with message_batch.one_message():
                    for other in filter(None, (_figures.get(int(number)) for number in content["figures"])):
                        other._zoom(span)
                self._tell({"type": "zoomed"})
            case "click":
                _call(self._click_callbacks, float(content["x"]), float(content["y"]))
            case "sketch":
                _call(self._sketch_callbacks, path_points(str(content["path"])))
            case "save" if self._save_callback:
                _call([self._save_callback], SaveRequest.of(content))

    def _zoom(self, span: Span | None) -> None:
        if span is None:
            self.end_detail()
        else:
            _call(self._zoom_callbacks, span)
        self.flush()


def _span(ends: Any) -> Span | None:
    if ends is None:
        return None
    low, high = map(float, ends)
    return low, high


def _call(callbacks: list[Callable[..., None]], *arguments: object) -> None:
    for callback in callbacks:
        try:
            callback(*arguments)
        except Exception:
            log.exception("%s failed", callback)
