"""Turns, ratios, targets and where results go, without measuring anything."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import measure, report


class Machine:
    """A clock that contestants move; who ran, in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran: list[str] = []

    def contestant(self, name: str, *costs: float) -> Callable[[], float]:
        """One that takes ``costs``, one after the other, again and again."""
        remaining = list(costs)

        def run() -> float:
            self.ran.append(name)
            remaining.append(remaining.pop(0))
            self.now += remaining[-1]
            return remaining[-1]

        return run


def test_contestants_take_turns_and_every_other_round_runs_backwards() -> None:
    machine = Machine()
    costs = measure.interleave({name: machine.contestant(name, 1.0) for name in "ABC"}, rounds=3)
    # The baseline stands at both ends, the second time as the noise; the first round is not counted.
    assert "".join(machine.ran) == "ABCA" + "ACBA" + "ABCA" + "ACBA"
    assert {name: len(taken) for name, taken in costs.items()} == {"A": 3, "B": 3, "C": 3, measure.NOISE: 3}


def test_the_first_round_is_not_counted() -> None:
    cold = Machine().contestant("A", 9.0, 9.0, 1.0, 1.0)
    assert measure.interleave({"A": cold}, rounds=1) == {"A": [1.0], measure.NOISE: [1.0]}


def test_ratios_are_taken_round_by_round() -> None:
    costs = {"A": [1.0, 10.0, 2.0], "B": [2.0, 20.0, 1.0]}
    assert measure.ratios(costs, "B") == [2.0, 2.0, 0.5]
    assert measure.ratios(costs, "A", "B") == [0.5, 0.5, 2.0]
    with pytest.raises(ValueError):
        measure.ratios({"A": [1.0], "B": [1.0, 2.0]}, "B")


@pytest.mark.parametrize(("values", "met"), [([1.0, 1.1, 9.0], True), ([1.0, 1.11, 1.2], False)])
def test_a_target_is_held_against_the_median(values: list[float], met: bool) -> None:
    assert measure.figure("x", values, "ratio", at_most=1.1)[6:] == ("at most 1.1", met)
    inverse = [-value for value in values]
    assert measure.figure("x", inverse, "ratio", at_least=-1.1)[6:] == ("at least -1.1", met)


def test_a_figure_has_the_median_and_quartiles() -> None:
    assert measure.figure("x", [4.0, 1.0, 2.0, 3.0, 5.0], "ms") == ("x", 3.0, 2.0, 4.0, "ms", 5, "", None)
    assert measure.figure("x", [7.0], "ms")[1:4] == (7.0, 7.0, 7.0)
    with pytest.raises(ValueError, match="x: nothing was measured"):
        measure.figure("x", [], "ms")


def test_nan_meets_no_target() -> None:
    assert measure.figure("x", [math.nan], "ratio", at_most=1.1).met is False


def test_seconds_are_those_of_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    monkeypatch.setattr(measure.time, "perf_counter", lambda: machine.now)
    assert measure.seconds(machine.contestant("A", 1.0, 3.0), times=4) == 2.0


def test_a_table_tells_what_was_missed() -> None:
    figures = [measure.figure("a", [1.0], "ms"), measure.figure("b", [2.0], "ratio", at_most=1)]
    assert measure.as_table(figures).splitlines()[2:] == [
        "| a | 1 ms | 1 to 1 | 1 |  |  |",
        "| b | 2 ratio | 2 to 2 | 1 | at most 1 | **missed** |",
    ]


def test_publish_replaces_what_stands_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- x -->\nold\n<!-- end of x -->\nafter <!-- y --><!-- end of y -->\n", encoding="utf-8")
    report.publish("page.md", "x", "new · table", tmp_path)
    report.publish("page.md", "x", "newer · table", tmp_path)
    assert page.read_text(encoding="utf-8") == (
        "before\n<!-- x -->\nnewer · table\n<!-- end of x -->\nafter <!-- y --><!-- end of y -->\n"
    )


@pytest.mark.parametrize("text", ["", "<!-- x -->", "<!-- end of x -->", "<!-- end of x --><!-- x -->"])
def test_a_page_without_the_marks_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="no place for x"):
        report.publish("page.md", "x", "new", tmp_path)
    assert page.read_text(encoding="utf-8") == text


def test_results_are_kept_as_json_and_in_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    published: list[tuple[str, ...]] = []
    monkeypatch.setattr(report, "publish", lambda *arguments: published.append(arguments))
    machine = {"device": "CPU", "cores": "2", "threads": "1", "torch": "2", "date": "today"}
    measure.keep("q", "How?", [measure.figure("a", [1.0], "ms")], machine, "So.")
    assert report.load("q")["figures"][0] == measure.figure("a", [1.0], "ms")._asdict()
    assert published[0][:2] == ("benchmarks.md", "q") and published[0][2].endswith("\n\nSo.")
    assert report.load("another") is None
