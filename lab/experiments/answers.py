"""How far a person's prediction was from what the runs show, in numbers and in a sentence."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.experiments.experiment import Choice, ExperimentError, Number, Prediction, Sketch
from lab.experiments.judge import Results, curve_band, of_variant, spread
from lab.experiments.measures import MEASURES
from lab.record import Record

CLOSE = 0.1
"""A drawn curve is close if its mean distance is at most this share of the axis."""

SMOOTHED = 20
"""Pieces of the run, each by its mean: nobody draws a batch's noise."""


Points = tuple[tuple[float, float], ...]
"""A drawn curve: (share of the run from 0 to 1, value), by rising share."""

Guess = str | float | Points
"""An answer to a Choice, a Number, a Sketch."""


class Feedback(NamedTuple):
    """What came of a prediction.

    Attributes:
        close: whether it was right, or near enough; None where there is nothing to compare it with yet.
        off: the distance, in the prediction's own unit; nan for a choice, or where nothing is there.
        words: a sentence.
    """

    close: bool | None
    off: float
    words: str


_NOTHING_YET = Feedback(None, math.nan, "There is no run yet to compare it with.")


def chosen(prediction: Choice, option: str) -> Feedback:
    """Return what came of choosing ``option``.

    Raises:
        ExperimentError: it is not one of the options.
    """
    if option not in prediction.options:
        allowed = ", ".join(prediction.options)
        raise ExperimentError(f"the answer to {prediction.question!r} must be one of {allowed}; got {option!r}")
    if option == prediction.right:
        return Feedback(True, math.nan, f"You expected {option}, and so it is.")
    return Feedback(False, math.nan, f"You expected {option}; it is {prediction.right}.")


def given(prediction: Number, value: float, results: Results) -> Feedback:
    """Return how far ``value`` is from the median over the seeds.

    Raises:
        ExperimentError: it is out of the prediction's range, or no number.
    """
    if not prediction.low <= value <= prediction.high:
        allowed = f"from {prediction.low:g} to {prediction.high:g}"
        raise ExperimentError(f"the answer to {prediction.question!r} must be {allowed}; got {value!r}")
    mine = of_variant(results, prediction.of).values()
    found = spread([result.figures.get(prediction.measure, math.nan) for result in mine])
    if not found.n:
        return _NOTHING_YET
    off = abs(value - found.median)
    unit = f" {prediction.unit}" if prediction.unit else ""
    of = f"the median of {found.n} seeds is" if found.n > 1 else "the run gave"
    label = MEASURES[prediction.measure].label
    words = (
        f"You said {_text(value)}{unit}; {of} {_text(found.median)}{unit} ({label}), {_text(off, 2)} away; up to "
        f"{_text(prediction.near)} is close."
    )
    return Feedback(off <= prediction.near, off, words)


def _text(value: float, digits: int = 3) -> str:
    """Return a number with so many digits; a large one whole, with commas."""
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def drawn(prediction: Sketch, points: Sequence[tuple[float, float]], records: Sequence[Record]) -> Feedback:
    """Return how far a drawn curve is from the median curve of the runs, on average.

    Args:
        points: (share of the run from 0 to 1, value); straight lines lie between them.
        records: of the variant that was to be drawn, one a seed.

    Raises:
        ExperimentError: for fewer than two different places, or a point that is off the axes.
    """
    ordered = sorted(points)
    inside = all(0 <= x <= 1 and prediction.low <= y <= prediction.high for x, y in ordered)
    if not inside or len({x for x, _ in ordered}) < 2:
        allowed = f"at least two places from 0 to 1, values from {prediction.low:g} to {prediction.high:g}"
        raise ExperimentError(f"the curve for {prediction.question!r} must have {allowed}; got {ordered!r}")
    shares, values = _smoothed(prediction, records)
    if not shares.size:
        return _NOTHING_YET
    theirs = np.interp(shares, [x for x, _ in ordered], [y for _, y in ordered])
    apart = theirs - np.clip(values, prediction.low, prediction.high)
    off = float(np.abs(apart).mean())
    most = int(np.abs(apart).argmax())
    side = "above" if apart[most] > 0 else "below"
    close = off <= CLOSE * (prediction.high - prediction.low)
    limit = CLOSE * (prediction.high - prediction.low)
    words = (
        f"Your curve is {off:.2g} away on average (up to {limit:.2g} is close), most at {shares[most]:.0%} of the run, "
        f"where it is {side}."
    )
    return Feedback(close, off, words)


def _smoothed(prediction: Sketch, records: Sequence[Record]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middle of each piece as a share of the run, and the median curve's mean there."""
    band = curve_band(records, prediction.column, points=50 * SMOOTHED)
    known = np.isfinite(band.median)
    if not known.any():
        return np.empty(0), np.empty(0)
    steps, values = band.steps[known], band.median[known]
    shares = steps / max(int(band.steps[-1]), 1)
    piece = np.minimum((shares * SMOOTHED).astype(int), SMOOTHED - 1)
    pieces = np.unique(piece)
    return (pieces + 0.5) / SMOOTHED, np.array([values[piece == one].mean() for one in pieces])


def feedback(
    prediction: Prediction, guess: Guess | None, results: Results, records: Mapping[tuple[str, int], Record]
) -> Feedback:
    """Return what came of a prediction of any kind; None if it was skipped.

    Args:
        results, records: of the runs, by (variant, seed).

    Raises:
        ExperimentError: as :func:`chosen`, :func:`given` and :func:`drawn`.
    """
    if guess is None:
        right = f" It is {prediction.right}." if isinstance(prediction, Choice) else ""
        return Feedback(None, math.nan, f"You made no prediction.{right}")
    if isinstance(prediction, Choice):
        return chosen(prediction, str(guess))
    if isinstance(prediction, Number):
        return given(prediction, float(guess) if isinstance(guess, int | float) else math.nan, results)
    points = guess if isinstance(guess, tuple) else ()
    return drawn(prediction, points, [record for (name, _), record in records.items() if name == prediction.of])


def cut(prediction: Sketch, points: Sequence[tuple[float, float]]) -> Points:
    """Return a curve that was drawn by hand by rising share, cut to the run and to the axis.

    Raises:
        ExperimentError: for fewer than two places: a dot, or a stroke straight up.
    """
    inside = {
        float(np.clip(at, 0, 1)): float(np.clip(value, prediction.low, prediction.high))
        for at, value in points
        if math.isfinite(at) and math.isfinite(value)
    }
    if len(inside) < 2:
        raise ExperimentError(f"the curve for {prediction.question!r} must go from left to right; got {points!r}")
    return tuple(sorted(inside.items()))


def median_curve(prediction: Sketch, records: Sequence[Record]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return (share of the run, median over ``records``) of the column that a sketch asks for; nan left out."""
    band = curve_band(records, prediction.column)
    some = np.isfinite(band.median)
    last = band.steps[-1] if band.steps.size else 1
    return band.steps[some] / max(int(last), 1), band.median[some]
