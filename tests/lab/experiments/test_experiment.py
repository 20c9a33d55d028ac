"""An experiment is checked when it is made, and plans its runs."""

import math
from typing import Any

import pytest

from lab.experiments.experiment import (
    Check,
    Choice,
    Experiment,
    ExperimentError,
    Number,
    Planned,
    Sketch,
    Variant,
    plan,
    work,
)  # fmt: skip
from tests.lab.experiments.hand_made import BASE, experiment


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Variant("a", {"learning_rate": 1}), "variant 'a': field must be one of lr, "),
        (lambda: Variant("a", {"lr": -1}), r"variant 'a': Learning rate \(lr\) must be .*above 0"),
        (lambda: Variant("a", {"seed": 3}), "another field than seed and device; got 'seed'"),
        (lambda: Variant(" "), "a variant's name must be a text; got ' '"),
        (lambda: Check("c", "valid_acuracy", "a", low=1), "measure of check 'c' must be one of valid_accuracy, "),
        (lambda: Check("c", "valid_accuracy", "a", low=1, share=0), "share of check 'c' must be above 0 .* got 0"),
        (lambda: Check("c", "valid_accuracy", "a", low=1, share=1.1), "at most 1; got 1.1"),
        (lambda: Check("c", "valid_accuracy", "a"), "bounds .* of check 'c' must be ordered, and one of them finite"),
        (lambda: Check("c", "valid_accuracy", "a", low=2, high=1), "ordered"),
        (lambda: Check("c", "valid_accuracy", "a", low=math.nan), "ordered"),
        (lambda: Check("", "valid_accuracy", "a", low=1), "a check's text"),
        (lambda: Choice("q", ("one",), "one"), "options of 'q' must be at least two"),
        (lambda: Choice("q", ("one", "one"), "one"), "all different"),
        (lambda: Choice("q", ("one", "two"), "three"), "must be one of one, two; got 'three'"),
        (lambda: Number("q", "accuracy", "a", 0, 1, 0.1), "measure of 'q' must be one of"),
        (lambda: Number("q", "valid_accuracy", "a", 1, 0, 0.1), "low below high"),
        (lambda: Number("q", "valid_accuracy", "a", 0, 1, 1), "near of 'q'"),
        (lambda: Sketch("q", "lossy", "a", 0, 1), "column of 'q' must be one of loss, "),
        (lambda: Sketch("q", "loss", "a", 0, math.inf), "finite"),
    ],
)
def test_a_part_that_is_wrong_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ExperimentError, match=said):
        make()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "Batch two"}, "id must be small letters, digits and single dashes; got 'Batch two'"),
        ({"variants": ()}, "variants of experiment 'tiny' must be at least one"),
        ({"variants": (Variant("a"), Variant("a", {"lr": 1.0}))}, "all different"),
        ({"checks": (Check("c", "valid_loss", "other", high=1),)}, "check 'c' of .* one of slow, fast; got 'other'"),
        ({"checks": (Check("c", "valid_loss", "fast", high=1, than="b"),)}, "must be one of slow, fast; got 'b'"),
        ({"prediction": Number("q", "valid_loss", "medium", 0, 1, 0.1)}, "the prediction .* got 'medium'"),
        ({"prediction": Sketch("q", "loss", "medium", 0, 1)}, "the prediction .* got 'medium'"),
        ({"quick": {"sise": 3}}, "quick form of experiment 'tiny': field must be"),
        ({"quick": {"size": 10}}, "'slow' in its quick form: .*batch_size.* at most the 10 training images"),
        ({"quick": {"lr": 0.2}}, "other ones than those of 'slow'"),
        ({"variants": (Variant("slow"), Variant("fast", {"lr": 0.4}))}, "variant 'fast' .* than those of 'slow'"),
        ({"sweep": "norm"}, "sweep of experiment 'tiny' must be one of lr, "),
        ({"seeds": 0}, "seeds of experiment 'tiny' must be at least 1; got 0"),
    ],
)  # fmt: skip
def test_an_experiment_whose_parts_do_not_fit_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError, match=said):
        experiment(**changes)


def test_the_plan_has_every_variant_of_the_first_seed_first() -> None:
    tiny = experiment()
    assert plan(tiny) == (
        Planned("slow", 0, BASE.replace(lr=0.01, seed=0)),
        Planned("fast", 0, BASE.replace(lr=0.1, seed=0)),
        Planned("slow", 1, BASE.replace(lr=0.01, seed=1)),
        Planned("fast", 1, BASE.replace(lr=0.1, seed=1)),
    )
    assert [run.key for run in plan(tiny, [7, 3], quick=True)] == [("slow", 7), ("fast", 7), ("slow", 3), ("fast", 3)]
    assert {run.config.size for run in plan(tiny, 1, quick=True)} == {20}


@pytest.mark.parametrize("seeds", [0, [], [1, 1], [-1], [2**31]])
def test_seeds_that_cannot_be_run_are_refused(seeds: Any) -> None:
    with pytest.raises(ExperimentError, match="seeds must be at least one, each from 0 to 2147483647"):
        plan(experiment(), seeds)


def test_a_quick_form_takes_precedence_over_a_variants_own_setting() -> None:
    tiny = experiment(
        variants=(Variant("long", {"epochs": 9}), Variant("fast", {"lr": 0.1})), quick={"epochs": 2}, checks=()
    )
    assert [run.config.epochs for run in plan(tiny, 1)] == [9, 1]
    assert [run.config.epochs for run in plan(tiny, 1, quick=True)] == [2, 2]


def test_a_variant_is_found_by_its_name() -> None:
    assert experiment().variant("fast").changes == {"lr": 0.1}
    with pytest.raises(ExperimentError, match="must be one of slow, fast; got 'Fast'"):
        experiment().variant("Fast")


def test_what_a_run_costs() -> None:
    assert BASE.replace(size=50, epochs=2).steps() == 6, "the last batch is smaller"
    assert work(BASE) == 2 * (33 + 20)
    assert work(BASE.replace(max_steps=1)) == 33 + 20


def test_an_experiment_needs_no_prediction() -> None:
    assert isinstance(experiment(prediction=None), Experiment)
