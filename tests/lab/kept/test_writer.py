"""A run is written while it goes on; when that fails, it is told, and the run goes on."""

import errno
import fcntl
import os
import time
from pathlib import Path

import pytest

from lab.config import Config
from lab.kept import KeptRun, Library, file, file_lock
from tests.lab.kept.fakes import QUICK, FakeSession, full_session, keep_ended, keep_live, run_file, until


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "runs")


def test_a_live_run_is_listed_and_grows(library: Library) -> None:
    session, writer = keep_live(library)
    (run,) = Library(library.folder).runs()
    assert (run.id, run.outcome, run.steps) == (writer.id, "running", 3)
    session.grow(50)
    until(lambda: library.get(writer.id).steps == 53)
    assert library.open(writer.id).steps.tolist() == list(range(53))
    session.state = "paused"
    session.end("stopped")
    until(lambda: library.get(writer.id).outcome == "stopped")
    writer.close()
    assert writer.error == "" and library.get(writer.id).steps == 53


def test_each_outcome_is_kept_with_its_error(library: Library) -> None:
    for outcome in ("finished", "stopped", "diverged", "failed"):
        session = full_session()
        session.error = f"it {outcome}"
        run = keep_ended(library, session, state=outcome)
        assert (run.outcome, run.error) == (outcome, f"it {outcome}")


def test_a_run_that_was_never_started_is_not_kept(library: Library) -> None:
    session = FakeSession()
    writer = library.keep(session, every=QUICK)
    session.end("stopped")
    writer.close()
    assert library.runs() == [] and not library.folder.exists() and writer.error == ""


def test_settings_changed_before_the_start_are_those_of_the_beginning(library: Library) -> None:
    session = FakeSession()
    writer = library.keep(session, every=QUICK)
    session.config = Config(lr=0.7, epochs=2)
    session.start()
    session.grow(1)
    until(library.runs)
    session.change("lr", 0.3)
    session.grow(1)
    session.change("lr", 0.2)
    session.end()
    writer.close()
    run = library.get(writer.id)
    assert (run.config.lr, run.config.epochs, session.config.lr) == (0.7, 2, 0.2)
    assert run.name.startswith("Learning rate 0.7, Epochs 2 ·")


def test_a_run_that_stands_still_is_not_written_again(library: Library) -> None:
    session, writer = keep_live(library)
    path = run_file(library, writer.id)
    session.state = "paused"
    paused = session.looks
    until(lambda: session.looks > paused + 3)  # a flush may have begun before the pause
    before, looks = file.signature(path.stat()), session.looks
    until(lambda: session.looks > looks + 5)
    assert file.signature(path.stat()) == before
    session.change("lr", 0.1)
    until(lambda: file.signature(path.stat()) != before)
    session.end()
    writer.close()


def test_a_live_run_takes_a_new_name(library: Library) -> None:
    session, writer = keep_live(library, "first")
    other = Library(library.folder)
    other.rename(writer.id, "second")
    other.set_note(writer.id, "noted")
    assert (library.get(writer.id).name, library.get(writer.id).outcome) == ("second", "running")
    until(lambda: file.look(run_file(library, writer.id)).note == "noted")
    session.grow(5)
    session.end()
    writer.close()
    run = Library(library.folder).get(writer.id)
    assert (run.name, run.note, run.steps, run.outcome) == ("second", "noted", 8, "finished")


def test_a_keeper_that_is_closed_early_leaves_the_run_interrupted(library: Library) -> None:
    session, writer = keep_live(library)
    session.grow(7)
    writer.close()
    run = library.get(writer.id)
    assert (run.outcome, run.steps) == ("interrupted", 10)
    library.rename(run.id, "named")
    assert (library.get(run.id).outcome, library.get(run.id).name) == ("interrupted", "named")


