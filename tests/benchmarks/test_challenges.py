"""docs/challenge.md: made of what is stored, and of nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import challenges
from lab.config import Config
from lab.experiments.challenges import challenge
from lab.experiments.experiment import Variant
from lab.experiments.results import save
from tests.lab.experiments.hand_made import result

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_made_of_the_stored_results() -> None:
    page = (ROOT / "docs/challenge.md").read_text(encoding="utf-8")
    assert f"<!-- challenges -->\n{challenges.page()}\n<!-- end of challenges -->" in page


def test_a_challenge_has_its_par_lines_and_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenges, "MEASURED", tmp_path)
    one = replace(challenge("one-epoch"), recipes=(Variant("house", {"epochs": 1}, words="a note"),))
    made = [result(accuracy, config=Config(epochs=1, seed=seed)) for seed, accuracy in enumerate((0.98, 0.982))]
    save(tmp_path / "one-epoch.json", made)
    text = challenges.section(one)
    assert "| house | 0.9810 ± 0.0014 | 2 | 0.9810 ± 0.0014 | a note |" in text
    assert "| par: the lecture's | 0.9750 | - | - | fast.ai part 2" in text and text.endswith("none; ; 2026-01-01.")
