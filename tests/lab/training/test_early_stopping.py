"""Early stopping: the run without it, cut off where its own validation losses say."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from lab.config import Config
from lab.findings import findings
from lab.session import Session
from lab.training.callbacks import Callback, epochs_since_best
from lab.training.learner import Learner
from tests.lab.test_session import equal, finish

NOISY = Config(model="mlp", norm="none", size=200, batch_size=20, epochs=9, lr=0.6, device="cpu")
"""Its validation loss goes up and down."""


@pytest.fixture
def make() -> Iterator[Callable[..., Session]]:
    sessions: list[Session] = []

    def made(*callbacks: Callback, **changes: object) -> Session:
        sessions.append(Session(NOISY.replace(**changes), callbacks=callbacks))
        return sessions[-1]

    yield made
    for session in sessions:
        session.close()


@pytest.mark.parametrize(
    ("losses", "since"),
    [
        ([], 0), ([1.0], 0), ([2.0, 1.0], 0), ([1.0, 2.0], 1), ([1.0, 1.0], 1), ([3.0, 1.0, 2.0, 1.5, 1.2], 3),
        ([3.0, 2.0, 2.5, 1.0], 0), ([math.nan, 2.0, math.nan], 1), ([math.nan], 1),
    ],
)  # fmt: skip
def test_epochs_since_the_lowest_loss(losses: list[float], since: int) -> None:
    assert epochs_since_best(losses) == since


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_it_ends_where_the_whole_runs_losses_say_and_is_the_same_until_there(
    make: Callable[..., Session], patience: int
) -> None:
    whole = finish(make())
    losses = [row.loss for row in whole.validations]
    assert any(after > before for before, after in pairwise(losses)), "or there is nothing to end early"
    ends = [n for n in range(1, 10) if n - 1 - int(np.argmin(losses[:n])) >= patience]
    last = min([*ends, 9])
    session = make(patience=patience)
    record = finish(session)
    assert (session.state, session.error) == ("finished", "")
    assert record.validations == whole.validations[:last] and len(record.steps) == 10 * last
    for name in set(record.columns) - {"seconds"}:
        np.testing.assert_array_equal(record.columns[name], whole.columns[name][: 10 * last], err_msg=name)
    said = " ".join(findings(record, session.config, session.state))
    assert (f"Early stopping ended it after epoch {last} of 9: the lowest" in said) == (last < 9)
    best = int(np.argmin(losses[:last])) + 1
    assert last == 9 or f"{min(losses[:last]):.3f}, after epoch {best}." in said


def test_a_patience_that_is_not_used_up_changes_nothing(make: Callable[..., Session]) -> None:
    patient = make(patience=9)
    assert equal(finish(patient), finish(make()))
    assert "Early" not in " ".join(findings(patient.since(-1), patient.config, patient.state))


class Epochs(Callback):
    """Counts the epochs that it is told of, after every other callback of the lab."""

    order = 500
    n = cancelled = 0

    def after_epoch(self, learner: Learner) -> None:
        self.n += 1

    def cancel_fit(self, learner: Learner) -> None:
        self.cancelled += 1


def test_every_callback_has_the_last_epoch_and_is_told_that_the_fit_was_cancelled(make: Callable[..., Session]) -> None:
    epochs = Epochs()
    record = finish(make(epochs, patience=1))
    assert epochs.n == len(record.validations) < 9 and epochs.cancelled == 1


def test_a_run_that_diverges_is_none_that_ended_early(make: Callable[..., Session]) -> None:
    session = make(lr=1000.0, momentum=0.99, patience=1)
    finish(session)
    assert session.state == "diverged"


def test_a_run_that_is_stopped_is_stopped(make: Callable[..., Session]) -> None:
    session = make(patience=1)
    session.step(5)
    assert session.wait_for(lambda: session.state == "paused", 60)
    session.stop()
    assert session.wait(60) and session.state == "stopped"
