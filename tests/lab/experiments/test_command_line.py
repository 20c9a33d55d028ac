"""The command line: list, run and judge, their files and exit codes."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.config import Config
from lab.experiments import __main__ as cli
from lab.experiments import registry
from lab.experiments.experiment import Check
from lab.experiments.queue import Queue
from lab.experiments.results import load, save
from lab.experiments.trainers import Trained
from lab.kept import RUNS
from tests.lab.experiments.hand_made import FakeTrainer, experiment, fake_trainer, record, result
from tests.lab.kept.fakes import FakeSession, keep_ended

TINY = experiment()


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeTrainer]]:
    """One question, trained by a fake, in a library of its own."""
    made = fake_trainer()
    monkeypatch.setenv(RUNS, str(tmp_path / "runs"))
    monkeypatch.setattr(registry, "experiments", lambda: {"tiny": TINY})
    monkeypatch.setattr(cli, "experiments", lambda: {"tiny": TINY})
    monkeypatch.setattr(cli, "ChildTrainer", made)
    yield made


def test_list_names_every_question(capsys: pytest.CaptureFixture[str], fake: object) -> None:
    assert cli.main(["list"]) == 0
    assert " ".join(capsys.readouterr().out.split()) == "tiny 2 settings, 4 steps a seed Which is better?"


def test_run_trains_and_judges(capsys: pytest.CaptureFixture[str], fake: type[FakeTrainer], tmp_path: Path) -> None:
    assert cli.main(["run", "tiny", "--seeds", "3"], measured=tmp_path) == 0
    out = capsys.readouterr().out
    assert len(fake.began) == 6
    assert "Which is better?\nTwo tiny nets." in out
    assert "fast  0.100, 0.100 to 0.100, 0.100 ± 0.000; 0 of 3" in out
    assert "Holds: fast is better (in 3 of 3 seeds; 80% are asked for). validation accuracy: 0.09, 0.09, 0.09" in out
    assert "6 runs in " in out and "0 taken from before" in out
    assert not (tmp_path / "tiny.json").exists(), "without --store"


def test_what_is_stored_is_not_run_again(
    capsys: pytest.CaptureFixture[str], fake: type[FakeTrainer], tmp_path: Path
) -> None:
    path = tmp_path / "tiny.json"
    assert cli.main(["run", "tiny", "--seeds", "1", "--store"], measured=tmp_path) == 0
    assert len(load(path)) == 2
    assert cli.main(["run", "tiny", "--seeds", "2", "--store"], measured=tmp_path) == 0
    assert len(fake.began) == 4 and "2 runs in" in capsys.readouterr().out
    assert [run.config.seed for run in load(path)] == [0, 0, 1, 1]
    assert cli.main(["run", "tiny", "--quick", "--seeds", "1", "--store"], measured=tmp_path) == 0
    assert len(load(path)) == 6, "the quick form's runs stand beside the others"


def test_results_of_another_file_count(fake: type[FakeTrainer], tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    save(other, [result(0.9, config=TINY.config(TINY.variant("fast"), 0))])
    assert cli.main(["run", "tiny", "--seeds", "1", "--known", str(other)], measured=tmp_path) == 0
    assert fake.began == [TINY.config(TINY.variant("slow"), 0)]


def test_a_failed_run_is_told_and_the_exit_code_says_so(
    capsys: pytest.CaptureFixture[str], fake: type[FakeTrainer], tmp_path: Path
) -> None:
    def outcome(config: Config) -> Trained:
        return Trained("failed" if config.lr == 0.1 else "finished", "no memory", record(), "CPU")

    fake.outcome = staticmethod(outcome)  # type: ignore[method-assign]
    assert cli.main(["run", "tiny", "--seeds", "1"], measured=tmp_path) == 1
    said = capsys.readouterr()
    assert "fast, seed 0: no memory" in said.err
    assert "Not judged yet: fast is better." in said.out and "fast  –" in said.out


def test_an_interrupt_keeps_what_is_done(
    capsys: pytest.CaptureFixture[str], fake: type[FakeTrainer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(self: Queue, timeout: float | None = None) -> bool:
        if len(self.results) >= 1:
            fake.gate.clear()
        if len(self.results) >= 2 or (self.results and not fake.gate.is_set()):
            raise KeyboardInterrupt
        with self._changed:
            self._changed.wait(timeout)
        return False

    monkeypatch.setattr(Queue, "wait", wait)
    assert cli.main(["run", "tiny", "--store", "--at-once", "1"], measured=tmp_path) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert fake.made[0].asked[-1] == "close"
    stored = len(load(tmp_path / "tiny.json"))
    assert stored >= 1
    monkeypatch.undo()


def test_judge_takes_kept_runs_of_any_seed_and_those_measured_before_where_there_are_none(
    capsys: pytest.CaptureFixture[str], fake: type[FakeTrainer], tmp_path: Path
) -> None:
    assert cli.main(["judge", "tiny"], measured=tmp_path) == 1
    assert "python -m lab.experiments run tiny" in capsys.readouterr().err
    save(tmp_path / "tiny.json", [result(0.5, config=TINY.config(variant, 3)) for variant in TINY.variants])
    assert cli.main(["judge", "tiny"], measured=tmp_path) == 0
    out = capsys.readouterr().out
    assert "From runs that were measured before." in out and "in 1 of 1 seeds" in out
    session = FakeSession(TINY.config(TINY.variant("slow"), 9))
    session.start()
    session.grow(2)
    keep_ended(cli.Library(), session)
    assert cli.main(["judge", "tiny"], measured=tmp_path) == 0
    out = capsys.readouterr().out
    assert "From runs kept in " in out and "Not judged yet" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nothing"], "There is no experiment 'nothing'; choose one of tiny."),
        (["judge", "nothing"], "There is no experiment 'nothing'"),
    ],
)
def test_an_unknown_question_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], fake: object
) -> None:
    assert cli.main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "tiny", "--seeds", "0"], "must be a whole number from 1 to 1000; got '0'"),
        (["run", "tiny", "--at-once", "many"], "must be a whole number from 1 to 256; got 'many'"),
        ([], "required"),
    ],
)
def test_a_bad_option_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], fake: object
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert said in capsys.readouterr().err


def test_a_torn_file_of_results_is_told(capsys: pytest.CaptureFixture[str], fake: object, tmp_path: Path) -> None:
    (tmp_path / "tiny.json").write_text("{")
    assert cli.main(["run", "tiny", "--store"], measured=tmp_path) == 2
    assert "torn" in capsys.readouterr().err


def test_the_bar_says_how_far_it_is_and_what_trains() -> None:
    made = fake_trainer()
    made.gate.clear()
    queue = Queue(experiment(checks=(Check("c", "valid_loss", "fast", high=1),)), make_trainer=made)
    assert cli.bar(queue).startswith("[" + " " * 30 + "]   0%  …")
    queue.start()
    out = io.StringIO()
    made.gate.set()
    assert cli.follow(queue, out, quiet=False)
    assert cli.bar(queue).startswith("[" + "=" * 30 + "] 100%")
