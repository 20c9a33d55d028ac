"""Training in this process and in a child: the same run, and no end that is not told."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lab.config import Config
from lab.experiments.trainers import ChildTrainer, LocalTrainer, Trained
from lab.kept import Library
from lab.session import Session
from tests.lab.experiments.hand_made import BASE
from tests.lab.kept.fakes import until


class Ending:
    """Waits for a run's end in a thread, as a queue does: that is when a child's progress is read."""

    def __init__(self, trainer: ChildTrainer) -> None:
        self._found: list[Trained] = []
        self._thread = threading.Thread(target=lambda: self._found.append(trainer.end()))
        self._thread.start()

    def end(self) -> Trained:
        self._thread.join(60)
        return self._found[0]


LONG = BASE.replace(size=50_000, batch_size=2, epochs=100)


@pytest.fixture
def child(tmp_path: Path) -> Iterator[ChildTrainer]:
    trainer = ChildTrainer(Library(tmp_path / "runs"))
    yield trainer
    trainer.close()


def test_a_child_trains_as_this_process_does_and_keeps_the_run(child: ChildTrainer, tmp_path: Path) -> None:
    local = LocalTrainer()
    local.begin(BASE, "here", {})
    here = local.end()
    local.close()
    child.begin(BASE, "there", {"experiment": "tiny"})
    there = child.end()
    assert (there.state, there.error, there.notice) == ("finished", "", "")
    np.testing.assert_array_equal(there.record.columns["loss"], here.record.columns["loss"])
    assert here.kept == ""
    run = Library(tmp_path / "runs").get(there.kept)
    assert (run.name, run.tags, run.outcome) == ("there", {"experiment": "tiny"}, "finished")

    # The same child: a run that is paused, goes on, and is stopped.
    process = child._process
    child.begin(LONG, "long", {})
    ending = Ending(child)
    until(lambda: child.progress.step)
    child.pause()
    until(lambda: child.progress.rate == 0)
    step = child.progress.step
    child.resume()
    until(lambda: child.progress.step > step)
    child.stop()
    stopped = ending.end()
    assert stopped.state == "stopped" and child._process is process

    # Settings that cannot be trained fail, and the child lives.
    child.begin(BASE.replace(device="cuda"), "no such device", {})
    failed = child.end()
    if failed.state != "finished":
        assert failed.state == "failed" and "CUDA" in failed.error and child._process is process

    # A child that is killed fails its run; the next run has another child.
    child.begin(LONG, "killed", {})
    ending = Ending(child)
    until(lambda: child.progress.step)
    os.kill(process.pid, signal.SIGKILL)
    killed = ending.end()
    assert killed.state == "failed" and "exit code -9" in killed.error
    child.begin(LONG, "after", {})
    assert child._process is not process
    library = Library(tmp_path / "runs")
    until(lambda: [run for run in library.runs() if run.name == "after"])

    # Closed in the middle of a run, it keeps what it has.
    child.close()
    assert not child._process.is_alive()
    assert [run.outcome for run in library.runs() if run.name == "after"] == ["stopped"]


def test_closing_what_has_not_begun_does_nothing() -> None:
    ChildTrainer().close()
    LocalTrainer().close()


def test_a_session_of_ones_own() -> None:
    made: list[Config] = []

    def make(config: Config) -> Session:
        made.append(config)
        return Session(config)

    trainer = LocalTrainer(make_session=make)
    trainer.begin(BASE, "", {})
    assert trainer.end().state == "finished" and made == [BASE] and trainer.session is not None
    trainer.resume()
    trainer.close()
