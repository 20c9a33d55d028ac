import math
import subprocess
import sys

import pytest

from lab.schedules import PRESETS, Phase, Schedule, combine, parse


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ("lin", [2.0, 3.5, 5.0, 8.0]),
        # 2 + (1 - cos(pi p)) / 2 * 6
        ("cos", [2.0, 2 + 3 * (1 - math.sqrt(0.5)), 5.0, 8.0]),
        # 2 * 4^p
        ("exp", [2.0, 2 * math.sqrt(2), 4.0, 8.0]),
        ("const", [2.0, 2.0, 2.0, 2.0]),
    ],
)
def test_curves_by_hand(curve: str, expected: list[float]) -> None:
    phase = Phase(1.0, curve, 2.0, 8.0)
    assert [phase.at(position) for position in (0, 0.25, 0.5, 1)] == pytest.approx(expected)


@pytest.mark.parametrize("curve", ["lin", "cos", "exp"])
def test_curves_downhill_mirror_uphill(curve: str) -> None:
    up, down = Phase(1.0, curve, 1.0, 3.0), Phase(1.0, curve, 3.0, 1.0)
    for position in (0.0, 0.1, 0.7, 1.0):
        assert down.at(position) == pytest.approx(up.at(1 - position))


def test_combine_runs_the_phases_one_after_the_other() -> None:
    schedule = combine([0.3, 0.7], [("lin", 0.0, 3.0), ("lin", 1.0, 0.3)])
    assert schedule.at(0) == 0
    assert schedule.at(0.15) == pytest.approx(1.5)
    assert schedule.at(0.29999) == pytest.approx(3, abs=1e-3)
    assert schedule.at(0.3) == 1, "a border belongs to the later phase"
    assert schedule.at(0.65) == pytest.approx(0.65)
    assert schedule.at(1) == pytest.approx(0.3)


def test_progress_outside_the_run_is_clamped() -> None:
    schedule = parse("linear decay")
    assert schedule.at(-0.5) == schedule.at(0) == 1
    assert schedule.at(1.5) == schedule.at(1) == pytest.approx(0.2)


@pytest.mark.parametrize("thirds", [(1 / 3, 1 / 3, 1 / 3), (0.1,) * 10, (0.7, 0.2, 0.1)])
def test_fractions_that_add_up_but_for_rounding(thirds: tuple[float, ...]) -> None:
    schedule = combine(thirds, [("const", 1.0, 1.0)] * len(thirds))
    assert schedule.at(1) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # fit_one_cycle of fastai v1 at lr 1: 1/25 -> 1 at 30 % -> 1/25/1e4, cosine both ways.
        ("one-cycle", {0: 0.04, 0.15: 0.52, 0.3: 1.0, 0.65: 0.500002, 1: 4e-6}),
        # At momentum .95: .95 -> .85 -> .95.
        ("one-cycle momentum", {0: 1.0, 0.15: 0.90 / 0.95, 0.3: 0.85 / 0.95, 0.65: 0.90 / 0.95, 1: 1.0}),
        # Notebook 06: cosine .2 -> 1 -> .1 in two halves.
        ("cosine up-down", {0: 0.2, 0.25: 0.6, 0.5: 1.0, 0.75: 0.55, 1: 0.1}),
        # Notebook 07 at lr 2: .6 -> 2 -> .1.
        ("linear up-down", {0: 0.6 / 2, 0.15: 1.3 / 2, 0.3: 1.0, 0.65: 1.05 / 2, 1: 0.1 / 2}),
        # Notebook 07 at lr 1: 1 -> .2.
        ("linear decay", {0: 1.0, 0.25: 0.8, 1: 0.2}),
        ("constant", {0: 1.0, 0.5: 1.0, 1: 1.0}),
    ],
)
def test_presets_against_known_numbers(name: str, expected: dict[float, float]) -> None:
    schedule = parse(name)
    assert {progress: schedule.at(progress) for progress in expected} == pytest.approx(expected)


def test_every_preset_is_tested_and_sound() -> None:
    assert len(PRESETS) == 6
    for phases in PRESETS.values():
        assert sum(phase.fraction for phase in phases) == pytest.approx(1)


def test_typed_phases() -> None:
    assert parse("0.5 cos 0.2 1, 0.5 cos 1 0.1").phases == PRESETS["cosine up-down"]
    assert parse(" .25 const 2 ,.75  exp 2 .5 ") == combine([0.25, 0.75], [("const", 2, 2), ("exp", 2, 0.5)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read ''"),
        ("one cycle", "cannot read 'one cycle'"),
        ("0.5 cos 0.2 1,", "cannot read ''"),
        ("1 cos 0.2", "cannot read '1 cos 0.2'"),
        ("1 cos 0.2 1 5", "cannot read '1 cos 0.2 1 5'"),
        ("1 lin high low", "cannot read '1 lin high low'"),
        ("1 sin 0 1", "unknown curve 'sin'; choose one of lin, cos, exp, const"),
        ("0 lin 0 1, 1 lin 1 0", "fraction must be above 0"),
        ("-0.5 lin 0 1, 1.5 lin 1 0", "fraction must be above 0"),
        ("nan lin 0 1", "fraction must be above 0"),
        ("1 lin -1 1", "finite and at least 0, got -1"),
        ("1 lin 0 nan", "finite and at least 0, got nan"),
        ("1 lin 0 inf", "finite and at least 0, got inf"),
        ("1 exp 0 1", "an exp phase must start and end above 0"),
        ("0.5 lin 0 1, 0.4 lin 1 0", "must add up to 1, got 0.9"),
    ],
)
def test_what_cannot_be_read_or_breaks_a_rule(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert message in str(caught.value)


def test_a_text_that_cannot_be_read_names_the_presets() -> None:
    with pytest.raises(ValueError, match=r"constant, one-cycle, .*or phases like"):
        parse("what")


def test_combine_and_schedule_refuse_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="2 fractions for 1 phases"):
        combine([0.5, 0.5], [("lin", 0, 1)])
    with pytest.raises(ValueError, match="must add up to 1, got 0"):
        Schedule(())


@pytest.mark.parametrize(
    ("text", "peak"),
    [("0.5 cos 0.2 1, 0.5 cos 1 0.1", 1.0), ("0.5 lin 0 3, 0.5 exp 4 1", 4.0), ("0.5 lin 0 3, 0.5 const 2", 3.0)],
)
def test_peak(text: str, peak: float) -> None:
    assert parse(text).peak == peak
    assert max(parse(text).at(i / 1000) for i in range(1001)) == pytest.approx(peak, rel=0.01)


def test_peak_of_a_constant_phase_is_its_start() -> None:
    assert Schedule((Phase(1.0, "const", 1.0, 5.0),)).peak == 1.0


def test_schedules_import_no_torch() -> None:
    code = "import sys, lab.schedules; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
