"""The learning rate finder's rules, on curves whose answers are known by hand or by trying everything."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from lab.concepts.lr_curve import BATCHES, FIRST, LAST, LrCurve, diverged, steepest, sweep_lrs, valley
from lab.concepts.moving_average import debiased


def test_lrs_rise_by_equal_ratios() -> None:
    lrs = sweep_lrs()
    assert len(lrs) == BATCHES == 100 and lrs[0] == pytest.approx(1e-6) and lrs[-1] == pytest.approx(10)
    np.testing.assert_allclose(lrs[1:] / lrs[:-1], 10 ** (7 / 99))


def longest_fall(values: list[float]) -> tuple[int, int]:
    """Length of the longest falling series, and the earliest end of one as long, by trying every choice of points."""
    for n in range(len(values), 0, -1):
        falls = [
            at for at in combinations(range(len(values)), n) if all(values[a] > values[b] for a, b in pairwise(at))
        ]
        if falls:
            return n, min(at[-1] for at in falls)
    raise AssertionError


@pytest.mark.parametrize("seed", range(12))
def test_the_valley_is_the_middle_of_the_longest_fall(seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 9, 11).astype(float)
    n, end = longest_fall(values.tolist())
    wanted = None if n < 3 else end - n + n // 3 + n // 6
    assert valley(values) == wanted


def test_a_valley_by_hand() -> None:
    # 9 8 7 6 5 4 3 2 falls, with a bump that is left out: 8 long, it ends at 8; the window begins at 0, 2 + 1 after it.
    assert valley(np.array([9, 8, 7, 8.5, 6, 5, 4, 3, 2, 3, 4.0])) == 0 + 2 + 1
    assert valley(np.array([1.0, 2, 3, 4])) is None and valley(np.array([])) is None


def test_the_steepest_point_by_hand() -> None:
    lrs = 10.0 ** np.arange(6)
    falls = np.array([5, 4.9, 4.5, 2.5, 2.4, 6])
    assert steepest(lrs, falls) == 2
    assert steepest(lrs, falls, below=2.45) == 3, "a fall that does not reach so low does not count"
    assert steepest(lrs, np.arange(6.0)) is None


def valley_losses() -> np.ndarray:
    """Hardly above 2.5 until lr matters, then down, then up again."""
    x = np.linspace(0, 1, BATCHES)
    return 2.5 + 0.01 * x - 2 * np.clip((x - 0.4) / 0.4, 0, 1) + 40 * np.clip(x - 0.85, 0, 1)


def test_each_rule_on_a_valley() -> None:
    losses = valley_losses()
    curve = LrCurve.of(losses, step=7)
    average = debiased(losses, 0.98)
    np.testing.assert_array_equal(curve.average, average)
    np.testing.assert_array_equal(curve.lrs, sweep_lrs())
    kept = slice(FIRST, BATCHES - LAST)
    by_name = {one.name: one for one in curve.suggestions}
    assert list(by_name) == ["steepest", "minimum / 10", "valley"] and curve.step == 7
    lowest = FIRST + int(np.argmin(average[kept]))
    assert by_name["minimum / 10"].lr == pytest.approx(curve.lrs[lowest] / 10)
    fall = np.diff(average[kept])
    assert by_name["steepest"].lr == pytest.approx(curve.lrs[FIRST + int(np.argmin(fall))])
    # The average rises up to batch 40, then falls to its lowest point: one series, by one point a batch.
    n = int((fall < 0).sum()) + 1
    assert by_name["valley"].lr == pytest.approx(curve.lrs[lowest - n + n // 3 + n // 6])
    assert all(one.words.endswith(".") and one.words.count(".") == 1 for one in curve.suggestions)
    assert curve.end == "The sweep went to its end, lr 10."


@pytest.mark.parametrize("n", [0, 1, 12, FIRST + LAST + 4])
def test_too_few_points_are_said_to_be(n: int) -> None:
    curve = LrCurve.of(valley_losses()[:n])
    assert [one.lr for one in curve.suggestions] == [None] * 3
    assert all(f"after {n} batches" in one.words for one in curve.suggestions)


def test_a_loss_that_never_falls_gets_no_suggestion() -> None:
    rng = np.random.default_rng(0)
    for losses in (2.3 + rng.normal(0, 0.1, BATCHES), np.linspace(2, 4, BATCHES), np.full(BATCHES, 2.3)):
        curve = LrCurve.of(losses)
        assert [one.lr for one in curve.suggestions] == [None] * 3
        assert "varies from batch to batch" in curve.suggestions[0].words


def test_the_sweep_ends_above_four_times_the_best_average() -> None:
    level = [1.0] * 50
    # One more loss moves the average of 50 by w = .02 / (1 - .98^51).
    w = 0.02 / (1 - 0.98**51)
    assert not diverged([*level, 1 + 2.99 / w]) and diverged([*level, 1 + 3.01 / w])
    assert not diverged([0.1, 1.0, 3.0]), "the first few say little"
    assert LrCurve.of(level).limit == pytest.approx(4)
    curve = LrCurve.of([*level, 1 + 3.01 / w])
    assert curve.end == f"The sweep ended at lr {curve.lrs[-1]:.2g}: there the averaged loss was above 4 × its best."


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_sweep_ends_where_the_loss_is_not_finite(bad: float) -> None:
    assert diverged([bad]) and diverged([1.0, bad])
    curve = LrCurve.of([*valley_losses()[:70], bad])
    assert "not finite" in curve.end and all(one.lr is not None for one in curve.suggestions)
    assert curve.suggestions[1].lr == LrCurve.of(valley_losses()[:70]).suggestions[1].lr, "it does not count"
    assert LrCurve.of([bad]).end == "The loss of the first batch is not finite: this net has diverged already."
