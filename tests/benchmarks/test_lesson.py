"""The lesson's runs: what is run, what is stored, what is said of it."""

import dataclasses
import math
import statistics
from pathlib import Path

import numpy as np
import pytest

from benchmarks import lesson, report
from lab.config import Config
from lab.experiments.experiment import Recorded, Variant
from lab.experiments.lesson import LESSON, RUNS, run
from lab.experiments.results import Result, load, save
from lab.experiments.trainers import LocalTrainer

TINY = dataclasses.replace(
    LESSON,
    base=Config(model="logistic", size=40, batch_size=20, epochs=2, lr=0.1),
    variants=(Variant("0.0", {}, (Recorded(2.0, 0.2, 2.0, 0.25), Recorded(2.0, 0.3, 2.0, 0.35)), "a tiny run"),),
)
(ROW,) = TINY.variants
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A file of its own for results, a page for their table, and the tiny lesson, trained in this process."""
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(report.publish, "__defaults__", (tmp_path,))
    monkeypatch.setattr(lesson, "LESSON", TINY)
    monkeypatch.setattr(lesson, "ChildTrainer", LocalTrainer)
    (tmp_path / "lesson.md").write_text("before\n<!-- lesson -->\n<!-- end of lesson -->\nafter")
    return tmp_path / "lesson.json"


def cell(accuracy):
    return Recorded(0.1, 0.9, 0.1, accuracy)


def result(seed, accuracy, **changes):
    figures = dict(zip(lesson.FIGURES, (2.0, 0.2, 2.0, accuracy), strict=True))
    return Result(TINY.config(ROW, seed), "finished", figures | changes, {"device": "CPU", "date": "2026-01-01"})


def test_every_run_of_both_notebooks_is_there_with_settings_that_can_be_trained():
    assert list(RUNS) == [
        "6.2", "6.4", "6.5", "6.7", "6.8", "6.9", "6.10", "6.11",
        "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "7.7", "7.8", "7.9", "7.10", "7.11",
    ]  # fmt: skip
    for variant in LESSON.variants:
        config = LESSON.config(variant, 3)
        assert (config.seed, config.size, config.optimizer, config.momentum) == (3, 50_000, "sgd", 0.0)
        assert 1 <= len(variant.recorded) <= 2 and variant.words


def test_the_page_is_made_of_the_stored_results():
    """docs/lesson.md, between its marks, to the letter."""
    text = lesson.page(load(ROOT / "benchmarks/results/lesson.json"))
    page = (ROOT / "docs/lesson.md").read_text(encoding="utf-8")
    assert f"<!-- lesson -->\n{text}\n<!-- end of lesson -->" in page


def test_every_stored_result_is_a_run_of_todays_lesson():
    runs = load(ROOT / "benchmarks/results/lesson.json")
    assert len(lesson.current(runs, LESSON)) == len(runs) == 5 * len(RUNS)


def test_a_run_of_the_lesson_goes_into_another_question_with_all_its_settings():
    variant = run("6.9", "GeneralRelu")
    assert Config().replace(**variant.changes, seed=2) == LESSON.config(RUNS["6.9"], 2)
    assert variant.recorded == RUNS["6.9"].recorded
    assert run("6.9", "another", lr=0.1).recorded == (), "what was recorded was of other settings"


def test_what_is_done_is_not_done_again_and_what_has_other_settings_is(stored, monkeypatch, capsys):
    assert lesson.main(["--seeds", "2"]) == 0
    first = load(stored)
    assert lesson.main(["--seeds", "3"]) == 0
    assert load(stored)[:2] == first, "to the date: they were not done again"
    assert [run.config.seed for run in load(stored)] == [0, 1, 2]
    text = (stored.parent / "lesson.md").read_text()
    assert text.startswith("before\n<!-- lesson -->\n| run |") and "| 0.0: a tiny run |" in text
    assert text.count("3 of 3") == capsys.readouterr().out.count("3 of 3") == 1
    # Fewer seeds leave the others in the page.
    assert lesson.main(["--seeds", "1", "--again"]) == 0
    assert len(load(stored)) == 3
    other = dataclasses.replace(TINY, variants=(dataclasses.replace(ROW, changes={"lr": 0.2}),))
    monkeypatch.setattr(lesson, "LESSON", other)
    assert lesson.main(["--seeds", "1"]) == 0
    assert len(lesson.current(load(stored), other)) == 1


def test_the_runs_before_an_interrupt_are_stored(stored, monkeypatch, capsys):
    save(stored, [result(0, 0.5)])
    monkeypatch.setattr(lesson.Queue, "wait", lambda self, timeout: (_ for _ in ()).throw(KeyboardInterrupt))
    assert lesson.main(["--seeds", "2"]) == 130
    assert [run.config.seed for run in load(stored)] == [0]
    assert "the same command goes on" in capsys.readouterr().err


def test_the_prediction_interval_holds_one_more_run_95_times_of_100():
    """2,000 sets of 5 + 1 normal draws: .95 ± .005 (std of a share); without sqrt(1 + 1/n) it would be .92."""
    rng = np.random.default_rng(0)
    held = 0
    for draws in rng.normal(0.95, 0.01, (2000, 6)):
        low, high = lesson.prediction_interval(draws[:5].tolist())
        held += low <= draws[5] <= high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_the_prediction_interval_by_hand():
    low, high = lesson.prediction_interval([0.94, 0.95, 0.96])
    half = 4.303 * 0.01 * math.sqrt(4 / 3)
    assert (low, high) == pytest.approx((0.95 - half, 0.95 + half))
    with pytest.raises(ValueError, match="at least 2 runs, got 1"):
        lesson.prediction_interval([0.95])


def test_the_verdict_names_the_recording_that_lies_outside():
    inside = [cell(0.20), cell(0.30), cell(0.40)]
    assert lesson.verdict(ROW, inside).startswith("inside")
    high = [cell(value) for value in (0.340, 0.345, 0.350)]
    assert lesson.verdict(ROW, high).startswith("A outside")
    assert lesson.verdict(ROW, [cell(0.9), cell(0.91), cell(0.9)]).startswith("A and B outside")
    assert lesson.verdict(ROW, inside[:1]) == "no verdict on one run"
    with_a_dead_one = [*inside, cell(0.1064), Recorded(math.nan, math.nan, math.nan, 0.0991)]
    assert lesson.verdict(ROW, with_a_dead_one) == lesson.verdict(ROW, inside)


def test_the_verdict_on_a_run_that_was_nan_counts_ours():
    ours = [Recorded(math.nan, math.nan, math.nan, 0.0991), cell(0.979)]
    assert lesson.verdict(RUNS["7.6"], ours) == "nan in 1 of 2"


def test_the_table_has_means_and_standard_deviations():
    accuracies = [0.20, 0.30, 0.40, 0.50]
    runs = [result(seed, value) for seed, value in enumerate(accuracies)]
    runs.append(result(4, 0.1, train_loss=math.nan, train_accuracy=math.nan, valid_loss=math.nan))
    (_, _, line) = lesson.as_table(runs, TINY).splitlines()
    assert f"**{statistics.mean(accuracies):.4f}±{statistics.stdev(accuracies):.4f}**" in line
    assert "2.000±0.000" in line
    assert "| 4 of 5 | .2000 .3000 .4000 .5000 .1000 |" in line


@pytest.mark.parametrize(("arguments", "said"), [(["--seeds", "0"], "at least 1, got 0"), (["--ids", "9.9"], "9.9")])
def test_a_bad_option_is_refused(arguments, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        lesson.main(arguments)
    assert said in capsys.readouterr().err
