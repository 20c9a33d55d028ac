"""docs/experiments.md: made of what is stored, and of nothing else."""

from pathlib import Path

import pytest

from benchmarks import experiments
from lab.experiments.results import save
from tests.lab.experiments.hand_made import experiment, result

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_made_of_the_stored_results() -> None:
    page = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
    assert f"<!-- experiments -->\n{experiments.page()}\n<!-- end of experiments -->" in page


def test_a_question_has_its_runs_and_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "MEASURED", tmp_path)
    tiny = experiment(explain="Because.")
    assert "(`tiny`): nothing is measured yet." in experiments.section(tiny)
    accuracies = {"slow": (0.25, 0.35), "fast": (0.5, 0.3)}
    made = [
        result(value, config=tiny.config(tiny.variant(name), seed))
        for name, values in accuracies.items()
        for seed, value in enumerate(values)
    ]
    save(tmp_path / "tiny.json", made)
    text = experiments.section(tiny)
    assert "| fast | 2 | 0.400 ± 0.141 | 0.400 (0.320 to 0.480) | 2 of 2 | - |" in text
    assert "| validation accuracy, fast less slow | 0.1 ± 0.2121 | 1 of 2 | 80% | **does not hold** |" in text
    assert "Because.\n\nnone; " in text
