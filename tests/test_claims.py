"""What pages and README say of a run, and the settings that they suggest, over five seeds: four must agree.

The pages ask more than they tell; what they do tell stands here with the sentence that tells it.
"""

import functools
from typing import NamedTuple

import numpy as np

from lab.concepts.softmax import sigmoid
from lab.config import Config
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
    """README: "Set Norm type to None and Learning rate to 0.9 ... Watch near zero of the last layer"."""

    def dies(run: Ran) -> bool:
        near = run.record.columns[f"near_relu/{run.record.layers[-1]}"]
        return len(near) > 50 and bool(np.mean(near[50:]) > 0.6)

    assert agree(dies, SHORT.replace(norm="none", lr=0.9)) >= ENOUGH


def test_the_norm_that_the_training_page_suggests_survives() -> None:
    """Training page: "Which helps: a leaky slope of 0.1 with an activation shift of 0.4, or the norm again?"

    Of the first 2 to 3 runs in 5 diverge at the page's batch size, so the page asks and does not tell.
    """
    assert agree(lambda run: run.state == "finished", SHORT.replace(norm="batch", lr=0.9)) >= ENOUGH
