"""Each channel's map of one picture, and which channels are dead, measured only while somebody asks.

Whoever calls :meth:`MapProbe.want` is served for two seconds; then the hooks go, and a step costs what it did. The
net is asked in eval mode, in the thread that trains, at most twice a second, after a step and never within one.

A channel is dead where more than .99 of its activations, before a norm (which would turn a constant zero into its
bias), are near zero, abs(x) < t, over the last 100 steps. One step in ten is counted: on the CPU from the step's own
batch; on CUDA, where a step is a graph without hooks, by one more pass over 64 validation images in 25 steps.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lab.nn.layers import Observed, hook_layers, layers_of
from lab.nn.plan import Layer
from lab.record import Outputs
from lab.telemetry.backward import weight_of
from lab.training.callbacks import Callback
from lab.training.learner import Learner
from lab.training.task import Gallery

EVERY_SECONDS, PICTURE_SECONDS, LEASE = 0.5, 0.25, 2.0
"""Seconds between two looks, between two at another picture, and for how long an asker is served."""

LAST_STEPS, EVERY_STEPS, EVERY_STEPS_CUDA, SAMPLE = 100, 10, 25, 64

MOST_LAYERS = 16
"""Layers of a net of one's own that are drawn at most."""

Picture = NDArray[np.float32]


Channel = tuple[str, int]
"""A layer's name, and the number of one of its channels from 0."""


@dataclass(frozen=True, eq=False)
class Kernels:
    """The weights by which one channel of a layer reads the layer before.

    Attributes:
        channel: whose.
        weights: (inputs, height, width) float32; (inputs, 1, 1) of a linear layer, but (1, height, width) of one that
            reads the picture itself.
    """

    channel: Channel
    weights: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """Every layer's maps of one picture, and the net's answer, after ``step``.

    Attributes:
        step: the last step taken before, -1 for none.
        layers: the net's layers in data order.
        picture: (28, 28) float32, 0 to 1.
        maps: of each layer, (channels, height, width) float32: its output, after its norm.
        shares: of each layer, (channels,): the near-zero share of its activations over the last 100 steps.
        weights: of the first layer, (channels, height, width), where it reads the picture itself.
        logits: (classes,) float32; (0,) where the net names no classes.
        threshold: t of near zero.
        label: the picture's true class, None for one that somebody drew.
        kernels: of the channel that was asked for, if any.
    """

    step: int
    layers: tuple[Layer, ...]
    picture: Picture
    maps: tuple[NDArray[np.float32], ...]
    shares: tuple[NDArray[np.float32], ...]
    weights: NDArray[np.float32] | None
    logits: NDArray[np.float32]
    threshold: float
    label: int | None = None
    kernels: Kernels | None = None


def near_zero_shares(x: Tensor, threshold: float) -> Tensor:
    """Return the share of each channel's values with abs(x) < threshold: (channels,), of (n, channels, ...) or (n,)."""
    x = x[:, None] if x.dim() == 1 else x
    return (
        (x.abs() < threshold).flatten(2).float().mean((0, 2)) if x.dim() > 2 else (x.abs() < threshold).float().mean(0)
    )


