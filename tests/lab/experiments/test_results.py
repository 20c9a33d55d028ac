"""Results in a file: what comes back, what is refused, what a stored run answers."""

import json
import math
from pathlib import Path

import pytest

from lab.config import Config
from lab.experiments.experiment import Check, Number, plan
from lab.experiments.results import Result, ResultsError, load, matching, needed, result_of, same, save
from tests.lab.experiments.hand_made import BASE, experiment, record, result


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tiny.json"
    made = [
        result(0.5, valid_loss=math.nan, diverged_at=3.0),
        Result(BASE.replace(seed=1), "diverged", {"a": math.inf}, {}),
    ]
    save(path, made)
    one, two = load(path)
    assert (one.config, one.state, one.machine) == (BASE, "finished", {"device": "none", "date": "2026-01-01"})
    assert one.figures["valid_accuracy"] == 0.5 and one.figures["diverged_at"] == 3
    assert math.isnan(one.figures["valid_loss"]) and math.isnan(two.figures["a"]), "JSON has neither nan nor infinity"
    assert two.machine == {} and two.state == "diverged"
    json.loads(path.read_text(), parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert [file.name for file in path.parent.iterdir()] == ["tiny.json"]


def test_a_file_that_is_not_there_has_no_results(tmp_path: Path) -> None:
    assert load(tmp_path / "none.json") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is torn"),
        ("[]", "is torn, or is no file of results"),
        (
            '{"version": 1, "machines": [], "runs": [{"config": {}, "state": "", "figures": {}, "machine": 0}]}',
            "torn",
        ),
        ('{"version": 99}', "newer version"),
    ],
)
def test_a_file_that_is_no_file_of_results_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ResultsError, match=said):
        load(path)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match="file"):
        save(tmp_path / "file" / "x.json", [])


def test_a_run_of_settings_that_are_no_more_is_left_out_and_new_settings_take_their_defaults(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    save(path, [result(0.5), result(0.6, config=BASE.replace(seed=1))])
    stored = json.loads(path.read_text())
    del stored["runs"][0]["config"]["gradients"]
    stored["runs"][1]["config"]["norm"] = "a norm of long ago"
    path.write_text(json.dumps(stored))
    assert [run.config for run in load(path)] == [BASE]


def test_a_stored_run_answers_a_planned_one_with_equal_settings_on_any_device() -> None:
    planned = plan(experiment(), 2)
    stored = [result(0.9, config=planned[0].config.replace(device="cuda")), result(0.1, config=Config())]
    found = matching(stored, planned)
    assert list(found) == [("slow", 0)] and found["slow", 0].figures["valid_accuracy"] == 0.9
    assert same(BASE) == same(BASE.replace(device="cuda")) != same(BASE.replace(beta=0.5))


def test_what_an_experiment_needs_measured() -> None:
    tiny = experiment(
        checks=(Check("c", "diverged", "fast", low=1),), prediction=Number("q", "first_std", "fast", 0, 1, 0.1)
    )
    assert needed(tiny) == {"diverged", "first_std", "valid_accuracy"}
    assert needed(experiment(prediction=None, checks=())) == {"valid_accuracy"}


def test_a_result_says_where_it_was_measured() -> None:
    made = result_of(BASE, "finished", record(accuracy=0.25), "CPU, 1 thread")
    assert made.figures["valid_accuracy"] == 0.25
    assert made.machine["device"].endswith(", 1 thread") and made.machine["device"].startswith("CPU (")
    assert set(made.machine) == {"device", "torch", "numpy", "python", "date"}
