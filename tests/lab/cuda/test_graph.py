"""The captured step against the eager one: the same record, the same weights, whatever is moved on the way.

The mechanism that captures is a tape on the CPU, and CUDA's own where there is a device.
"""

import gc
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from lab.assembly import Run, assemble
from lab.config import LIVE, Config
from lab.cuda.capture import Capture, CudaCapture
from lab.cuda.graph import WARM_STEPS, GraphStep
from lab.record import Record
from lab.session import Session
from lab.telemetry import probes, recorder
from lab.telemetry.history import History
from lab.training.callbacks import Callback, CancelBatch
from lab.training.learner import Learner, eager_step
from tests.lab.cuda.tape import Tape

# Five full batches and a partial one, four times over.
SMALL = Config(size=86, batch_size=16, epochs=4, widths=(4, 4), lr=0.05, momentum=0.5, weight_decay=0.01, device="cpu")
# With their usual eps they make whole steps of gradients that are nothing but rounding.
ADAM: dict[str, Any] = {"optimizer": "adam", "lr": 0.01, "opt_eps": 1e-3}
ADAPTIVE: dict[str, dict[str, Any]] = {
    "adam": ADAM,
    "adamw": {**ADAM, "optimizer": "adamw"},
    "rmsprop": {**ADAM, "optimizer": "rmsprop", "lr": 1e-3},  # its first steps are 32 times as long
}
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
    monkeypatch.setattr(probes, "fused_passes", lambda: None)
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
    assert np.abs(a.record.weight_hists.astype(int) - b.record.weight_hists).sum(axis=2).max(initial=0) <= 4
    assert a.record.hists.sum() == b.record.hists.sum()
    assert a.record.marks == b.record.marks
    np.testing.assert_allclose(a.record.validations, b.record.validations, rtol=1e-4, atol=1e-5)
    theirs = b.run.learner.model.state_dict()
    for name, value in a.run.learner.model.state_dict().items():
        torch.testing.assert_close(theirs[name], value, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("optimizer", ["sgd", *ADAPTIVE])
@pytest.mark.parametrize(
    "norm",
    ["none", "batch", "torch_batch", "layer", "instance", "instance_biased", "group", "running", "running_simple"],
)
def test_same_record_and_weights_as_eager(device: str, norm: str, optimizer: str) -> None:
    changes = ADAPTIVE.get(optimizer, {})
    config = SMALL.replace(norm=norm, device=device, **changes)
    capture = make_capture(device)
    assert_same(train(config), train(config, capture))
    # The first step brings the gradients, and SGD's second the momentum's buffers; partial batches are eager.
    assert capture.recorded == 1
    assert capture.replayed == FULL - 1 - capture.warmed and capture.warmed in (WARM_STEPS, WARM_STEPS + 1)


# Where it is moved from its default, and how many captures the move costs.
MOVES: dict[str, tuple[float, int]] = {
    "lr": (0.2, 0), "momentum": (0.9, 0), "weight_decay": (0.1, 0), "norm_eps": (0.1, 1), "norm_momentum": (0.5, 1),
    "leak": (0.3, 1), "beta2": (0.5, 1), "opt_eps": (0.1, 1), "beta": (0.5, 0),
}  # fmt: skip


@pytest.mark.parametrize("knob", sorted(LIVE))
def test_every_live_knob_moved_in_mid_run(device: str, knob: str) -> None:
    value, captures = MOVES[knob]
    config = SMALL.replace(**ADAM, device=device)
    capture, moves = make_capture(device), {9: {knob: value}}
    moved = train(config, moves=moves)
    assert_same(moved, train(config, capture, moves))
    assert capture.recorded == 1 + captures
    (mark,) = moved.record.marks
    assert (mark.step, mark.field) == (9, knob)
    if knob not in ("norm_momentum", "beta"):
        still = train(config).run.learner.model.state_dict()
        weights = moved.run.learner.model.state_dict()
        assert not torch.equal(weights["body.conv1.layer.weight"], still["body.conv1.layer.weight"])


@pytest.mark.parametrize(
    ("start", "moves"),
    [
        ({"momentum": 0.0}, {8: {"momentum": 0.9}, 13: {"momentum": 0.0}, 19: {"momentum": 0.5}}),
        ({"weight_decay": 0.0}, {8: {"weight_decay": 0.1}, 14: {"weight_decay": 0.0}}),
        ({**ADAPTIVE["adamw"], "weight_decay": 0.0}, {8: {"weight_decay": 0.1}, 14: {"weight_decay": 0.0}}),
        # Off during a partial batch alone: the buffers that the graph wrote are gone, though momentum is as before.
        ({}, {17: {"momentum": 0.0}, 18: {"momentum": 0.5}}),
        ({}, {7: {"lr": 0.1}, 8: {"lr": 0.02}, 9: {"momentum": 0.7}, 11: {"lr": 0.3}, 12: {"norm_eps": 0.01}}),
    ],
    ids=["momentum on and off", "decay on and off", "AdamW's decay", "momentum off for a partial batch", "one by one"],
)  # fmt: skip
def test_knobs_that_change_what_a_step_does(
    device: str, start: dict[str, Any], moves: dict[int, dict[str, float]]
) -> None:
    config = SMALL.replace(**start, device=device)
    capture = make_capture(device)
    assert_same(train(config, moves=moves), train(config, capture, moves))
    assert capture.replayed > 2


@pytest.mark.parametrize("optimizer", ["sgd", *ADAPTIVE])
def test_schedules_cost_no_capture(device: str, optimizer: str) -> None:
    config = SMALL.replace(
        optimizer=optimizer, lr=1e-3 if optimizer == "rmsprop" else 0.02, momentum=0.9, device=device,
        lr_schedule="one-cycle", momentum_schedule="one-cycle momentum",
    )  # fmt: skip
    capture = make_capture(device)
    eager = train(config)
    assert_same(eager, train(config, capture))
    assert capture.recorded == 1 and len(set(eager.record.columns["lr"])) == BATCHES


OTHERS = [{"model": "mlp"}, {"model": "logistic"}, {"leak": 0.1, "sub": 0.3, "maxv": 2.0}, {"gradients": "outputs"}]


@pytest.mark.parametrize("changes", OTHERS)
def test_other_nets(device: str, changes: dict[str, Any]) -> None:
    config = SMALL.replace(**changes, device=device)
    capture = make_capture(device)
    assert_same(train(config), train(config, capture))
    assert capture.recorded == 1


def test_more_steps_than_the_ring_has_rows(device: str) -> None:
    config = SMALL.replace(size=200, batch_size=8, epochs=3, model="logistic", device=device)
    capture = make_capture(device)
    eager, replayed = train(config), train(config, capture)
    assert len(eager.record.steps) == 75 > recorder.RING
    assert_same(eager, replayed)
    assert capture.replayed == 75 - 1 - capture.warmed


def test_a_batch_as_large_as_the_data_and_one_never_full(device: str) -> None:
    for size, replays in ((16, True), (15, False)):
        capture = make_capture(device)
        config = SMALL.replace(size=16, batch_size=16, epochs=8, device=device)
        # 15 of 16 pictures: every batch is a partial one.
        shrink = Shrink(size)
        assert_same(train(config, callbacks=[shrink]), train(config, capture, callbacks=[shrink]))
        assert (capture.replayed > 0) == replays


class Shrink(Callback):
    """Leaves ``size`` images of a batch."""

    order = 90

    def __init__(self, size: int) -> None:
        self.size = size

    def before_batch(self, learner: Learner) -> None:
        if learner.chosen is not None:
            learner.take(learner.chosen[: self.size])


def test_divergence_is_told_at_the_same_step(device: str) -> None:
    config = SMALL.replace(lr=300.0, norm="none", device=device)
    capture = make_capture(device)
    eager, replayed = train(config), train(config, capture)
    assert eager.state == replayed.state == "diverged"
    ours, theirs = replayed.run.recorder.diverged, eager.run.recorder.diverged
    assert ours is not None and theirs is not None and (ours.step, ours.lr, ours.layer) == theirs[:2] + theirs[3:]


@pytest.mark.parametrize("event", ["after_predict", "after_loss", "after_backward", "after_step"])
def test_a_listener_within_the_step_is_called_at_every_step(device: str, event: str) -> None:
    calls = []
    listener = type("Listener", (Callback,), {event: lambda self, learner: calls.append(learner.training)})()
    capture = make_capture(device)
    assert_same(train(SMALL.replace(device=device)), train(SMALL.replace(device=device), capture, callbacks=[listener]))
    assert calls.count(True) == BATCHES and capture.warmed == capture.recorded == 0


class Negative(Callback):
    """Turns pictures into their negatives before they are learned."""

    def before_batch(self, learner: Learner) -> None:
        if learner.training and learner.step % 7 == 3:
            learner.x = -learner.x


def test_a_batch_that_a_callback_changed_is_learned_as_changed(device: str) -> None:
    config, capture = SMALL.replace(device=device), make_capture(device)
    assert_same(train(config, callbacks=[Negative()]), train(config, capture, callbacks=[Negative()]))
    assert capture.replayed > 0


class Cancel(Callback):
    """Cancels batches after their step, and before their rows are noted."""

    order = 20

    def after_batch(self, learner: Learner) -> None:
        self.times = getattr(self, "times", 0) + learner.training
        if learner.training and self.times % 6 in (1, 4):
            raise CancelBatch


def test_batches_cancelled_after_their_step_keep_their_rows(device: str) -> None:
    config, capture = SMALL.replace(epochs=6, device=device), make_capture(device)
    eager = train(config, callbacks=[Cancel()])
    assert len(eager.record.steps) == 36
    assert_same(eager, train(config, capture, callbacks=[Cancel()]))
    assert capture.replayed > 0


class Freeze(Callback):
    """Leaves the first layer as it is for a while."""

    def before_batch(self, learner: Learner) -> None:
        for param in learner.model.blocks["conv1"].parameters():
            param.requires_grad_(not 8 <= learner.step < 14)


@pytest.mark.parametrize("optimizer", ["sgd", *ADAPTIVE])
def test_frozen_parameters_are_left_alone(device: str, optimizer: str) -> None:
    config, capture = SMALL.replace(**ADAPTIVE.get(optimizer, {}), device=device), make_capture(device)
    assert_same(train(config, callbacks=[Freeze()]), train(config, capture, callbacks=[Freeze()]))
    assert capture.replayed > 0


class Look(Callback):
    """Notes what a callback can see after each batch."""

    order = 60

    def __init__(self) -> None:
        self.seen: list[list[float]] = []

    def after_batch(self, learner: Learner) -> None:
        gradient = learner.model.blocks["conv2"].layer.weight.grad
        used = learner.model.norms["conv1"].used_var
        values = [learner.x, learner.y.float(), learner.logits, learner.loss, used]
        if learner.training and gradient is not None:
            values.append(gradient)
        self.seen.append([len(learner.x), *(value.detach().mean().item() for value in values)])


def test_callbacks_see_the_batch_that_was_done(device: str) -> None:
    eager, replayed = Look(), Look()
    config, capture = SMALL.replace(device=device), make_capture(device)
    train(config, callbacks=[eager])
    train(config, capture, callbacks=[replayed])
    assert capture.replayed > 0 and len(eager.seen) == len(replayed.seen)
    for a, b in zip(eager.seen, replayed.seen, strict=True):
        assert b == pytest.approx(a, rel=1e-3, abs=1e-5)


def test_a_step_that_cannot_be_captured_goes_on_without(device: str, caplog: pytest.LogCaptureFixture) -> None:
    """A metric that asks for a value on the host."""
    config, capture = SMALL.replace(**ADAM, device=device), make_capture(device)

    class Asks(Callback):
        def measure(self, learner: Learner) -> None:
            learner.loss.item()

    assert_same(train(config), train(config, capture, callbacks=[Asks()]))
    assert capture.replayed == 0 and capture.warmed == WARM_STEPS
    assert caplog.text.count("could not be captured") == 1, "it is tried once"


def test_a_second_fit_writes_its_own_record(device: str) -> None:
    config, capture = SMALL.replace(device=device), make_capture(device)
    run = train(config, capture).run
    run.recorder.history = history = History()
    run.learner.step = 0
    run.train()
    record = history.since(-1)
    assert len(record.steps) == BATCHES and np.isfinite(record.columns["loss"]).all()
    assert record.columns["loss"][6:12].mean() < 2.3 and capture.recorded == 2


def test_the_cpu_has_no_use_for_graphs() -> None:
    assert assemble(SMALL, History(), lambda: 0.0, lambda paused: None).learner.run_step is eager_step


@pytest.mark.cuda
def test_cuda_takes_the_graph_by_itself_and_gives_its_memory_back() -> None:
    Session(SMALL.replace(device="cuda", epochs=1)).close()
    before = torch.cuda.memory_allocated()
    for _ in range(3):
        session = Session(SMALL.replace(device="cuda"))
        session.start()
        assert session.wait(60) and session.state == "finished", session.error
        assert isinstance(session._learner.run_step, GraphStep)  # type: ignore[union-attr]
        session.close()
        del session
    gc.collect()
    torch.cuda.empty_cache()
    # The data set may have come meanwhile: the three runs share one copy of it.
    assert torch.cuda.memory_allocated() - before < 100 * 2**20


@pytest.mark.cuda
def test_two_runs_at_once_equal_each_alone() -> None:
    """Each captures while the other trains, drains and validates."""

    def run(*configs: Config) -> list[Record]:
        sessions = [Session(config) for config in configs]
        for session in sessions:
            session.start()
        for session in sessions:
            assert session.wait(120) and session.state == "finished", session.error
        records = [session.since(-1) for session in sessions]
        for session in sessions:
            session.close()
        return records

    first = SMALL.replace(size=2000, device="cuda")
    second = first.replace(seed=1, norm="running", optimizer="adam", lr=0.01)
    for alone, beside in zip([*run(first), *run(second)], run(first, second), strict=True):
        np.testing.assert_allclose(beside.columns["loss"], alone.columns["loss"], rtol=1e-3, atol=1e-4)


@pytest.mark.cuda
def test_a_capture_that_fails_leaves_the_device_usable() -> None:
    device = torch.device("cuda")
    capture, value = CudaCapture(device), torch.ones(3, device=device)
    with pytest.raises(RuntimeError):
        capture.record(lambda: print(value.sum().item()))
    assert torch.cuda.current_stream(device) == torch.cuda.default_stream(device)
    replay = capture.record(lambda: value.mul_(2))  # type: ignore[arg-type, return-value]
    replay()
    replay()
    assert value.tolist() == [4.0, 4.0, 4.0]
