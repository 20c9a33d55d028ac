"""Branches and prolonged runs: bit for bit their parent's, until a knob is turned."""

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lab.branching import BranchError, origin_words
from lab.config import Config, ConfigError
from lab.record import Mark, Origin, Record
from lab.session import Session
from lab.telemetry import recorder, snapshots
from lab.training.callbacks import Callback
from lab.training.learner import Learner
from tests.lab.test_session import PATIENCE, TINY, equal, finish

SCHEDULED = {"lr_schedule": "one-cycle", "momentum_schedule": "one-cycle momentum", "momentum": 0.9}

RUNS = {
    "shifts that the init moved": {"init": "lsuv_notebook", "norm": "none", "lr": 0.03},
    "RMSProp with momentum": {"optimizer": "rmsprop", "lr": 0.001, "momentum": 0.9},
    "AdamW": {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.01},
    "BatchNorm, Adam, a schedule": {"optimizer": "adam", "lr": 0.01, **SCHEDULED},
    "RunningBatchNorm, momentum, a schedule": {"norm": "running", **SCHEDULED},
    "nn.BatchNorm2d, batches of one left over": {"norm": "torch_batch", "size": 201, "momentum": 0.5},
    "RunningBatchNorm (simplified), weight decay": {"norm": "running_simple", "weight_decay": 0.01},
}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot every 6 steps or so: where the record is drained, at every fourth."""
    monkeypatch.setattr(snapshots, "EVERY", 6)
    monkeypatch.setattr(recorder, "RING", 4)
    monkeypatch.setattr(recorder, "DRAIN_SECONDS", 1e9)


@pytest.fixture
def keep() -> Iterator[Callable[[Session], Session]]:
    kept: list[Session] = []
    yield lambda session: kept.append(session) or session
    for session in kept:
        session.close()


@pytest.fixture
def make(keep: Callable[[Session], Session]) -> Callable[..., Session]:
    return lambda config=TINY, **changes: keep(Session(config.replace(**changes)))


def paused_at(session: Session, step: int) -> None:
    assert session.wait_for(lambda: session.state == "paused" and session.progress.step == step, PATIENCE), (
        session.state, session.progress.step, session.error,
    )  # fmt: skip


def weights(session: Session) -> list[torch.Tensor]:
    assert session._learner is not None
    return [tensor.clone() for tensor in session._learner.model.state_dict().values()]


def with_marks(session: Session) -> Record:
    """A whole run with a change at step 3 and one at 21, in the next epoch."""
    session.step(3)
    paused_at(session, 3)
    session.change(lr=0.02, leak=0.1)
    session.step(18)
    paused_at(session, 21)
    session.change(norm_eps=1e-3)
    return finish(session)


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS.keys())
def test_a_branch_without_a_change_equals_its_parent(
    make: Callable[..., Session], keep: Callable[..., Session], changes: dict[str, object]
) -> None:
    parent = make(**changes)
    whole = with_marks(parent)
    assert parent.state == "finished" and len(whole.marks) == 3
    # After the last change: soon after an epoch's end, at a snapshot, and at the last step.
    replayed = []
    assert parent._snapshots is not None
    snapshot = parent._snapshots.at(38)
    assert snapshot is not None and snapshot.step > 22
    for step in (22, snapshot.step, len(whole.steps) - 1):
        child = keep(parent.branch(step))
        assert child.state == "ready" and child.config == parent.config and child._beginning is not None
        replayed.append(child._beginning.replayed)
        record = finish(child)
        assert child.state == "finished" and equal(record, whole)
        assert record.marks == whole.marks and record.range == whole.range
        assert record.origin == Origin(parent._parent.called, step)
        assert all(torch.equal(a, b) for a, b in zip(weights(child), weights(parent), strict=True))
        assert child._learner is not None and parent._learner is not None
        ours, theirs = child._learner.optimizer.state_dict(), parent._learner.optimizer.state_dict()
        assert str(ours) == str(theirs)
    assert replayed[0] > 0 == replayed[1]


def test_changes_before_the_step_are_made_again_and_those_after_it_are_not(
    make: Callable[..., Session], keep: Callable[..., Session]
) -> None:
    parent, alone = make(), make()
    whole = with_marks(parent)
    alone.step(3)
    paused_at(alone, 3)
    alone.change(lr=0.02, leak=0.1)
    expected = finish(alone)
    record = finish(keep(parent.branch(20)))
    assert equal(record, expected) and record.marks == expected.marks == whole.marks[:2]
    # Above, step 3 lies before the snapshot; here it lies between the one at 0 and the branch.
    assert equal(finish(keep(parent.branch(7))), expected)


def test_a_changed_knob_acts_from_the_step_on(make: Callable[..., Session], keep: Callable[..., Session]) -> None:
    parent, by_hand = make(), make()
    whole = finish(parent)
    child = keep(parent.branch(13, lr=0.2, momentum=0.5))
    record = finish(child)
    assert record.marks == (Mark(13, "lr", 0.05, 0.2), Mark(13, "momentum", 0.0, 0.5))
    assert child.config == TINY.replace(lr=0.2, momentum=0.5)
    by_hand.step(13)
    paused_at(by_hand, 13)
    by_hand.change(lr=0.2, momentum=0.5)
    assert equal(record, finish(by_hand)), "what a hand at the knob would have done"
    # Batch 13 is the parent's, from the parent's weights: only the step after it differs.
    loss, before = record.columns["loss"], whole.columns["loss"]
    assert np.array_equal(loss[:14], before[:14]) and not np.isclose(loss[14], before[14], rtol=1e-6)
    assert np.all(np.diff(record.columns["seconds"]) > 0), "time goes on from the parent's"


def test_a_branch_stands_at_its_step_until_a_knob_is_turned(
    make: Callable[..., Session], keep: Callable[..., Session]
) -> None:
    parent = make()
    finish(parent)
    for step in (0, 9, 13):
        child = keep(parent.branch(step))
        child.replay()
        child.change(lr=0.3)  # while it replays: acts at the step, not before
        paused_at(child, step)
        assert child.since(-1).steps.tolist() == list(range(step))
        child.step(2)
        paused_at(child, step + 2)
        assert child.since(-1).marks == (Mark(step, "lr", 0.05, 0.3),)
    first, held = keep(parent.branch(13)), keep(parent.branch(13))
    first.step(2)
    paused_at(first, 15)
    with held._lock:  # the pause comes before the first batch
        held.start()
        held.pause()
    paused_at(held, 13)


def test_a_run_is_branched_while_it_trains_and_a_branch_is_branched(
    make: Callable[..., Session], keep: Callable[..., Session]
) -> None:
    parent = make()
    parent.step(15)
    paused_at(parent, 15)
    child = keep(parent.branch(14, lr=0.1))
    record = finish(child)
    assert parent.state == "paused" and len(record.steps) == 40
    # From before its own step, too: the snapshots there are its parent's.
    again = keep(child.branch(10))
    child.close()
    assert equal(finish(again), finish(parent))
    assert again.since(-1).origin == Origin(child._parent.called, 10)


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS.keys())
def test_a_prolonged_run_equals_one_that_had_the_epochs_from_the_start(
    make: Callable[..., Session], keep: Callable[..., Session], changes: dict[str, object]
) -> None:
    constant = {name: value for name, value in changes.items() if not name.endswith("schedule")}
    short, long = make(**constant), make(**constant, epochs=4)
    finish(short)
    child = keep(short.prolong(2))
    record, whole = finish(child), finish(long)
    assert equal(record, whole) and child.config == long.config
    steps = len(whole.steps) // 2
    assert record.marks == (Mark(steps, "epochs", 2, 4),)
    assert record.origin == Origin(short._parent.called, steps, "prolonged")
    assert child.progress.steps == 2 * steps and child.progress.epoch == 3
    assert all(torch.equal(a, b) for a, b in zip(weights(child), weights(long), strict=True))
    # A branch of it: after its start it has four epochs, before it is one of the two that were asked for first.
    assert equal(finish(keep(child.branch(steps + 9))), whole)
    assert equal(finish(keep(child.branch(steps - 3))), short.since(-1))


def test_a_run_that_its_limit_of_steps_ended_goes_on_within_its_epoch(
    make: Callable[..., Session], keep: Callable[..., Session]
) -> None:
    short, long = make(max_steps=27), make(max_steps=47, epochs=3)
    finish(short)
    child = keep(short.prolong(1))
    record, whole = finish(child), finish(long)
    assert child.config == long.config and child.progress == (47, 47, 2, 3, 7, 7, *child.progress[6:])
    assert record.marks == (Mark(27, "epochs", 2, 3), Mark(27, "max_steps", 27, 47))
    assert [row.step for row in record.validations] == [19, 26, 39, 46]
    assert [row for row in record.validations if row.step != 26] == list(whole.validations), "epoch 1 in two pieces"
    for name in set(record.columns) - {"seconds"}:
        np.testing.assert_array_equal(record.columns[name], whole.columns[name], err_msg=name)
    assert all(torch.equal(a, b) for a, b in zip(weights(child), weights(long), strict=True))
    for step in (25, 30):
        again = finish(keep(child.branch(step)))
        assert equal(again, record if step > 27 else short.since(-1)), step


def test_a_limit_that_leaves_epochs_over_needs_no_more_of_them(
    make: Callable[..., Session], keep: Callable[..., Session]
) -> None:
    parent = make(epochs=5, max_steps=20)
    finish(parent)
    child = keep(parent.prolong(2))
    assert (child.config.epochs, child.config.max_steps) == (5, 60)
    assert [row.step for row in finish(child).validations] == [19, 39, 59]
    loose = make(max_steps=70)
    finish(loose)
    assert keep(loose.prolong(1)).config.max_steps == 70, "a limit that is not reached stays"
    assert keep(loose.prolong(2)).config.max_steps == 80


def test_a_schedule_runs_once_more_over_the_new_epochs(
    make: Callable[..., Session], keep: Callable[..., Session]
) -> None:
    parent = make(**SCHEDULED)
    finish(parent)
    child = keep(parent.prolong(2))
    rates, momenta = (finish(child).columns[name] for name in ("lr", "momentum"))
    assert np.array_equal(rates[40:], rates[:40]) and np.array_equal(momenta[40:], momenta[:40])
    branched = finish(keep(child.branch(50))).columns["lr"]
    assert np.array_equal(branched, rates)


def test_snapshots_do_not_change_a_run(make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> None:
    with_them = finish(make(**RUNS["RunningBatchNorm, momentum, a schedule"]))
    monkeypatch.setattr(snapshots.Snapshots, "_take", lambda *_: None)
    assert equal(finish(make(**RUNS["RunningBatchNorm, momentum, a schedule"])), with_them)


def test_a_diverged_run_is_branched_before_it_diverged(
    make: Callable[..., Session], keep: Callable[..., Session]
) -> None:
    parent = make(norm="none", leak=0.3, lr=0.01)
    parent.step(10)
    paused_at(parent, 10)
    parent.change(lr=1000)
    record = finish(parent)
    assert parent.state == "diverged"
    child = keep(parent.branch(9))
    assert np.isfinite(finish(child).columns["loss"]).all() and child.state == "finished"
    last = int(record.steps[-1])
    assert finish(keep(parent.branch(last, momentum=0.5))).steps[-1] == last, "its last step diverges again"


def steps_kept(count: int, most: int, marks: list[int], prolonged_at: int = 0) -> list[int]:
    kept: list[snapshots.Snapshot] = []
    noted: list[Mark] = []
    for step in range(0, 200 * count, 200):
        noted += [Mark(mark, "lr", 0.1, 0.2) for mark in marks if step - 200 <= mark < step]
        taken = snapshots.Snapshot.__new__(snapshots.Snapshot)
        vars(taken).update(step=step, config=Config(epochs=3 if step < prolonged_at else 6))
        kept = snapshots.thinned([*kept, taken], most, noted)
        assert len(kept) <= most
    return [snapshot.step for snapshot in kept]


def test_thinning_keeps_the_ends_those_before_marks_and_an_even_spread() -> None:
    assert steps_kept(5, 8, []) == [0, 200, 400, 600, 800]
    kept = steps_kept(1000, 16, [])
    assert kept[0] == 0 and kept[-1] == 199_800 and len(kept) == 16
    assert max(np.diff(kept)) <= 2.5 * 199_800 / 15
    marked = steps_kept(1000, 16, [1000, 50_399, 50_400, 120_001])
    assert {0, 1000, 50_200, 50_400, 120_000, 199_800} <= set(marked)
    many = steps_kept(1000, 16, list(range(0, 199_800, 150)))
    assert len(many) == 16 and many[0] == 0 and many[-1] == 199_800
    assert max(np.diff(many)) <= 4 * 199_800 / 15, "marks everywhere do not take all places"
    assert 88_600 in steps_kept(1000, 16, list(range(0, 199_800, 150)), prolonged_at=88_600)
    assert steps_kept(1000, 3, [400], prolonged_at=88_600) == [0, 88_600, 199_800]


def test_a_snapshot_copies_on_the_device_and_waits_for_nothing(make: Callable[..., Session]) -> None:
    session = make(optimizer="adam", norm="running")
    session.step(2)
    paused_at(session, 2)
    assert session._snapshots is not None and session._learner is not None
    learner = session._learner
    with Operations() as operations:
        session._snapshots._take(learner, learner.order, learner.place)
    # Nothing that brings a value to the host (_local_scalar_dense, _to_copy).
    assert operations.names == {"aten::clone", "aten::detach"}


class Operations(TorchDispatchMode):
    """Notes the name of every operation of torch in the block."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.name().split(".")[0])
        return func(*args, **(kwargs or {}))