def test_a_full_disk_is_told_and_the_flush_before_stays(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    session, writer = keep_live(library)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(file.os, "fsync", full)
        session.grow(100)
        until(lambda: writer.error)
        assert writer.error.startswith("This run is kept only up to step 2: No space left on device")
        assert str(library.folder) in writer.error
        assert library.open(writer.id).steps.tolist() == [0, 1, 2]
        assert library.get(writer.id).outcome == "running" and library.problems() == []
        until(lambda: not list(library.folder.glob(".*.tmp")))  # between two tries, none takes any room
    until(lambda: not writer.error)
    until(lambda: library.get(writer.id).steps == 103)
    session.end()
    writer.close()


def test_a_run_that_ends_on_a_full_disk_is_kept_when_there_is_room(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, writer = keep_live(library)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(file.os, "fsync", full)
        session.end("finished")
        until(lambda: writer.error)
    until(lambda: library.get(writer.id).outcome == "finished")
    writer.close()
    assert writer.error == ""


def test_a_folder_that_cannot_be_made_is_told_and_tried_again(library: Library) -> None:
    library.folder.write_text("in the way")
    session = FakeSession()
    session.start()
    session.grow(3)
    writer = library.keep(session, every=QUICK)
    until(lambda: writer.error)
    assert writer.error.startswith("This run is not kept: File exists") and "Tried again" in writer.error
    library.folder.unlink()
    until(lambda: not writer.error and library.runs())
    session.end()
    writer.close()
    assert library.get(writer.id).outcome == "finished"


def test_whatever_goes_wrong_in_the_session_is_told(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    session, writer = keep_live(library)
    monkeypatch.setattr(session, "since", lambda step: 1 / 0)
    until(lambda: writer.error)
    assert "ZeroDivisionError" in writer.error
    monkeypatch.undo()
    session.end()
    writer.close()
    assert writer.error == "" and library.get(writer.id).outcome == "finished"


def test_without_locks_a_file_that_was_touched_lately_has_a_writer(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*arguments: object) -> None:
        raise OSError(errno.ENOTSUP, "no locks here")

    monkeypatch.setattr(fcntl, "flock", none)
    _, writer = keep_live(library)
    path = run_file(library, writer.id)
    past = time.time() - file_lock.SILENT_SECONDS - 60
    os.utime(path, (past, past))
    until(lambda: path.stat().st_mtime > past + 1)  # nothing new to write, but it is alive
    assert library.get(writer.id).outcome == "running"
    writer.close()
    os.utime(path, (past, past))
    assert library.get(writer.id).outcome == "interrupted"


def test_a_run_that_ends_while_it_is_looked_at_is_not_taken_for_interrupted(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, writer = keep_live(library)

    def ends(opened: object) -> bool:
        monkeypatch.undo()
        session.end()
        writer.close()
        return False

    monkeypatch.setattr(file_lock, "is_held", ends)
    assert file.look(run_file(library, writer.id)).outcome == "finished"


def test_a_name_given_during_the_last_flush_counts(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    session, writer = keep_live(library)
    write = file.write

    def renamed_meanwhile(path: Path, run: KeptRun, *rest: object, **options: object) -> object:
        if run.outcome == "finished":
            library.rename(run.id, "late")
        return write(path, run, *rest, **options)

    monkeypatch.setattr(file, "write", renamed_meanwhile)
    session.end()
    writer.close()
    assert library.get(writer.id).name == Library(library.folder).get(writer.id).name == "late"


def test_a_writer_waits_for_the_session_and_does_not_look_at_it_in_between(library: Library) -> None:
    session = FakeSession()
    writer = library.keep(session, every=1000)
    looked: list[float] = []
    state = session.wait_for
    session.wait_for = lambda *arguments: looked.append(time.monotonic()) or state(*arguments)
    session.start()
    session.grow(3)
    until(library.runs)
    assert len(looked) <= 1
    writer.close()
    assert library.get(writer.id).outcome == "interrupted", "closed at once, though no flush was due"
