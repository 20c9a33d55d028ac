"""The comparison as a whole: four sessions in turn on the same canvases, stop and pause between, and the command."""

import gc
import re
import threading
import weakref

import numpy as np
import pytest

from lab.concepts.heads import HEADS, MEASURES, measure, tune
from lab.experiments.heads import __main__ as command_line
from lab.experiments.heads.comparison import RECIPE, Comparison
from lab.session import Session

SMALL = RECIPE.replace(size=300, epochs=1, widths=(4, 8), device="cpu")


@pytest.fixture(scope="module")
def finished() -> Comparison:
    comparison = Comparison(SMALL, test=200)
    comparison.run()
    return comparison


def test_every_head_in_turn_on_the_same_session_and_learner(finished: Comparison) -> None:
    assert finished.state == "finished" and finished.done == 1
    assert list(finished.results) == list(HEADS)
    for session in finished.sessions.values():
        assert isinstance(session, Session) and session.state == "finished"
        assert len(session.since(-1).validations) == 1
    steps = {key: len(session.since(-1).steps) for key, session in finished.sessions.items()}
    assert steps == {"softmax": 4, "none": 5, "pairs": 5, "sigmoid": 5}, "softmax trains on four fifths of 300 in 64s"
    assert finished.seconds > 0


def test_a_closed_comparison_is_freed_at_once() -> None:
    """Without waiting for Python's cycle collector: it holds 100 MB of canvases and records."""
    comparison = Comparison(SMALL.replace(size=100), test=50)
    comparison.run()
    comparison.close()
    alive = weakref.ref(comparison)
    gc.disable()
    try:
        del comparison
        assert alive() is None, gc.get_referrers(alive())
    finally:
        gc.enable()


def test_what_is_shown_is_the_test_canvases(finished: Comparison) -> None:
    assert finished.shown is not None
    assert finished.shown.pictures.shape == (200, 56, 56)
    assert finished.shown.present.sum(axis=1).tolist() == [0, 1, 1, 2, 3] * 40


