"""Verdicts and spreads, of results made by hand."""

import math

import numpy as np
import pytest

from lab.experiments.experiment import Check
from lab.experiments.judge import curve_band, judge, learned, spread
from lab.record import Record
from tests.lab.experiments.hand_made import experiment, record, result


def results(**by_variant: list[float]):
    return {(name, seed): result(value) for name, values in by_variant.items() for seed, value in enumerate(values)}


def verdict(check: Check, found):
    (only,) = judge(experiment(checks=(check,)), found)
    return only


@pytest.mark.parametrize(
    ("values", "met", "holds"),
    [([0.9] * 5, 5, True), ([0.9, 0.9, 0.9, 0.9, 0.1], 4, True), ([0.9, 0.9, 0.9, 0.1, 0.1], 3, False)],
)
def test_a_check_holds_in_four_of_five_seeds(values: list[float], met: int, holds: bool) -> None:
    found = verdict(Check("fast learns", "valid_accuracy", "fast", low=0.5), results(fast=values, slow=[0] * 5))
    assert (found.n, found.met, found.share, found.holds) == (5, met, met / 5, holds)
    sign = "Holds" if holds else "Does not hold"
    assert found.words == f"{sign}: fast learns (in {met} of 5 seeds; 80% are asked for)."


def test_both_bounds_are_included() -> None:
    check = Check("between", "valid_accuracy", "fast", low=0.25, high=0.75, share=1)
    found = verdict(check, results(fast=[0.25, 0.75, 0.24, 0.76]))
    assert found.met == 2 and not found.holds


def test_a_comparison_is_made_seed_by_seed() -> None:
    check = Check("ahead by .25", "valid_accuracy", "fast", low=0.25, than="slow")
    found = verdict(check, results(fast=[0.5, 0.75, 0.5], slow=[0.25, 0.625]))
    assert dict(found.values) == {0: 0.25, 1: 0.125}, "seed 2 has nothing to compare with"
    assert found.met == 1


def test_a_nan_meets_nothing_and_a_measure_that_was_not_taken_is_not_judged() -> None:
    check = Check("small", "largest_multiplier", "fast", high=10)
    found = {("fast", 0): result(0.5, largest_multiplier=3.0), ("fast", 1): result(0.5, largest_multiplier=math.nan),
             ("fast", 2): result(0.5)}  # fmt: skip
    got = verdict(check, found)
    assert (got.n, got.met) == (2, 1)


def test_without_a_run_nothing_is_judged() -> None:
    got = verdict(Check("small", "valid_loss", "fast", high=10), {})
    assert got.holds is None and math.isnan(got.share) and got.words == "Not judged yet: small."


def test_a_check_of_the_full_form_is_not_asked_of_the_quick_one() -> None:
    tiny = experiment(
        checks=(Check("a", "valid_loss", "fast", high=1), Check("b", "valid_loss", "fast", high=1, quick=False))
    )
    assert [one.check.text for one in judge(tiny, {})] == ["a", "b"]
    assert [one.check.text for one in judge(tiny, {}, quick=True)] == ["a"]


def test_a_spread_by_hand() -> None:
    it = spread([1, 2, 3, 4, math.nan])
    assert it.n == 4 and it.mean == it.median == 2.5
    assert it.std == pytest.approx(math.sqrt(5 / 3))
    assert (it.low, it.high) == pytest.approx((1.3, 3.7))
    assert math.isnan(spread([2.0]).std) and spread([2.0]).median == 2
    assert spread([math.nan]).n == 0 and math.isnan(spread([]).median)


def test_learned_k_of_n() -> None:
    found = results(fast=[0.9, 0.1135, 0.5], slow=[0.9])
    found["fast", 2] = result(0.5, "diverged")
    assert learned(found, "fast") == (1, 3)
    assert learned(found, "none") == (0, 0)


def test_a_band_of_curves_counts_the_seeds_that_are_left() -> None:
    band = curve_band([record((1, 2, 3)), record((3, 4)), record((5, math.nan, 5))], "loss")
    assert list(band.steps) == [0, 1, 2]
    assert list(band.median) == [3, 3, 4]
    assert list(band.alive) == [3, 2, 2]
    assert band.low == pytest.approx([1.4, 2.2, 3.2]) and band.high == pytest.approx([4.6, 3.8, 4.8])


def test_a_band_takes_the_row_before_where_runs_were_thinned_apart() -> None:
    thinned = record((1.0, 3.0))
    thinned = Record(steps=np.array([0, 4]), columns=thinned.columns, layers=thinned.layers)
    band = curve_band([record((10.0,) * 5), thinned], "loss", points=3)
    assert list(band.steps) == [0, 2, 4]
    assert list(band.median) == [5.5, 5.5, 6.5]


def test_a_band_of_nothing_is_empty_and_one_of_nan_is_nan() -> None:
    assert not curve_band([], "loss").steps.size and not curve_band([Record()], "loss").median.size
    band = curve_band([record((math.nan,))], "loss")
    assert list(band.alive) == [0] and math.isnan(band.median[0])
