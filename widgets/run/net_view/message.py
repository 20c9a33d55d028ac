"""A net's maps as one message of constant size: a description that is sent once, and bytes for each shot.

The bytes begin with a head, which is also sent alone where only the picture is new: as float32 the step, the picture's
true class (-1: unknown) and the logits; as uint8 the picture. Then of each layer as float32 its scale and, for each
channel drawn, minimum, maximum, mean and near-zero share of its map, and its near-zero share over the last steps; then
as uint8 each layer's pictures. A value v is 128 + round(127 v / scale), and so zero always 128; 0 stands for a value
that is no number. The scale is the largest abs(v) among the layer's maps.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lab.nn.plan import Layer

MOST_BYTES = 13_000
"""Of one message: two in a second stay under 30 kB."""

BYTES_A_SECOND = 28_000
"""The page answers a message only after as long as these allow."""

NUMBERS = 5
"""Of each channel: minimum, maximum, mean and near-zero share of the map, near-zero share over the last steps."""

DEAD = 0.99
"""A channel is dead where its near-zero share over the last steps is above this."""

Floats = NDArray[np.float32]


class Kernels(Protocol):
    """lab.telemetry.maps.Kernels."""

    @property
    def channel(self) -> tuple[str, int]: ...
    @property
    def weights(self) -> Floats: ...


class LayerMaps(Protocol):
    """What is drawn: lab.telemetry.maps.LayerMaps."""

    @property
    def step(self) -> int: ...
    @property
    def layers(self) -> tuple[Layer, ...]: ...
    @property
    def picture(self) -> Floats: ...
    @property
    def maps(self) -> tuple[Floats, ...]: ...
    @property
    def shares(self) -> tuple[Floats, ...]: ...
    @property
    def weights(self) -> Floats | None: ...
    @property
    def logits(self) -> Floats: ...
    @property
    def threshold(self) -> float: ...
    @property
    def label(self) -> int | None: ...
    @property
    def kernels(self) -> Kernels | None: ...


def describe(layers: Sequence[Layer], weights: bool, classes: int = 10, shape: str = "28 × 28") -> dict[str, Any]:
    """Return what the page must know to read the bytes: of each layer name, shape and what of it is drawn.

    Args:
        layers: the net's.
        weights: whether the first layer's weights are drawn in place of its maps.
        classes: number of logits; 0 where the net names none.
        shape: of the input, in words.

    Where all of it would be too much, the largest pictures are halved, and then the widest layers' last channels left
    out.
    """
    drawn: list[dict[str, Any]] = []
    for index, layer in enumerate(layers):
        shows = weights and index == 0 and layer.weight is not None
        height, width = layer.weight if shows and layer.weight else layer.shape[1:]
        drawn.append({
            "name": layer.name, "shape": list(layer.shape), "parameters": layer.parameters, "norm": layer.norm,
            "count": layer.shape[0], "height": height, "width": width, "halved": 0,
            "weights": shows, "can_show_weights": layer.weight is not None,
        })  # fmt: skip
    made = {"layers": drawn, "classes": classes, "dead": DEAD, "input": shape}
    while size(made) > MOST_BYTES:
        large = [each for each in drawn if min(each["height"], each["width"]) >= 8]
        if large:
            most = max(large, key=lambda each: each["count"] * each["height"] * each["width"])
            most["height"], most["width"], most["halved"] = most["height"] // 2, most["width"] // 2, most["halved"] + 1
        else:
            widest = max(drawn, key=lambda each: each["count"])
            if widest["count"] == 1:
                break
            widest["count"] = max(1, widest["count"] * 3 // 4)
    return made


def size(described: dict[str, Any]) -> int:
    """Return the bytes of one message."""
    floats = 2 + described["classes"] + sum(1 + NUMBERS * each["count"] for each in described["layers"])
    pictures = sum(each["count"] * each["height"] * each["width"] for each in described["layers"])
    return int(4 * floats + 28 * 28 + pictures)


def head(shot: LayerMaps) -> bytes:
    """Return the bytes of a shot's step, true class, answer and picture."""
    label = -1 if shot.label is None else shot.label
    numbers = np.array([shot.step, label, *shot.logits], np.float32)
    return numbers.tobytes() + (np.clip(shot.picture, 0, 1) * 255).round().astype(np.uint8).tobytes()


def pack(shot: LayerMaps, described: dict[str, Any]) -> bytes:
    """Return the bytes of a shot, as :func:`describe` describes them."""
    numbers: list[Floats] = []
    pictures: list[NDArray[np.uint8]] = []
    for each, maps, shares in zip(described["layers"], shot.maps, shot.shares, strict=True):
        count = each["count"]
        flat = maps[:count].reshape(count, -1)
        near = (np.abs(flat) < shot.threshold).mean(axis=1)
        with np.errstate(all="ignore"):  # a net that has diverged
            figures = np.stack([flat.min(1), flat.max(1), flat.mean(1), near, shares[:count]], axis=1)
            shown = shot.weights if each["weights"] and shot.weights is not None else maps
            scale, codes = encode(halved(shown, each["halved"]), count)
        numbers += [np.array([scale], np.float32), figures.astype(np.float32).ravel()]
        pictures.append(codes.ravel())
    return head(shot) + np.concatenate(numbers).tobytes() + np.concatenate(pictures).tobytes()


def pack_kernels(kernels: Kernels) -> tuple[dict[str, Any], bytes]:
    """Return what the page must know to read a channel's kernels, and as many of them as fit, as float32."""
    layer, channel = kernels.channel
    inputs, height, width = kernels.weights.shape
    fit = max(1, min(inputs, MOST_BYTES // (4 * height * width)))
    told = {"layer": layer, "channel": channel, "inputs": inputs, "count": fit, "height": height, "width": width}
    return told, kernels.weights[:fit].astype(np.float32).tobytes()


def halved(maps: Floats, times: int) -> Floats:
    """Return the maps (n, height, width) with each 2 x 2 pixels averaged, so many times; an odd last row is dropped."""
    for _ in range(times):
        height, width = (side // 2 * 2 for side in maps.shape[1:])
        part = maps[:, :height, :width]
        maps = part.reshape(len(part), height // 2, 2, width // 2, 2).mean((2, 4))
    return maps


def encode(maps: Floats, count: int) -> tuple[float, NDArray[np.uint8]]:
    """Return the scale over all maps, and the codes of the first ``count``."""
    finite = np.isfinite(maps)
    scale = float(np.abs(maps[finite]).max(initial=0.0))
    shown, real = maps[:count], finite[:count]
    codes = 128 + np.round(127 * (np.where(real, shown, 0) / (scale or 1.0)))
    return scale, np.where(real, codes, 0).astype(np.uint8)
