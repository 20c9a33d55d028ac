"""The net, drawn: a block for each layer with each channel's map of one picture, as it trains."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import anywidget
import traitlets

from lab.config import Config
from lab.nn.plan import Layer, plan
from widgets.run.net_view.message import BYTES_A_SECOND, LayerMaps, describe, pack

_HERE = Path(__file__).parent

ANSWER_WITHIN = 5.0
"""Seconds after which a message that no page has answered counts as lost."""


class HasMaps(Protocol):
    """A run that can give its layers' maps: a Session."""

    @property
    def config(self) -> Config: ...
    def maps(self) -> LayerMaps | None: ...


class NetView(anywidget.AnyWidget):
    """Picture of a net: input, a block for each layer, the answer.

    A block is a button that chooses its layer; arrow keys in it go from channel to channel, whose numbers are told
    below. :meth:`pull` asks the run for maps only while a page has this in sight, and sends the next ones only when the
    page has drawn the last.

    Attributes:
        described: how the bytes are read (message.describe); changed with the net, or with ``weights``.
        layer: the chosen layer's name, "" for none.
        weights: whether the first layer shows its weights in place of its maps.
        classes: names of the answers.
        threshold: t of near zero, abs(x) < t.
        sent: messages with maps so far.
    """

    # As text: of a path anywidget keeps every widget alive, to tell it of changes to the file.
    _esm = "\n".join((_HERE / f"{name}.js").read_text("utf-8") for name in ("bytes", "net_view"))
    _css = (_HERE / "net_view.css").read_text("utf-8")
    described: Any = traitlets.Dict().tag(sync=True)
    layer: Any = traitlets.Unicode().tag(sync=True)
    weights: Any = traitlets.Bool().tag(sync=True)
    classes: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)
    threshold: Any = traitlets.Float().tag(sync=True)

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
        self.sent = 0
        super().__init__(weights=config.model == "logistic", classes=list(classes))
        self.show_net(config)
        self.observe(lambda _: self._describe(), "weights")
        self.on_msg(self._receive)

    @property
    def seen(self) -> bool:
        """Whether a page has it in sight."""
        return bool(self._seen)

    def on_layer(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(name)`` when a layer is chosen."""
        self.observe(lambda change: callback(change["new"]), "layer")

    def show_net(self, config: Config) -> None:
        """Draw the net of ``config`` without maps: its run has not begun."""
        self.threshold = config.near_zero
        layers = plan(config) if self._planned else ()
        if layers != self._layers and (len(layers) == 1) != (len(self._layers) == 1):
            self.weights = len(layers) == 1  # of one layer the weights say more than ten numbers
        if self.layer not in [layer.name for layer in layers]:
            self.layer = ""
        self._shot = None
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
            shot = run.maps()
            if shot is None or shot is self._shot or self._held():
                return
            self._show_layers(shot.layers, len(shot.logits))
            self._send_shot(shot)

    def _held(self) -> bool:
        return self._waiting_since is not None and self._clock() - self._waiting_since < ANSWER_WITHIN

    def _send_shot(self, shot: LayerMaps) -> None:
        self._shot, self._waiting_since = shot, self._clock()
        self.sent += 1
        packed = pack(shot, self.described)
        self.send({"type": "maps", "pause": len(packed) / BYTES_A_SECOND}, [packed])

    def _show_layers(self, layers: tuple[Layer, ...], logits: int) -> None:
        if (layers, logits) != (self._layers, self._logits) or not self.described:
            self._layers, self._logits = layers, logits
            self._describe()

    def _describe(self) -> None:
        self.described = describe(self._layers, self.weights, self._logits, self._shape)
        if self._shot is not None:
            self._send_shot(self._shot)

    def _receive(self, _: object, content: dict[str, Any], __: object) -> None:
        with self._lock:
            if content.get("type") == "drawn":
                self._waiting_since = None
            elif content.get("type") == "seen":
                self._see(str(content.get("page")), bool(content.get("seen")))
            if self._run is not None:
                self.pull(self._run)

    def _see(self, page: str, seen: bool) -> None:
        if not seen:
            self._seen.discard(page)
            return
        self._seen.add(page)
        self._waiting_since = None
        if self._shot is not None:
            self._send_shot(self._shot)
