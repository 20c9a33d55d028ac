"""How far a prediction is from the runs, by hand."""

import math

import numpy as np
import pytest

from lab.experiments.answers import chosen, cut, drawn, feedback, given, median_curve
from lab.experiments.experiment import Choice, ExperimentError, Number, Sketch
from tests.lab.experiments.hand_made import record, result

CHOICE = Choice("Which?", ("both", "none"), "none")
NUMBER = Number("How much?", "valid_loss", "fast", 0, 4, 0.25, unit="nats")
SKETCH = Sketch("Draw it.", "loss", "fast", 0, 2)


def test_a_choice_is_right_or_not() -> None:
    assert chosen(CHOICE, "none")[::2] == (True, "You expected none, and so it is.")
    assert chosen(CHOICE, "both")[::2] == (False, "You expected both; it is none.")
    with pytest.raises(ExperimentError, match="must be one of both, none; got 'all'"):
        chosen(CHOICE, "all")


def test_steps_are_told_as_whole_numbers() -> None:
    asked = Number("How many?", "trained_steps", "fast", 79, 2370, 150, unit="steps")
    found = given(asked, 1225, {("fast", 0): result(0.5, trained_steps=237.0)})
    assert found.words == "You said 1,225 steps; the run gave 237 steps (steps trained), 988 away; up to 150 is close."


def test_a_number_is_measured_against_the_median_of_its_variant() -> None:
    losses = {("fast", 0): 1.0, ("fast", 1): 2.0, ("fast", 2): 9.0, ("slow", 0): 0.0}
    results = {key: result(0.5, valid_loss=value) for key, value in losses.items()}
    found = given(NUMBER, 1.5, results)
    assert (found.close, found.off) == (False, 0.5)
    assert (
        found.words
        == "You said 1.5 nats; the median of 3 seeds is 2 nats (validation loss), 0.5 away; up to 0.25 is close."
    )
    assert given(NUMBER, 1.75, results).close
    assert "the run gave 1 nats" in given(NUMBER, 1.5, {("fast", 0): results["fast", 0]}).words
    assert given(NUMBER, 1.5, {}).close is None and math.isnan(given(NUMBER, 1.5, {}).off)
    with pytest.raises(ExperimentError, match="must be from 0 to 4; got 5"):
        given(NUMBER, 5, results)
    with pytest.raises(ExperimentError, match="got nan"):
        given(NUMBER, math.nan, results)


def test_a_drawn_curve_is_measured_by_its_mean_distance() -> None:
    flat = [record((1.0,) * 100)]
    exact = drawn(SKETCH, [(0, 1), (1, 1)], flat)
    assert exact.close and exact.off == 0
    above = drawn(SKETCH, [(0, 1.5), (1, 1.5)], flat)
    assert not above.close and above.off == pytest.approx(0.5) and "0.5 away" in above.words and "above" in above.words
    # From 1 to 2: .5 on average, 1 at the end.
    rising = drawn(SKETCH, [(1, 2), (0, 1)], flat)
    assert rising.off == pytest.approx(0.5) and "most at 98% of the run" in rising.words


def test_noise_is_smoothed_and_what_leaves_the_axis_counts_to_its_edge() -> None:
    noisy = [record(tuple(np.tile([0.5, 1.5], 200)))]
    assert drawn(SKETCH, [(0, 1), (1, 1)], noisy).off == pytest.approx(0, abs=0.02)
    far = [record((50.0,) * 100)]
    assert drawn(SKETCH, [(0, 2), (1, 2)], far).off == 0


def test_a_run_that_became_nan_counts_as_far_as_it_came() -> None:
    assert drawn(SKETCH, [(0, 1), (1, 1)], [record((1.0, 1.0, math.nan))]).off == 0
    for nothing in ([], [record((math.nan,))]):
        assert drawn(SKETCH, [(0, 1), (1, 1)], nothing).close is None


@pytest.mark.parametrize(
    "points", [[], [(0.5, 1)], [(0, 1), (0, 2)], [(0, 1), (2, 1)], [(0, 1), (1, 3)], [(0, 1), (1, math.nan)]]
)
def test_a_curve_off_the_axes_is_refused(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ExperimentError, match="at least two places from 0 to 1, values from 0 to 2"):
        drawn(SKETCH, points, [record()])


def test_a_curve_by_hand_is_sorted_and_cut_to_run_and_axis() -> None:
    points = [(1.2, 9.0), (-0.5, -1.0), (0.5, 1.5), (0.7, math.nan)]
    assert cut(SKETCH, points) == ((0.0, 0.0), (0.5, 1.5), (1.0, 2.0))
    for none in ([], [(0.5, 1.0)], [(0.5, 1.0), (0.5, 2.0)]):
        with pytest.raises(ExperimentError, match="must go from left to right"):
            cut(SKETCH, none)


def test_the_median_curve_is_over_the_share_of_the_run() -> None:
    runs = [record((2.0, 1.0, 0.0)), record((0.0, 0.0, 0.0)), record((2.0, 2.0, math.nan))]
    shares, values = median_curve(SKETCH, runs)
    np.testing.assert_allclose(shares, [0, 0.5, 1])
    np.testing.assert_allclose(values, [2, 1, 0])
    assert median_curve(SKETCH, [])[0].size == 0


def test_feedback_of_any_kind() -> None:
    records = {("fast", 0): record((1.0,) * 100), ("slow", 0): record((0.0,) * 100)}
    assert feedback(CHOICE, "both", {}, {}) == chosen(CHOICE, "both")
    assert feedback(NUMBER, 1.5, {}, {}).close is None
    level = ((0.0, 1.0), (1.0, 1.0))
    assert feedback(SKETCH, level, {}, records).words == drawn(SKETCH, level, [records["fast", 0]]).words
    assert feedback(CHOICE, None, {}, {}).words == "You made no prediction. It is none."
    assert feedback(SKETCH, None, {}, records).close is None
