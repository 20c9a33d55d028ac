"""Moving averages: the lessons' numbers, torch's own, and what must hold for any values and beta."""

import numpy as np
import pytest
import torch

from lab.concepts import moving_average as ma

RNG = np.random.default_rng(3)
VALUES = RNG.normal(5, 2, 50)
BETAS = (0.0, 0.3, 0.9, 0.999)


def test_lesson_10_then_20() -> None:
    assert ma.from_zero([10, 20], 0.9) == pytest.approx([1, 2.9])
    assert ma.debiased([10, 20], 0.9) == pytest.approx([10, 2.9 / 0.19])
    assert round(float(ma.debiased([10, 20], 0.9)[1]), 3) == 15.263


def test_lesson_3_then_5() -> None:
    assert ma.from_first([3, 5], 0.9) == pytest.approx([3, 3.2])


def test_torchs_batch_norm_momentum_is_one_minus_beta() -> None:
    norm = torch.nn.BatchNorm1d(1, momentum=0.1)
    for value in VALUES:
        norm(torch.tensor([[value - 1.0], [value + 1.0]], dtype=torch.float32))
    assert norm.running_mean is not None
    assert float(norm.running_mean) == pytest.approx(ma.from_zero(VALUES, 0.9)[-1], rel=1e-5)


def test_debiased_is_adams_first_step() -> None:
    """After one step Adam has moved by lr whatever beta is: its average is the gradient itself."""
    for beta in BETAS:
        assert ma.debiased(VALUES[:1], beta) == pytest.approx(VALUES[:1])


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("kind", ["zero", "first", "debiased"])
def test_weights_make_the_average(kind: ma.Kind, beta: float) -> None:
    made = {"zero": ma.from_zero, "first": ma.from_first, "debiased": ma.debiased}[kind](VALUES, beta)
    for t in (1, 2, 17, 50):
        assert ma.weights(t, beta, kind) @ VALUES[:t] == pytest.approx(made[t - 1])


@pytest.mark.parametrize("beta", BETAS)
def test_sums_of_weights(beta: float) -> None:
    for t in (1, 2, 50):
        assert ma.weights(t, beta, "zero").sum() == pytest.approx(1 - beta**t)
        assert ma.factor(t, beta) == pytest.approx(1 - beta**t)
        assert ma.weights(t, beta, "first").sum() == pytest.approx(1)
        assert ma.weights(t, beta, "debiased").sum() == pytest.approx(1)
    assert ma.ewma(VALUES, beta).weight == pytest.approx(ma.factor(np.arange(1, 51), beta))


def test_beta_0_is_the_value_itself() -> None:
    for average in (ma.from_zero, ma.from_first, ma.debiased):
        assert average(VALUES, 0.0).tolist() == VALUES.tolist()
    assert ma.weights(3, 0.0, "first").tolist() == [0, 0, 1] and ma.weights(1, 0.0, "first").tolist() == [1]


def test_beta_1_lets_nothing_in() -> None:
    assert ma.from_zero(VALUES, 1.0).tolist() == [0] * 50
    assert ma.from_first(VALUES, 1.0).tolist() == [VALUES[0]] * 50
    assert np.isnan(ma.debiased(VALUES, 1.0)).all()
    assert ma.weights(3, 1.0, "zero").tolist() == [0, 0, 0]
    assert ma.weights(3, 1.0, "first").tolist() == [1, 0, 0]
    assert np.isnan(ma.weights(3, 1.0, "debiased")).all()


@pytest.mark.parametrize("beta", [0.3, 0.9])
def test_identical_values_stay(beta: float) -> None:
    assert ma.debiased([7.0] * 40, beta) == pytest.approx([7.0] * 40)
    assert ma.from_first([7.0] * 40, beta) == pytest.approx([7.0] * 40)
    assert (np.diff(ma.from_zero([7.0] * 40, beta))[:9] > 0).all()


def test_no_value_and_one_value() -> None:
    for average in (ma.from_zero, ma.from_first, ma.debiased):
        assert average([], 0.9).shape == (0,)
    assert ma.from_zero([8], 0.9) == pytest.approx([0.8])
    assert ma.from_first([8], 0.9).tolist() == [8] and ma.debiased([8], 0.9) == pytest.approx([8])
    with pytest.raises(ValueError, match="from 1"):
        ma.weights(0, 0.9)


def test_pieces_add_up_to_the_whole_with_any_betas() -> None:
    betas = RNG.uniform(0, 1, 50).tolist()
    whole = ma.ewma(VALUES, betas)
    assert whole.weight == pytest.approx(1 - np.cumprod(betas))
    piece = ma.ewma(VALUES[:20], betas[:20])
    rest = ma.ewma(VALUES[20:], betas[20:], start=float(piece.average[-1]), unseen=1 - float(piece.weight[-1]))
    assert [*piece.average, *rest.average] == pytest.approx(whole.average.tolist())
    assert [*piece.weight, *rest.weight] == pytest.approx(whole.weight.tolist())
    with pytest.raises(ValueError):
        ma.ewma(VALUES, betas[:3])


def test_streams() -> None:
    for kind in list(ma.STREAMS)[1:]:
        made = ma.stream(kind, 60)
        assert made.shape == (60,) and np.isfinite(made).all() and ma.stream(kind, 60).tolist() == made.tolist()
        assert ma.stream(kind, 1).shape == (1,)
    assert set(ma.stream("constant", 60)) == {10}
    assert list(dict.fromkeys(ma.stream("steps", 60))) == [10, 4, 16, 8]
    with pytest.raises(ValueError, match=r"must be one of constant, .*got .typed"):
        ma.stream("typed")


def test_a_disturbed_first_value_and_noise() -> None:
    calm = ma.stream("constant", 500)
    assert ma.disturbed(calm).tolist() == calm.tolist()
    assert ma.disturbed(calm, first=-9).tolist() == [1] + [10] * 499
    noisy = ma.disturbed(calm, noise=2)
    assert noisy.std() == pytest.approx(2, rel=0.1) and calm.tolist() == [10] * 500
