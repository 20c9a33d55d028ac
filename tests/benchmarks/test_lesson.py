"""The lesson's runs: what is run, what is kept, what is said of it."""

import json
import math
import statistics

import numpy as np
import pytest

from benchmarks import lesson, report
from benchmarks.targets import ROWS, Cell, Row

TINY = Row(
    "0.0",
    "a tiny run",
    {"model": "logistic", "size": 40, "batch_size": 20, "epochs": 2, "lr": 0.1},
    Cell(2.0, 0.2, 2.0, 0.25),
    Cell(2.0, 0.3, 2.0, 0.35),
)


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A folder of its own for results, and a page for their table."""
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    return tmp_path


def cell(accuracy):
    return Cell(0.1, 0.9, 0.1, accuracy)


def test_every_run_of_both_notebooks_is_there_with_settings_that_can_be_trained():
    assert [row.id for row in ROWS] == [
        "6.2", "6.4", "6.5", "6.7", "6.8", "6.9", "6.10", "6.11",
        "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "7.7", "7.8", "7.9", "7.10", "7.11",
    ]  # fmt: skip
    for row in ROWS:
        config = row.config(3)
        assert (config.seed, config.size, config.optimizer, config.momentum) == (3, 50_000, "sgd", 0.0)


def test_a_run_tells_its_last_epoch(results):
    run = lesson.one_run(TINY, seed=1)
    assert run["state"] == "finished"
    train_loss, train_accuracy, loss, accuracy = run["figures"]
    assert 0 < train_loss < 10 and 0 < loss < 10
    # 40 training images, 8 to validate.
    assert (train_accuracy * 40) == pytest.approx(round(train_accuracy * 40), abs=1e-3)
    assert (accuracy * 8) == pytest.approx(round(accuracy * 8), abs=1e-3)


def test_a_run_that_diverged_is_told_as_the_course_tells_it(results):
    wild = Row("0.1", "", {**TINY.knobs, "model": "cnn", "norm": "instance", "lr": 0.1, "widths": (8, 16, 32, 64, 64)},
               TINY.a)  # fmt: skip
    run = lesson.one_run(wild, seed=0)
    assert run["state"] == "diverged"
    assert run["figures"][:2] == [None, None]
    assert 0 <= run["figures"][3] <= 1
    (told,) = lesson.cells([run], wild)
    assert math.isnan(told.train_loss)


def test_what_is_done_is_not_done_again_and_what_has_other_settings_is(results, monkeypatch):
    done = []

    def fake(row, seed):
        done.append((row.id, seed))
        return {"id": row.id, "seed": seed, "knobs": lesson.settings(row, seed), "figures": [1, 1, 1, 1]}

    monkeypatch.setattr(lesson, "one_run", fake)
    monkeypatch.setattr(lesson, "ROWS", (TINY,))
    lesson.run_all([TINY], seeds=2)
    lesson.run_all([TINY], seeds=3)
    assert done == [("0.0", 0), ("0.0", 1), ("0.0", 2)]
    assert len(json.loads((results / "lesson.json").read_text())["runs"]) == 3
    done.clear()
    runs = lesson.run_all([TINY], seeds=1, again=True)
    assert done == [("0.0", 0)] and len(runs) == 3
    other = Row(TINY.id, TINY.what, {**TINY.knobs, "lr": 0.2}, TINY.a)
    monkeypatch.setattr(lesson, "ROWS", (other,))
    done.clear()
    assert len(lesson.run_all([other], seeds=1)) == 1
    assert done == [("0.0", 0)]


def test_the_runs_before_an_interrupt_are_kept(results, monkeypatch):
    def interrupted(row, seed):
        if seed == 1:
            raise KeyboardInterrupt
        return {"id": row.id, "seed": seed, "knobs": lesson.settings(row, seed), "figures": [1, 1, 1, 1]}

    monkeypatch.setattr(lesson, "one_run", interrupted)
    assert lesson.main(["--ids", "6.9", "--seeds", "2"]) == 130
    assert [run["seed"] for run in json.loads((results / "lesson.json").read_text())["runs"]] == [0]


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
    assert lesson.verdict(TINY, inside).startswith("inside")
    high = [cell(value) for value in (0.340, 0.345, 0.350)]
    assert lesson.verdict(TINY, high).startswith("A outside")
    assert lesson.verdict(TINY, [cell(0.9), cell(0.91), cell(0.9)]).startswith("A and B outside")
    assert lesson.verdict(TINY, inside[:1]) == "no verdict on one run"
    with_a_dead_one = [*inside, cell(0.1064), Cell(math.nan, math.nan, math.nan, 0.0991)]
    assert lesson.verdict(TINY, with_a_dead_one) == lesson.verdict(TINY, inside)


def test_the_verdict_on_a_run_that_was_nan_counts_ours():
    layer_norm = next(row for row in ROWS if row.id == "7.6")
    ours = [Cell(math.nan, math.nan, math.nan, 0.0991), cell(0.979)]
    assert lesson.verdict(layer_norm, ours) == "nan in 1 of 2"


def test_the_table_has_means_and_standard_deviations(results, monkeypatch):
    monkeypatch.setattr(lesson, "ROWS", (TINY,))
    accuracies = [0.20, 0.30, 0.40, 0.50]
    runs = [{"id": "0.0", "seed": seed, "figures": [2.0, 0.2, 2.0, value]} for seed, value in enumerate(accuracies)]
    runs.append({"id": "0.0", "seed": 4, "figures": [None, None, None, 0.1]})
    (_, _, line) = lesson.as_table(runs).splitlines()
    assert f"**{statistics.mean(accuracies):.4f}±{statistics.stdev(accuracies):.4f}**" in line
    assert "2.000±0.000" in line
    assert "| 4 of 5 | .2000 .3000 .4000 .5000 .1000 |" in line


@pytest.mark.parametrize(("arguments", "said"), [(["--seeds", "0"], "at least 1, got 0"), (["--ids", "9.9"], "9.9")])
def test_a_bad_option_is_refused(arguments, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        lesson.main(arguments)
    assert said in capsys.readouterr().err