def test_the_threshold_is_tuned_on_validation_canvases_only(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[np.ndarray] = []

    def watched(found: np.ndarray, present: np.ndarray) -> float:
        given.append(found)
        return tune(found, present)

    monkeypatch.setattr("lab.experiments.heads.comparison.tune", watched)
    comparison = Comparison(SMALL, test=50)
    comparison.run()
    assert [found.shape for found in given] == [(60, 10)] * 4, "a fifth of 300"
    for found, result in zip(given, comparison.results.values(), strict=True):
        assert result.scores.shape == (50, 10) and not np.array_equal(found[:50], result.scores)


def test_measures_at_tuned_and_at_other_thresholds(finished: Comparison) -> None:
    assert finished.shown is not None
    tuned, own = finished.measures(), finished.measures({"sigmoid": 0.0})
    for key, result in finished.results.items():
        assert tuned[key] == measure(result.scores, finished.shown.present, result.threshold)
    assert own["sigmoid"]["false_alarms"] == 1 and own["sigmoid"]["missed_one"] == 0
    assert own["none"] == tuned["none"]


def test_a_seed_repeats(finished: Comparison) -> None:
    again = Comparison(SMALL, test=200)
    again.run()
    for key in HEADS:
        assert np.array_equal(again.results[key].scores, finished.results[key].scores)
    assert again.measures() == finished.measures()


def test_stop_keeps_what_has_finished() -> None:
    comparison = Comparison(SMALL.replace(epochs=1), test=20)
    second = comparison.sessions["none"]
    comparison.start()
    assert second.wait_for(lambda: second.state == "running", 60)
    comparison.stop()
    assert comparison.wait(60)
    assert comparison.state == "stopped" and comparison.key == "none"
    assert list(comparison.results) == list(comparison.measures()) == ["softmax"]
    comparison.start()
    assert comparison.state == "stopped", "an ended one does not start again"


def between_two_heads() -> Comparison:
    """The first head has finished, and nothing has started the second one yet."""
    comparison = Comparison(SMALL, test=20)
    comparison._thread = threading.current_thread()  # in place of its own: it does not start one
    comparison.start()
    assert comparison.session.wait(60)
    comparison._thread = None
    return comparison


def test_stop_between_two_heads() -> None:
    comparison = between_two_heads()
    assert comparison.state == "running" and comparison.done == pytest.approx(1 / 4)
    comparison.stop()
    comparison._follow()
    assert comparison.state == "stopped" and comparison.sessions["none"].state == "ready"


def test_pause_between_two_heads_holds_the_next() -> None:
    comparison = between_two_heads()
    comparison.pause()
    session = comparison.sessions["none"]
    assert comparison.session is session
    assert session.wait_for(lambda: session.state == "paused", 60)
    comparison.start()
    assert session.wait(60) and session.state == "finished"
    comparison.close()


def test_a_failed_head_ends_it() -> None:
    comparison = Comparison(
        SMALL.replace(lr=1000.0, optimizer="sgd", lr_schedule="constant", norm="none", leak=1.0), test=20
    )
    comparison.run()
    assert comparison.state == "diverged" and comparison.key == "softmax" and comparison.measures() == {}


def test_before_the_start() -> None:
    comparison = Comparison(SMALL)
    assert (comparison.state, comparison.done, comparison.shown, comparison.measures()) == ("ready", 0, None, {})


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--size", "200", "--epochs", "1", "--test", "50", "--device", "cpu"]
    assert command_line.main(["--seed", "3", *small]) == 0
    one = capsys.readouterr().out
    assert re.search(r"^seed 3: .* s of training on CPU, .*thresholds: softmax 0\.\d+, ", one)
    assert len(re.findall(r"^\| .* \| (\d\.\d{3} \| ?){4}$", one, re.M)) == len(MEASURES)
    assert command_line.main(["--seed", "3", "--seeds", "2", "--scraps", "2", *small]) == 0
    two = capsys.readouterr().out
    assert "seed 4:" in two
    assert len(re.findall(r"\d\.\d{3} ± \d\.\d{3} \|", two)) == 4 * len(MEASURES)


def test_the_commands_mean_and_std() -> None:
    runs = [{key: dict.fromkeys(MEASURES, value) for key in HEADS} for value in (0.2, 0.4)]
    assert "0.300 ± 0.141" in command_line.report(runs)


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("size", "5", "at least 10"),
        ("epochs", "0", "at least 1"),
        ("size", "many", "a whole number"),
        ("device", "tpu", "one of auto, cpu, cuda"),
        ("seed", "-1", "at least 0"),
        ("seeds", "0", "at least 1"),
        ("seeds", "1.5", "a whole number"),
        ("scraps", "-1", "at least 0 and at most 20"),
        ("test", "4", "at least 5"),
        ("test", "", "a whole number"),
    ],
)
def test_the_command_refuses(option: str, value: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main([f"--{option}={value}"]) == 2
    captured = capsys.readouterr()
    assert (
        f"{option} must be" in captured.err.replace("(", "").replace(")", "")
        and told in captured.err
        and captured.out == ""
    )


def test_seeds_that_run_over_the_last_one_are_refused_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["--seed", str(2**31 - 2), "--seeds", "3"]) == 2
    assert "Seed (seed) must be" in capsys.readouterr().err


def test_the_command_stops_when_interrupted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []

    def interrupted(comparison: Comparison) -> None:
        comparison.start()
        monkeypatch.setattr(Comparison, "close", lambda self: (close(self), stopped.append(self.state)))
        raise KeyboardInterrupt

    close = Comparison.close
    monkeypatch.setattr(Comparison, "run", interrupted)
    assert command_line.main(["--size", "100", "--test", "5", "--seeds", "2"]) == 130
    assert stopped == ["stopped"] and capsys.readouterr() == ("", "stopped\n")
