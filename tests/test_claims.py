"""What pages and README say of a run, and the settings that they suggest, over five seeds: four must agree.

The pages ask more than they tell; what they do tell stands here with the sentence that tells it.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
import pytest

from lab.concepts.softmax import sigmoid
from lab.config import Config
from lab.presets import PRESETS
from lab.record import Record
from lab.session import Session

SEEDS = range(5)
ENOUGH = 4


class Ran(NamedTuple):
    """How a run ended, and its record."""

    state: str
    record: Record


@functools.cache
def ran(config: Config) -> Ran:
    session = Session(config)
    session.start()
    assert session.wait(120), session.state
    found = Ran(session.state, session.since(-1))
    session.close()
    return found


def agree(claim: object, base: Config) -> int:
    """Of how many seeds ``claim(ran)`` is true."""
    return sum(bool(claim(ran(base.replace(seed=seed)))) for seed in SEEDS)  # type: ignore[operator]


SHORT = Config(size=4000, epochs=1, device="cpu")


def test_at_batch_size_2_a_norm_multiplies_by_hundreds() -> None:
    """Training lab: "where a channel's variance is tiny, by hundreds (try batch size 2)"."""

    def by_hundreds(run: Ran) -> bool:
        return max(run.record.columns[f"max_mult/{norm}"].max() for norm in run.record.norms) > 200

    assert agree(by_hundreds, SHORT.replace(size=600, batch_size=2)) >= ENOUGH
    capped = SHORT.replace(size=600, batch_size=2, norm_eps=0.1)
    assert agree(lambda run: not by_hundreds(run), capped) >= ENOUGH, "A larger epsilon caps it."


def test_the_sigmoids_of_a_net_trained_with_softmax_name_too_many() -> None:
    """Training lab: "softmax, which cannot see what is added to all outputs alike, so its sigmoids name too many"."""

    def too_many(run: Ran) -> bool:
        assert run.record.outputs
        named = (sigmoid(run.record.outputs.logits) >= 0.5).sum(axis=1)
        return bool(named[0] > 1 or named[1] > 2 or named[2] > 0)

    assert agree(too_many, SHORT) >= ENOUGH


def test_the_first_five_minutes_show_a_layer_that_dies() -> None:
    """README: "lr 0.9, no norm ... how much of the last layer will be near zero after fifty steps"."""

    def dies(run: Ran) -> bool:
        near = run.record.columns[f"near_relu/{run.record.layers[-1]}"]
        return len(near) > 50 and bool(np.mean(near[50:]) > 0.6)

    assert agree(dies, SHORT.replace(norm="none", lr=0.9)) >= ENOUGH


def test_the_norm_that_the_training_page_suggests_survives() -> None:
    """Training page: "Which helps: a leaky slope of 0.1 with an activation shift of 0.4, or the norm again?"

    Of the first 2 to 3 runs in 5 diverge at the page's batch size, so the page asks and does not tell.
    """
    assert agree(lambda run: run.state == "finished", SHORT.replace(norm="batch", lr=0.9)) >= ENOUGH


def last_near(run: Ran, definition: str = "near_relu") -> float:
    """Mean near-zero share of the last layer over the run's second half."""
    near = run.record.columns[f"{definition}/{run.record.layers[-1]}"]
    return float(np.nanmean(near[len(near) // 2 :]))


def valid_accuracy(run: Ran) -> float:
    return run.record.validations[-1].accuracy


def short(preset: str, **changes: object) -> Config:
    return PRESETS[preset].config.replace(device="cpu", epochs=1, **{"size": 4000, **changes})


def test_the_presets_keep_what_their_questions_are_about() -> None:
    """The named settings above the knobs: each over five seeds, in a short form."""
    assert agree(lambda run: run.state == "finished" and valid_accuracy(run) > 0.7, short("default")) >= ENOUGH
    assert agree(lambda run: last_near(run) > 0.8, short("high_lr")) >= ENOUGH
    alive = short("general_relu")
    assert agree(lambda run: run.state == "finished" and last_near(run, "near_general") < 0.3, alive) >= ENOUGH
    learns = short("one_cycle", size=8000)
    assert agree(lambda run: run.state == "finished" and valid_accuracy(run) > 0.8, learns) >= ENOUGH


def test_at_batch_size_2_running_statistics_learn_and_a_batchs_own_do_not() -> None:
    two, running = (short(name, size=1500) for name in ("batch_two", "running"))
    assert agree(lambda run: valid_accuracy(run) < 0.55, two) >= ENOUGH
    better = [valid_accuracy(ran(running.replace(seed=s))) > valid_accuracy(ran(two.replace(seed=s))) for s in SEEDS]
    assert sum(better) >= ENOUGH


@pytest.mark.parametrize(
    ("diverging", "saved"),
    [
        ({"norm": "none", "lr": 1.0, "leak": 0.1, "sub": 0.4}, {"lr": 0.1}),
        ({"norm": "none", "lr": 1.0, "leak": 0.1, "sub": 0.4}, {"norm": "batch"}),
        ({"norm": "layer", "lr": 2.0}, {"lr": 0.2}),
        ({"norm": "batch", "lr": 5.0}, {"lr": 0.5}),
    ],
)
def test_what_is_said_to_help_a_run_that_diverged_does(diverging: dict[str, Any], saved: dict[str, Any]) -> None:
    """Findings: "What usually helps: a norm (BatchNorm), or a tenth of the learning rate" """
    before = SHORT.replace(**diverging)
    assert agree(lambda run: run.state == "diverged", before) >= 3
    assert agree(lambda run: run.state == "finished" and valid_accuracy(run) > 0.6, before.replace(**saved)) >= ENOUGH
