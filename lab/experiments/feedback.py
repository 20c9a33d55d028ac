"""How far a person's prediction is from what the runs show."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.experiments.experiment import Choice, Number, Prediction, Sketch
from lab.experiments.judge import Results, curve_band, of_variant, spread
from lab.experiments.measures import MEASURES
from lab.knob import ConfigError
from lab.record import Record

Points = tuple[tuple[float, float], ...]
"""A drawn curve: (share of the run, 0 to 1; value), by rising share."""

Guess = str | float | Points

CLOSE = 0.1
"""A curve is close if its mean distance to the runs' median is at most this share of the axis."""

SHARES = np.linspace(0, 1, 101)
"""Where a drawn curve and the runs are compared."""


@dataclass(frozen=True)
class Feedback:
    """What a prediction was worth.

    Attributes:
        words: a sentence or two.
        close: whether it was right, or near; None where there is nothing to compare it with.
    """

    words: str
    close: bool | None = None


def checked_guess(prediction: Prediction, guess: Any) -> Guess:
    """Return ``guess`` as the prediction takes it; a curve sorted, and cut to the run and the axis.

    Raises:
        ConfigError: for no option, a number out of range, or a curve of fewer than two points.
    """
    if isinstance(prediction, Choice):
        if guess not in prediction.options:
            raise ConfigError("the prediction", guess, "one of " + ", ".join(prediction.options))
        return str(guess)
    low, high = prediction.low, prediction.high
    if isinstance(prediction, Number):
        good = isinstance(guess, int | float) and math.isfinite(guess) and low <= guess <= high
        if not good:
            raise ConfigError("the prediction", guess, f"at least {low:g} and at most {high:g}")
        return float(guess)
    points = {
        float(np.clip(at, 0, 1)): float(np.clip(value, low, high))
        for at, value in guess
        if math.isfinite(at) and math.isfinite(value)
    }
    if len(points) < 2:
        raise ConfigError("the prediction", guess, "a curve of at least two points, from left to right")
    return tuple(sorted(points.items()))


def curve(points: Points, shares: NDArray[np.float64] = SHARES) -> NDArray[np.float64]:
    """Return a drawn curve's value at each share of the run; level before its first point and after its last."""
    at, values = np.array(points).T
    return np.asarray(np.interp(shares, at, values))


def median_curve(sketch: Sketch, records: Sequence[Record]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (share of the run, median over ``records``) of the column that a sketch asks for; nan left out."""
    band = curve_band(records, sketch.column)
    some = np.isfinite(band.median)
    last = band.steps[-1] if band.steps.size else 1
    return band.steps[some] / max(last, 1), band.median[some]


def feedback(
    prediction: Prediction, guess: Guess | None, results: Results, records: Mapping[tuple[str, int], Record]
) -> Feedback:
    """Return how far ``guess`` is from what the runs show.

    Args:
        guess: as :func:`checked_guess` returns it; None if it was skipped.
        results, records: of the runs, by (variant, seed).
    """
    if isinstance(prediction, Choice):
        shown = f"The runs show: {prediction.right}."
        if guess is None:
            return Feedback(f"You made no prediction. {shown}")
        right = guess == prediction.right
        return Feedback(f"You expected: {guess}. {'So do the runs show.' if right else shown}", right)
    if isinstance(prediction, Number):
        return _number(prediction, guess, results)
    return _sketch(prediction, guess, [record for (name, _), record in records.items() if name == prediction.of])


def _number(prediction: Number, guess: Guess | None, results: Results) -> Feedback:
    found = [result.figures.get(prediction.measure, math.nan) for result in of_variant(results, prediction.of).values()]
    spreads = spread(found)
    if not spreads.n:
        return Feedback(f"{prediction.of} has not been run yet.")
    unit = f" {prediction.unit}" if prediction.unit else ""
    runs = "of one run" if spreads.n == 1 else f"the median of {spreads.n} runs ({min(found):.3g} to {max(found):.3g})"
    label = MEASURES[prediction.measure].label
    shown = f"{prediction.of}: {label} {spreads.median:.3g}{unit}, {runs}."
    if not isinstance(guess, int | float):
        return Feedback(f"You made no prediction. {shown}")
    off = abs(guess - spreads.median)
    close = off <= prediction.near
    return Feedback(f"You expected {guess:.3g}{unit}. {shown} You were {off:.2g}{unit} off.", close)


def _sketch(prediction: Sketch, guess: Guess | None, records: Sequence[Record]) -> Feedback:
    at, median = median_curve(prediction, records)
    if at.size < 2:
        return Feedback(f"{prediction.of} has not been run yet.")
    if not isinstance(guess, tuple):
        return Feedback("You drew no curve.")
    inside = SHARES[(SHARES >= at[0]) & (SHARES <= at[-1])]
    gap = np.abs(curve(guess, inside) - np.interp(inside, at, median))
    worst = int(gap.argmax())
    shares = inside[worst]
    drawn, run = curve(guess, inside)[worst], float(np.interp(shares, at, median))
    mean = float(gap.mean())
    words = (
        f"Your curve is {mean:.2g} away from the runs on average, on an axis from {prediction.low:g} to "
        f"{prediction.high:g}. The largest gap is {shares:.0%} into the run: you drew {drawn:.2g}, it was {run:.2g}."
    )
    return Feedback(words, mean <= CLOSE * (prediction.high - prediction.low))
