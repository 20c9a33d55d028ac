"""Where a run stands, and its pace, by hand."""

import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from lab.config import Config
from lab.progress import RATE_SECONDS, Pace, Progress


def learner(step: int, epoch: int, steps: int = 30) -> Any:
    return SimpleNamespace(step=step, epoch=epoch, steps=steps, steps_per_epoch=10)


def test_progress_counts_the_epochs_batches() -> None:
    progress = Progress.of(learner(step=14, epoch=1), 7.0, 2.0, False, "cpu")
    assert (progress.step, progress.steps, progress.epoch, progress.epochs) == (14, 30, 1, 3)
    assert (progress.batch, progress.batches) == (4, 10)
    assert progress.remaining == 8.0, "16 steps at 2 a second"


def test_progress_of_a_run_that_a_limit_of_steps_ends() -> None:
    progress = Progress.of(learner(step=14, epoch=1, steps=16), 7.0, 2.0, False, "cpu")
    assert (progress.epochs, progress.batch, progress.batches, progress.remaining) == (2, 4, 6, 1.0)
    assert Progress.before(Config(max_steps=800), 0.0, "").epochs == 2, "782 steps are an epoch"


def test_no_time_left_is_claimed_while_the_rate_is_unknown() -> None:
    assert Progress.of(learner(step=1, epoch=0), 0.1, 0.0, False, "cpu").remaining == 0.0


def test_pace_is_unknown_at_the_first_look() -> None:
    assert Pace().at(5.0, 100) == 0.0


def test_pace_follows_a_change_within_its_seconds() -> None:
    pace = Pace()
    for tenth in range(100):
        assert pace.at(tenth / 10, 10 * tenth) == pytest.approx(100.0 if tenth else 0.0)
    slow = [pace.at(10 + tenth / 10, 1000 + tenth) for tenth in range(round(10 * RATE_SECONDS) + 2)]
    assert slow[0] > 90 and slow[-1] == pytest.approx(10.0), "the last seconds alone count"
    assert all(later <= sooner + 1e-9 for sooner, later in itertools.pairwise(slow)), "without a jump"


def test_a_pause_is_not_counted() -> None:
    pace = Pace()
    pace.at(0.0, 0)
    pace.at(1.0, 50)
    pace.restart()
    assert pace.at(1.0, 50) == 0.0
    assert pace.at(2.0, 60) == pytest.approx(10.0)


def test_looks_far_apart_still_give_a_rate() -> None:
    pace = Pace()
    pace.at(0.0, 0)
    assert pace.at(60.0, 30) == pytest.approx(0.5)
