"""Several processes and one folder: they write at once, they are killed, the disk is full."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.kept import Library
from tests.lab.kept.fakes import PATIENCE, keep_ended

ROOT = Path(__file__).parents[3]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "runs")


@pytest.fixture
def start(library: Library) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def started_one(what: str, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.lab.kept.writers", what, str(library.folder), *map(str, arguments)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield started_one
    for process in started:
        process.kill()
        process.communicate()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    told = process.stdout.readline().strip()
    assert told, "the process has ended"
    return told


def test_two_processes_that_write_two_hundred_runs_at_once_lose_none(library: Library, start: Start) -> None:
    count = 100
    writers = [start("many", count, seed) for seed in (1, 2)]
    assert [line(writer) for writer in writers] == ["ready", "ready"]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        while writer.poll() is None:
            assert library.problems() == []  # somebody looks on
            with suppress(subprocess.TimeoutExpired):
                writer.wait(0.3)
    assert [writer.returncode for writer in writers] == [0, 0]
    runs = library.runs()
    assert {run.name for run in runs} == {f"{seed}/{n}" for seed in (1, 2) for n in range(count)}
    assert {run.outcome for run in runs} == {"finished"} and library.problems() == []
    for run in runs:
        assert library.open(run.id).steps.size == run.steps == int(run.name.partition("/")[2]) + 1
    assert not [path for path in library.folder.iterdir() if path.name.endswith(".tmp")]


def test_a_killed_process_leaves_its_run_interrupted(library: Library, start: Start) -> None:
    process = start("endless")
    id = line(process)
    assert library.get(id).outcome == "running"
    kept = [int(line(process)) for _ in range(5)][-1]
    process.kill()
    process.wait(PATIENCE)
    for seen in (library, Library(library.folder)):
        run = seen.get(id)
        assert run.outcome == "interrupted" and run.steps >= kept
    record = library.open(id)
    assert record.steps.tolist() == list(range(run.steps))
    other = keep_ended(library)
    assert [one.id for one in library.runs()] == [other.id, id] and library.problems() == []
    library.rename(id, "what is left of it")
    assert library.get(id).outcome == "interrupted" and library.open(id).steps.size == run.steps
    assert [one.outcome for one in Library(library.folder).runs()] == ["finished", "interrupted"]


def test_a_crash_in_the_middle_of_a_write_loses_that_flush_only(library: Library, start: Start) -> None:
    process = start("half")
    id = line(process)
    assert line(process) == "written"
    assert library.get(id).outcome == "running"
    library.rename(id, "named in vain?")
    process.kill()
    process.wait(PATIENCE)
    run = library.get(id)
    assert (run.outcome, run.steps, run.name) == ("interrupted", 3, "named in vain?")
    assert library.open(id).steps.tolist() == [0, 1, 2]
    assert len(list(library.folder.glob(".*.tmp"))) == 1 and library.problems() == []


def test_a_file_that_does_not_fit_is_told_and_fits_later(library: Library, start: Start) -> None:
    process = start("little_room")
    assert line(process).startswith("This run is kept only up to step 102: File too large")
    assert line(process) == "finished 5113 ''"
    assert process.wait(PATIENCE) == 0


def test_a_process_that_ends_in_mid_run_flushes_once_more(library: Library, start: Start) -> None:
    process = start("leaves")
    id = line(process)
    assert process.wait(PATIENCE) == 0
    assert (library.get(id).outcome, library.get(id).steps) == ("interrupted", 20)
