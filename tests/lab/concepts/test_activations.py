"""Activation shapes against torch, and what they make of N(0, 1) against integrals done by hand."""

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lab.concepts.activations import CENTRES, SHAPES, Shape, histogram, moments, normal_cdf, normal_sample
from lab.knob import ConfigError
from lab.nn.activations import GeneralRelu

X = np.concatenate([np.linspace(-9, 9, 721), [-1e4, -100, -1e-9, 0, 1e-9, 100, 1e4]])
TORCH: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": F.relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "identity": lambda x: x,
}
LESSON = Shape("general", leak=0.1, sub=0.4, maxv=6)
PHI, CDF = NormalDist().pdf, NormalDist().cdf

# ---- the curves


@pytest.mark.parametrize("name", TORCH)
def test_each_is_torchs(name: str) -> None:
    assert Shape(name)(X) == pytest.approx(TORCH[name](torch.from_numpy(X)).numpy(), rel=1e-11, abs=1e-11)


def test_every_shape_has_its_oracle() -> None:
    assert set(SHAPES) == {*TORCH, "general"}


@pytest.mark.parametrize("leak", [0, 0.1, 1])
@pytest.mark.parametrize("sub", [0, 0.4])
@pytest.mark.parametrize("maxv", [0, 0.3, 6])
def test_general_relu_is_the_nets_own(leak: float, sub: float, maxv: float) -> None:
    x = np.append(X, [np.inf, -np.inf, np.nan])
    wanted = GeneralRelu(leak, sub, maxv)(torch.from_numpy(x)).numpy()
    assert Shape("general", leak, sub, maxv)(x) == pytest.approx(wanted, nan_ok=True)


@pytest.mark.parametrize("name", SHAPES)
def test_float32_stays_float32_and_the_input_is_left_alone(name: str) -> None:
    x = np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4)
    kept = x.copy()
    y = Shape(name, *(LESSON.leak, LESSON.sub, LESSON.maxv) if name == "general" else ())(x)
    assert y.dtype == np.float32 and y.shape == (3, 4) and np.array_equal(x, kept)
    assert Shape(name)([0, 1]).dtype == np.float64, "whole numbers too"


def test_the_normal_cdf_is_pythons() -> None:
    wanted = [0.5 * math.erfc(-x / math.sqrt(2)) for x in X.tolist()]
    assert normal_cdf(X) == pytest.approx(wanted, abs=1e-11)


# ---- N(0, 1) goes through


def test_relu_by_hand() -> None:
    relu = moments(Shape("relu"))
    assert relu == pytest.approx((1 / math.sqrt(2 * math.pi), math.sqrt(1 / 2 - 1 / (2 * math.pi))))
    assert relu == pytest.approx((0.3989, 0.5838), abs=5e-5)


@pytest.mark.parametrize("spread", [0.5, 1, math.sqrt(2)])
@pytest.mark.parametrize(("leak", "sub"), [(0, 0), (0, 0.5), (0.1, 0.4), (1, 0)])
def test_general_relu_by_hand(leak: float, sub: float, spread: float) -> None:
    mean = spread * (1 - leak) / math.sqrt(2 * math.pi)
    square = spread**2 * (1 + leak**2) / 2
    wanted = (mean - sub, math.sqrt(square - mean**2))
    assert moments(Shape("general", leak, sub), spread) == pytest.approx(wanted)


def test_the_lessons_general_relu_has_a_mean_near_0() -> None:
    assert moments(LESSON).mean == pytest.approx(0.9 * 0.398942 - 0.4, abs=1e-6)


@pytest.mark.parametrize("cap", [0.3, 1, 2.9])
def test_a_cap_by_hand(cap: float) -> None:
    beyond = 1 - CDF(cap)
    mean = PHI(0) - PHI(cap) + cap * beyond
    square = CDF(cap) - 0.5 - cap * PHI(cap) + cap**2 * beyond
    assert moments(Shape("general", maxv=cap)) == pytest.approx((mean, math.sqrt(square - mean**2)))
    shifted = moments(Shape("general", sub=0.25, maxv=cap - 0.25))
    assert shifted.mean == pytest.approx(mean - 0.25), "the cap comes after the shift"


