"""The kept runs on the charts: each is read once, again when it has grown, and keeps its colour."""

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
    """A kept run with its record, in its place on the charts.

    Attributes:
        run: what the library says of it.
        record: all of it.
        line: the same thinned, with its colour and dash.
    """

    run: KeptRun
    record: Record
    line: Compared


class Selection:
    """The chosen runs, in the order of choosing.

    Attributes:
        opened: one for each.
    """

    def __init__(self) -> None:
        self.opened: tuple[Opened, ...] = ()

    @property
    def record(self) -> Record:
        """The record of the one chosen run; empty if none or several are chosen."""
        return self.opened[0].record if len(self.opened) == 1 else Record()

    @property
    def growing(self) -> bool:
        """Whether one run is chosen and it is running."""
        return [one.run.outcome for one in self.opened] == ["running"]

    def choose(self, library: Library, runs: Sequence[KeptRun]) -> None:
        """Open these runs and no others.

        Raises:
            ConfigError: more than can be told apart.
            KeptError: one of them cannot be read; the choice is as it was.
        """
        if len(runs) > MOST:
            raise ConfigError("the number of runs on the charts", len(runs), f"at most {MOST}, to be told apart")
        before = {one.run.id: one for one in self.opened}
        free = iter(sorted(set(range(MOST)) - {before[run.id].line.index for run in runs if run.id in before}))
        self._name(
            before[run.id] if run.id in before else _opened(run, library.open(run.id), next(free)) for run in runs
        )

    def refresh(self, library: Library, runs: Iterable[KeptRun]) -> tuple[bool, bool]:
        """Update the chosen runs from ``runs``, all that there are.

        Returns:
            whether there are other runs, names or outcomes than before, and whether one has grown.
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
                except KeptError:  # gone since, or not to be read now: the next look tries again
                    run = replace(run, updated=one.run.updated)
            fresh.append(replace(one, run=run) if record is one.record else _opened(run, record, one.line.index))
        self._name(fresh)
        return changed, grown

    def _name(self, opened: Iterable[Opened]) -> None:
        """Take these runs, each with a legend name that no other has."""
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
    """Return the run's name; where it was made from the settings, only what differs between these runs."""
    if len(runs) < 2 or not run.name.startswith(default_name(run.config, run.started.astimezone())):
        return run.name
    fields = [name for name in KNOBS if name != "device" and len({getattr(one.config, name) for one in runs}) > 1]
    words = [f"{KNOBS[name].label} {value_text(KNOBS[name], getattr(run.config, name))}" for name in fields]
    return ", ".join(words) or f"{run.started.astimezone():%H:%M:%S}"


def _opened(run: KeptRun, record: Record, index: int) -> Opened:
    return Opened(run, record, compared(run.name, record, index))
