"""The contract of every question: it can be run, judged and shown, and gives nothing away."""

import ast
import re
from pathlib import Path

import pytest

from lab.experiments import questions
from lab.experiments.experiment import Choice, Experiment, ExperimentError, plan, work
from lab.experiments.judge import judge
from lab.experiments.registry import experiment, experiments
from lab.experiments.results import MEASURED, load, matching, needed
from lab.plain_code import reference_source
from widgets.run.figures import CHARTS

FOLDER = Path(questions.__path__[0])
EVERY = list(experiments().values())

QUICK_WORK = 600_000
"""Images' worth of work (lab.experiments.experiment.work) that a quick form may take: 60 s on two cores, one seed."""


UNFINISHED = {"one-cycle": 0}
"""Whole seeds measured so far where they are fewer than five; `python -m lab.experiments run ID --store` goes on."""


def sentences(text: str) -> list[str]:
    """The sentences of a text; a stop within a number or a name (nn.BatchNorm2d) ends none."""
    return [part for part in re.split(r"(?<=[.!?])\s+", text.strip()) if part]


def numbers(text: str) -> set[str]:
    """Numbers as they are written, .94 and 0.94 alike."""
    return {("0" + found if found.startswith(".") else found) for found in re.findall(r"\d*\.?\d+", text)}


@pytest.fixture(params=EVERY, ids=lambda one: one.id)
def one(request: pytest.FixtureRequest) -> Experiment:
    found: Experiment = request.param
    return found


def test_every_file_is_a_question_and_short() -> None:
    files = [path for path in FOLDER.glob("*.py") if path.name != "__init__.py"]
    assert {path.stem.replace("_", "-") for path in files} == set(experiments())
    assert len(experiments()) >= 10


def test_they_stand_in_their_order() -> None:
    orders = [one.order for one in EVERY]
    assert orders == sorted(orders) and len(set(orders)) == len(orders)


def test_one_is_found_by_its_id() -> None:
    assert experiment("batch-two").id == "batch-two"
    with pytest.raises(ExperimentError, match="There is no experiment 'batch_two'; choose one of batch-two, "):
        experiment("batch_two")


def test_it_can_be_planned_in_both_forms(one: Experiment) -> None:
    assert len(plan(one)) == one.seeds * len(one.variants) and one.seeds >= 5
    quick = sum(work(run.config) for run in plan(one, 1, quick=True))
    full = sum(work(run.config) for run in plan(one, 1))
    assert quick < full and quick <= QUICK_WORK


def test_it_asks_before_it_tells(one: Experiment) -> None:
    assert one.question.endswith("?") and len(sentences(one.question)) == 1
    assert 1 <= len(sentences(one.setting)) <= 3
    assert one.prediction is not None and one.prediction.question
    if isinstance(one.prediction, Choice):
        assert len(one.prediction.options) >= 2
    told = numbers(one.explain)
    before = " ".join([one.title, one.question, one.setting, one.prediction.question, *one.charts.values()])
    # What the settings themselves say is no result.
    settings = numbers(
        " ".join(f"{name} {value}" for run in plan(one, 1) for name, value in run.config.changed().items())
    )
    names = numbers(" ".join(variant.name for variant in one.variants))
    assert not (told & numbers(before)) - settings - names, "a number of the explanation stands in the question"


def test_it_explains_in_at_most_five_sentences_with_what_the_lecture_said(one: Experiment) -> None:
    assert 3 <= len(sentences(one.explain)) <= 5
    assert re.search(r"lecture|lesson|course|paper", one.explain)
    assert one.source


def test_its_charts_are_charts_and_each_says_what_to_look_at(one: Experiment) -> None:
    assert one.charts and set(one.charts) <= set(CHARTS)
    assert all(len(sentences(text)) == 1 and text.endswith("?") for text in one.charts.values())


def test_the_code_that_it_names_is_there(one: Experiment) -> None:
    assert all(f"{name}(" in reference_source(name) for name in one.code)


def test_it_can_fail(one: Experiment) -> None:
    assert one.checks
    for verdict in judge(one, {}):
        assert verdict.holds is None


def test_what_was_measured_is_of_its_settings_and_its_checks_hold(one: Experiment) -> None:
    """The distribution that a page shows before anything is run: five seeds or more, and the checks hold in it."""
    stored = load(MEASURED / f"{one.id}.json")
    seeds = sorted({result.config.seed for result in stored})
    found = matching(stored, plan(one, seeds))
    whole = [seed for seed in seeds if all((variant.name, seed) in found for variant in one.variants)]
    assert len(whole) >= UNFINISHED.get(one.id, 5)
    assert all(needed(one) <= result.figures.keys() for result in found.values())
    assert [verdict.words for verdict in judge(one, found) if verdict.holds is False] == []


@pytest.mark.parametrize(
    "path", [path for path in FOLDER.glob("*.py") if path.name != "__init__.py"], ids=lambda p: p.stem
)
def test_a_question_is_data(path: Path) -> None:
    """Nothing but imports, names, and functions that give a name: adding a question needs no machinery."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        assert isinstance(
            node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.Expr | ast.FunctionDef
        ), ast.dump(node)


@pytest.mark.parametrize(
    ("source", "said"),
    [("", "needs an EXPERIMENT"), ("from lab.experiments.questions.seeds import EXPERIMENT", "must be named after")],
)
def test_a_file_that_is_no_question_is_refused(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"broken_{len(source)}.py").write_text(source)  # Python has read a module of each name once
    monkeypatch.setattr(questions, "__path__", [str(tmp_path)])
    with pytest.raises(ExperimentError, match=said):
        experiments.__wrapped__()
