"""Kept runs on the charts: each is read once and again when it has grown, and keeps its colour."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lab.config import KNOBS, ConfigError
from lab.kept import KeptError, KeptRun, Library
from lab.kept.writer import default_name
from lab.record import Record
from widgets.charts.compare import MOST, Compared, compared, legend_name
from widgets.markup.config_text import value_text


@dataclass(frozen=True)
class Opened:
    """A kept run with its record and its line on the charts.

    Attributes:
        run: the library's entry.
        record: the whole record.
        line: the record thinned, with its colour and dash.
    """

    run: KeptRun
    record: Record
    line: Compared


class Selection:
    """The chosen runs, in the order of choosing.

    Attributes:
        opened: one Opened for each chosen run.
    """

    def __init__(self) -> None:
        self.opened: tuple[Opened, ...] = ()

    @property
    def record(self) -> Record:
        """Record of the one chosen run; empty if none or several are chosen."""
        return self.opened[0].record if len(self.opened) == 1 else Record()

    @property
    def growing(self) -> bool:
        """True if exactly one run is chosen and it is running."""
        return [one.run.outcome for one in self.opened] == ["running"]

    def choose(self, library: Library, runs: Sequence[KeptRun]) -> None:
        """Open these runs and no others.

        Raises:
            ConfigError: there are more runs than colours.
            KeptError: one of them cannot be read; the choice is unchanged.
        """
        if len(runs) > MOST:
            raise ConfigError("the number of runs on the charts", len(runs), f"at most {MOST}, to be told apart")
        before = {one.run.id: one for one in self.opened}
        free = iter(sorted(set(range(MOST)) - {before[run.id].line.index for run in runs if run.id in before}))
        self._name(
            before[run.id] if run.id in before else _opened(run, library.open(run.id), next(free)) for run in runs
        )

    def refresh(self, library: Library, runs: Iterable[KeptRun]) -> tuple[bool, bool]:
        """Update the chosen runs from ``runs``, the library's current list.

        Returns:
            whether runs, names or outcomes have changed, and whether a record has grown.
        """
        there = {run.id: run for run in runs}
        changed = grown = False
        fresh = []
        for one in self.opened:
            run = there.get(one.run.id)
            if run is None:
                changed = True
                continue
            changed |= (run.name, run.note, run.outcome) != (one.run.name, one.run.note, one.run.outcome)
            record = one.record
            if run.updated != one.run.updated:
                try:
                    record = library.open(run.id)
                    grown = True
                except KeptError:  # deleted since, or unreadable now: the next refresh tries again
                    run = replace(run, updated=one.run.updated)
            fresh.append(replace(one, run=run) if record is one.record else _opened(run, record, one.line.index))
        self._name(fresh)
        return changed, grown

    def _name(self, opened: Iterable[Opened]) -> None:
        """Store these runs, each with a unique legend name."""
        opened = list(opened)
        named: list[Opened] = []
        used: set[str] = set()
        for one in opened:
            name = own = _line_name(one.run, [other.run for other in opened])
            number = 2
            while legend_name(name) in used:
                name, number = f"{own} ({number})", number + 1
            used.add(legend_name(name))
            named.append(replace(one, line=replace(one.line, name=name)))
        self.opened = tuple(named)


def _line_name(run: KeptRun, runs: Sequence[KeptRun]) -> str:
    """Return the run's name; if generated from the settings, only the part that differs between ``runs``."""
    if len(runs) < 2 or not run.name.startswith(default_name(run.config, run.started.astimezone())):
        return run.name
    fields = [name for name in KNOBS if name != "device" and len({getattr(one.config, name) for one in runs}) > 1]
    words = [f"{KNOBS[name].label} {value_text(KNOBS[name], getattr(run.config, name))}" for name in fields]
    return ", ".join(words) or f"{run.started.astimezone():%H:%M:%S}"


def _opened(run: KeptRun, record: Record, index: int) -> Opened:
    return Opened(run, record, compared(run.name, record, index))
