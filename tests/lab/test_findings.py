"""What happened in a run: each sentence against numbers made by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lab.config import DEFAULTS
from lab.findings import findings
from lab.record import Mark, Record, Validation

LAYERS = ("conv1", "conv2")


def record(n: int = 500, **columns: Any) -> Record:
    """A run of ``n`` steps whose loss falls from 2 to 1, with two quiet layers."""
    made = {"loss": np.linspace(2, 1, n), "lr": np.full(n, 0.4), "max_mult/conv1": np.full(n, 3.0)}
    for name, share in zip(LAYERS, (0.2, 0.3), strict=True):
        made |= {f"near_relu/{name}": np.full(n, share), f"std/{name}": np.ones(n)}
    made |= columns
    return Record(
        steps=np.arange(n),
        columns={name: np.asarray(values, np.float32) for name, values in made.items()},
        layers=LAYERS,
        norms=("conv1",),
        validations=(Validation(n - 1, 0, 0.0771, 0.9783, 0.07, 0.9812),),
    )


def said(made: Record, state: str = "finished", **changes: Any) -> str:
    return "\n".join(findings(made, DEFAULTS.replace(**changes), state))


def test_nothing_is_said_before_the_first_step() -> None:
    assert findings(Record(), DEFAULTS, "stopped") == ()


def test_a_finished_run() -> None:
    text = said(record())
    assert "Finished after 500 steps: 97.8% of the validation images are right (loss 0.077)" in text
    assert "it was 98.1%" in text
    assert "No layer is silent: the largest near-zero share is conv2's, 30%" in text
    assert "multiplied" not in text, "3 is no large multiplier"


def test_a_run_without_a_validation() -> None:
    made = replace(record(), validations=())
    assert said(made, "stopped").startswith("Stopped after step 499, before a validation.")


def test_a_layer_that_died_at_the_end_only() -> None:
    share = np.r_[np.full(400, 0.1), np.full(100, 0.9)]
    assert "conv1 is silent: about 9 in 10 of its values are near zero (90%, over the last 100" in said(
        record(**{"near_relu/conv1": share})
    )
    early = np.r_[np.full(400, 0.9), np.full(100, 0.1)]
    assert "No layer is silent" in said(record(**{"near_relu/conv1": early}))


def test_the_largest_multiplier_and_when() -> None:
    multiplier = np.full(500, 3.0)
    multiplier[[7, 20]] = 290, np.nan
    text = said(record(**{"max_mult/conv1": multiplier}), norm_eps=1e-5)
    assert "A norm multiplied by up to 290 (conv1, step 7); an epsilon of 1e-05 allows 316." in text


def test_where_it_diverged_and_what_usually_helps() -> None:
    n = 24
    columns = {"loss": np.r_[np.full(n - 1, 2.0), np.nan], "std/conv2": np.r_[np.ones(n - 1), np.inf]}
    text = said(record(n, **columns, lr=np.full(n, 0.9)), "diverged", norm="none")
    assert "Diverged at step 23: the loss became nan with learning rate 0.9." in text
    assert "The first layer that was not finite is conv2." in text
    assert "a norm (BatchNorm), or a tenth of the learning rate" in text
    assert "a norm" not in said(record(n, **columns), "diverged", norm="batch"), "it has one"


def test_a_turned_knob_is_compared_where_both_sides_are_long_enough() -> None:
    loss = np.r_[np.full(250, 0.5), np.full(250, 1.5)]
    made = replace(record(loss=loss), marks=(Mark(250, "lr", 0.4, 0.9),))
    text = said(made)
    assert "Learning rate went from 0.4 to 0.9 at step 250: the mean loss of the 50 steps before is 0.500, of" in text
    assert "the 50 after 1.500" in text
    assert "went from" not in said(replace(made, marks=(Mark(490, "lr", 0.4, 0.9),)))


@pytest.mark.parametrize(("end", "falling"), [(1.0, True), (1.95, False)])
def test_whether_the_loss_still_fell(end: float, falling: bool) -> None:
    assert ("still falling" in said(record(loss=np.linspace(2, end, 500)))) is falling
    assert "still falling" not in said(record(loss=np.linspace(2, 1, 500)), "stopped")
