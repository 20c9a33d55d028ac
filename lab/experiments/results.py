"""What experiments' runs gave: a number for each measure, and the file in which such results are stored.

A record is megabytes; its measures are what verdicts and distributions are made of.
"""

import json
import math
import os
import platform
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.config import Config, ConfigError
from lab.experiments.experiment import Experiment, Planned
from lab.experiments.measures import measure
from lab.kept.writer import versions
from lab.record import Record

MEASURED = Path(__file__).parent / "measured"
"""The results that come with the lab, ID.json each, so that a page has a distribution before anything is run here."""

VERSION = 1

COMPLETE = frozenset({"finished", "diverged"})
"""States of a run that ended by itself: the same again would end alike."""


class ResultsError(Exception):
    """A file of results that cannot be read or written; the message is for a person."""


@dataclass(frozen=True)
class Result:
    """A run that ended by itself, by its measures.

    Attributes:
        config: the run's settings.
        state: finished or diverged.
        figures: measure -> value; a measure that is missing was not taken, one that is nan has no value.
        machine: where and when: device, python, torch, numpy, date.
    """

    config: Config
    state: str
    figures: Mapping[str, float]
    machine: Mapping[str, str] = field(default_factory=dict)


def result_of(
    config: Config,
    state: str,
    record: Record,
    device: str = "",
    with_versions: Mapping[str, str] | None = None,
    moment: datetime | None = None,
) -> Result:
    """Return the result of a run that ended in ``state``.

    Args:
        device: in words.
        with_versions: as a kept run has them; by default this Python's.
        moment: when it ran; by default now.
    """
    found = dict(versions() if with_versions is None else with_versions)
    found.pop("foundations-lab", None)
    date = (moment or datetime.now(UTC)).date().isoformat()
    machine = {
        "device": device.replace("CPU", _processor(), 1),
        "python": platform.python_version(),
        **found,
        "date": date,
    }
    return Result(config, state, measure(record), machine)


def same(config: Config) -> Config:
    """Return ``config`` with the device left out: what must be equal for a run to count as the same.

    The same config gives the same weights and batches on every device, and a check asks for a share of the seeds:
    how a device rounds is one more of the chances that seeds stand for.
    """
    return config.replace(device="auto")


def matching(results: Iterable[Result], planned: Iterable[Planned]) -> dict[tuple[str, int], Result]:
    """Return (variant, seed) -> result for the planned runs that are among ``results``; of equal ones the last."""
    known = {same(result.config): result for result in results}
    return {run.key: known[same(run.config)] for run in planned if same(run.config) in known}


def needed(experiment: Experiment) -> frozenset[str]:
    """Return the measures that the checks and the prediction of ``experiment`` use."""
    asked = {check.measure for check in experiment.checks}
    if (name := getattr(experiment.prediction, "measure", None)) is not None:
        asked.add(name)
    return frozenset(asked | {"valid_accuracy"})


def load(path: Path) -> list[Result]:
    """Return the results in the file at ``path``; none if there is no such file.

    A result whose settings this version refuses is left out: it would be run under others.

    Raises:
        ResultsError: the file is torn, foreign, or of a newer version.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["version"] > VERSION:
            raise ResultsError(f"{path} was written by a newer version of the lab (format {stored['version']})")
        found = []
        for run in stored["runs"]:
            try:
                config = Config.from_dict(run["config"])
            except ConfigError:
                continue
            figures = {name: math.nan if value is None else float(value) for name, value in run["figures"].items()}
            found.append(Result(config, run["state"], figures, stored["machines"][run["machine"]]))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ResultsError(f"{path} is torn, or is no file of results") from error
    return found


def save(path: Path, results: Iterable[Result]) -> None:
    """Write ``results`` to ``path``, whole or not at all; one line a run, so that a change of one is seen as such.

    Raises:
        ResultsError: the disk is full, or the folder cannot be written to.
    """
    machines: list[dict[str, str]] = []
    lines = []
    for result in results:
        machine = dict(result.machine)
        if machine not in machines:
            machines.append(machine)
        # JSON knows no nan and no infinity.
        figures = {name: _rounded(value) for name, value in result.figures.items()}
        run = {
            "config": _as_json(result.config),
            "state": result.state,
            "figures": figures,
            "machine": machines.index(machine),
        }
        lines.append(json.dumps(run, ensure_ascii=False))
    head = ",\n".join(json.dumps(machine, ensure_ascii=False) for machine in machines)
    body = ",\n".join(lines)
    text = f'{{"version": {VERSION},\n"machines": [\n{head}\n],\n"runs": [\n{body}\n]}}\n'
    half = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    except OSError as error:
        with suppress(OSError):
            half.unlink()
        raise ResultsError(f"{path}: {error.strerror or error}") from error


def _as_json(config: Config) -> dict[str, Any]:
    """Return every field, so that a later change of a default does not change what a stored run says."""
    return config.to_dict()


def _rounded(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _processor() -> str:
    """Return the CPU's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"CPU ({name or platform.machine()})"
