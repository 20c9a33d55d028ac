"""A net's maps as one message of constant size: a description that is sent once, and bytes for each shot.

The bytes: one float32 for the step, then of each layer its scale and, for each channel drawn, minimum, maximum, mean
and near-zero share of its map, and its near-zero share over the last steps; the logits; then as uint8 the input and
each layer's pictures. A value v is 128 + round(127 v / scale), and so zero always 128; 0 stands for a value that is no
number. The scale is the largest abs(v) among the layer's maps.
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
    floats = 1 + described["classes"] + sum(1 + NUMBERS * each["count"] for each in described["layers"])
    pictures = sum(each["count"] * each["height"] * each["width"] for each in described["layers"])
    return int(4 * floats + 28 * 28 + pictures)


def pack(shot: LayerMaps, described: dict[str, Any]) -> bytes:
    """Return the bytes of a shot, as :func:`describe` describes them."""
    numbers = [np.array([shot.step], np.float32)]
    pictures = [(np.clip(shot.picture, 0, 1) * 255).round().astype(np.uint8).ravel()]
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
    numbers.append(shot.logits.astype(np.float32))
    return np.concatenate(numbers).tobytes() + np.concatenate(pictures).tobytes()


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
