"""Confusion matrix and worst mistakes against numpy and by hand; they come from the validation that runs anyway."""

from typing import Any

import numpy as np
import pytest
import torch

from lab.config import Config
from lab.session import Session
from lab.telemetry.mistakes import MOST, judge
from lab.training.callbacks import Callback, CancelBatch
from lab.training.learner import Learner

PATIENCE = 60
TINY: dict[str, Any] = {"size": 200, "batch_size": 20, "widths": (4, 8), "epochs": 2, "device": "cpu"}


def test_by_hand() -> None:
    logits = torch.tensor([[2.0, 0, 0], [0, 3, 0], [1, 0, 4], [0, 5, 0], [0.0, 0.1, 0]])
    y = torch.tensor([0, 0, 2, 2, 0])
    counts, worst, losses = judge(logits, y)
    assert counts.tolist() == [[1, 2, 0], [0, 0, 0], [0, 1, 1]]
    assert worst.tolist() == [3, 1, 4]
    by_hand = [np.log(np.exp(5) + 2), np.log(np.exp(3) + 2), np.log(np.exp(0.1) + 2)]
    np.testing.assert_allclose(losses.numpy(), by_hand, rtol=1e-6)


def test_as_numpy_has_it_and_no_number_is_worst() -> None:
    rng = np.random.default_rng(1)
    logits, y = rng.normal(0, 3, (500, 10)).astype(np.float32), rng.integers(0, 10, 500)
    counts, worst, losses = judge(torch.from_numpy(logits), torch.from_numpy(y))
    wanted = np.zeros((10, 10), int)
    np.add.at(wanted, (y, logits.argmax(1)), 1)
    np.testing.assert_array_equal(counts.numpy(), wanted)
    all_losses = np.log(np.exp(logits.astype(float)).sum(1)) - logits[np.arange(500), y]
    wrong = np.flatnonzero(logits.argmax(1) != y)
    order = wrong[np.argsort(-all_losses[wrong])][:MOST]
    assert worst.tolist() == order.tolist()
    np.testing.assert_allclose(losses.numpy(), all_losses[order], rtol=1e-5)
    broken = torch.from_numpy(logits)
    at = int(np.flatnonzero(y != 0)[0])
    broken[at] = torch.nan
    _, worst, losses = judge(broken, torch.from_numpy(y))
    assert (worst[0].item(), losses[0].item()) == (at, np.inf)


class Break(Callback):
    """Puts a weight that is no number into the net."""

    def after_step(self, learner: Learner) -> None:
        if learner.step == 5:
            with torch.no_grad():
                next(learner.model.parameters()).fill_(torch.nan)


@pytest.mark.parametrize("broken", [False, True])
def test_a_run_has_those_of_its_last_validation(broken: bool) -> None:
    session = Session(Config(**TINY), callbacks=[Break()] if broken else [])
    session.start()
    assert session.wait(PATIENCE) and session.state == ("diverged" if broken else "finished")
    record, learner = session.since(-1), session._learner
    seen, last = record.mistakes, record.validations[-1]
    assert seen is not None and learner is not None
    assert (seen.step, seen.epoch) == (last.step, last.epoch)
    assert seen.counts.sum() == len(learner.task.y_valid)
    assert seen.counts.trace() / seen.counts.sum() == pytest.approx(last.accuracy, abs=1e-6)
    assert len(seen.truths) == MOST and seen.losses.tolist() == sorted(seen.losses, reverse=True)
    dataset: Any = learner.task.source
    x, y = dataset.x_valid, dataset.y_valid
    learner.model.eval()
    with torch.no_grad():
        logits = learner.model(x)
    _, worst, losses = judge(logits, y)
    if not broken:
        np.testing.assert_allclose(seen.losses, losses.numpy(), rtol=1e-5)
        np.testing.assert_allclose(seen.logits, logits[worst].numpy(), rtol=1e-4, atol=1e-5)
        wanted = (dataset.pictures(x[worst, 0]) * 255).round().numpy()
        np.testing.assert_array_equal(seen.pictures, wanted)
        np.testing.assert_array_equal(seen.truths, y[worst].numpy())
    session.close()
    assert session.since(-1).mistakes is seen


def test_a_validation_with_batches_left_out_has_none() -> None:
    class Skip(Callback):
        """Leaves out the first batch of each validation."""

        def before_batch(self, learner: Learner) -> None:
            if not learner.training and learner.x[0].equal(learner.task.x_valid[0]):
                raise CancelBatch

    session = Session(Config(**{**TINY, "epochs": 1}), callbacks=[Skip()])
    session.start()
    assert session.wait(PATIENCE) and session.state == "finished"
    assert session.since(-1).validations and session.since(-1).mistakes is None
    session.close()
