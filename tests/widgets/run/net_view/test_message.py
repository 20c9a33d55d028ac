"""A shot's bytes: as many whatever it shows, and read by the page as they were written."""

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.config import Config
from lab.nn.plan import Layer, plan
from widgets.run.net_view.message import MOST_BYTES, describe, encode, halved, head, pack, pack_kernels, size

TESTS = Path(__file__).parent


@dataclass(frozen=True)
class MadeKernels:
    """A channel's kernels."""

    channel: tuple[str, int]
    weights: Any


@dataclass(frozen=True)
class Made:
    """A shot with random maps."""

    step: int
    layers: tuple[Layer, ...]
    picture: Any
    maps: tuple[Any, ...]
    shares: tuple[Any, ...]
    weights: Any
    logits: Any
    threshold: float = 1e-3
    label: int | None = 4
    kernels: Any = None


def made(layers: tuple[Layer, ...], seed: int = 0, step: int = 7) -> Made:
    rng = np.random.default_rng(seed)
    normal = lambda *shape: rng.normal(0, 10**seed, shape).astype(np.float32)  # noqa: E731
    weight = layers[0].weight
    return Made(
        step,
        layers,
        rng.random((28, 28), dtype=np.float32),
        tuple(normal(*layer.shape) for layer in layers),
        tuple(rng.random(layer.shape[0], dtype=np.float32) for layer in layers),
        None if weight is None else normal(layers[0].shape[0], *weight),
        normal(10),
    )


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("changes", [{}, {"model": "mlp"}, {"model": "logistic"}, {"widths": (512, 512, 512)}])
def test_a_message_has_always_as_many_bytes(changes: dict[str, Any], weights: bool) -> None:
    layers = plan(Config(**changes))
    described = describe(layers, weights)
    sizes = {len(pack(made(layers, seed, 10**seed), described)) for seed in range(4)}
    assert sizes == {size(described)}
    assert sizes.pop() <= MOST_BYTES


def test_a_diverged_net_is_packed_too() -> None:
    layers = plan(Config())
    shot = made(layers)
    shot.maps[0][0, 0, :2] = np.inf, -np.inf
    shot.maps[1][:] = np.nan
    assert len(pack(shot, describe(layers, False))) == size(describe(layers, False))


def test_a_head_begins_each_message_and_may_be_sent_alone() -> None:
    layers = plan(Config())
    shot = made(layers)
    assert pack(shot, describe(layers, False)).startswith(head(shot))
    assert np.frombuffer(head(shot)[:48], np.float32).tolist() == [7, 4, *shot.logits]
    assert np.frombuffer(head(replace(shot, label=None))[:8], np.float32).tolist() == [7, -1]
    assert np.frombuffer(head(shot)[48:], np.uint8).tolist() == (shot.picture * 255).round().ravel().tolist()


def test_a_channels_kernels_are_exact_and_never_too_many() -> None:
    weights = np.random.default_rng(0).normal(0, 1, (16, 3, 3)).astype(np.float32)
    told, packed = pack_kernels(MadeKernels(("conv2", 5), weights))
    assert told == {"layer": "conv2", "channel": 5, "inputs": 16, "count": 16, "height": 3, "width": 3}
    np.testing.assert_array_equal(np.frombuffer(packed, np.float32), weights.ravel())
    told, packed = pack_kernels(MadeKernels(("conv2", 0), np.zeros((512, 3, 3), np.float32)))
    assert (told["inputs"], told["count"]) == (512, 361) and len(packed) == 361 * 36 <= MOST_BYTES


def test_codes_by_hand() -> None:
    maps = np.array([[[0.0, 2.0], [-2.0, 1.0]], [[np.nan, np.inf], [0.5, -0.01]]], np.float32)
    scale, codes = encode(maps, 2)
    assert scale == 2
    assert codes.ravel().tolist() == [128, 255, 1, 192, 0, 0, 160, 127]
    assert encode(np.zeros((1, 2, 2), np.float32), 1)[1].tolist() == [[[128, 128], [128, 128]]]
    assert halved(np.arange(20.0).reshape(1, 4, 5), 1).tolist() == [[[3, 5], [13, 15]]]


def node(test: str, **environment: str) -> None:
    """Run one of the page's own tests."""
    done = subprocess.run(
        ["node", "--test", str(TESTS / test)],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 4" in done.stdout or "ℹ pass 4" in done.stdout, done.stdout


with_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")


@with_node
def test_the_pads_strokes_and_what_it_sends() -> None:
    node("strokes.test.mjs")


@with_node
def test_the_page_reads_what_was_written(tmp_path: Path) -> None:
    layers = (Layer("conv1", (2, 3, 3), 20), Layer("conv2", (3, 1, 1), 9, "BatchNorm"))
    shot = made(layers)
    shot = replace(shot, shares=(np.array([0.2, 0.995], np.float32), shot.shares[1]))
    described = describe(layers, False)
    encoded = [encode(maps, len(maps)) for maps in shot.maps]
    numbers = [
        np.stack([
            [f(channel) for channel in maps] for f in (np.min, np.max, np.mean, lambda x: (abs(x) < 1e-3).mean())
        ] + [shares], axis=1).astype(np.float32)
        for maps, shares in zip(shot.maps, shot.shares, strict=True)
    ]  # fmt: skip
    wanted = {
        "step": 7,
        "label": 4,
        "picture": (shot.picture * 255).round().astype(int).ravel().tolist(),
        "logits": shot.logits.astype(float).tolist(),
        "scales": [scale for scale, _ in encoded],
        "codes": [codes.ravel().tolist() for _, codes in encoded],
        "numbers": [each.astype(float).tolist() for each in numbers],
    }
    content = {"described": described, "bytes": list(pack(shot, described)), "wanted": wanted}
    (tmp_path / "shot.json").write_text(json.dumps(content))
    node("bytes.test.mjs", SHOT=str(tmp_path / "shot.json"))