def test_the_smooth_ones_by_hand() -> None:
    half_normal = math.exp(0.5) * CDF(-1)
    mean = PHI(0) + half_normal - 0.5
    square = 0.5 + math.exp(2) * CDF(-2) - 2 * half_normal + 0.5
    assert moments(Shape("elu")) == pytest.approx((mean, math.sqrt(square - mean**2)))
    mean, square = 1 / (2 * math.sqrt(math.pi)), 1 / 3 + 1 / (2 * math.pi * math.sqrt(3))
    assert moments(Shape("gelu")) == pytest.approx((mean, math.sqrt(square - mean**2)))
    assert moments(Shape("sigmoid")).mean == pytest.approx(0.5) and abs(moments(Shape("tanh")).mean) < 1e-12
    assert moments(Shape("identity"), 3) == pytest.approx((0, 3), abs=1e-12)


@pytest.mark.parametrize("name", SHAPES)
def test_quadrature_against_a_plain_sum_and_the_sample(name: str) -> None:
    shape = Shape(name)
    z, step = np.linspace(-12, 12, 240_001, retstep=True)
    share = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * step
    mean = (share * shape(z)).sum()
    wanted = (mean, math.sqrt((share * (shape(z) - mean) ** 2).sum()))
    assert moments(shape) == pytest.approx(wanted, abs=1e-8)
    assert (shape(normal_sample()).mean(), shape(normal_sample()).std()) == pytest.approx(wanted, abs=1e-3)


def test_the_sample_is_in_order_and_cannot_be_spoilt() -> None:
    sample = normal_sample(1000)
    assert (np.diff(sample) > 0).all() and sample == pytest.approx(-sample[::-1])
    assert np.mean(sample < -1) == pytest.approx(CDF(-1), abs=1e-3)
    with pytest.raises(ValueError):
        sample[0] = 0


def test_histogram() -> None:
    x = np.array([0, 0.049, -0.049, 0.051, -4.04, 4.04, 4.06, -1e9, 1e9, 1.0])
    shares = histogram(x)
    wanted = np.zeros(81)
    wanted[[40, 41, 0, 80, 50]] = [0.3, 0.1, 0.1, 0.1, 0.1]
    assert shares == pytest.approx(wanted) and CENTRES[[0, 40, 41, 80]] == pytest.approx([-4, 0, 0.1, 4])
    edges = np.append(CENTRES - 0.05, 4.05)
    normal = np.random.default_rng(0).standard_normal(5000)
    assert histogram(normal) == pytest.approx(np.histogram(normal, edges)[0] / 5000)
    assert histogram(Shape("relu")(normal_sample()))[40] == pytest.approx(CDF(0.05), abs=1e-3)


# ---- what is refused


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "step"}, "shape must be one of general, relu, .*identity; got 'step'"),
        ({"leak": -0.1}, "Leaky slope \\(leak\\) must be at least 0 and at most 1; got -0.1"),
        ({"leak": 1.5}, "Leaky slope \\(leak\\) must be at least 0 and at most 1; got 1.5"),
        ({"maxv": -1}, "Activation cap \\(maxv\\) \\(maxv\\) must be at least 0 and at most 1000; got -1"),
        ({"sub": math.nan}, "Activation shift \\(sub\\) \\(sub\\) must be a number, at least 0 and at most 5; got nan"),
        ({"sub": math.inf}, "Activation shift \\(sub\\) \\(sub\\) must be a number, at least 0 and at most 5; got inf"),
    ],
)
def test_bad_shapes_are_named(given: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Shape(**{"name": "general", **given})
