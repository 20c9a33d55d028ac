"""The training panel over a net and data of one's own, by its handlers: what is shown, what is not, what is told."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lab.config import DEFAULTS
from lab.data import DataError
from lab.nn.own import NetError
from lab.session import ENDED
from tests.own_nets import RESNET_LAYERS, ResNet, curve, digits, mlp
from tests.widgets.tiny_runs import PATIENCE, finish, until
from widgets.panels.training.panel import TrainingPanel
from widgets.run.figures import CHARTS, OUTPUTS

SMALL = {"device": "cpu", "epochs": 1, "batch_size": 32, "lr": 0.05}


@pytest.fixture
def own() -> Iterator[Any]:
    """Make panels; closed afterwards."""
    panels: list[TrainingPanel] = []

    def made(**given: Any) -> TrainingPanel:
        panels.append(TrainingPanel(**{**SMALL, **given}))
        return panels[-1]

    yield made
    for panel in panels:
        panel.close()


def knobs_shown(panel: TrainingPanel) -> set[str]:
    return {name for name, box in panel.knobs.boxes.items() if "lab-folded" not in box._dom_classes}


def overview(panel: TrainingPanel) -> list[Any]:
    """Every widget on the first tab."""
    found, left = [], [panel.tabs.children[0]]
    while left:
        found.append(left.pop())
        left += getattr(found[-1], "children", ())
    return found


def words(panel: TrainingPanel) -> str:
    """Every text on the first tab."""
    return " ".join(str(getattr(widget, "value", "")) for widget in overview(panel))


def test_a_resnet_is_shown_as_our_own_net_is(own: Any) -> None:
    panel = own(model=ResNet, data=digits())
    assert knobs_shown(panel) >= {"lr", "norm_eps", "norm_momentum", "batch_size"}
    assert not knobs_shown(panel) & {"norm", "model", "init", "leak", "widths", "dataset", "size", "groups", "sub"}
    assert "<b>4 steps</b>" in panel.status.value, "128 of the 160 examples train"
    assert "The net is not drawn" not in words(panel) and panel.net in overview(panel)
    finish(panel)
    assert panel.session.state == "finished" and panel.error == ""
    record = panel.session.since(-1)
    drawn = panel.figures["mean"].figure["data"]
    assert [trace["name"] for trace in drawn] == list(RESNET_LAYERS)
    looks = {(trace["line"]["color"], trace["line"]["dash"]) for trace in drawn}
    assert len(looks) == len(RESNET_LAYERS), "each line can be told from the others"
    for trace in drawn:
        np.testing.assert_array_equal(trace["y"], record.columns[f"mean/{trace['name']}"])
    assert panel.figures.keys() == CHARTS.keys() | OUTPUTS.keys() | {"confusion", "find_lr"}
    assert panel.figures["outputs_digit"].figure["data"][0]["y"].shape == (10,)
    assert "of the validation examples are right" in panel.findings.value
    assert panel.settings()["Net and data"] == record.own and "Norm type" not in panel.settings()
    assert "kept as <b>ResNet, " in panel.status.value


def test_the_net_is_drawn_from_its_first_maps_on(own: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = own(model=ResNet, data=digits())
    monkeypatch.setattr(panel.net, "send", lambda content, buffers=None: None)
    assert panel.net.described["layers"] == [] and panel.net.described["input"] == "1 × 28 × 28"
    panel.net._handle_custom_msg({"type": "seen", "page": "a", "seen": True}, [])
    finish(panel)
    panel.tick()
    layers = panel.net.described["layers"]
    assert [layer["name"] for layer in layers] == [name for name in RESNET_LAYERS if "conv" in name or name in (
        "layer2.downsample.0", "fc")], "those with weights, of so many"  # fmt: skip
    assert layers[0]["norm"] == "Conv2d" and layers[0]["parameters"] == 36 and layers[0]["shape"] == [4, 14, 14]
    assert panel.net.described["classes"] == 10
    panel.on_net_layer("layer1.conv2")
    assert panel.menus["layer"].value == "layer1.conv2"
    assert "layer1.conv2" in panel.figures["histogram"].figure["layout"]["title"]["text"]


def test_a_regression_has_its_own_loss_and_score_and_no_softmax(own: Any) -> None:
    panel = own(model=mlp, data=curve(), epochs=2)
    assert knobs_shown(panel) >= {"lr", "norm_eps", "leak"} and panel.knobs["leak"].value == 0.05
    assert not knobs_shown(panel) & {"norm", "model", "init", "norm_momentum"}
    assert "an example, of shape (2,), is no picture" in words(panel)
    assert panel.net not in overview(panel) and "Answers" not in panel.tabs.titles
    finish(panel)
    assert panel.session.state == "finished" and panel.error == ""
    assert panel.figures.keys() == CHARTS.keys() | {"find_lr"}
    score = panel.figures["accuracy"].figure
    assert score["layout"]["title"]["text"] == "R²" and "range" not in score["layout"]["yaxis"]
    assert panel.figures["loss"].figure["layout"]["yaxis"]["title"]["text"] == "mean squared error"
    assert re.search(r"validation R² <b>-?\d\.\d{3}</b>", panel.status.value)
    assert "mean squared error" in panel.findings.value and "%" not in panel.findings.value.split("li>")[1]
    table = panel.table("accuracy")()
    assert "R²" in table and "validation R²" in table and not any("accuracy" in title for title in table)


def test_branch_more_epochs_and_find_lr(own: Any) -> None:
    panel = own(model=mlp, data=curve(), epochs=2)
    finish(panel)
    parent = panel.session
    panel.branching.show_step(4)
    panel.on_branch()
    until(panel, "paused")
    assert panel.session is not parent and panel.session.since(-1).origin is not None and panel.error == ""
    panel.on_start()
    until(panel, *ENDED)
    assert panel.session.state == "finished" and panel.session.since(-1).own == parent.since(-1).own
    panel.on_prolong()
    until(panel, "finished")
    assert panel.session.progress.epochs == 3
    curve_of = panel.session.find_lr()
    assert len(curve_of.losses) > 5
    assert panel.find_lr.figure.figure["layout"]["yaxis"]["title"]["text"] == "loss"


def test_a_live_knob_acts_within_the_net_and_defaults_are_the_nets(own: Any) -> None:
    panel = own(model=mlp, data=curve(), epochs=500)
    panel.on_step()
    until(panel, "paused")
    panel.knobs["leak"].value = 0.3
    panel.on_step()
    session = panel.session
    assert session.wait_for(lambda: session._learner.model.net[2].negative_slope == 0.3, PATIENCE)
    panel.on_stop()
    until(panel, "stopped")
    panel.on_defaults()
    assert panel.knobs["leak"].value == 0.05 and panel.knobs["norm_eps"].value == 1e-3
    assert panel.knobs["lr"].value == DEFAULTS.lr
    panel.knobs["leak"].value = 0.0
    panel.on_reset()
    assert panel.session.config.leak == 0.0, "what a person sets counts, the lab's default too"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"model": lambda: nn.Sequential(nn.Flatten(), nn.Linear(700, 10)), "data": digits(40)},
            "Layer 1 (Linear) cannot take what it was given, float32 (4, 784)",
        ),
        (
            {"model": lambda: nn.Linear(2, 3), "data": (torch.zeros(20, 2), torch.arange(20) % 4)},
            "y holds class 3",
        ),
        ({"model": lambda: nn.Linear(2, 2), "data": curve()}, "cannot take the net's output float32 (4, 2)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_on_the_panel(own: Any, given: dict[str, Any], says: str) -> None:
    panel = own(**given)
    for _ in range(2):  # and once more: nothing hangs
        panel.on_start()
        until(panel, *ENDED)
        assert panel.session.state == "failed" and says in panel.error, panel.error
        assert "Failed" in panel.state_line.value and says in panel.error_line.value.replace("&#x27;", "'")
    assert not panel.buttons["start"].disabled and panel.buttons["stop"].disabled


def test_what_was_not_measured_is_told(own: Any) -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(2, 1), nn.Linear(5, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    panel = own(model=Idle, data=curve())
    finish(panel)
    assert panel.error == "Not measured: unused (not called)."


def test_arguments_that_cannot_be_used_are_refused_at_once() -> None:
    with pytest.raises(DataError, match="x has 3 examples and y has 2"):
        TrainingPanel(model=mlp, data=([[1.0, 2]] * 3, [1.0] * 2))
    with pytest.raises(NetError, match="model must be a module"):
        TrainingPanel(model=3, data=curve())


def test_a_model_by_name_is_still_the_knob(own: Any) -> None:
    panel = own(model="mlp")
    assert panel.session.own is None and panel.session.config.model == "mlp"
    assert "norm" in knobs_shown(panel)
