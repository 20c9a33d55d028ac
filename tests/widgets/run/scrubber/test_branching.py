"""Branching and prolonging from the panel, by its handlers: what is shown is what the sessions recorded."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lab.record import Mark, Record
from tests.widgets.tiny_runs import PATIENCE, Make, finish, until
from widgets import charts
from widgets.charts.before import MOST_POINTS, NAME
from widgets.charts.layers import layer_means
from widgets.charts.progress import averaged_accuracy, debiased_loss
from widgets.charts.view import View
from widgets.panels.training.panel import TrainingPanel
from widgets.run.scrubber.branching import BranchControls


def trace(panel: TrainingPanel, figure: str, name: str) -> dict[str, Any]:
    return next(trace for trace in panel.figures[figure].figure["data"] if trace["name"] == name)


def scrub(panel: TrainingPanel, step: int) -> None:
    panel.scrubber.begin()
    panel.scrubber.step.value = step
    assert panel.scrubber.shown == panel.branching.step == step


def paused_at(panel: TrainingPanel, step: int) -> None:
    session = panel.session
    assert session.wait_for(lambda: session.state == "paused" and session.progress.step == step, PATIENCE), (
        session.state, session.error,
    )  # fmt: skip
    panel.tick()


def test_a_branch_is_shown_over_its_parent_from_its_step_on(make: Make) -> None:
    panel = make()
    assert panel.branching.branch.disabled and "No step" in panel.branching.reason.value
    finish(panel)
    parent, whole = panel.session, panel.session.since(-1)
    scrub(panel, 3)
    controls = panel.branching
    assert controls.branch.description == "Branch at step 3"
    assert not controls.branch.disabled and controls.reason.value == ""
    controls.branch.click()
    paused_at(panel, 3)
    child = panel.session
    assert child is not parent and panel.error == "" and child.since(-1).steps.tolist() == [0, 1, 2]
    assert "branch at step 3 of " in panel.status.value
    assert panel.settings()["Goes on from"].startswith("branch at step 3 of ")
    panel.knobs["lr"].value = 0.05
    panel.on_start()
    until(panel, "finished")
    record = child.since(-1)
    assert record.marks == (Mark(3, "lr", 0.4, 0.05),)
    for name, curve in (("loss", debiased_loss), ("accuracy", averaged_accuracy)):
        faint = trace(panel, name, NAME)
        assert faint["x"].tolist() == [3, 4, 5, 6, 7] and faint["opacity"] < 1
        np.testing.assert_array_equal(faint["y"], curve(whole)[3:])
        np.testing.assert_array_equal(trace(panel, name, "average")["y"], curve(record))
    faint = trace(panel, "mean", f"conv2 {NAME}")
    np.testing.assert_array_equal(faint["y"], whole.columns["mean/conv2"][3:])
    panel.menus["layer"].value = "conv1"
    np.testing.assert_array_equal(trace(panel, "mean", f"conv1 {NAME}")["y"], whole.columns["mean/conv1"][3:])
    # In seconds the parent's rows stand at the parent's times.
    panel.menus["x"].value = "seconds"
    np.testing.assert_array_equal(trace(panel, "loss", NAME)["x"], whole.columns["seconds"][3:])
    # A new run has nothing before it.
    panel.on_reset()
    assert all(NAME not in one["name"] for one in panel.figures["loss"].figure["data"])
    assert "branch at" not in panel.status.value


def test_a_knob_turned_after_the_end_acts_at_the_branch(make: Make) -> None:
    panel = make()
    finish(panel)
    scrub(panel, 5)
    panel.knobs["momentum"].value = 0.5
    panel.knobs["batch_size"].value = 20  # not live: it stays the run's
    panel.on_branch()
    paused_at(panel, 5)
    assert panel.knobs["momentum"].value == 0.5 and panel.knobs["batch_size"].value == 50
    panel.on_step()
    paused_at(panel, 6)
    assert panel.session.since(-1).marks == (Mark(5, "momentum", 0.0, 0.5),)


def test_a_branch_of_a_paused_run(make: Make) -> None:
    panel = make()
    panel.run.step(6)
    panel.follow()
    paused_at(panel, 6)
    scrub(panel, 2)
    parent = panel.session
    panel.on_branch()
    paused_at(panel, 2)
    assert parent.wait(PATIENCE) and parent.state == "stopped"
    assert trace(panel, "loss", NAME)["x"].tolist() == [2, 3, 4, 5]
    # And a branch of the branch, before its own step.
    scrub(panel, 1)
    panel.on_branch()
    paused_at(panel, 1)
    assert panel.error == "" and panel.session.since(-1).steps.tolist() == [0]


def test_prolong_is_for_finished_runs(make: Make) -> None:
    panel = make()
    controls = panel.branching
    assert controls.prolong.disabled and controls.epochs.disabled and "is ready" in controls.prolong.tooltip
    finish(panel)
    assert not controls.prolong.disabled and not controls.epochs.disabled
    whole = panel.session.since(-1)
    controls.epochs.value = 2
    controls.prolong.click()
    until(panel, "finished")
    assert panel.error == "" and panel.knobs["epochs"].value == 4
    record = panel.session.since(-1)
    assert len(record.steps) == 16 and np.array_equal(record.columns["loss"][:8], whole.columns["loss"])
    assert "prolonged from step 8 of " in panel.status.value
    assert all(NAME not in one["name"] for one in panel.figures["loss"].figure["data"]), "no curve to lay behind"
    panel.session.close()
    panel.tick()
    panel.update()
    assert controls.prolong.disabled and "freed" in controls.prolong.tooltip
    assert controls.branch.disabled


def test_a_refused_branch_is_told_and_changes_nothing(make: Make) -> None:
    panel = make()
    panel.on_branch()
    assert "no step yet" in panel.error and panel.session.state == "ready"
    panel.on_prolong()
    assert "Only a finished run" in panel.error


def test_reasons_are_shown_as_text() -> None:
    controls = BranchControls(lambda step: "<b>no</b>" if step else "", lambda: "not <yet>")
    controls.show_step(0)
    assert not controls.branch.disabled and controls.branch.tooltip and controls.prolong.tooltip == "not <yet>"
    controls.show_step(1200)
    assert controls.branch.disabled and controls.branch.description == "Branch at step 1,200"
    assert controls.reason.value == "<p>&lt;b&gt;no&lt;/b&gt;</p>"
    controls.close()


@pytest.mark.parametrize("chart", [charts.loss, charts.accuracy, layer_means])
def test_the_curve_behind_is_bounded(record: Record, chart: Callable[..., charts.Figure]) -> None:
    steps = np.arange(5, 5 + 3 * MOST_POINTS)
    columns = {name: np.linspace(0, 1, len(steps), dtype=np.float32) + 1 for name in record.columns}
    view = View(before=replace(record, steps=steps, columns=columns))
    with_it, without = chart(record, view)["data"], chart(record, View())["data"]
    assert [one["name"] for one in with_it[:-1]] == [one["name"] for one in without]
    assert NAME in with_it[-1]["name"] and len(with_it[-1]["x"]) == MOST_POINTS and with_it[-1]["x"][0] == 5
    empty = View(
        before=replace(record, steps=steps[:0], columns={name: values[:0] for name, values in columns.items()})
    )
    assert len(chart(record, empty)["data"]) == len(without)
