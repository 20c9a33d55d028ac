"""The net, drawn: a block for each layer with each channel's map of one picture, as it trains."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from lab.concepts.drawing import SIDE, as_mnist
from lab.config import Config
from lab.nn.plan import Layer, plan
from widgets.run.net_view.message import BYTES_A_SECOND, LayerMaps, describe, head, pack, pack_kernels

_HERE = Path(__file__).parent

ANSWER_WITHIN = 5.0
"""Seconds after which a message that no page has answered counts as lost."""

HEAD_EVERY = 0.2
"""Seconds between two answers that are sent ahead of their maps."""

SCRIPTS = ("bytes", "strokes", "pad", "kernels", "net_view")
"""The page's half, one behind the other."""


class HasMaps(Protocol):
    """A run that can give its layers' maps: a Session."""

    @property
    def config(self) -> Config: ...
    def maps(self, channel: tuple[str, int] | None = None) -> LayerMaps | None: ...


class NetView(anywidget.AnyWidget):
    """Picture of a net: input, a block for each layer, the answer.

    A block is a button that chooses its layer; arrow keys in it go from channel to channel, whose numbers are told
    below. :meth:`pull` asks the run for maps only while a page has this in sight, and sends the next ones only when the
    page has drawn the last. The answer to a new picture does not wait for that.

    The picture is an example of a class, or one that a person draws on the page's pad.

    Attributes:
        described: how the bytes are read (message.describe); changed with the net, or with ``weights``.
        layer: the chosen layer's name, "" for none.
        weights: whether the first layer shows its weights in place of its maps.
        classes: names of the answers.
        threshold: t of near zero, abs(x) < t.
        digit: the class whose example is the picture, unless ``drawn``.
        drawn: whether the picture is the drawing.
        drawable: whether there are examples and a pad: the input is such a picture, and the answers have names.
        drawing: (28, 28) float32, 0 to 1, as the net is asked about it; None before the first stroke.
        sent: messages with maps so far.
    """

    # As text: of a path anywidget keeps every widget alive, to tell it of changes to the file.
    _esm = "\n".join((_HERE / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    _css = (_HERE / "net_view.css").read_text("utf-8")
    described: Any = traitlets.Dict().tag(sync=True)
    layer: Any = traitlets.Unicode().tag(sync=True)
    weights: Any = traitlets.Bool().tag(sync=True)
    classes: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)
    threshold: Any = traitlets.Float().tag(sync=True)
    digit: Any = traitlets.Int(3).tag(sync=True)
    drawn: Any = traitlets.Bool(False).tag(sync=True)
    drawable: Any = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        config: Config,
        clock: Callable[[], float] = time.monotonic,
        *,
        classes: Sequence[str] = tuple("0123456789"),
        shape: str = "28 × 28",
        planned: bool = True,
    ) -> None:
        """Draw the net of ``config``.

        Args:
            config: the settings of the run that will be shown.
            clock: gives seconds.
            classes: names of the answers; () for a net that names none.
            shape: of the input, in words.
            planned: whether ``config`` tells the net's layers; those of a net of one's own come with the first maps.
        """
        self._shape, self._planned, self._logits = shape, planned, len(classes)
        self._clock = clock
        self._lock = threading.RLock()  # the ticker pulls, the page's messages come in another thread
        self._run: HasMaps | None = None
        self._shot: LayerMaps | None = None
        self._waiting_since: float | None = None
        self._seen: set[str] = set()
        self._layers: tuple[Layer, ...] = ()
        self._as_digit = config.dataset == "mnist"
        self._channel: tuple[str, int] | None = None  # whose kernels a page shows
        self._kernels_sent: object = None
        self._head_at, self._head_of = -HEAD_EVERY, cast(object, None)
        self._small_bytes = 0  # since the last maps
        self._callbacks: list[Callable[[], None]] = []
        self.drawing: NDArray[np.float32] | None = None
        self.sent = 0
        drawable = bool(classes) and shape in ("28 × 28", "1 × 28 × 28")
        super().__init__(weights=config.model == "logistic", classes=list(classes), drawable=drawable)
        self.show_net(config)
        self.observe(lambda _: self._describe(), "weights")
        self.observe(lambda _: self._tell_picture(), ["digit", "drawn"])
        self.on_msg(self._receive)

    @property
    def seen(self) -> bool:
        """Whether a page has it in sight."""
        return bool(self._seen)

    def on_layer(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(name)`` when a layer is chosen."""
        self.observe(lambda change: callback(change["new"]), "layer")

    def on_picture(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when another picture is chosen, and at each stroke of a drawing."""
        self._callbacks.append(callback)

    @property
    def picture(self) -> NDArray[np.float32] | None:
        """The drawing, if the net is to be asked about it."""
        return self.drawing if self.drawn else None

    def show_example(self, digit: int) -> None:
        """Take the example of a class in place of a drawing."""
        with self.hold_trait_notifications():
            self.digit, self.drawn = digit, False

    def show_net(self, config: Config) -> None:
        """Draw the net of ``config`` without maps: its run has not begun."""
        self.threshold, self._as_digit = config.near_zero, config.dataset == "mnist"
        layers = plan(config) if self._planned else ()
        if layers != self._layers and (len(layers) == 1) != (len(self._layers) == 1):
            self.weights = len(layers) == 1  # of one layer the weights say more than ten numbers
        if self.layer not in [layer.name for layer in layers]:
            self.layer = ""
        self._shot = self._channel = self._kernels_sent = self._head_of = None
        self._show_layers(layers, self._logits)
        self.send({"type": "empty"})

    def name_classes(self, names: Sequence[str]) -> None:
        """Name the answers."""
        if list(names) != self.classes:
            self.classes = list(names)

    def pull(self, run: HasMaps) -> None:
        """Ask ``run`` for its maps and send them, if a page has this in sight and has drawn the last ones."""
        with self._lock:
            self._run = run
            if not self._seen:
                return
            shot = run.maps(self._channel)
            if shot is None or shot is self._shot:
                return
            if self._held():
                self._send_ahead(shot)
            else:
                self._show_layers(shot.layers, len(shot.logits))
                self._send_shot(shot)

    def _held(self) -> bool:
        return self._waiting_since is not None and self._clock() - self._waiting_since < ANSWER_WITHIN

    def _send_shot(self, shot: LayerMaps) -> None:
        self._send_kernels(shot)
        self._shot, self._waiting_since = shot, self._clock()
        self._head_of = _asked(shot)
        self.sent += 1
        packed = pack(shot, self.described)
        pause = (len(packed) + self._small_bytes) / BYTES_A_SECOND
        self._small_bytes = 0
        self.send({"type": "maps", "pause": pause}, [packed])

    def _send_ahead(self, shot: LayerMaps) -> None:
        """Send what a person waits for: the answer to another picture, another channel's kernels."""
        if shot.kernels is not None and shot.kernels.channel != getattr(self._kernels_sent, "channel", None):
            self._send_kernels(shot)
        if _asked(shot) != self._head_of and self._clock() - self._head_at >= HEAD_EVERY:
            self._head_at, self._head_of = self._clock(), _asked(shot)
            self._send_small({"type": "answer"}, head(shot))

    def _send_kernels(self, shot: LayerMaps) -> None:
        kernels, last = shot.kernels, cast(Any, self._kernels_sent)
        if kernels is None or kernels.channel != self._channel:
            return
        if last is None or last.channel != kernels.channel or not np.array_equal(last.weights, kernels.weights):
            self._kernels_sent = kernels
            told, packed = pack_kernels(kernels)
            self._send_small({"type": "kernels", "step": shot.step, **told}, packed)

    def _send_small(self, content: dict[str, Any], packed: bytes) -> None:
        self._small_bytes += len(packed)
        self.send(content, [packed])

    def _show_layers(self, layers: tuple[Layer, ...], logits: int) -> None:
        if (layers, logits) != (self._layers, self._logits) or not self.described:
            self._layers, self._logits = layers, logits
            self._describe()

    def _describe(self) -> None:
        self.described = describe(self._layers, self.weights, self._logits, self._shape)
        if self._shot is not None:
            self._send_shot(self._shot)

    def _receive(self, _: object, content: dict[str, Any], buffers: Sequence[Any]) -> None:
        kind = content.get("type")
        if kind == "picture":
            self._take_drawing(content, buffers)
        with self._lock:
            if kind == "drawn":
                self._waiting_since = None
            elif kind == "seen":
                self._see(str(content.get("page")), bool(content.get("seen")))
            elif kind == "kernels":
                layer = str(content.get("layer") or "")
                self._channel = (layer, int(content.get("channel") or 0)) if layer else None
                self._kernels_sent = None
            if self._run is not None:
                self.pull(self._run)

    def _take_drawing(self, content: dict[str, Any], buffers: Sequence[Any]) -> None:
        """Take the pad's cells, 28 x 28 uint8, for the picture, and tell the page that they have come.

        Not under the lock: who is called takes his own, and may hold it while he waits for this one.
        """
        cells = np.frombuffer(buffers[0], np.uint8) if buffers else np.empty(0, np.uint8)
        if cells.size != SIDE * SIDE:
            raise ValueError(f"a drawing has {SIDE * SIDE} bytes, not {cells.size}")
        drawing: NDArray[np.float32] = cells.reshape(SIDE, SIDE).astype(np.float32) / np.float32(255)
        # The digits of MNIST lie in the middle, and so must a drawn one; Fashion-MNIST's clothes fill the picture.
        self.drawing = as_mnist(drawing) if self._as_digit else drawing
        if self.drawn:
            self._tell_picture()
        else:
            self.drawn = True
        self.send({"type": "taken", "number": content.get("number")})

    def _tell_picture(self) -> None:
        for callback in self._callbacks:
            callback()

    def _see(self, page: str, seen: bool) -> None:
        if not seen:
            self._seen.discard(page)
            return
        self._seen.add(page)
        self._waiting_since = None
        if self._shot is not None:
            self._send_shot(self._shot)


def _asked(shot: LayerMaps) -> object:
    """Return what tells one picture from another."""
    return shot.picture.tobytes() if shot.label is None else shot.label
