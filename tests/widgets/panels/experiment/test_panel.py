"""The experiments' panel by its handlers: ask, run, compare, explain."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.config import Config
from lab.experiments.experiment import Check, Choice, Experiment, Number, Prediction, Sketch, Variant
from lab.experiments.registry import experiments
from lab.kept import Library
from widgets.export.section_words import Words
from widgets.panels.experiment.panel import ExperimentPanel

PATIENCE = 60
BASE = Config(size=60, batch_size=20, epochs=1, widths=(4, 4), device="cpu", norm="none")

CHOICE = Choice("Which reads more digits?", ("both alike", "small", "large"), "small")
NUMBER = Number("How many right?", "valid_accuracy", "small", 0, 1, 0.5)
SKETCH = Sketch("Draw the loss.", "loss", "small", 0, 4)


def tiny(prediction: Prediction | None = CHOICE, **more: Any) -> Experiment:
    given: dict[str, Any] = {
        "id": "tiny", "title": "Tiny <b>", "question": "Which learning rate?", "setting": "Two rates.",
        "source": "a test",
        "base": BASE, "variants": (Variant("small", {"lr": 0.1}), Variant("large", {"lr": 0.2})),
        "charts": {"loss": "Which falls?", "near_zero": "Which dies?", "blow_up": "Is there a norm?"},
        "checks": (Check("small stays finite", "diverged", "small", high=0),), "explain": "Because.",
        "quick": {"size": 40},
    }  # fmt: skip
    return Experiment(prediction=prediction, **(given | more))


Make = Callable[..., ExperimentPanel]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    panels: list[ExperimentPanel] = []

    def made(experiment: Any = None, **options: Any) -> ExperimentPanel:
        options.setdefault("library", Library(tmp_path / "runs"))
        panels.append(ExperimentPanel(experiment, **options))
        return panels[-1]

    yield made
    for panel in panels:
        panel.close()


def finish(panel: ExperimentPanel) -> None:
    assert panel.run.wait(PATIENCE)
    while panel.tick():
        pass
    panel.update()
    assert panel.error == ""


def shown(panel: ExperimentPanel) -> list[str]:
    return [name for name, part in panel._sections.items() if "lab-folded" not in part._dom_classes]


def text(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", markup))


def test_it_asks_first_then_runs_then_compares_then_explains(make: Make) -> None:
    panel = make(tiny())
    assert shown(panel) == ["predict"] and panel.prediction is not None
    assert panel.prediction.commit.disabled, "nothing is chosen yet"
    panel.prediction.choice.value = "large"
    panel.prediction.commit.click()
    assert shown(panel) == ["predict", "run"] and panel.guess == "large" and panel.prediction.choice.disabled
    panel.buttons["start"].click()
    finish(panel)
    assert shown(panel) == ["predict", "run", "compare", "why"]
    assert "✘ You expected large; it is small." in text(panel._said.value)
    assert "small stays finite ✔ holds: 1 of 1 seeds" in text(panel._verdicts.value)
    assert "Tiny &lt;b&gt;" in panel._question.value
    lines = [trace for trace in panel.figures["loss"].figure["data"] if trace["mode"] == "lines"]
    assert len(lines) == 2
    for variant, trace in zip(("small", "large"), lines, strict=True):
        record = panel.run.record(variant, 0)
        assert record is not None
        average = record.columns["loss_average"] / record.columns["loss_weight"]
        np.testing.assert_allclose(trace["y"], average, rtol=1e-6)
    assert panel.chart_words()["loss"] == Words("Tiny <b>", "Which falls?")
    assert panel.settings() == {"Question": "Tiny <b>", "Runs": "quick", "Seeds": "1"}


def test_a_skipped_prediction_is_remembered(make: Make) -> None:
    panel = make(tiny())
    assert panel.prediction is not None
    panel.prediction.skip.click()
    assert panel.answered and panel.guess is None and shown(panel) == ["predict", "run"]
    panel.buttons["start"].click()
    finish(panel)
    assert "You made no prediction." in panel._said.value


def test_a_number(make: Make) -> None:
    panel = make(tiny(NUMBER))
    assert panel.prediction is not None and panel.prediction.number is not None
    panel.prediction.number.value = 0.25
    panel.prediction.commit.click()
    assert panel.guess == 0.25
    panel.buttons["start"].click()
    finish(panel)
    right = panel.run.results["small", 0].figures["valid_accuracy"]
    assert f"You said 0.25; the run gave {right:.3g} (validation accuracy)" in text(panel._said.value)


def test_a_drawn_curve_and_its_sliders(make: Make) -> None:
    panel = make(tiny(SKETCH))
    box = panel.prediction
    assert box is not None and box.figure is not None
    assert box.figure.figure["layout"]["dragmode"] == "drawopenpath"
    box.figure._hear(None, {"type": "sketch", "path": "M0,4L50,2.5L100,1"}, [])
    assert box.guess == ((0.0, 4.0), (0.5, 2.5), (1.0, 1.0))
    assert [knob.value for knob in box.sliders.values()] == [4.0, 2.5, 1.0]
    box.figure._hear(None, {"type": "sketch", "path": "M50,4L50,2"}, [])
    assert box.guess == ((0.0, 4.0), (0.5, 2.5), (1.0, 1.0)), "a stroke straight up is no curve"
    box.sliders["at the end"].value = 0.5
    assert box.guess == ((0.0, 4.0), (0.5, 2.5), (1.0, 0.5))
    np.testing.assert_allclose(box.figure.figure["data"][0]["y"], [4, 2.5, 0.5])
    box.commit.click()
    box.figure._hear(None, {"type": "sketch", "path": "M0,0L100,0"}, [])
    assert panel.guess == ((0.0, 4.0), (0.5, 2.5), (1.0, 0.5)), "it was made"
    panel.buttons["start"].click()
    finish(panel)
    assert re.search(r"Your curve is [\d.]+ away on average", panel._said.value)
    drawn = box.figure.figure
    assert [trace["name"] for trace in drawn["data"]] == ["your prediction", "the runs' median"]
    record = panel.run.record("small", 0)
    assert record is not None and "dragmode" not in drawn["layout"]
    np.testing.assert_allclose(drawn["data"][1]["y"], record.columns["loss"], rtol=1e-6)


def test_more_seeds_make_bands_and_train_no_run_twice(make: Make) -> None:
    panel = make(tiny())
    assert panel.prediction is not None
    panel.prediction.skip.click()
    panel.buttons["start"].click()
    finish(panel)
    before = panel.run.results
    panel.more[5].click()
    finish(panel)
    assert len(panel.run.results) == 12 and panel.run.reused == 2
    assert {key: panel.run.results[key].figures for key in before} == {key: r.figures for key, r in before.items()}
    data = panel.figures["loss"].figure["data"]
    assert sum("fill" in trace for trace in data) == 2
    singles = [trace["name"] for trace in data if "seed" in trace["name"]]
    assert len(singles) == 12 and "small, seed 5" in singles
    medians = [trace for trace in data if trace["name"].startswith("small (6)")]
    assert len(medians) == 1
    assert "n = 6; learned" in panel._numbers.value
    assert "of 6 seeds" in panel._verdicts.value


def test_another_length_begins_anew(make: Make) -> None:
    panel = make(tiny())
    assert panel.prediction is not None
    panel.prediction.skip.click()
    assert panel.quick and panel.run.config.size == 40
    panel.length.value = False
    assert panel.run.config.size == 60
    panel.buttons["start"].click()
    finish(panel)
    assert set(panel._results.here) == {("small", 0), ("large", 0)}
    assert "your runs" in panel._verdicts.value
    panel.length.value = True  # after an end, too: what is shown is of the chosen length
    assert panel.run.config.size == 40 and panel.run.state == "ready" and not panel._results.here
    assert "your quick runs" in panel._verdicts.value and "size=40" in panel._script.value
    panel.on_reset()
    assert shown(panel) == ["predict"] and not panel._results.here


def test_the_list_opens_a_question_and_the_next_one(make: Make) -> None:
    panel = make()
    ids = list(experiments())
    assert panel.experiment is None and "lab-folded" in panel._page._dom_classes
    panel.openers[ids[0]].click()
    assert panel.experiment is not None and panel.experiment.id == ids[0] and "lab-folded" in panel._list._dom_classes
    assert panel.link.query == f"id={ids[0]}"
    panel.next.click()
    assert panel.experiment.id == ids[1]
    panel.list_button.click()
    assert panel.experiment is None
    panel.on_link(f"?id={ids[2]}")
    assert panel.experiment is not None and panel.experiment.id == ids[2]
    panel.on_link("?id=nothing")
    assert panel.error.startswith("There is no experiment 'nothing'; choose one of ")
    assert panel.experiment.id == ids[2]


@pytest.mark.parametrize("id", experiments())
def test_every_question_has_its_charts_and_code(id: str, make: Make) -> None:
    panel = make(id)
    experiment = panel.experiment
    assert experiment is not None and panel.error == ""
    assert list(experiment.charts) == [name for name in panel.figures if name not in ("prediction", "spread")]
    for variant in experiment.variants:
        panel.variant.value = variant.name
        assert "lab-code" in panel._script.value and "optimizer" in panel._script.value
    assert panel.prediction is None or shown(panel) == ["predict"]
    assert experiment.explain and experiment.explain not in panel._question.value


def test_a_failed_run_is_told_and_the_others_go_on(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.training.learner import Learner

    fit = Learner.fit

    def failing(self: Learner) -> bool:
        if self.config.lr == 0.1:
            raise RuntimeError("no memory")
        return fit(self)

    monkeypatch.setattr(Learner, "fit", failing)
    panel = make(tiny())
    assert panel.prediction is not None
    panel.prediction.skip.click()
    panel.buttons["start"].click()
    assert panel.run.wait(PATIENCE)
    panel.tick()  # an update alone does not show the run's error, and the ticker may not have come to it yet
    assert panel.run.state == "failed" and "small, seed 0: RuntimeError: no memory" in panel.error
    assert set(panel.run.results) == {("large", 0)}
