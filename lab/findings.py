"""What happened in a run, in sentences that are read off its record."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lab.config import KNOBS, Config
from lab.record import Record

LAST = 100
"""Steps at a run's end over which a layer is judged."""

AROUND = 50
"""Steps before and after a knob's change that are compared."""

SILENT = 0.6
"""Share near zero from which a layer is called silent: the lesson's are above, layers that learn below."""

SILENT_OWN = 0.9
"""The same for a layer of one's own net: a ReLU alone has half of its values at zero."""

HIGH_MULTIPLIER = 50.0
"""A norm's multiplier worth a word; at batch size 64 it stays below 10."""

NORM_HELPS_TO = 1.0
"""The learning rate up to which a norm saves a run that diverges without one; at 5 it diverges with BatchNorm, too."""

FALLING = 0.05
"""Relative fall of the average loss over the last fifth of a run from which it is said to be still falling."""


def findings(record: Record, config: Config, state: str, near_zero: str = "near_relu") -> tuple[str, ...]:
    """Return what a run's record shows, a sentence each; () before its first step.

    Args:
        record: the run's whole record.
        config: its settings at the end.
        state: how it ended, as Session's.
        near_zero: the definition of near zero, one of record.NEAR_ZERO.
    """
    if not len(record.steps):
        return ()
    parts = (
        _outcome(record, config, state),
        _early(record, config, state),
        _silent_layer(record, near_zero),
        _multiplier(record, config),
        _last_change(record),
        _still_falling(record, state),
    )
    return tuple(sentence for part in parts for sentence in part)


def _outcome(record: Record, config: Config, state: str) -> Iterator[str]:
    last = int(record.steps[-1])
    if state == "diverged":
        lr, loss = float(record.columns["lr"][-1]), float(record.columns["loss"][-1])
        yield f"Diverged at step {last:,}: the loss became {loss:g} with learning rate {lr:g}."
        broken = next((name for name in record.layers if _broken(record, name)), None)
        if broken:
            yield f"The first layer that was not finite is {broken}."
        # Each holds in at least four of five seeds: tests/test_claims.py.
        norm = config.norm == "none" and config.model == "cnn" and lr <= NORM_HELPS_TO
        yield f"What usually helps: {'a norm (BatchNorm), or ' if norm else ''}a tenth of the learning rate."
        return
    if not record.validations:
        yield f"{state.capitalize()} after step {last:,}, before a validation."
        return
    end = record.validations[-1]
    after = f"{state.capitalize()} after {last + 1:,} steps"
    if record.metric == "accuracy":
        kind = "examples" if record.own else "images"
        yield (
            f"{after}: {end.accuracy:.1%} of the validation {kind} are right (loss {end.loss:.3f}); of the training "
            f"{kind} of the last whole epoch it was {end.train_accuracy:.1%}."
        )
        return
    score = f", {record.metric} {end.accuracy:.3f}" if record.metric else ""
    trained = f", {record.metric} {end.train_accuracy:.3f}" if record.metric else ""
    yield (
        f"{after}: {record.loss} {end.loss:.3g}{score} in validation; over the last whole epoch of training it was "
        f"{end.train_loss:.3g}{trained}."
    )


def _broken(record: Record, layer: str) -> bool:
    """Return whether a layer's last output was not finite; without values, or with one, it has no std anyway."""
    values = record.hists[-1, record.layers.index(layer)].sum() if len(record.hists) else 2
    return bool(values > 1 and not math.isfinite(record.columns[f"std/{layer}"][-1]))


def _early(record: Record, config: Config, state: str) -> Iterator[str]:
    """Say that early stopping ended the run, and which epoch was the best."""
    # steps_per_epoch is the record's: the data may have fewer images than the settings ask for.
    steps = config.epochs * record.steps_per_epoch
    steps = min(steps, config.max_steps) if config.max_steps else steps
    if state != "finished" or not config.patience or record.steps[-1] + 1 >= steps or not record.validations:
        return
    best = min(record.validations, key=lambda row: row.loss)
    yield (
        f"Early stopping ended it after epoch {record.validations[-1].epoch + 1} of {config.epochs}: the lowest "
        f"validation loss is {best.loss:.3f}, after epoch {best.epoch + 1}."
    )


def _silent_layer(record: Record, near_zero: str) -> Iterator[str]:
    """Name the layer with the largest near-zero share over the last steps."""
    shares = {name: _mean(record.columns[f"{near_zero}/{name}"][-LAST:]) for name in record.layers}
    shares = {name: share for name, share in shares.items() if math.isfinite(share)}
    if not shares:
        return
    worst = max(shares, key=lambda name: shares[name])
    share = shares[worst]
    window = f"over the last {min(LAST, len(record.steps)):,} recorded steps"
    if share >= (SILENT_OWN if record.own else SILENT):
        yield f"{worst} is silent: about {round(10 * share)} in 10 of its values are near zero ({share:.0%}, {window})."
    else:
        yield f"No layer is silent: the largest near-zero share is {worst}'s, {share:.0%} {window}."


def _multiplier(record: Record, config: Config) -> Iterator[str]:
    columns = {name: record.columns[f"max_mult/{name}"] for name in record.norms}
    peaks = {name: float(np.nanmax(values)) for name, values in columns.items() if np.isfinite(values).any()}
    if not peaks:
        return
    worst = max(peaks, key=lambda name: peaks[name])
    if peaks[worst] < HIGH_MULTIPLIER:
        return
    step = int(record.steps[int(np.nanargmax(columns[worst]))])
    allowed = f"; an epsilon of {config.norm_eps:g} allows {1 / math.sqrt(config.norm_eps):,.0f}"
    # The norms of one's own net may each have another one.
    yield f"A norm multiplied by up to {peaks[worst]:,.0f} ({worst}, step {step:,}){'' if record.own else allowed}."


def _last_change(record: Record) -> Iterator[str]:
    """Compare the loss before and after the last knob that was turned, if both sides are long enough."""
    if not record.marks:
        return
    mark = record.marks[-1]
    row = int(np.searchsorted(record.steps, mark.step))
    losses = record.columns["loss"]
    before, after = losses[max(row - AROUND, 0) : row], losses[row : row + AROUND]
    if len(before) < AROUND // 2 or len(after) < AROUND // 2:
        return
    knob = KNOBS[mark.field]
    yield (
        f"{knob.label} went from {knob.text(mark.old)} to {knob.text(mark.new)} at step {mark.step:,}: the mean loss "
        f"of the {len(before)} steps before is {_mean(before):.3f}, of the {len(after)} after {_mean(after):.3f}."
    )


def _still_falling(record: Record, state: str) -> Iterator[str]:
    losses = record.columns["loss"]
    fifth = len(losses) // 5
    if state != "finished" or fifth < LAST // 2:
        return
    before, last = _mean(losses[-2 * fifth : -fifth]), _mean(losses[-fifth:])
    if last < (1 - FALLING) * before:
        yield f"The loss was still falling: {before:.3f} in the last fifth but one, {last:.3f} in the last."


def _mean(values: NDArray[np.float32]) -> float:
    """Return the mean of the finite values, nan if there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean(dtype=np.float64)) if len(finite) else math.nan
