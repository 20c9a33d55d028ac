"""Hyper-parameter schedules as phases, in the manner of fastai lesson 9's ``combine_scheds``.

A schedule is a *shape*: a function of training progress (0 at the first batch, 1 at the end)
whose value multiplies the knob it drives. A shape rather than absolute values, because then
a person who moves the knob in the middle of a run scales the rest of the schedule by new/old
with no bookkeeping, and one schedule serves every learning rate.

Torch-free, so that :mod:`lab.config` can validate a schedule before torch is imported.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


def _linear(start: float, end: float, position: float) -> float:
    return start + position * (end - start)


def _cosine(start: float, end: float, position: float) -> float:
    return start + (1 + math.cos(math.pi * (1 - position))) * (end - start) / 2


def _exponential(start: float, end: float, position: float) -> float:
    return start * math.pow(end / start, position)


def _constant(start: float, end: float, position: float) -> float:
    return start


CURVES: dict[str, Callable[[float, float, float], float]] = {
    "lin": _linear,
    "cos": _cosine,
    "exp": _exponential,
    "const": _constant,
}
"""Every curve as ``curve(start, end, position)``, position from 0 to 1 within the phase."""


@dataclass(frozen=True)
class Phase:
    """A stretch of training: ``fraction`` of it, along ``curve`` from ``start`` to ``end``.

    ``start`` and ``end`` are multiples of the knob that the schedule drives.

    Raises:
        ValueError: for an unknown curve, a fraction outside (0, 1], a negative or
            non-finite value, or an exponential phase that touches 0.
    """

    fraction: float
    curve: str
    start: float
    end: float

    def __post_init__(self) -> None:
        if self.curve not in CURVES:
            raise ValueError(f"unknown curve {self.curve!r}; choose one of {', '.join(CURVES)}")
        if not 0 < self.fraction <= 1:
            raise ValueError(f"a phase's fraction must be above 0 and at most 1, got {self.fraction:g}")
        for value in (self.start, self.end):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"a phase's values must be finite and at least 0, got {value:g}")
        if self.curve == "exp" and min(self.start, self.end) <= 0:
            raise ValueError("an exp phase must start and end above 0")

    def at(self, position: float) -> float:
        """Return the multiple at ``position`` (0 to 1) within this phase."""
        return CURVES[self.curve](self.start, self.end, position)


PRESETS: dict[str, tuple[Phase, ...]] = {
    "constant": (Phase(1.0, "const", 1.0, 1.0),),
    "one-cycle": (Phase(0.3, "cos", 0.04, 1.0), Phase(0.7, "cos", 1.0, 4e-6)),
    "one-cycle momentum": (Phase(0.3, "cos", 1.0, 0.85 / 0.95), Phase(0.7, "cos", 0.85 / 0.95, 1.0)),
    "cosine up-down": (Phase(0.5, "cos", 0.2, 1.0), Phase(0.5, "cos", 1.0, 0.1)),
    "linear up-down": (Phase(0.3, "lin", 0.3, 1.0), Phase(0.7, "lin", 1.0, 0.05)),
    "linear decay": (Phase(1.0, "lin", 1.0, 0.2),),
}
"""Named schedules.

``one-cycle`` and its mirrored momentum: ``fit_one_cycle`` of fastai v1, the lessons' version (30 % warm-up from
lr/25, then to lr/25/1e4 = 4e-6 of the peak; momentum .95 -> .85 -> .95), after L. Smith, arXiv:1803.09820. torch's
OneCycleLR has the same numbers; fastai v2 warms up over 25 % and ends at 1e-5 of the peak.
``cosine up-down``: lesson 10 notebook 06 (.2 -> 1 -> .1 at lr 1). ``linear up-down`` and
``linear decay``: notebook 07 (.6 -> 2 -> .1 at lr 2; 1 -> .2 at lr 1).
"""


@dataclass(frozen=True)
class Schedule:
    """Phases one after the other; their fractions add up to 1.

    Raises:
        ValueError: when there is no phase or the fractions do not add up to 1.
    """

    phases: tuple[Phase, ...]

    def __post_init__(self) -> None:
        total = sum(phase.fraction for phase in self.phases)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the phases' fractions must add up to 1, got {total:g}")

    def at(self, progress: float) -> float:
        """Return the multiple of the knob at ``progress`` (clamped to 0..1) of the training."""
        progress = min(max(progress, 0.0), 1.0)
        begin = 0.0
        for phase in self.phases:
            if progress < begin + phase.fraction:
                return phase.at((progress - begin) / phase.fraction)
            begin += phase.fraction
        return self.phases[-1].at(1.0)

    @property
    def peak(self) -> float:
        """The largest multiple it reaches: every curve is monotonic within its phase."""
        return max(max(phase.start, phase.end if phase.curve != "const" else 0.0) for phase in self.phases)


def combine(fractions: Sequence[float], phases: Sequence[tuple[str, float, float]]) -> Schedule:
    """Lesson 9's ``combine_scheds``: ``combine([.3, .7], [("cos", .3, 1), ("cos", 1, .1)])``."""
    if len(fractions) != len(phases):
        raise ValueError(f"{len(fractions)} fractions for {len(phases)} phases")
    return Schedule(tuple(Phase(f, *phase) for f, phase in zip(fractions, phases, strict=True)))


def parse(text: str) -> Schedule:
    """Return a preset's name, or phases typed as ``"0.5 cos 0.2 1, 0.5 cos 1 0.1"``.

    Each phase is: fraction, curve (lin, cos, exp, const), start, end; start and end are
    multiples of the knob. ``const`` may leave out its end.

    Raises:
        ValueError: naming the phase that could not be read, or the rule that it breaks.
    """
    if text in PRESETS:
        return Schedule(PRESETS[text])
    phases = []
    for part in text.split(","):
        words = part.split()
        if len(words) == 3 and words[1] == "const":
            words.append(words[2])
        try:
            fraction, curve, start, end = words
            phase = (float(fraction), curve, float(start), float(end))
        except ValueError:
            raise ValueError(
                f"cannot read {part.strip()!r}; give a preset ({', '.join(PRESETS)}) "
                "or phases like '0.5 cos 0.2 1, 0.5 cos 1 0.1'"
            ) from None
        phases.append(Phase(*phase))
    return Schedule(tuple(phases))