def test_a_closed_run_frees_its_snapshots_but_those_that_a_branch_shares(
    make: Callable[..., Session], keep: Callable[..., Session]
) -> None:
    parent = make()
    finish(parent)
    child = keep(parent.branch(30))
    assert parent._snapshots is not None
    known = {snapshot.step: weakref.ref(snapshot) for snapshot in parent._snapshots.until(40)}
    assert len(known) > 4
    finish(child)
    parent.close()
    gc.collect()
    assert {step for step, snapshot in known.items() if snapshot() is not None} == {
        step for step in known if step < 30 and step != max(step for step in known if step <= 30)
    }
    child.close()
    gc.collect()
    assert all(snapshot() is None for snapshot in known.values())


def test_a_branch_of_a_prolonged_run_with_few_snapshots(
    make: Callable[..., Session], keep: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "EVERY", 1000)
    parent = make()
    finish(parent)
    child = keep(parent.prolong(1))
    whole = finish(child)
    assert equal(finish(keep(child.branch(45))), whole)


def test_their_memory_is_bounded_by_bytes_and_by_number(make: Callable[..., Session]) -> None:
    assert [snapshots.room(size) for size in (0, 10_000, 2**21, 2**30)] == [64, 64, 32, 3]
    session = make(optimizer="adam", epochs=1)
    finish(session)
    assert session._snapshots is not None and session._learner is not None
    first = session._snapshots.at(0)
    model, adam = session._learner.model, session._learner.optimizer
    named = dict(model.named_buffers(remove_duplicate=False))
    tensors = [*model.parameters(), *named.values(), *adam.params, *adam.params]  # two averages each
    assert first is not None and first.bytes == sum(tensor.nbytes for tensor in tensors)


