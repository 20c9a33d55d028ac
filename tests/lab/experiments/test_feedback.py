"""Feedback on predictions, against arithmetic by hand."""

from typing import Any

import numpy as np
import pytest

from lab.config import Config
from lab.experiments.experiment import Choice, Number, Sketch
from lab.experiments.feedback import checked_guess, curve, feedback
from lab.experiments.results import Result
from lab.knob import ConfigError
from lab.record import Record

CHOICE = Choice("Which?", ("a", "b"), "b")
NUMBER = Number("How much?", "valid_accuracy", "one", 0, 1, 0.05)
SKETCH = Sketch("Draw it.", "loss", "one", 0, 4)


def result(accuracy: float) -> Result:
    return Result(Config(), "finished", {"valid_accuracy": accuracy})


def record(losses: list[float]) -> Record:
    return Record(steps=np.arange(len(losses)), columns={"loss": np.array(losses, np.float32)})


@pytest.mark.parametrize(
    ("prediction", "guess"),
    [
        (CHOICE, "c"), (CHOICE, None), (NUMBER, 1.5), (NUMBER, float("nan")), (NUMBER, "a"),
        (SKETCH, [(0, 1)]), (SKETCH, [(0.5, 1), (0.5, 2)]), (SKETCH, []),
    ],
)  # fmt: skip
def test_a_guess_that_is_none_is_refused(prediction: Any, guess: Any) -> None:
    with pytest.raises(ConfigError, match="the prediction must be"):
        checked_guess(prediction, guess)


def test_a_curve_is_sorted_and_cut_to_run_and_axis() -> None:
    points = checked_guess(SKETCH, [(1.2, 9.0), (-0.5, -1.0), (0.5, 2.0), (0.7, float("nan"))])
    assert points == ((0.0, 0.0), (0.5, 2.0), (1.0, 4.0))
    assert isinstance(points, tuple)
    np.testing.assert_allclose(curve(points, np.array([0, 0.25, 0.5, 0.75, 1])), [0, 1, 2, 3, 4])


def test_a_choice() -> None:
    assert feedback(CHOICE, "b", {}, {}).close is True
    wrong = feedback(CHOICE, "a", {}, {})
    assert wrong.close is False and wrong.words == "You expected: a. The runs show: b."
    assert feedback(CHOICE, None, {}, {}).close is None


def test_a_number_against_the_median() -> None:
    results = {("one", seed): result(value) for seed, value in enumerate((0.2, 0.5, 0.9))} | {("two", 0): result(0)}
    said = feedback(NUMBER, 0.46, results, {})
    assert said.close is True and "0.5, the median of 3 runs (0.2 to 0.9)" in said.words and "0.04 off" in said.words
    assert feedback(NUMBER, 0.44, results, {}).close is False
    assert feedback(NUMBER, None, results, {}).close is None
    assert feedback(NUMBER, 0.5, {}, {}) == feedback(NUMBER, None, {}, {})


def test_a_curve_against_the_median_of_the_runs() -> None:
    # The median of these three over 5 steps is 4, 3, 2, 1, 0.
    runs = {
        ("one", 0): record([4, 3, 2, 1, 0]), ("one", 1): record([0, 0, 0, 0, 0]), ("one", 2): record([4, 4, 4, 4, 4]),
        ("two", 0): record([9, 9, 9, 9, 9]),
    }  # fmt: skip
    exact = feedback(SKETCH, ((0.0, 4.0), (1.0, 0.0)), {}, runs)
    assert exact.close is True and "0 away from the runs on average" in exact.words
    level = feedback(SKETCH, ((0.0, 4.0), (1.0, 4.0)), {}, runs)
    assert level.close is False and "2 away" in level.words
    assert "100% into the run: you drew 4, it was 0" in level.words
    assert feedback(SKETCH, None, {}, runs).words == "You drew no curve."
    assert "not been run" in feedback(SKETCH, ((0.0, 4.0), (1.0, 4.0)), {}, {}).words