class MapProbe(Callback):
    """Callback that measures each layer's maps of one picture and counts dead channels, while somebody asks.

    Attributes:
        latest: the newest LayerMaps, None until the first.
        looks, seconds: number of measurements, and how long they took in all.
    """

    order = 60

    def __init__(self) -> None:
        self.latest: LayerMaps | None = None
        self.looks, self.seconds = 0, 0.0
        self._lock = threading.Lock()
        self._until = self._looked = -np.inf
        self._digit, self._picture, self._channel = 3, cast(Picture | None, None), cast(Channel | None, None)
        self._shown: tuple[object, int] | None = None
        self._sampling = False
        self._hooks = ExitStack()
        self._hooked = False
        self._rings: list[Tensor] = []
        self._at = np.full(LAST_STEPS // EVERY_STEPS, -LAST_STEPS - 1)

    def want(self, digit: int, picture: Picture | None = None, channel: Channel | None = None) -> None:
        """Ask for maps of class ``digit``'s picture, or of ``picture`` (28, 28), 0 to 1; any thread may.

        ``channel``: whose kernels are wanted, too.
        """
        with self._lock:
            self._digit, self._picture, self._channel = digit, picture, channel
        self.want_again()

    def want_again(self) -> None:
        """Ask for more of the same."""
        with self._lock:
            self._until = time.perf_counter() + LEASE

    @property
    def _wish(self) -> object:
        return self._digit, _key(self._picture), self._channel

    @property
    def outdated(self) -> bool:
        """Whether somebody asked for another picture, or other kernels, than the latest shot's."""
        with self._lock:
            return self._shown is None or self._shown[0] != self._wish

    def before_batch(self, learner: Learner) -> None:
        self._sampling = self._hooked and learner.training and learner.step % EVERY_STEPS == 0

    def after_batch(self, learner: Learner) -> None:
        now = time.perf_counter()
        if not learner.training:
            # A validation takes seconds: too long for somebody who draws.
            if self._hooked and now - self._looked >= PICTURE_SECONDS and self.outdated:
                self.look(learner, learner.step)
            return
        self._sampling = False
        if now >= self._until:
            self._unhook()
            return
        self._hook(learner)
        cuda = self._rings[0].is_cuda
        if cuda and learner.step % EVERY_STEPS_CUDA == 0:
            self._count_apart(learner)
        if now - self._looked >= EVERY_SECONDS or (now - self._looked >= PICTURE_SECONDS and self.outdated):
            self.look(learner, learner.step + 1)

    def cleanup_fit(self, learner: Learner) -> None:
        self._unhook()

    def _hook(self, learner: Learner) -> None:
        """Count near zeros in the sampled steps, until :meth:`_unhook`."""
        if self._hooked:
            return
        model, device = learner.model, learner.task.x_train.device
        if not self._rings:
            self._rings = [torch.zeros(len(self._at), layer.channels, device=device) for layer in drawn(model)]
        counters = [self._counter(learner, index) for index in range(len(self._rings))]
        hook_layers(self._hooks, model, drawn(model), counters, where=lambda layer: layer.activated)
        self._hooked = True

    def _unhook(self) -> None:
        self._hooks.close()
        self._hooked = self._sampling = False

    def _counter(self, learner: Learner, index: int):  # type: ignore[no-untyped-def]
        threshold, ring = learner.config.near_zero, self._rings[index]

        def count(module: nn.Module, inputs: object, output: Tensor) -> None:
            if not self._sampling or (output.is_cuda and learner.model.training):  # a CUDA graph may be in capture
                return
            with torch.no_grad():
                place = learner.step // EVERY_STEPS % len(ring)
                ring[place] = near_zero_shares(output.detach(), threshold)
                self._at[place] = learner.step

        return count

    def _count_apart(self, learner: Learner) -> None:
        """Count on validation images, apart from the step."""
        self._sampling = True
        self._evaluate(learner.model, learner.task.x_valid[:SAMPLE])
        self._sampling = False

    def _evaluate(self, model: nn.Module, x: Tensor) -> Tensor:
        training = model.training
        model.eval()
        try:
            with torch.no_grad():
                logits: Tensor = model(x)
        finally:
            model.train(training)
        return logits

    def look(self, learner: Learner, done: int) -> None:
        """Take a new shot ``done`` steps after the start, if it is another net or picture than at the last.

        Only the thread that trains may call it, or, once that has ended, one thread at a time.
        """
        begin = self._looked = time.perf_counter()
        gallery = learner.task.gallery
        if gallery is None:
            return
        with self._lock:
            digit, by_hand, channel = self._digit, self._picture, self._channel
            key = self._wish, done
        if key == self._shown:
            return
        if not (self._at >= done - LAST_STEPS).any():
            hooked = self._hooked
            self._hook(learner)
            self._count_apart(learner)
            if not hooked:
                self._unhook()
        observed = drawn(learner.model)
        outputs: dict[str, Tensor] = {}

        def keeper(name: str):  # type: ignore[no-untyped-def]
            # Copied at once: an activation in place may write into it.
            return lambda _, __, output: outputs.__setitem__(name, _as_maps(output[0]).detach().clone())

        with ExitStack() as stack:
            hook_layers(stack, learner.model, observed, [keeper(layer.name) for layer in observed])
            at = gallery.alone(digit)
            x = gallery.x[at : at + 1] if by_hand is None else normalised(gallery, by_hand)
            logits = self._evaluate(learner.model, x)
        maps = tuple(outputs[layer.name].cpu().numpy() for layer in observed)
        recent = torch.from_numpy(self._at >= done - LAST_STEPS)
        shares = tuple(ring.cpu()[recent].mean(0).numpy() for ring in self._rings)
        layers = tuple(
            Layer(
                layer.name,
                (made.shape[0], made.shape[1], made.shape[2]),
                layer.parameters,
                layer.norm_name if layer.layer is not layer.module else type(layer.module).__name__,
                _weight_shape(layer.layer, gallery),
            )
            for layer, made in zip(observed, maps, strict=True)
        )
        weights = None
        first = weight_of(observed[0].layer)
        if layers[0].weight is not None and first is not None:
            weights = first.detach().reshape(-1, *layers[0].weight).cpu().numpy().copy()
        picture = gallery.pictures[at].numpy() if by_hand is None else by_hand
        answer = logits[0].cpu().numpy() if gallery.answers else np.empty(0, np.float32)
        self.latest = LayerMaps(
            done - 1, layers, picture, maps, shares, weights, answer, learner.config.near_zero,
            digit if by_hand is None else None, _kernels(observed, layers, channel),
        )  # fmt: skip
        self._shown = key
        self.looks += 1
        self.seconds += time.perf_counter() - begin


def black_and_white(gallery: Gallery) -> tuple[Tensor, Tensor]:
    """Return how the net takes black and white, a picture's 0 and 1; 0-dim tensors on the gallery's device."""
    black, one = gallery.x[gallery.blank].flatten()[0], gallery.pairs[0, 0]
    at = int(gallery.pictures[one].argmax())
    return black, black + (gallery.x[one].flatten()[at] - black) / gallery.pictures[one].flatten()[at].item()


def normalised(gallery: Gallery, picture: Picture) -> Tensor:
    """Return ``picture`` (28, 28), 0 to 1, as the net takes it: (1, 1, 28, 28), on the gallery's device."""
    black, white = black_and_white(gallery)
    shares = torch.from_numpy(np.asarray(picture, np.float32)).to(gallery.x.device)
    return (shares * (white - black) + black)[None, None]


def with_drawing(outputs: Outputs | None, shot: LayerMaps | None, picture: Picture | None) -> Outputs | None:
    """Return ``outputs`` with the answer to a drawn picture in place of the digit's, once the net has been asked."""
    if outputs is None or picture is None or shot is None or not np.array_equal(shot.picture, picture):
        return outputs
    logits, pictures = outputs.logits.copy(), outputs.pictures.copy()
    logits[0], pictures[0] = shot.logits, picture
    return outputs._replace(logits=logits, pictures=pictures, names=("your drawing", *outputs.names[1:]))


def _kernels(observed: Sequence[Observed], layers: tuple[Layer, ...], channel: Channel | None) -> Kernels | None:
    """Return one channel's weights, None where the net has no such channel."""
    name, index = channel or ("", 0)
    weight = next((weight_of(layer.layer) for layer in observed if layer.name == name), None)
    if weight is None or not 0 <= index < len(weight):
        return None
    one = weight.detach()[index]
    own = next(layer.weight for layer in layers if layer.name == name)
    one = one.reshape(-1, *own) if own else one.reshape(*one.shape, 1, 1) if one.dim() == 1 else one
    return Kernels((name, index), one.cpu().numpy().copy())


def _key(picture: Picture | None) -> bytes | None:
    return None if picture is None else np.asarray(picture, np.float32).tobytes()


def drawn(net: nn.Module) -> tuple[Observed, ...]:
    """Return the layers that are drawn: all, or, where those are many, only those with weights that are no norms."""
    layers = layers_of(net)
    if len(layers) > MOST_LAYERS:
        layers = tuple(
            layer for layer in layers if layer.norm is not layer.module and weight_of(layer.layer) is not None
        )
    return layers[:MOST_LAYERS]


def _as_maps(output: Tensor) -> Tensor:
    """Return one example's output as (channels, height, width)."""
    if output.dim() < 3:
        return output.reshape(len(output) if output.dim() else 1, 1, -1)
    return output if output.dim() == 3 else output.flatten(2)


def _weight_shape(layer: nn.Module, gallery: Gallery) -> tuple[int, int] | None:
    """Return one channel's (height, width) of weights, where it reads the picture itself."""
    if isinstance(layer, nn.Conv2d):
        return (int(layer.kernel_size[0]), int(layer.kernel_size[1])) if layer.in_channels == 1 else None
    height, width = gallery.pictures.shape[1:]
    reads = isinstance(layer, nn.Linear) and layer.in_features == height * width
    return (height, width) if reads else None
