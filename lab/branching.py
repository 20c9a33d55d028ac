"""Where a run begins that goes on from another one: a branch from one of its steps, or more epochs after its end.

Imports no torch, so that a page may ask whether a branch is possible.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.config import KNOBS, LENGTH, Config, ConfigError
from lab.record import Mark, Origin
from lab.telemetry.history import History

if TYPE_CHECKING:
    from lab.telemetry.snapshots import Snapshot, Snapshots


class BranchError(ConfigError):
    """A run from which none can go on; the message says why."""

    def __init__(self, why: str) -> None:
        ValueError.__init__(self, why)
        self.name = "branch"


@dataclass(frozen=True, eq=False)
class Parent:
    """The run that another one goes on from, as it is now.

    Attributes:
        state: as ``Session.state``.
        history, snapshots: its record and snapshots, None once they are freed.
        config: its knobs now.
        callbacks: those of a person's own.
        name: what it is called; "" for its changed settings.
    """

    state: str
    history: History
    snapshots: "Snapshots | None"
    config: Config
    callbacks: tuple[object, ...] = ()
    name: str = ""

    @property
    def called(self) -> str:
        """Its name, or its changed settings where it has none."""
        changed = [f"{KNOBS[name].label} {KNOBS[name].text(value)}" for name, value in self.config.changed().items()]
        return self.name or ("a run with " + ", ".join(changed) if changed else "a run with the default settings")


@dataclass(frozen=True, eq=False)
class Beginning:
    """What a run needs to go on from another one.

    Attributes:
        snapshot: where it goes on; from there it trains again what lies before ``step``.
        earlier: the snapshots that the two runs share, oldest first.
        history: the record up to the snapshot.
        marks: the changes between the snapshot and ``step``, to be made again.
        step: the first one that is its own.
        config, target: the knobs at the snapshot, and from ``step`` on.
        schedule_from: the step at which its schedules begin.
    """

    snapshot: "Snapshot"
    earlier: "tuple[Snapshot, ...]"
    history: History
    marks: tuple[Mark, ...]
    step: int
    config: Config
    target: Config
    schedule_from: int

    @property
    def replayed(self) -> int:
        """The number of steps that are trained again."""
        return self.step - self.snapshot.step


def branch(parent: Parent, step: int, changes: Mapping[str, Any]) -> Beginning:
    """Return the beginning of a branch: the weights, batches and changes before ``step``, then ``changes``.

    Args:
        parent: the run that is branched.
        step: the first step that the changes affect.
        changes: new values of live knobs.

    Raises:
        ConfigError: for a step that is not in the record, a knob that is not live, or a value out of range.
        BranchError: where the run has not started, has no snapshots, or has a callback with attributes.
    """
    snapshot, snapshots = snapshot_for(parent, step)
    history = parent.history
    record = history.since(history.last_step)
    marks = tuple(mark for mark in record.marks[snapshot.history.marks :] if mark.step < step)
    if any(mark.field in LENGTH for mark in marks):
        raise BranchError(f"This run was prolonged, and has no snapshot between that and step {step}.")
    config = snapshot.config
    for mark in marks:
        config = config.change_live(**{mark.field: mark.new})
    return Beginning(
        snapshot=snapshot,
        earlier=tuple(snapshots.until(snapshot.step - 1)),
        history=history.fork(snapshot.history, Origin(parent.called, step)),
        marks=marks,
        step=step,
        config=snapshot.config,
        target=config.change_live(**changes),
        schedule_from=snapshot.schedule_from,
    )


def snapshot_for(parent: Parent, step: int) -> "tuple[Snapshot, Snapshots]":
    """Return the snapshot from which a branch at ``step`` goes on, and all of them.

    Raises:
        ConfigError, BranchError: as :func:`branch`.
    """
    _check_started(parent)
    last, snapshots = parent.history.last_step, parent.snapshots
    if snapshots is None or last < 0:
        raise _nothing_left(last)
    if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= last:
        raise ConfigError("step of a branch", step, f"a whole number from 0 to {last}, the last recorded step")
    snapshot = snapshots.at(step)
    if snapshot is None:
        raise BranchError(f"This run has no snapshot at or before step {step}.")
    return snapshot, snapshots


def prolonged(parent: Parent, epochs: int) -> Beginning:
    """Return the beginning of a run that adds ``epochs`` to a finished one.

    A run that ``max_steps`` ended gets as many steps more as these epochs have, from where it stands; one that
    ``patience`` ended gets these epochs, over which patience counts anew. Its first marks
    are the changed number of epochs, and the changed limit. Schedules run once more, over the new steps alone: a warm
    restart (I. Loshchilov and F. Hutter, arXiv:1608.03983). Constant ones just go on.

    Raises:
        ConfigError: for a number of epochs that is out of range.
        BranchError: where the run has not finished, has no snapshot of its end, or has a callback with attributes.
    """
    config, history = parent.config, parent.history
    snapshot, snapshots = snapshot_at_end(parent)
    end, begun = snapshot.step, snapshot.epoch + bool(snapshot.place)
    most = int(KNOBS["epochs"].high) - begun
    if isinstance(epochs, bool) or not isinstance(epochs, int) or not 1 <= epochs <= most:
        raise ConfigError("more epochs", epochs, f"a whole number from 1 to {most}")
    per_epoch = history.layout.steps_per_epoch
    more = {"epochs": begun + epochs, "max_steps": end + epochs * per_epoch if config.max_steps else 0}
    # A run that its limit of steps ended has epochs left, and perhaps the rest of one; they are not given up. One that
    # ended early had no use for those that it has left.
    early = end < min(config.epochs * per_epoch, config.max_steps or math.inf)
    changes = {name: value if early else max(getattr(config, name), value) for name, value in more.items()}
    longer = snapshot.config.replace(**changes)
    fork = history.fork(snapshot.history, Origin(parent.called, end, "prolonged"))
    for name, value in changes.items():
        if value != getattr(config, name):
            fork.mark(Mark(end, name, getattr(config, name), value))
    return Beginning(
        snapshot=snapshot,
        earlier=tuple(snapshots.until(end - 1)),
        history=fork,
        marks=(),
        step=end,
        config=longer,
        target=longer,
        schedule_from=end,
    )


def snapshot_at_end(parent: Parent) -> "tuple[Snapshot, Snapshots]":
    """Return the snapshot of a finished run's end, and all of them.

    Raises:
        BranchError: where there is none, or the run has not finished.
    """
    if parent.state != "finished":
        raise BranchError(f"Only a finished run can be prolonged; this one is {parent.state}.")
    _check_started(parent)
    end, snapshots = parent.history.last_step + 1, parent.snapshots
    snapshot = None if snapshots is None else snapshots.at(end)
    if snapshots is None or snapshot is None or snapshot.step < end:
        raise _nothing_left(end - 1)
    return snapshot, snapshots


def why_not(check: Callable[[], object]) -> str:
    """Return the message of the ConfigError that ``check()`` raises; empty where it raises none."""
    try:
        check()
    except ConfigError as refusal:
        return str(refusal)
    return ""


def _check_started(parent: Parent) -> None:
    """Refuse a run without steps, and callbacks with attributes: a snapshot of the run has none of those.

    Raises:
        BranchError: why; it names the callback and its attributes.
    """
    if parent.state == "ready":
        raise BranchError("This run has not started, so it has no step yet to go on from.")
    for callback in parent.callbacks:
        held = sorted(getattr(callback, "__dict__", {}))
        if held:
            name = type(callback).__name__
            raise BranchError(
                f"A run with the callback {name} cannot go on from a snapshot: {name} holds {', '.join(held)}, which "
                "no snapshot has. Callbacks without attributes of their own may stay."
            )


def origin_words(origin: Origin) -> str:
    """Return in words what a run came from."""
    if origin.kind == "prolonged":
        return f"prolonged from step {origin.step:,} of {origin.name}"
    return f"branch at step {origin.step:,} of {origin.name}"


def _nothing_left(last: int) -> BranchError:
    if last < 0:
        return BranchError("This run has no step yet, from which another one could go on.")
    return BranchError("This run has no snapshots any more: they were freed with its net. Train it again to branch it.")
