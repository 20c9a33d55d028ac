"""Every run that the training panel starts is kept by itself; one that cannot be kept goes on."""

import errno
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.kept import RUNS, KeptRun, Library, file
from lab.record import Record
from tests.widgets.tiny_runs import PATIENCE, Make, finish, step, until


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(RUNS, str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_each_run_is_kept_under_a_name_that_the_panel_tells(folder: Path, make: Make) -> None:
    panel = make()
    assert "kept as <b>–</b>" in panel.status.value and not folder.exists()
    step(panel)
    step(panel)
    finish(panel)
    first = panel.session
    panel.knobs["lr"].value = 0.2
    finish(panel)
    panel.close()
    newer, older = Library().runs()
    assert [run.outcome for run in (newer, older)] == ["finished", "finished"], "steps and a start are one run"
    assert newer.config == panel.session.config and older.config == first.config and newer.config.lr == 0.2
    for run, session in ((older, first), (newer, panel.session)):
        kept, record = Library().open(run.id), session.since(-1)
        assert kept.columns.keys() == record.columns.keys() and kept.validations == record.validations
        np.testing.assert_array_equal(kept.columns["loss"], record.columns["loss"])
        np.testing.assert_array_equal(kept.hists, record.hists)
    panel.update()
    assert f"kept as <b>{newer.name}</b>" in panel.status.value and panel.error == ""


def test_closing_the_panel_in_mid_run_keeps_what_there_is(folder: Path, make: Make) -> None:
    panel = make(epochs=1000)
    step(panel)
    panel.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "lab-writer"], "the last flush is done"
    (run,) = Library().runs()
    assert run.outcome == "stopped" and run.steps == len(Library().open(run.id).steps) == 1


def test_a_run_that_was_never_started_is_not_kept(folder: Path, make: Make) -> None:
    panel = make()
    panel.on_stop()
    panel.on_reset()
    panel.close()
    assert Library().runs() == []


def test_a_folder_that_cannot_be_written_to_is_told_and_the_run_goes_on(folder: Path, make: Make) -> None:
    folder.write_text("in the way")
    panel = make()
    finish(panel)
    panel.close()
    panel.tick()
    assert panel.session.state == "finished" and len(panel.session.since(-1).steps) == 8
    assert "This run is not kept" in panel.error and str(folder) in panel.error
    assert folder.read_text() == "in the way"


def test_a_folder_that_cannot_be_reached_is_told_and_the_run_is_followed(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNS, "/" + 300 * "x")
    panel = make()
    panel.on_start()
    assert "This run is not kept" in panel.error and "File name too long" in panel.error
    assert panel._ticker is not None
    until(panel, "finished")


def test_a_run_whose_end_cannot_be_written_is_told_without_a_click(
    folder: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = make()
    write, going_on = file.write, threading.Event()

    def full(path: Path, run: KeptRun, record: Record, *, hold: bool = False) -> Any:
        if run.outcome == "running":
            return write(path, run, record, hold=hold)
        going_on.wait(PATIENCE)  # the charts are drawn to the end long before the disk says no
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(file, "write", full)
    panel.on_start()
    assert panel.session.wait(PATIENCE)
    for _ in range(3):
        assert panel.tick(), "it is not known yet whether the run is kept"
    ticker = panel._ticker
    assert ticker is not None
    going_on.set()  # from now on the ticker may end at any time
    ticker.join(PATIENCE)
    assert "No space left on device" in panel.error


def test_a_library_that_cannot_be_reached_is_reported_and_the_run_goes_on(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNS, "/" + 300 * "x")
    panel = make()
    finish(panel)
    assert panel.session.state == "finished" and "File name too long" in panel.error
    assert "not kept" in panel.error and panel.error.count("\n") == 0
    panel.on_reset()
    assert "kept as <b>–</b>" in panel.status.value
