"""The queue: what is reused, what is trained, how it pauses, stops, fails and goes on."""

import math
import threading
from pathlib import Path

import pytest

from lab.config import Config
from lab.experiments.experiment import Check, plan
from lab.experiments.queue import Kept, Queue
from lab.experiments.trainers import LocalTrainer, Trained
from lab.kept import KeptError, Library
from lab.record import Origin
from lab.session import Run
from tests.lab.experiments.hand_made import BASE, FakeTrainer, experiment, fake_trainer, record, result
from tests.lab.kept.fakes import FakeSession, keep_ended, until

PATIENCE = 60


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "runs")


def queue_of(fake: type[FakeTrainer], library: Library | None = None, **more: object) -> Queue:
    return Queue(experiment(), library=library, make_trainer=fake, **more)  # type: ignore[arg-type]


def ended(queue: Queue) -> Queue:
    assert queue.wait(PATIENCE), queue.state
    return queue


def kept_session(config: Config, state: str = "finished") -> FakeSession:
    session = FakeSession(config)
    session.start()
    session.grow(3)
    return session


def test_it_trains_every_run_once_and_has_a_result_for_each() -> None:
    fake = fake_trainer()
    queue: Run = queue_of(fake)
    assert queue.state == "ready"
    queue.start()
    assert isinstance(queue, Queue)
    ended(queue)
    assert queue.state == "finished" and queue.error == "" and queue.reused == 0
    assert fake.began == [run.config for run in plan(experiment())]
    assert {key: result.figures["valid_accuracy"] for key, result in queue.results.items()} == {
        ("slow", 0): 0.01, ("fast", 0): 0.1, ("slow", 1): 0.01, ("fast", 1): 0.1,
    }  # fmt: skip
    assert fake.tags[1] == {"experiment": "tiny", "variant": "fast"}
    assert fake.made[-1].asked[-1] == "close"
    assert queue.progress.step == queue.progress.steps == 8
    held = queue.record("fast", 1)
    assert held is not None and held.validations[-1].accuracy == 0.1


def test_the_quick_form_is_tagged() -> None:
    fake = fake_trainer()
    queue = queue_of(fake, quick=True)
    queue.run()
    assert fake.tags[0] == {"experiment": "tiny", "variant": "slow", "form": "quick"}


def test_several_train_at_a_time(library: Library) -> None:
    fake = fake_trainer()
    fake.gate.clear()
    queue = queue_of(fake, at_once=3)
    queue.start()
    until(lambda: len(queue.running) == 3)
    assert len(fake.began) == 3
    fake.gate.set()
    ended(queue)
    assert len(fake.made) == 3 and len(queue.results) == 4


def test_a_kept_run_with_equal_settings_is_not_trained_again(library: Library) -> None:
    planned = plan(experiment())
    kept = keep_ended(library, kept_session(planned[0].config.replace(device="auto")))
    fake = fake_trainer()
    queue = queue_of(fake, library)
    queue.run()
    assert queue.reused == 1 and planned[0].config not in fake.began and len(fake.began) == 3
    assert len(queue.results) == 4
    assert queue.results["slow", 0].machine["date"] == kept.started.date().isoformat()
    opened = queue.record("slow", 0)
    assert opened is not None and len(opened.steps) == 3


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_a_kept_run_that_did_not_end_by_itself_is_trained_again(library: Library, state: str) -> None:
    keep_ended(library, kept_session(plan(experiment())[0].config), state=state)
    fake = fake_trainer()
    queue = queue_of(fake, library)
    queue.run()
    assert queue.reused == 0 and len(fake.began) == 4


def test_a_kept_run_that_diverged_is_a_result(library: Library) -> None:
    keep_ended(library, kept_session(plan(experiment())[0].config), state="diverged")
    queue = queue_of(fake_trainer(), library)
    queue.run()
    assert queue.reused == 1 and queue.results["slow", 0].state == "diverged"


def test_a_kept_run_whose_knobs_were_moved_or_that_is_a_branch_is_trained_again(library: Library) -> None:
    first, second = (run.config for run in plan(experiment())[:2])
    moved = kept_session(first)
    moved.change("lr", 0.5)
    keep_ended(library, moved)
    branch = kept_session(second)
    branch.history.origin = Origin("another", 1)
    keep_ended(library, branch)
    fake = fake_trainer()
    queue = queue_of(fake, library)
    queue.run()
    assert queue.reused == 0 and len(fake.began) == 4


def test_known_results_count_if_every_measure_that_is_needed_was_taken() -> None:
    planned = plan(experiment())
    checks = (Check("c", "valid_loss", "fast", high=1),)
    known = [result(0.5, config=planned[0].config, valid_loss=1.0), result(0.5, config=planned[1].config)]
    fake = fake_trainer()
    queue = Queue(experiment(checks=checks), known=known, make_trainer=fake)
    queue.run()
    assert queue.reused == 1 and len(fake.began) == 3 and planned[0].config not in fake.began


def test_a_run_that_fails_is_told_and_the_others_go_on() -> None:
    def outcome(config: Config) -> Trained:
        if config.lr == 0.01 and config.seed == 0:
            return Trained("failed", "the disk is gone", record(), "CPU")
        if config.lr == 0.1 and config.seed == 0:
            raise SystemExit("torn out")
        return Trained("diverged", "Loss became nan", record((math.nan,)), "CPU")

    fake = fake_trainer(outcome)
    queue = queue_of(fake)
    queue.run()
    assert queue.state == "failed" and len(fake.began) == 4
    assert queue.error.splitlines() == ["slow, seed 0: the disk is gone", "fast, seed 0: SystemExit: torn out"]
    assert sorted(queue.results) == [("fast", 1), ("slow", 1)]
    assert len(fake.made) == 2, "one that raised is not used again"