class Stateless(Callback):
    def after_step(self, learner: Learner) -> None:
        assert learner.training


class Counting(Callback):
    def __init__(self) -> None:
        self.count = 0

    def after_step(self, learner: Learner) -> None:
        self.count += 1


def test_what_cannot_be_branched_is_refused_in_words(
    make: Callable[..., Session], keep: Callable[..., Session]
) -> None:
    ready = make()
    with pytest.raises(BranchError, match="no step yet"):
        ready.branch(0)
    with pytest.raises(BranchError, match=r"Only a finished run .* is ready"):
        ready.prolong(1)
    assert "no step yet" in ready.why_no_branch(0) and "is ready" in ready.why_no_prolonging()
    parent = make()
    finish(parent)
    for step in (-1, 40, 2.0, True, "3"):
        with pytest.raises(ConfigError, match="step of a branch must be a whole number from 0 to 39"):
            parent.branch(step)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"a knob moved while it trains must be one of .*batch_size"):
        parent.branch(3, batch_size=5)
    with pytest.raises(ConfigError, match="Learning rate"):
        parent.branch(3, lr=-1)
    for epochs in (0, 999, 1.5, True):
        with pytest.raises(ConfigError, match="more epochs must be a whole number from 1 to 998"):
            parent.prolong(epochs)  # type: ignore[arg-type]
    parent.close()
    for refused in (lambda: parent.branch(3), lambda: parent.prolong(1)):
        with pytest.raises(BranchError, match="freed with its net"):
            refused()
    counting = keep(Session(TINY, callbacks=[Stateless(), Counting()]))
    finish(counting)
    for refused in (lambda: counting.branch(3), lambda: counting.prolong(1)):
        with pytest.raises(BranchError, match="Counting holds count"):
            refused()
    stateless = keep(Session(TINY, callbacks=[Stateless()]))
    assert equal(finish(stateless), finish(keep(stateless.branch(17))))


