"""Spread: the lesson's numbers, torch's own, both formulas, and where one of them loses its digits."""

import math

import numpy as np
import pytest
import torch

from lab.concepts import spread

LESSON = np.array(spread.LESSON)
RNG = np.random.default_rng(5)
X, Y = RNG.normal(3, 2, 40), RNG.normal(-1, 4, 40)


def test_the_lessons_numbers() -> None:
    assert LESSON.tolist() == [1, 2, 4, 18]
    assert spread.mean(LESSON) == 6.25
    assert spread.deviations(LESSON).sum() == 0
    assert spread.variance(LESSON) == spread.variance_by_squares(LESSON) == 47.1875
    assert round(spread.std(LESSON), 3) == 6.869
    assert spread.mean_absolute_deviation(LESSON) == 5.875


def test_like_torchs() -> None:
    x = torch.tensor(X)
    assert spread.mean(X) == pytest.approx(float(x.mean()))
    assert spread.variance(X) == pytest.approx(float(x.var(unbiased=False)))
    assert spread.sample_variance(X) == pytest.approx(float(x.var()))
    assert spread.std(X) == pytest.approx(float(x.std(unbiased=False)))
    both = torch.tensor(np.stack([X, Y]))
    assert spread.covariance(X, Y) == pytest.approx(float(torch.cov(both, correction=0)[0, 1]))
    assert spread.correlation(X, Y) == pytest.approx(float(torch.corrcoef(both)[0, 1]))


def test_both_formulas_agree() -> None:
    assert spread.variance_by_squares(X) == pytest.approx(spread.variance(X), rel=1e-12)
    assert spread.covariance_by_products(X, Y) == pytest.approx(spread.covariance(X, Y), rel=1e-12)
    assert spread.covariance(X, X) == pytest.approx(spread.variance(X), rel=1e-12)


def test_an_outlier_pulls_the_squares_more() -> None:
    near, far = np.array([1.0, 2, 4, 5]), np.array([1.0, 2, 4, 50])
    assert spread.std(near) / spread.mean_absolute_deviation(near) < 1.1
    assert spread.std(far) / spread.mean_absolute_deviation(far) > 1.15


def test_with_a_large_offset_the_difference_of_squares_is_lost() -> None:
    at = spread.in_float32(LESSON, 1e8)
    assert at.gap == 8 and at.stored.tolist() == [1e8, 1e8, 1e8, 1e8 + 16]
    assert at.truth == 47.1875
    assert at.by_squares == 2**30, "its squares are 1e16, whose neighbours in float32 lie 2^30 apart"
    assert at.by_definition == 64, "the definition is as good as the numbers that are stored"
    middle = spread.in_float32(LESSON, 1e5)
    assert middle.stored.tolist() == [100001, 100002, 100004, 100018]
    assert middle.by_definition == 47.1875 and middle.by_squares == 0
    none = spread.in_float32(LESSON, 0)
    assert none.by_definition == none.by_squares == 47.1875


def test_the_difference_of_squares_can_come_out_below_zero() -> None:
    assert min(spread.in_float32(X, offset).by_squares for offset in np.logspace(3, 6, 20)) < 0


def test_float32_is_computed_in_float32() -> None:
    at = np.float32(1e4) + LESSON.astype(np.float32)
    assert spread.variance_by_squares(at) == 48


@pytest.mark.parametrize("x", [np.array([]), np.array([3.0])])
def test_one_value_or_none_has_no_spread(x: np.ndarray) -> None:
    for measure in (
        spread.variance, spread.variance_by_squares, spread.sample_variance, spread.std, spread.mean_absolute_deviation
    ):  # fmt: skip
        assert math.isnan(measure(x)), measure.__name__
    for measure in (spread.covariance, spread.covariance_by_products, spread.correlation):
        assert math.isnan(measure(x, x)), measure.__name__
    assert math.isnan(spread.in_float32(x, 1.0).by_squares)


def test_the_mean_needs_one_value() -> None:
    assert math.isnan(spread.mean(np.array([]))) and spread.mean(np.array([3.0])) == 3


def test_identical_values_have_no_correlation() -> None:
    same = np.full(7, 0.1)
    assert spread.variance(same) == pytest.approx(0, abs=1e-30)
    assert spread.covariance(same, X[:7]) == pytest.approx(0, abs=1e-15)
    assert math.isnan(spread.correlation(same, X[:7])) and math.isnan(spread.correlation(X[:7], same))


@pytest.mark.parametrize("scale", [1e-200, 1e30])
def test_correlation_does_not_depend_on_scale(scale: float) -> None:
    assert spread.correlation(X * scale, Y * scale) == pytest.approx(spread.correlation(X, Y))
    assert spread.correlation(X, -2 * X) == -1 and spread.correlation(X, X + 1) == pytest.approx(1)


def test_unequal_lengths() -> None:
    for measure in (spread.covariance, spread.covariance_by_products, spread.correlation):
        with pytest.raises(ValueError, match="as many values as the first, 40; it has 3"):
            measure(X, Y[:3])


def test_second_series() -> None:
    twice, unrelated, same = (spread.second_series(LESSON, kind) for kind in ("twice", "unrelated", "same"))
    assert spread.correlation(LESSON, twice) > 0.99 and spread.covariance(LESSON, twice) > 80
    assert abs(spread.correlation(LESSON, unrelated)) < 0.1
    assert same.tolist() == LESSON.tolist() and same is not LESSON
    with pytest.raises(ValueError, match="other"):
        spread.second_series(LESSON, "other")