def test_a_trainer_that_cannot_be_made_fails_its_run_and_nothing_hangs() -> None:
    def broken(library: Library | None) -> FakeTrainer:
        raise OSError("no process")

    queue = Queue(experiment(), make_trainer=broken)
    queue.run()
    assert queue.state == "failed" and len(queue.failures) == 4 and "OSError: no process" in queue.error


def test_a_run_that_somebody_else_stopped_is_told() -> None:
    queue = queue_of(fake_trainer(lambda config: Trained("stopped", "", record(), "CPU")))
    queue.run()
    assert queue.state == "failed" and "stopped before its end" in queue.error and not queue.results


def test_it_pauses_and_resumes() -> None:
    fake = fake_trainer()
    fake.gate.clear()
    queue = queue_of(fake)
    queue.start()
    until(lambda: queue.running)
    queue.pause()
    assert queue.state == "paused" and fake.made[0].asked == ["pause"]
    fake.gate.set()
    until(lambda: len(queue.results) == 1)
    assert not queue.wait(0.05) and len(fake.began) == 1, "none begins during a pause"
    queue.start()
    ended(queue)
    assert queue.state == "finished" and len(fake.began) == 4


def test_it_stops_and_a_new_one_goes_on_where_it_ended(library: Library) -> None:
    fake = fake_trainer()
    queue = queue_of(fake, library)
    original = fake.begin

    def begin(self: FakeTrainer, config: Config, name: str, tags: object) -> None:
        original(self, config, name, tags)  # type: ignore[arg-type]
        if len(fake.began) == 3:
            fake.gate.clear()
        else:
            keep_ended(library, kept_session(config))

    fake.begin = begin  # type: ignore[method-assign]
    queue.start()
    until(lambda: len(queue.results) == 2 and queue.running)
    queue.stop()
    ended(queue)
    assert queue.state == "stopped" and len(queue.results) == 2 and queue.error == ""
    fake.gate.set()
    queue.start()
    assert queue.state == "stopped" and len(fake.began) == 3, "it does not start again"
    again = fake_trainer()
    queue = queue_of(again, library)
    queue.run()
    assert queue.reused == 2 and [config.seed for config in again.began] == [1, 1]


def test_close_frees_and_keeps_the_results() -> None:
    fake = fake_trainer()
    fake.gate.clear()
    queue = queue_of(fake)
    queue.start()
    until(lambda: queue.running)
    queue.close()
    assert queue.state == "stopped" and fake.made[0].asked == ["stop", "close"]
    assert not [thread for thread in threading.enumerate() if thread.name == "lab-queue"]
    ready = queue_of(fake)
    ready.close()
    assert ready.wait(0) and ready.state == "stopped"


def test_waiting_for_one_that_was_not_started_says_so() -> None:
    with pytest.raises(RuntimeError, match="call start"):
        queue_of(fake_trainer()).wait()


def test_kept_runs_that_cannot_be_read_are_told_and_the_runs_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(tmp_path / "runs")

    def refuse() -> None:
        raise KeptError("the folder is locked")

    monkeypatch.setattr(library, "runs", refuse)
    queue = queue_of(fake_trainer(), library)
    queue.run()
    assert queue.state == "finished" and queue.notices == ["Kept runs are not looked at: the folder is locked"]


def test_a_run_that_could_not_be_kept_is_a_result_and_is_told() -> None:
    def outcome(config: Config) -> Trained:
        return Trained("finished", "", record(), "CPU", notice="This run is not kept: the disk is full")

    queue = queue_of(fake_trainer(outcome))
    queue.run()
    assert queue.state == "finished" and queue.notices == ["This run is not kept: the disk is full"]


def test_seeds_of_which_there_are_kept_runs(library: Library) -> None:
    tiny = experiment()
    fast = tiny.variant("fast")
    for seed in (5, 2):
        keep_ended(library, kept_session(tiny.config(fast, seed)))
    assert Kept(library).seeds(tiny.config(fast, 0)) == (2, 5)
    assert Kept(library).seeds(tiny.config(tiny.variant("slow"), 0)) == ()


def test_real_runs_are_kept_with_tags_and_found_again(library: Library) -> None:
    queue = Queue(experiment(), 1, library=library, make_trainer=LocalTrainer)
    assert queue.config == plan(experiment())[0].config
    queue.run()
    assert queue.state == "finished", queue.error
    runs = library.runs("experiment=tiny")
    assert {(run.tags["variant"], run.config.lr) for run in runs} == {("slow", 0.01), ("fast", 0.1)}
    assert {run.name for run in runs} == {"Tiny: slow, seed 0", "Tiny: fast, seed 0"}
    assert library.runs("experiment=other") == []
    assert queue.progress.device.startswith("CPU") and queue.progress.step == 4
    again = Queue(experiment(), 1, library=library)
    again.run()
    assert again.reused == 2
    first, second = queue.results["fast", 0], again.results["fast", 0]
    assert dict(first.figures) == pytest.approx(dict(second.figures), nan_ok=True)
    assert first.config == second.config == BASE.replace(lr=0.1)
