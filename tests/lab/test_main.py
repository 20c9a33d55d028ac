"""The command line: the same Config, a bar, a summary, exit codes."""

import io
from pathlib import Path

import pytest

from lab import __main__ as cli
from lab.config import KNOBS, Config
from lab.kept import RUNS, Library
from lab.session import Session

SMALL = ["--size", "60", "--batch-size", "20", "--epochs", "2", "--widths", "4,4", "--device", "cpu"]


def test_there_is_an_option_for_every_knob(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert all("--" + name.replace("_", "-") in text for name in KNOBS)
    plain = " ".join(text.split())
    for knob in KNOBS.values():
        assert all(f" {value}: {note}" in plain for value, note in knob.notes.items())
    starts = [line.split()[0] for line in text.splitlines() if line.strip()]
    assert {f"{value}:" for value in KNOBS["norm"].notes} <= set(starts), "each on a line of its own"


def test_a_run_prints_its_epochs_and_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*SMALL, "--lr", ".1", "--norm", "batch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("epoch 1: train ") and " -> valid " in lines[1]
    assert lines[2].split()[0] == "conv1:" and "near zero" in lines[2]
    assert lines[-1].startswith("finished after 6 steps in ")


def test_the_figures_printed_are_the_records(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(SMALL)
    printed = capsys.readouterr().out
    session = Session(Config(size=60, batch_size=20, epochs=2, widths=(4, 4), device="cpu"))
    last = cli.run(session, io.StringIO(), quiet=True).validations[-1]
    session.close()
    assert cli.line(last) in printed


def test_a_run_is_kept_when_asked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNS, str(tmp_path / "runs"))
    assert cli.main(SMALL) == 0 and Library().runs() == []
    assert cli.main([*SMALL, "--keep", "Mine"]) == cli.main([*SMALL, "--lr", ".1", "--keep"]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("kept as")]
    second, first = Library().runs()
    assert (first.name, first.outcome, first.steps) == ("Mine", "finished", 6)
    assert (second.config.lr, second.device[:3]) == (0.1, "CPU") and second.name.startswith("Learning rate 0.1, ")
    assert said == [f"kept as {run.name!r} in {tmp_path / 'runs'}" for run in (first, second)]
    assert [row.accuracy for row in Library().open(first.id).validations][-1] == first.accuracy


def test_a_run_that_cannot_be_kept_says_so_and_is_done_all_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").write_text("in the way")
    monkeypatch.setenv(RUNS, str(tmp_path / "runs"))
    assert cli.main([*SMALL, "--keep"]) == 0
    captured = capsys.readouterr()
    assert "finished after 6 steps" in captured.out and "This run is not kept: File exists" in captured.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--lr", "0"], "Learning rate (lr) must be above 0"),
        (["--norm", "nope"], "(norm) must be one of"),
        (["--epochs", "0"], "epochs"),
    ],
)
def test_a_bad_knob_is_named_and_nothing_is_run(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*SMALL, *arguments]) == 2
    captured = capsys.readouterr()
    assert told in captured.err and captured.out == ""


def test_a_diverged_run_says_so_by_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*SMALL, "--norm", "none", "--lr", "100", "--leak", ".3", "--epochs", "50"]) == 1
    assert "diverged" in (out := capsys.readouterr().out) and "with lr 100" in out


def test_the_bar_grows_to_the_end() -> None:
    session = Session(Config(size=60, batch_size=20, epochs=2, widths=(4, 4), device="cpu"))
    assert "[" + " " * 30 + "]   0%" in cli.bar(session)
    out = io.StringIO()
    cli.run(session, out)
    assert out.getvalue().endswith("\r\x1b[K"), "the bar is wiped at the end"
    assert "[" + "=" * 30 + "] 100%  epoch 2/2" in cli.bar(session)
    session.close()


def test_an_interrupt_stops_the_run_and_keeps_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(Config(size=60, batch_size=20, epochs=1000, widths=(4, 4), device="cpu"))

    def interrupted(timeout: float | None = None) -> bool:
        monkeypatch.undo()
        session.pause()
        assert session.wait_for(lambda: session.state == "paused", 60)
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "wait", interrupted)
    record = cli.run(session, io.StringIO(), quiet=True)
    assert session.state == "stopped" and len(record.steps) == session.progress.step
    session.close()


def test_code_prints_a_script_and_trains_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--code", "--lr", ".9", "--norm", "none"]) == 0
    said = capsys.readouterr().out
    assert "torch.optim.SGD(net.parameters(), 0.9)" in said and "epoch" in said
    assert cli.main(["--code", "--lr", "-1"]) == 2
