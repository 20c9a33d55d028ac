"""The captured step against the eager one: the same record, the same weights, whatever is moved on the way.

The mechanism that captures is a tape on the CPU, and CUDA's own where there is a device.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from lab.assembly import Run, assemble
from lab.config import LIVE, Config
from lab.telemetry import probes, recorder
from lab.telemetry.history import History
from lab.telemetry.record import Record
from lab.training.callbacks import Callback, CancelBatch
from lab.training.capture import Capture, CudaCapture
from lab.training.graph import WARM_STEPS, GraphStep
from lab.training.learner import Learner
from lab.training.steps import eager_step
from tests.lab.training.tape import Tape

# Five full batches and a partial one, four times over.
SMALL = Config(size=86, batch_size=16, epochs=4, widths=(4, 4), lr=0.05, momentum=0.5, weight_decay=0.01, device="cpu")
BATCHES = 24
FULL = 20


class CountingCapture(CudaCapture):
    """CUDA's, with the tape's counts."""

    def __init__(self) -> None:
        super().__init__(torch.device("cuda"))
        self.warmed = self.recorded = self.replayed = 0

    def warm(self, step: Callable[[], None]) -> None:
        self.warmed += 1
        super().warm(step)

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        replay = super().record(step)
        self.recorded += 1

        def counted() -> None:
            self.replayed += 1
            replay()

        return counted


@pytest.fixture(params=["tape", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where it runs; rows are drained when the ring is full only, and TF32 is off."""
    monkeypatch.setattr(recorder, "DRAIN_SECONDS", math.inf)
    # numba's pass is no operation of torch's: the tape would not see it.
    monkeypatch.setattr(probes, "fused_pass", lambda: None)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    yield "cpu" if request.param == "tape" else "cuda"


def make_capture(device: str) -> "Tape | CountingCapture":
    return Tape() if device == "cpu" else CountingCapture()


class Mover(Callback):
    """Orders live changes: step -> knobs."""

    order = -100

    def __init__(self, moves: Mapping[int, Mapping[str, Any]]) -> None:
        self.moves = moves
        self.run: Run

    def before_batch(self, learner: Learner) -> None:
        if learner.training and learner.step in self.moves:
            self.run.remote.change(learner.config.change_live(**self.moves[learner.step]))


@dataclass
class Done:
    """A run that has ended."""

    run: Run
    record: Record
    state: str


def train(
    config: Config,
    capture: Capture | None = None,
    moves: Mapping[int, Mapping[str, Any]] | None = None,
    callbacks: Iterable[Callback] = (),
) -> Done:
    """A run to its end, by ``capture``, or eagerly without one."""
    mover, history = Mover(moves or {}), History()
    run = mover.run = assemble(config, history, lambda: 0.0, lambda paused: None, callbacks=(mover, *callbacks))
    run.learner.run_step = eager_step if capture is None else GraphStep(run.recorder, capture)
    state, _ = run.train()
    return Done(run, history.since(-1), state)


def assert_same(a: Done, b: Done) -> None:
    """To 1e-4; of the counts, a few: a value on a bin's edge may fall to the other side after a rounding."""
    assert a.state == b.state
    assert np.array_equal(a.record.steps, b.record.steps) and a.record.columns.keys() == b.record.columns.keys()
    for name, column in a.record.columns.items():
        atol = 4e-3 if name.startswith("near_") else 1e-5
        np.testing.assert_allclose(b.record.columns[name], column, rtol=1e-4, atol=atol, err_msg=name)
    assert np.abs(a.record.hists.astype(int) - b.record.hists).sum(axis=2).max(initial=0) <= 4
    assert a.record.hists.sum() == b.record.hists.sum()
    assert a.record.marks == b.record.marks
    np.testing.assert_allclose(a.record.validations, b.record.validations, rtol=1e-4, atol=1e-5)
    theirs = b.run.learner.model.state_dict()
    for name, value in a.run.learner.model.state_dict().items():
        torch.testing.assert_close(theirs[name], value, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(
    "norm", ["none", "batch", "torch_batch", "layer", "instance", "group", "running", "running_simple"]
)
def test_same_record_and_weights_as_eager(device: str, norm: str, optimizer: str) -> None:
    config = SMALL.replace(norm=norm, optimizer=optimizer, lr=0.05 if optimizer == "sgd" else 0.01, device=device)
    capture = make_capture(device)
    assert_same(train(config), train(config, capture))
    # The first step brings the gradients, and SGD's second the momentum's buffers; partial batches are eager.
    assert capture.recorded == 1
    assert capture.replayed == FULL - 1 - capture.warmed and capture.warmed in (WARM_STEPS, WARM_STEPS + 1)
