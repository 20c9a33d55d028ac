"""The runs of the experiment that is shown: records and results here, results measured before, and their charts."""

from collections.abc import Iterable

import numpy as np

from lab.experiments.experiment import Experiment, Number, plan
from lab.experiments.judge import Verdict, judge
from lab.experiments.measures import MEASURES
from lab.experiments.queue import Key, Queue
from lab.experiments.results import MEASURED, Result, load, matching, needed
from lab.record import Record
from widgets.charts.compare import Compared, compared
from widgets.charts.overlays import OVERLAYS
from widgets.charts.style import Figure, note
from widgets.charts.view import View
from widgets.panels.experiment import charts, words

ROWS = 300
"""Points of a line, at most: a chart is sent whole each time."""


class Results:
    """What is known of one experiment's runs.

    Attributes:
        experiment: the question.
        records: (variant, seed) -> record, thinned, of the runs here; those that train, too.
        here: (variant, seed) -> result of the runs here that have ended.
        measured: the same, of the runs that come with the lab.
        measured_shown: whether the person asked for those.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        stored = load(MEASURED / f"{experiment.id}.json")
        seeds = sorted({result.config.seed for result in stored})
        self.measured = matching(stored, plan(experiment, seeds)) if seeds else {}
        self.measured_shown = False
        self._quick: bool | None = None
        self.begin(bool(experiment.quick))

    def begin(self, quick: bool) -> None:
        """Forget the runs of another length; those of this one stay."""
        if self._quick == quick:
            return
        self._quick = quick
        self.records: dict[Key, Record] = {}
        self.here: dict[Key, Result] = {}
        self._whole: set[Key] = set()

    def known(self) -> Iterable[Result]:
        """Return the results here, which need no other run."""
        return self.here.values()

    def take(self, queue: Queue) -> int:
        """Take what the queue's runs have recorded since the last call; return how many have ended."""
        self.here |= queue.results
        for (variant, seed), session in queue.running.items():
            if session is not None:
                self.records[variant, seed] = self._thin(session.since(-1))
        for key in self.here.keys() - self._whole:
            record = queue.record(*key)
            if record is not None:
                self.records[key] = self._thin(record)
                self._whole.add(key)
        return len(self._whole)

    def _thin(self, record: Record) -> Record:
        return compared("", record, 0, ROWS).record

    @property
    def main_measure(self) -> str:
        """The measure that the prediction or the first check is about."""
        prediction, checks = self.experiment.prediction, self.experiment.checks
        if isinstance(prediction, Number):
            return prediction.measure
        return "valid_accuracy" if "valid_accuracy" in self.measures() or not checks else checks[0].measure

    def measures(self) -> dict[str, str]:
        """Return measure -> its words, of those that the experiment is about."""
        asked = needed(self.experiment) | ({"largest_multiplier"} if "blow_up" in self.experiment.charts else set())
        return {name: each.label for name, each in MEASURES.items() if name in asked}

    def verdicts(self) -> tuple[tuple[Verdict, ...], tuple[Verdict, ...]]:
        """Return the verdicts on each check, of the runs here and of those measured before."""
        return judge(self.experiment, self.here), judge(self.experiment, self.measured)

    def machine(self) -> str:
        """Return where the stored results were measured, as markup."""
        return words.machine(self.measured)

    def chart(self, name: str) -> Figure:
        """Return one of the experiment's charts of the runs here: lines of one seed, or bands of several."""
        seeds = {seed for _, seed in self.records}
        variants = list(enumerate(self.experiment.variants))
        if name in charts.BANDS and (len(seeds) > 1 or name == "near_zero"):
            return charts.bands(name, [
                charts.Shown(variant.name, index, {
                    seed: record for (of, seed), record in sorted(self.records.items()) if of == variant.name
                })
                for index, variant in variants
            ])  # fmt: skip
        first = min(seeds, default=0)
        lines = [
            Compared(variant.name, record := self.records.get((variant.name, first), Record()), index, record)
            for index, variant in variants
        ]
        figure = OVERLAYS[name](lines, View(norm=self._norm_with_largest_multiplier()))
        if not self.records:
            figure["layout"]["annotations"] = [note("not run yet", x=0.5, y=0.75, font={"size": 13})]
        figure["layout"] = figure["layout"] | {"meta": {"robust": True}}
        return figure

    def _norm_with_largest_multiplier(self) -> str:
        """Return the norm with the largest multiplier in any of the runs; "" without norms."""
        peaks: dict[str, float] = {}
        for record in self.records.values():
            for norm in record.norms:
                values = record.columns[f"max_mult/{norm}"]
                values = values[np.isfinite(values)]
                peaks[norm] = max(float(values.max(initial=0.0)), peaks.get(norm, 0.0))
        return max(peaks, key=peaks.__getitem__, default="")

    def spread(self, measure: str) -> Figure:
        """Return the chart of every run's ``measure``."""
        series = [
            charts.Series("here", self._values(self.here, measure)),
            charts.Series("measured before", self._values(self.measured, measure)),
        ]
        if field := words.COURSE.get(measure):
            course = {each.name: [getattr(run, field) for run in each.recorded] for each in self.experiment.variants}
            series.append(charts.Series("the course", course))
        return charts.spread(self.experiment, measure, series)

    def _values(self, results: dict[Key, Result], measure: str) -> dict[str, list[float]]:
        values: dict[str, list[float]] = {}
        for (variant, _), result in sorted(results.items()):
            if measure in result.figures:
                values.setdefault(variant, []).append(result.figures[measure])
        return values
