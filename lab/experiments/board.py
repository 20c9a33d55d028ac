"""The board of a challenge: kept runs and measured recipes that count, by settings, best first."""

import logging
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from lab.config import Config
from lab.experiments.challenges import Challenge
from lab.experiments.queue import clean, kept_result
from lab.experiments.results import MEASURED, Result, load, same
from lab.kept import KeptError, KeptRun, Library

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """Settings on a board, by the runs of them that count.

    Attributes:
        name, note: the newest run's, as a person gave them, or a recipe's.
        config: that run's settings.
        values: what the challenge measures, a seed each; never empty.
        seeds: the values' seeds, ascending.
        accuracies: of the last validations, 0 to 1, a seed each.
        run: the newest run's id in the library; empty for a recipe that comes with the lab.
        machine: where and when it was measured, in words.
        place: from 1 on; 0 where it is not ranked, having been measured on another machine.
    """

    name: str
    note: str
    config: Config
    values: tuple[float, ...]
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]
    run: str = ""
    machine: str = ""
    place: int = 0

    @property
    def value(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(self.values)

    @property
    def std(self) -> float:
        """The standard deviation over the seeds (n - 1); nan for a single one."""
        return _std(self.values)

    @property
    def accuracy(self) -> tuple[float, float]:
        """The mean and the standard deviation of the validation accuracy over the seeds."""
        return statistics.fmean(self.accuracies), _std(self.accuracies)


def _std(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else math.nan


class Standing(NamedTuple):
    """A board: its entries, those without a place last, and how many settings count but fall short of what is asked."""

    entries: tuple[Entry, ...]
    short: int


class _Run(NamedTuple):
    name: str
    note: str
    id: str
    result: Result


class Boards:
    """The boards of one library. Each record is read once.

    Args:
        library: of kept runs; None for the recipes alone.
        measured: the folder of the recipes' results.
    """

    def __init__(self, library: Library | None, measured: Path = MEASURED) -> None:
        self._library, self._measured = library, measured
        self._read: dict[tuple[str, datetime], Result | None] = {}

    def standing(self, challenge: Challenge) -> Standing:
        """Return the board of ``challenge`` now.

        Raises:
            KeptError, ResultsError: the library, or the file of results, cannot be read.
        """
        made = [_entry(challenge, runs) for runs in [*self._kept(challenge), *self._recipes(challenge)]]
        found = [entry for entry in made if entry is not None]
        sign = 1 if challenge.lowest_wins else -1
        ranked = [entry for entry in found if entry.run or not challenge.here_only]
        rest = [entry for entry in found if not entry.run and challenge.here_only]
        for entries in (ranked, rest):
            entries.sort(key=lambda entry: sign * entry.value)
        placed = [replace(entry, place=place) for place, entry in enumerate(ranked, 1)]
        return Standing((*placed, *rest), len(made) - len(found))

    def _kept(self, challenge: Challenge) -> Iterable[Sequence[_Run]]:
        """Return the kept runs that count, newest first, by settings."""
        groups: dict[Config, list[_Run]] = {}
        for run in self._library.runs() if self._library else ():
            if run.outcome == "finished" and challenge.counts(run.config) and (result := self._result(run)):
                groups.setdefault(_settings(run.config), []).append(_Run(run.name, run.note, run.id, result))
        return groups.values()

    def _result(self, run: KeptRun) -> Result | None:
        """Return what a run gave; None where a knob was moved, it is a branch, or it cannot be read."""
        key = run.id, run.updated
        if key not in self._read:
            assert self._library is not None
            try:
                record = self._library.open(run.id)
                self._read[key] = kept_result(run, record) if clean(record) else None
            except KeptError as error:
                log.warning("a kept run is not on the board: %s", error)
                self._read[key] = None
        return self._read[key]

    def _recipes(self, challenge: Challenge) -> Iterable[Sequence[_Run]]:
        if not challenge.recipes:
            return
        stored = load(self._measured / f"{challenge.id}.json")
        experiment = challenge.experiment
        for recipe in experiment.variants:
            wanted = _settings(experiment.config(recipe, 0))
            results = [result for result in stored if _settings(result.config) == wanted]
            if results:
                yield [_Run(recipe.name, recipe.words, "", result) for result in results]


def _settings(config: Config) -> Config:
    """Return ``config`` without its seed and device."""
    return same(config).replace(seed=0)


def _entry(challenge: Challenge, runs: Sequence[_Run]) -> Entry | None:
    """Return the entry of runs of equal settings, newest first; None if they fall short of what is asked."""
    by_seed = {run.result.config.seed: run for run in reversed(runs)}  # of one seed's the newest
    seeds = tuple(sorted(by_seed))
    results = [by_seed[seed].result for seed in seeds]
    values = tuple(challenge.value(result.config, result.figures) for result in results)
    accuracies = tuple(result.figures["valid_accuracy"] for result in results)
    if not (all(map(math.isfinite, values)) and statistics.fmean(accuracies) >= challenge.accuracy):
        return None
    newest = runs[0]
    machine = newest.result.machine
    where = f"{machine.get('device', '')}, torch {machine.get('torch', '?')}, {machine.get('date', '')}"
    return Entry(
        newest.name, newest.note, newest.result.config, values, seeds, accuracies, newest.id, where.strip(", ")
    )