def test_a_child_that_never_starts_holds_nothing_once_closed(make: Callable[..., Session]) -> None:
    parent = make()
    finish(parent)
    child = parent.branch(9)
    assert "has not started" in child.why_no_branch(3)
    with pytest.raises(ConfigError, match="a knob moved while it trains"):
        child.change(epochs=7)
    child.change(lr=0.3)
    assert child.config.lr == 0.3
    child.close()
    assert child.state == "stopped" and child._beginning is None and child._snapshots is None
    assert child.since(-1).steps.tolist() == list(range(9))


def test_words() -> None:
    assert origin_words(Origin("A", 1200)) == "branch at step 1,200 of A"
    assert origin_words(Origin("A", 40, "prolonged")) == "prolonged from step 40 of A"
    session = Session(Config(lr=0.9))
    assert session._parent.called == "a run with Learning rate 0.9"
    session.name = "mine"
    assert session._parent.called == "mine"
    assert Session()._parent.called == "a run with the default settings"


@pytest.fixture
def early(make: Callable[..., Session]) -> Session:
    """A run that early stopping ended: at this learning rate no weight moves, so no loss falls."""
    session = make(epochs=6, patience=2, lr=1e-9, norm="none")
    assert len(finish(session).steps) == 60, "the first epoch is the best, two more are waited for"
    return session


def test_a_branch_of_a_run_that_ended_early_ends_there_too(early: Session, keep: Callable[..., Session]) -> None:
    assert equal(finish(keep(early.branch(30))), early.since(-1))


def test_patience_counts_anew_in_a_prolonged_run(early: Session, keep: Callable[..., Session]) -> None:
    one = keep(early.prolong(1))
    assert one.config.epochs == 4 and len(finish(one).steps) == 80
    assert one.since(-1).marks == (Mark(60, "epochs", 6, 4),)
    many = keep(early.prolong(5))
    assert many.config.epochs == 8 and len(finish(many).steps) == 120, "three of the five"


def test_a_limit_beyond_the_end_of_a_run_that_ended_early_is_set_anew(
    make: Callable[..., Session], keep: Callable[..., Session]
) -> None:
    parent = make(epochs=6, patience=1, lr=1e-9, norm="none", max_steps=90)
    assert len(finish(parent).steps) == 40
    child = keep(parent.prolong(1))
    assert (child.config.epochs, child.config.max_steps) == (3, 60) and len(finish(child).steps) == 60
