"""A question of the lessons as data: the runs that answer it, a prediction to ask for, and what must hold.

An Experiment is checked when it is made, so that a page, the command line and the tests may all rely on it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lab.config import KNOBS, Config, ConfigError, check
from lab.experiments.measures import COLUMNS, MEASURES

SEED_KNOB = KNOBS["seed"]

SET_BY_PLAN = ("seed", "device")
"""Fields of Config that no variant may set: the plan gives the seed, and whoever runs it the device."""


class ExperimentError(ValueError):
    """An experiment that cannot be run or judged; the message names the part, the value and what is allowed."""


class Recorded(NamedTuple):
    """An epoch's figures as a course's notebook stored them: losses in nats, accuracies 0 to 1.

    The train figures are averages over the epoch while the weights moved.
    """

    train_loss: float
    train_accuracy: float
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Variant:
    """One setting of an experiment.

    Attributes:
        name: what legends, checks and predictions call it.
        changes: fields of Config that differ from the experiment's base.
        recorded: a course's stored figures of the same setting, if there are any.
        words: a longer name, for a table.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    recorded: tuple[Recorded, ...] = ()
    words: str = ""

    def __post_init__(self) -> None:
        _need(bool(self.name.strip()), "a variant's name", self.name, "a text")
        _check_changes(f"variant {self.name!r}", self.changes)


@dataclass(frozen=True)
class Check:
    """Something that must hold in a share of the seeds, and that a wrong implementation would miss.

    Attributes:
        text: the claim in words.
        measure: a name in MEASURES.
        of: the variant that is measured.
        low, high: where the value must lie, both ends included.
        than: another variant; the value is then ``of``'s minus ``than``'s, seed by seed.
        share: of the seeds in which it must hold, above 0 and at most 1.
        quick: whether it is asked of the quick form too, which has had fewer images.
    """

    text: str
    measure: str
    of: str
    low: float = -math.inf
    high: float = math.inf
    than: str = ""
    share: float = 0.8
    quick: bool = True

    def __post_init__(self) -> None:
        _need(bool(self.text.strip()), "a check's text", self.text, "a text")
        _need(self.measure in MEASURES, f"the measure of check {self.text!r}", self.measure, _one_of(MEASURES))
        _need(0 < self.share <= 1, f"the share of check {self.text!r}", self.share, "above 0 and at most 1")
        bounds = (self.low, self.high)
        ordered = self.low <= self.high and any(map(math.isfinite, bounds))
        _need(ordered, f"the bounds (low, high) of check {self.text!r}", bounds, "ordered, and one of them finite")


@dataclass(frozen=True)
class Choice:
    """A prediction by choosing one of at least two ``options``, of which ``right`` is what the runs show."""

    question: str
    options: tuple[str, ...]
    right: str

    def __post_init__(self) -> None:
        several = len(set(self.options)) == len(self.options) >= 2
        _need(several, f"the options of {self.question!r}", self.options, "at least two, all different")
        _need(self.right in self.options, f"the right option of {self.question!r}", self.right, _one_of(self.options))


@dataclass(frozen=True)
class Number:
    """A prediction by giving a number; what is right is the median of ``measure`` over the seeds.

    Attributes:
        of: the variant that is measured.
        low, high: what may be given.
        near: how far off is still close.
        unit: of the number, if it has one.
    """

    question: str
    measure: str
    of: str
    low: float
    high: float
    near: float
    unit: str = ""

    def __post_init__(self) -> None:
        _need(self.measure in MEASURES, f"the measure of {self.question!r}", self.measure, _one_of(MEASURES))
        _check_range(self.question, self.low, self.high)
        _need(
            0 < self.near < self.high - self.low, f"near of {self.question!r}", self.near, "above 0, below high - low"
        )


@dataclass(frozen=True)
class Sketch:
    """A prediction by drawing a curve over the steps.

    Attributes:
        column: of the record, in COLUMNS.
        of: the variant whose curve is drawn.
        low, high: the vertical axis.
    """

    question: str
    column: str
    of: str
    low: float
    high: float

    def __post_init__(self) -> None:
        _need(self.column in COLUMNS, f"the column of {self.question!r}", self.column, _one_of(COLUMNS))
        _check_range(self.question, self.low, self.high)


Prediction = Choice | Number | Sketch


