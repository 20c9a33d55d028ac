"""The challenges' boards: which runs count, how they are ranked, and what comes with the lab."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab.config import Config
from lab.experiments import __main__ as cli
from lab.experiments.board import Boards, Standing
from lab.experiments.challenges import CHALLENGES, Challenge, challenge
from lab.experiments.experiment import ExperimentError, Variant
from lab.experiments.results import MEASURED, Result, load, save
from lab.experiments.trainers import Trained
from lab.kept import RUNS, Library
from lab.nn.plan import parameters
from lab.record import Layout, Validation
from tests.lab.experiments.hand_made import fake_trainer, record, result
from tests.lab.kept.fakes import LAYOUT, FakeSession, keep_ended

ONE = Config(epochs=1)
EPOCH, FEWEST, FASTEST = (challenge(id) for id in ("one-epoch", "fewest-parameters", "fastest"))


def bare(one: Challenge, *recipes: Variant) -> Challenge:
    """The challenge with these recipes only."""
    return replace(one, recipes=recipes)


def keep(
    library: Library,
    config: Config = ONE,
    accuracies: Sequence[float] = (0.98,),
    name: str = "mine",
    state: str = "finished",
    moved: bool = False,
    layout: Layout = LAYOUT,
) -> str:
    """Keep a run of ten steps an epoch, with these validations; its id."""
    session = FakeSession(config, layout)
    session.start()
    random = np.random.default_rng(config.seed)
    rows = 10 * len(accuracies)
    device = random.random((rows, len(LAYOUT.device_columns))).astype(np.float32)
    seconds = np.arange(1, rows + 1) / 10
    host = np.stack([np.full(rows, 0.1), np.zeros(rows), seconds], axis=1)
    session.history.append(device, np.zeros((rows, 2, 43), np.int32), host, [0.9] * rows)
    for epoch, accuracy in enumerate(accuracies):
        session.history.validate(Validation(10 * epoch + 9, epoch, 0.1, accuracy, 0.1, 0.9))
    if moved:
        session.change("lr", 0.05)
    return keep_ended(library, session, name, state).id


def names(standing: Standing) -> list[tuple[int, str]]:
    return [(entry.place, entry.name) for entry in standing.entries]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "runs")


@pytest.mark.parametrize(
    "config",
    [
        ONE.replace(epochs=2), ONE.replace(size=49_999), ONE.replace(dataset="fashion"),
        ONE.replace(epochs=2, max_steps=783),
    ],
)  # fmt: skip
def test_settings_that_do_not_count(config: Config, library: Library, tmp_path: Path) -> None:
    keep(library, config)
    assert Boards(library, tmp_path).standing(bare(EPOCH)) == Standing((), 0)


@pytest.mark.parametrize("config", [ONE, ONE.replace(epochs=2, max_steps=782), ONE.replace(device="cpu", model="mlp")])
def test_settings_that_count(config: Config, library: Library, tmp_path: Path) -> None:
    id = keep(library, config, (0.98,))
    (entry,) = Boards(library, tmp_path).standing(bare(EPOCH)).entries
    assert (entry.place, entry.name, entry.run, entry.config) == (1, "mine", id, config)
    assert entry.values == (0.98,) and math.isnan(entry.std)


def test_a_run_that_its_settings_alone_do_not_repeat_does_not_count(library: Library, tmp_path: Path) -> None:
    keep(library, moved=True)
    own = ({"own": "Net on MNIST"}, {"loss": "hinge"}, {"metric": "top 3"})
    for lr, words in enumerate(own, 1):
        keep(library, ONE.replace(lr=lr), layout=replace(LAYOUT, **words))
    keep(library, ONE.replace(lr=0.3), state="stopped")
    keep(library, ONE.replace(lr=0.5), state="diverged")
    assert not Boards(library, tmp_path).standing(bare(EPOCH)).entries


def test_settings_are_ranked_by_the_mean_over_their_seeds(library: Library, tmp_path: Path) -> None:
    for seed, accuracy in ((0, 0.99), (1, 0.95), (2, 0.96)):
        keep(library, ONE.replace(seed=seed), (accuracy,), f"lottery {seed}")
    keep(library, ONE.replace(lr=0.1), (0.97,), "steady")
    first, second = Boards(library, tmp_path).standing(bare(EPOCH)).entries
    assert (first.place, first.name, second.place) == (1, "steady", 2)
    assert second.value == pytest.approx(2.9 / 3) and second.std == pytest.approx(0.0208167, rel=1e-5)
    assert second.seeds == (0, 1, 2) and second.values == (0.99, 0.95, 0.96)
    assert second.name == "lottery 2" and second.config.seed == 2, "the newest"


def test_of_a_seed_that_was_run_twice_the_newest_counts(library: Library, tmp_path: Path) -> None:
    keep(library, accuracies=(0.97,))
    keep(library, ONE.replace(device="cpu"), (0.98,))
    (entry,) = Boards(library, tmp_path).standing(bare(EPOCH)).entries
    assert entry.values == (0.98,)


def test_a_name_and_a_note_that_are_given_later_are_shown(library: Library, tmp_path: Path) -> None:
    id = keep(library)
    boards = Boards(library, tmp_path)
    boards.standing(bare(EPOCH))
    library.rename(id, "Hypatia")
    library.set_note(id, "on the train")
    (entry,) = boards.standing(bare(EPOCH)).entries
    assert (entry.name, entry.note) == ("Hypatia", "on the train")


def test_fewest_parameters_wins_where_the_mean_is_enough(library: Library, tmp_path: Path) -> None:
    small, large = Config(widths=(4, 8)), Config(widths=(8, 16))
    keep(library, small, (0.9905,), "small")
    keep(library, large, (0.5, 0.999), "large")
    keep(library, Config(widths=(2, 2)), (0.995, 0.98), "too small")
    boards = Boards(library, tmp_path)
    standing = boards.standing(bare(FEWEST))
    assert names(standing) == [(1, "small"), (2, "large")] and standing.short == 1
    assert standing.entries[0].value == parameters(small) == 4 * 25 + 8 + 4 * 8 * 9 + 16 + 90
    keep(library, small.replace(seed=1), (0.9893,), "small again")
    standing = boards.standing(bare(FEWEST))
    assert names(standing) == [(1, "large")] and standing.short == 2, "one lucky seed is not enough"


def test_the_soonest_validation_wins_and_other_machines_are_not_ranked(library: Library, tmp_path: Path) -> None:
    keep(library, Config(lr=0.1), (0.97, 0.981, 0.99), "second epoch")
    keep(library, Config(lr=0.2), (0.97, 0.97, 0.985), "third epoch")
    keep(library, Config(lr=0.3), (0.97, 0.979), "never")
    recipe = Variant("elsewhere", {"lr": 0.7}, words="a note")
    fast = result(0.98, config=Config(lr=0.7), seconds_to_98=0.1)
    save(tmp_path / "fastest.json", [fast])
    standing = Boards(library, tmp_path).standing(bare(FASTEST, recipe))
    assert names(standing) == [(1, "second epoch"), (2, "third epoch"), (0, "elsewhere")] and standing.short == 1
    assert [entry.value for entry in standing.entries] == pytest.approx([2.0, 3.0, 0.1])
    assert standing.entries[2].machine == "none, torch ?, 2026-01-01" and standing.entries[2].note == "a note"


def test_a_recipe_without_results_and_no_library_give_an_empty_board(tmp_path: Path) -> None:
    assert Boards(None, tmp_path).standing(bare(EPOCH, Variant("not measured"))) == Standing((), 0)


def test_an_unknown_challenge_is_refused() -> None:
    with pytest.raises(ExperimentError, match="no challenge 'nothing'; choose one of one-epoch, fewest-parameters"):
        challenge("nothing")


# ---- what comes with the lab


every = pytest.mark.parametrize("one", CHALLENGES, ids=lambda one: one.id)


@every
def test_its_recipes_count_and_were_measured(one: Challenge) -> None:
    stored = load(MEASURED / f"{one.id}.json")
    standing = Boards(None).standing(one)
    assert {entry.name for entry in standing.entries} == {recipe.name for recipe in one.recipes}
    for entry in standing.entries:
        assert one.counts(entry.config) and len(entry.values) >= 3
    assert all(found.state == "finished" and found.machine["date"] for found in stored)


@every
def test_its_texts_ask_and_name_their_sources(one: Challenge) -> None:
    assert one.question.endswith("?") and all(par.source and par.label for par in one.pars)
    assert [one.better(1.0, 2.0), one.better(2.0, 1.0)] == [one.lowest_wins, not one.lowest_wins]


@every
def test_its_texts_do_not_say_how_a_recipe_is_made(one: Challenge) -> None:
    """Names and notes are on the board; the settings stand in the code only, which a person must open."""
    for recipe in one.recipes:
        said = f"{recipe.name} {recipe.words}".casefold()
        for name, value in recipe.changes.items():
            assert name not in said and str(value).casefold() not in said.split()


# ---- the command line


def test_the_command_line_prints_the_boards(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNS, str(tmp_path / "runs"))
    keep(Library(), accuracies=(0.981,), name="Hypatia")
    assert cli.main(["challenge", "one-epoch"], measured=tmp_path) == 0
    out = capsys.readouterr().out
    assert (
        "par      0.9750  the lecture's: fast.ai" in out and "  1.     0.9810  Hypatia; n = 1; accuracy 0.9810; " in out
    )
    assert cli.main(["challenge"], measured=tmp_path) == 0
    out = capsys.readouterr().out
    assert all(one.question in out for one in CHALLENGES) and "no entry yet" in out and "1 more settings count" in out
    assert cli.main(["challenge", "nothing"], measured=tmp_path) == 2


def test_the_command_line_measures_the_recipes_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bare(EPOCH, Variant("house", {"epochs": 1, "lr": 0.7}))
    trainer = fake_trainer(lambda config: Trained("finished", "", record(accuracy=0.9 + config.seed / 100), "CPU"))
    monkeypatch.setenv(RUNS, str(tmp_path / "runs"))
    monkeypatch.setattr(cli, "challenge", lambda id: one)
    monkeypatch.setattr(cli, "ChildTrainer", trainer)
    for _ in range(2):
        assert cli.main(["challenge", one.id, "--measure", "--seeds", "3", "--quiet"], measured=tmp_path) == 0
    assert len(trainer.began) == 3 and not Library().runs()
    stored: list[Result] = load(tmp_path / "one-epoch.json")
    assert [found.figures["valid_accuracy"] for found in stored] == pytest.approx([0.9, 0.91, 0.92])
    assert "0.9100  house; ± 0.01, n = 3; accuracy 0.9100 ± 0.01; CPU" in capsys.readouterr().out
