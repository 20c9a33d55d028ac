"""The challenges' panel by its handlers: what counts is on the board, par lines between, code when it is asked for."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lab.config import Config
from lab.experiments.challenges import CHALLENGES, challenge
from lab.experiments.experiment import ExperimentError
from lab.kept import Library
from tests.lab.experiments.test_board import keep
from widgets.panels.challenge.panel import MOST, ChallengePanel

ONE = Config(epochs=1, lr=0.123)

Make = Callable[..., ChallengePanel]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "runs")


@pytest.fixture
def make(library: Library) -> Iterator[Make]:
    panels: list[ChallengePanel] = []

    def made(*given: str) -> ChallengePanel:
        panels.append(ChallengePanel(*given, library=library))
        return panels[-1]

    yield made
    for panel in panels:
        panel.close()


def text(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", markup)).strip()


def rows(panel: ChallengePanel) -> list[str]:
    return [text(row.children[0].value) for row in panel._rows.children]


def at(panel: ChallengePanel, name: str) -> int:
    """The place of the entry of this name among the entries that are listed."""
    return next(i for i, entry in enumerate(panel.standing.entries) if entry.name == name)


def test_entries_stand_between_the_par_lines_they_are_between(make: Make, library: Library) -> None:
    keep(library, ONE, (0.98,), "Hypatia")
    keep(library, ONE.replace(lr=0.2), (0.5,), "<b>Zeno</b>")
    keep(library, ONE.replace(lr=0.3), (0.9999,), "Euclid")
    panel = make()
    shown = rows(panel)
    names = ("Euclid", "a public record", "Hypatia", "the lecture", "Zeno")
    order = [i for name in names for i, row in enumerate(shown) if name in row]
    assert order == sorted(order) and len(order) == 5
    assert shown[0].startswith("1. Euclid 0.9999 n = 1")
    assert "&lt;b&gt;Zeno" in panel._rows.children[order[4]].children[0].value
    assert len(panel.openers) == len(panel.standing.entries)


def test_a_recipes_settings_are_shown_only_with_its_code(make: Make, library: Library) -> None:
    keep(library, ONE, (0.9999,), "Hypatia")
    keep(library, ONE.replace(lr=0.2), (0.9998,), "Euclid")
    panel = make()
    assert "lab-folded" in panel._entry._dom_classes
    panel.openers[at(panel, "Hypatia")].click()
    assert "lab-folded" not in panel._entry._dom_classes and "lab-folded" in panel.how.content._dom_classes
    assert "0.123" not in panel._facts.value and "seed 0 0.9999" in text(panel._facts.value)
    panel.how.button.value = True
    assert "Learning rate 0.123" in panel._settings.value and "lr=0.123" in panel._settings.value
    assert "Hypatia in plain torch" in panel._script.value and "0.123" in panel._script.value
    panel.openers[1].click()
    assert "lab-folded" in panel.how.content._dom_classes, "another entry is folded again"


@pytest.mark.parametrize("id", [one.id for one in CHALLENGES])
def test_no_text_gives_away_how_the_recipes_are_made(id: str, make: Make) -> None:
    panel = make(id)
    assert panel.error == ""
    for opener in panel.openers:
        opener.click()
        said = " ".join([*rows(panel), text(panel._rule.value), text(panel._facts.value), text(panel._rest.value)])
        for told in ("BatchNorm", "one-cycle", "flatten", "filters", "momentum"):
            assert told not in said


def test_look_again_reads_runs_that_came_meanwhile(make: Make, library: Library) -> None:
    panel = make("one-epoch")
    before = len(panel.openers)
    keep(library, ONE, (0.97,), "late")
    panel.again.click()
    assert len(panel.openers) == before + 1 and any("late" in row for row in rows(panel))


def test_another_challenge_from_the_menu_and_from_a_link(make: Make, library: Library) -> None:
    keep(library, Config(), (0.97, 0.985), "quick")
    panel = make()
    panel.menu.value = "fastest"
    assert panel.challenge.id == "fastest" and panel.link.query == "challenge=fastest"
    assert any(row.startswith("1. quick 2.0 s") for row in rows(panel))
    panel.openers[0].click()
    panel.on_link("?challenge=fewest-parameters")
    assert panel.challenge.id == "fewest-parameters" and "lab-folded" in panel._entry._dom_classes
    assert "1 setting of your kept runs would count, and fall short" in text(panel._rest.value)
    panel.on_link("?challenge=nothing")
    assert panel.error.startswith("There is no challenge 'nothing'; choose one of ")
    assert panel.challenge.id == "fewest-parameters"
    with pytest.raises(ExperimentError):
        make("nothing")


def test_the_chart_has_a_point_a_seed_a_mean_and_the_par_lines(make: Make, library: Library) -> None:
    for seed, accuracy in enumerate((0.9991, 0.9993)):
        keep(library, ONE.replace(seed=seed), (accuracy,))
    panel = make()
    traces = {trace["name"]: trace for trace in panel.figures["board"].figure["data"]}
    np.testing.assert_allclose(np.asarray(traces["a seed"]["x"])[:2], [0.9991, 0.9993], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(traces["mean"]["x"])[0], 0.9992, rtol=1e-6)
    for par in challenge("one-epoch").pars:
        name = next(name for name in traces if par.label in name)
        np.testing.assert_allclose(traces[name]["x"], par.value, rtol=1e-6)


def test_a_long_board_says_how_many_are_not_listed(make: Make, library: Library) -> None:
    for i in range(MOST + 3):
        keep(library, ONE.replace(lr=0.01 + i / 100), (0.9995,))
    panel = make()
    assert len(panel.openers) == MOST and "more are not listed" in panel._rest.value


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, make: Make, library: Library) -> None:
    panel = make()
    library.folder.mkdir(exist_ok=True)
    panel._boards._measured = tmp_path
    (tmp_path / "one-epoch.json").write_text("{")
    panel.again.click()
    assert not panel.challenge.recipes or "torn" in panel.error
