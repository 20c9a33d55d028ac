"""Every measure, of records made by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lab.experiments.measures import MEASURES, column, measure
from lab.record import Record, Validation
from tests.lab.experiments.hand_made import record

NAN, INF = math.nan, math.inf


def of(name: str, made: Record) -> float:
    return MEASURES[name].of(made)


def test_the_last_validations_figures() -> None:
    found = measure(record(accuracy=0.5))
    assert (found["valid_accuracy"], found["valid_loss"]) == (0.5, 0.75)
    assert (found["train_accuracy"], found["train_loss"]) == (0.25, 1.5)
    assert found["learned"] == 1 and found["diverged"] == 0


@pytest.mark.parametrize("broken", [NAN, INF])
def test_a_run_that_diverged(broken: float) -> None:
    made = record((2.0, 3.0, broken), accuracy=0.5)
    assert (of("diverged", made), of("diverged_at", made), of("learned", made)) == (1, 2, 0)
    assert math.isnan(of("train_loss", made)) and math.isnan(of("train_accuracy", made))
    assert math.isnan(of("diverged_at", record()))


def test_the_step_of_a_divergence_is_the_steps_number_where_rows_were_thinned() -> None:
    made = record((2.0, NAN))
    thinned = Record(steps=np.array([0, 128]), columns=made.columns, layers=made.layers, validations=made.validations)
    assert of("diverged_at", thinned) == 128


def test_how_many_steps_were_trained() -> None:
    made = record((2.0, 1.5, 1.0))
    assert of("trained_steps", made) == 3
    thinned = Record(steps=np.array([0, 128]), columns=made.columns)
    assert of("trained_steps", thinned) == 129


def test_one_digit_for_every_picture_is_not_learned() -> None:
    assert of("learned", record(accuracy=0.1135)) == 0
    assert of("learned", record(accuracy=0.13)) == 1


def test_the_largest_multiplier_of_all_norms() -> None:
    columns = {"max_mult/conv1": (3, 5), "max_mult/conv2": (NAN, 4)}
    assert of("largest_multiplier", record(columns=columns, norms=("conv1", "conv2"))) == 5
    assert math.isnan(of("largest_multiplier", record()))


def test_near_zero_is_the_courses_for_the_activation_over_the_second_half_of_the_last_layer() -> None:
    columns = {
        "near_relu/conv2": (0, 0, 0.5, 0.75),
        "near_general/conv2": (1, 1, 0.25, 0.0),
        "near_relu/conv1": (1,) * 4,
    }
    losses = (1.0,) * 4
    assert of("last_near_zero", record(losses, columns=columns)) == pytest.approx(0.625)
    assert of("last_near_zero", record(losses, columns=columns, range=(-7.0, 7.0))) == pytest.approx(0.125)
    gone = {"near_relu/conv2": (0, 0, 0.5, NAN)}
    assert of("last_near_zero", record(losses, columns=gone)) == pytest.approx(0.5)


def test_the_last_layers_std_before_training() -> None:
    assert of("first_std", record(columns={"std/conv2": (0.5, 0.7), "std/conv1": (1, 1)})) == 0.5


def test_steps_to_an_accuracy_count_the_average_once_half_of_its_weight_is_there() -> None:
    # De-biased: 1.0, .8, .95, .98.
    weights = np.array([0.1, 0.5, 0.6, 0.7])
    columns = {"accuracy_average": weights * [1.0, 0.8, 0.95, 0.98], "loss_weight": weights}
    made = record((1.0,) * 4, columns=columns)
    assert of("steps_to_90", made) == 2
    assert of("steps_to_97", made) == 3
    assert math.isnan(of("steps_to_97", record((1.0,) * 2, columns={k: v[:2] for k, v in columns.items()})))


def test_an_empty_record_has_no_number_and_raises_nothing() -> None:
    found = measure(Record())
    assert found.pop("learned") == 0 and found.pop("diverged") == 0
    assert all(math.isnan(value) for value in found.values())


def test_a_column_of_the_last_layer() -> None:
    made = record(columns={"mean/conv2": (1, 2), "near_relu/conv2": (3, 4), "near_general/conv2": (5, 6)})
    assert list(column(made, "mean/last")) == [1, 2]
    assert list(column(made, "near_zero/last")) == [3, 4]
    assert list(column(made, "loss")) == [2, 1]
    assert column(made, "std/last").size == column(Record(), "mean/last").size == 0


def test_the_seconds_until_a_validation_are_those_of_its_step_though_rows_were_thinned() -> None:
    rows = (Validation(2, 0, 1.0, 0.97, 1.0, 0.9), Validation(5, 1, 1.0, 0.98, 1.0, 0.9))
    rows += (Validation(8, 2, 1.0, 0.99, 1.0, 0.9),)
    seconds = {"seconds": np.array((0.5, 1.5, 2.5, 3.5, 4.5), np.float32)}
    thinned = Record(steps=np.array([0, 2, 4, 5, 8]), columns=seconds, validations=rows)
    assert of("seconds_to_98", thinned) == 3.5
    assert math.isnan(of("seconds_to_98", replace(thinned, validations=rows[:1])))
    assert math.isnan(of("seconds_to_98", replace(thinned, columns={})))