@dataclass(frozen=True)
class Experiment:
    """A question, its runs, what to guess, what to look at, and what must hold.

    Attributes:
        id: in links and on the command line: small letters, digits and dashes.
        question: what the runs answer. setting: what is run, in at most three sentences. Neither gives a result away.
        source: where the question comes from: lesson, notebook, paper.
        base: every variant's settings, but for its changes.
        prediction: asked before the first run; None for runs that only reproduce.
        charts: name of a chart of a run -> a sentence on what to look at in it.
        code: functions and classes that a page shows beside the parts in which the variants differ, as
            ``lab.plain_code.reference_source`` knows them.
        explain: why, in at most five sentences, with what the lecture said beside what is measured.
        quick: changes of every variant's settings that make a run short: fewer images, fewer epochs.
        sweep: a numeric knob that the variants differ in and results are drawn along; empty for none.
        seeds: how many a page and the command line run if they are not told.
        order: place in a list, ascending.

    Raises:
        ExperimentError: for a part that names what is not there, or a value out of range.
    """

    id: str
    title: str
    question: str
    setting: str
    source: str
    base: Config
    variants: tuple[Variant, ...]
    prediction: Prediction | None = None
    charts: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    code: tuple[str, ...] = ()
    explain: str = ""
    quick: Mapping[str, Any] = field(default_factory=dict)
    sweep: str = ""
    seeds: int = 5
    order: int = 100

    def __post_init__(self) -> None:
        said = f"experiment {self.id!r}"
        well_named = bool(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.id))
        _need(well_named, "an experiment's id", self.id, "small letters, digits and single dashes")
        names = [variant.name for variant in self.variants]
        _need(bool(names), f"the variants of {said}", names, "at least one")
        _need(len(set(names)) == len(names), f"the variants' names of {said}", names, "all different")
        _need(self.seeds >= 1, f"the seeds of {said}", self.seeds, "at least 1")
        _check_changes(f"the quick form of {said}", self.quick)
        for claim in self.checks:
            for name in (claim.of, *filter(None, [claim.than])):
                _need(name in names, f"the variant of check {claim.text!r} of {said}", name, _one_of(names))
        if isinstance(self.prediction, Number | Sketch):
            _need(self.prediction.of in names, f"the variant of the prediction of {said}", self.prediction.of,
                  _one_of(names))  # fmt: skip
        if self.sweep:
            numeric = [name for name in KNOBS if isinstance(getattr(self.base, name), float | int)]
            _need(self.sweep in numeric, f"the sweep of {said}", self.sweep, _one_of(numeric))
        for quick in (False, True):
            seen: dict[Config, str] = {}
            for variant in self.variants:
                config = self.config(variant, 0, quick)
                _need(config not in seen, f"the settings of variant {variant.name!r} of {said}", variant.changes,
                      f"other ones than those of {seen.get(config)!r}")  # fmt: skip
                seen[config] = variant.name

    def variant(self, name: str) -> Variant:
        """Return the variant of this name.

        Raises:
            ExperimentError: there is none.
        """
        found = next((variant for variant in self.variants if variant.name == name), None)
        if found is None:
            raise _error(f"a variant of experiment {self.id!r}", name, _one_of(v.name for v in self.variants))
        return found

    def config(self, variant: Variant, seed: int, quick: bool = False) -> Config:
        """Return the settings of a run.

        Raises:
            ExperimentError: where they do not go together.
        """
        try:
            return self.base.replace(**{**variant.changes, **(self.quick if quick else {}), "seed": seed})
        except ConfigError as error:
            form = " in its quick form" if quick else ""
            raise ExperimentError(f"experiment {self.id!r}, variant {variant.name!r}{form}: {error}") from error


class Planned(NamedTuple):
    """A run that an experiment asks for."""

    variant: str
    seed: int
    config: Config

    @property
    def key(self) -> tuple[str, int]:
        """(variant, seed): what tells it from the experiment's other runs."""
        return self.variant, self.seed


def plan(experiment: Experiment, seeds: int | Sequence[int] | None = None, quick: bool = False) -> tuple[Planned, ...]:
    """Return the runs of ``experiment``: seed by seed, so that all variants are there after the first seed.

    Args:
        seeds: how many, from 0 on, or which ones; by default as many as the experiment asks for.
        quick: the short form.

    Raises:
        ExperimentError: for no seed, the same one twice, or one out of range.
    """
    wanted = experiment.seeds if seeds is None else seeds
    numbers = list(range(wanted)) if isinstance(wanted, int) else list(wanted)
    in_range = bool(numbers) and all(SEED_KNOB.low <= seed <= SEED_KNOB.high for seed in numbers)
    _need(in_range and len(set(numbers)) == len(numbers), "seeds", wanted,
          f"at least one, each from {SEED_KNOB.low:.0f} to {SEED_KNOB.high:.0f}, none twice")  # fmt: skip
    return tuple(
        Planned(variant.name, seed, experiment.config(variant, seed, quick))
        for seed in numbers
        for variant in experiment.variants
    )


STEP_IMAGES = 33
"""A step costs about as much as this many images, whatever the batch: for the time left (docs/benchmarks.md)."""


def work(config: Config) -> float:
    """Return what a run of ``config`` costs, in images, roughly."""
    return config.steps() * (STEP_IMAGES + config.batch_size)


def _check_changes(of: str, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        _need(name not in SET_BY_PLAN, f"a change of {of}", name, "another field than " + " and ".join(SET_BY_PLAN))
        try:
            check(name, value)
        except ConfigError as error:
            raise ExperimentError(f"{of}: {error}") from error


def _check_range(question: str, low: float, high: float) -> None:
    finite = math.isfinite(low) and math.isfinite(high)
    _need(finite and low < high, f"low and high of {question!r}", (low, high), "finite, low below high")


def _one_of(names: Any) -> str:
    return "one of " + ", ".join(names)


def _error(what: str, value: object, allowed: str) -> ExperimentError:
    return ExperimentError(f"{what} must be {allowed}; got {value!r}")


def _need(holds: bool, what: str, value: object, allowed: str) -> None:
    if not holds:
        raise _error(what, value, allowed)
