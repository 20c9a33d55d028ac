"""What is measured of a run for an experiment: name -> a number read off its record."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.record import LAYER, SCALARS, Record

ONE_CLASS = 0.12
"""No class has a larger share of the validation images: a net that is not better says one digit of every picture."""

LAST_LAYER = "last"

COLUMNS = (*SCALARS, *(f"{name}/{LAST_LAYER}" for name in (*LAYER, "near_zero")))
"""Columns of a record that a person may be asked to draw: those of a step, and those of the last layer.

``near_zero/last`` is the course's definition for the activation in use, as :func:`near_zero` says."""


class Measure(NamedTuple):
    """A measure's words, its unit (empty for a pure number, ``share`` for 0 to 1), and the function of a record.

    It is nan where the record does not have what it needs.
    """

    label: str
    unit: str
    of: Callable[[Record], float]


def near_zero(record: Record) -> str:
    """Return the course's definition of near zero for the record's activation, as a column's name."""
    return "near_relu" if record.range == (0.0, 10.0) else "near_general"


def column(record: Record, name: str) -> NDArray[np.float32]:
    """Return one of COLUMNS, (n,); empty where there is none."""
    kind, _, layer = name.partition("/")
    if layer == LAST_LAYER:
        if not record.layers:
            return np.empty(0, np.float32)
        kind = near_zero(record) if kind == "near_zero" else kind
        name = f"{kind}/{record.layers[-1]}"
    return record.columns.get(name, np.empty(0, np.float32))


def diverged_at(record: Record) -> float:
    """Return the first step whose loss was not finite, nan if none was."""
    losses = column(record, "loss")
    broken = np.flatnonzero(~np.isfinite(losses))
    return float(record.steps[broken[0]]) if broken.size else math.nan


def diverged(record: Record) -> float:
    """Return 1 for a run whose loss became nan or infinite, else 0."""
    return float(not math.isnan(diverged_at(record)))


def learned(record: Record) -> float:
    """Return 1 for a run that is better than one digit for all pictures and did not diverge, else 0."""
    return float(not diverged(record) and valid_accuracy(record) > ONE_CLASS)


def valid_accuracy(record: Record) -> float:
    """Return the last validation's accuracy."""
    return float(record.validations[-1].accuracy) if record.validations else math.nan


def valid_loss(record: Record) -> float:
    """Return the last validation's loss."""
    return float(record.validations[-1].loss) if record.validations else math.nan


def train_accuracy(record: Record) -> float:
    """Return the accuracy over the last epoch, while the weights moved; nan for a run that diverged."""
    return float(record.validations[-1].train_accuracy) if record.validations and not diverged(record) else math.nan


def train_loss(record: Record) -> float:
    """Return the loss over the last epoch, while the weights moved; nan for a run that diverged."""
    return float(record.validations[-1].train_loss) if record.validations and not diverged(record) else math.nan


def largest_multiplier(record: Record) -> float:
    """Return the largest 1/sqrt(var + eps) of any norm at any step; nan without norms."""
    return _finite(max, np.concatenate([record.columns[f"max_mult/{name}"] for name in record.norms] or [_NONE]))


def last_near_zero(record: Record) -> float:
    """Return the mean near-zero share of the last layer over the second half of the run."""
    shares = column(record, f"near_zero/{LAST_LAYER}")
    return _finite(lambda values: values.mean(dtype=np.float64), shares[len(shares) // 2 :])


def trained_steps(record: Record) -> float:
    """Return how many steps were trained; nan before the first."""
    return float(record.steps[-1] + 1) if len(record.steps) else math.nan


def first_std(record: Record) -> float:
    """Return the std of the last layer's output at the first step, before any training."""
    stds = column(record, f"std/{LAST_LAYER}")
    return float(stds[0]) if stds.size else math.nan


def steps_to(record: Record, accuracy: float) -> float:
    """Return the first step at which the de-biased average of the training accuracy is ``accuracy``; nan if never.

    An average over a few small batches is high by chance, so the steps until half of its weight is there do not count.
    """
    average, weight = column(record, "accuracy_average"), column(record, "loss_weight")
    if not average.size:
        return math.nan
    reached = np.flatnonzero((average >= accuracy * weight) & (weight >= HALF))
    return float(record.steps[reached[0]]) if reached.size else math.nan


def seconds_to(record: Record, accuracy: float) -> float:
    """Return the seconds of training until the first validation of at least ``accuracy`` began; nan if none was.

    A run is validated at the end of each epoch, and at its own.
    """
    seconds = column(record, "seconds")
    reached = [row.step for row in record.validations if row.accuracy >= accuracy]
    at = np.flatnonzero(record.steps == reached[0]) if reached and seconds.size else _NONE
    return float(seconds[at[0]]) if at.size else math.nan


HALF = 0.5
_NONE = np.empty(0, np.float32)


def _finite(function: Callable[[NDArray[np.float32]], float], values: NDArray[np.float32]) -> float:
    """Return ``function`` of the finite values, nan if there is none."""
    values = values[np.isfinite(values)]
    return float(function(values)) if values.size else math.nan


MEASURES: dict[str, Measure] = {
    "valid_accuracy": Measure("validation accuracy", "share", valid_accuracy),
    "valid_loss": Measure("validation loss", "nats", valid_loss),
    "train_accuracy": Measure("training accuracy", "share", train_accuracy),
    "train_loss": Measure("training loss", "nats", train_loss),
    "learned": Measure("learned", "", learned),
    "diverged": Measure("diverged", "", diverged),
    "diverged_at": Measure("first step that diverged", "steps", diverged_at),
    "trained_steps": Measure("steps trained", "steps", trained_steps),
    "largest_multiplier": Measure("largest multiplier of a norm", "", largest_multiplier),
    "last_near_zero": Measure("last layer's near-zero share", "share", last_near_zero),
    "first_std": Measure("last layer's std before training", "", first_std),
    "steps_to_90": Measure("steps to 90 % training accuracy", "steps", lambda record: steps_to(record, 0.90)),
    "steps_to_97": Measure("steps to 97 % training accuracy", "steps", lambda record: steps_to(record, 0.97)),
    "seconds_to_98": Measure("seconds to 98 % validation accuracy", "s", lambda record: seconds_to(record, 0.98)),
}
"""Every measure by name."""


def measure(record: Record) -> dict[str, float]:
    """Return every measure of ``record``."""
    return {name: one.of(record) for name, one in MEASURES.items()}
