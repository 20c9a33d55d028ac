"""The activations panel by its knobs, and its charts: exact means, what survives many layers."""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lab.concepts.activations import CENTRES, SHAPES, Shape
from lab.concepts.depth import Layer, Net
from widgets.panels.activations import charts
from widgets.panels.activations.panel import ActivationsPanel
from widgets.panels.activations.words import formula

LESSON = Shape("general", 0.1, 0.4, 6)


@pytest.fixture
def panel() -> Iterator[ActivationsPanel]:
    made = ActivationsPanel()
    yield made
    made.close()


def drawn(panel: ActivationsPanel, figure: str, name: str) -> Any:
    return next(trace["y"] for trace in panel.figures[figure].figure["data"] if trace["name"] == name)


def names(panel: ActivationsPanel, figure: str) -> list[str]:
    return [trace["name"] for trace in panel.figures[figure].figure["data"]]


def row(panel: ActivationsPanel, table: str, name: str) -> list[str]:
    """The cells of a table's row, without markup."""
    (found,) = re.findall(rf"<tr><th[^>]*>{name}</th>(.*?)</tr>", panel.words[table].value)
    return [re.sub("<.*?>", "", cell) for cell in re.findall("<td>(.*?)</td>", found)]


def test_the_lessons_numbers_at_the_start(panel: ActivationsPanel) -> None:
    assert row(panel, "normal", "ReLU") == ["0.3989", "0.5838", "max(x, 0)"]
    assert row(panel, "normal", "GeneralRelu") == ["−0.0410", "0.6133", "max(x, 0.1x) − 0.4, at most 6"]
    assert "mean of <b>−0.0410</b> and a std of <b>0.6133</b>" in panel.words["answer"].value
    assert "<caption>After 10 layers</caption>" in panel.words["depth"].value


def test_sub_moves_the_mean_and_leaves_the_spread(panel: ActivationsPanel) -> None:
    panel.knobs["sub"].slider.value = 0
    assert row(panel, "normal", "GeneralRelu")[:2] == ["0.3590", "0.6133"]
    panel.knobs["leak"].slider.value = 0
    assert row(panel, "normal", "GeneralRelu") == ["0.3989", "0.5838", "max(x, 0), at most 6"]
    assert np.array_equal(drawn(panel, "outputs", "GeneralRelu"), drawn(panel, "outputs", "ReLU"))
    assert np.allclose(drawn(panel, "apart", "GeneralRelu"), drawn(panel, "apart", "ReLU"), atol=1e-3), "6 is far out"


def test_the_curve_follows_the_knobs(panel: ActivationsPanel) -> None:
    assert drawn(panel, "curves", "GeneralRelu") == pytest.approx(LESSON(np.linspace(-8, 8, 321)), abs=1e-6)
    panel.knobs["maxv"].slider.value = 1.5
    assert drawn(panel, "curves", "GeneralRelu").max() == 1.5 and "at most 1.5" in panel.words["normal"].value
    panel.knobs["maxv"].entry.value = "0"
    assert drawn(panel, "curves", "GeneralRelu").max() == pytest.approx(7.6), "0 is no cap"


@pytest.mark.parametrize("name", list(SHAPES)[1:])
def test_a_tick_shows_a_shape_everywhere(panel: ActivationsPanel, name: str) -> None:
    for box in panel.knobs["compare"].boxes.values():
        box.value = False
    assert names(panel, "curves") == ["N(0, 1)", "GeneralRelu"]
    panel.knobs["compare"].boxes[name].value = True
    assert all(names(panel, figure)[-2:] == ["GeneralRelu", SHAPES[name]] for figure in panel.figures)
    assert drawn(panel, "outputs", SHAPES[name]).sum() == pytest.approx(1, abs=1e-3)
    assert row(panel, "normal", SHAPES[name]) and row(panel, "depth", SHAPES[name]) and formula(Shape(name))


def test_layers_lengthen_the_lines_and_go_on_where_they_were(panel: ActivationsPanel) -> None:
    ten = {name: drawn(panel, name, "ReLU") for name in ("means", "stds", "apart")}
    panel.knobs["layers"].slider.value = 30
    for name, before in ten.items():
        after = drawn(panel, name, "ReLU")
        assert len(before) == 11 and len(after) == 31 and np.array_equal(after[:11], before)
    wanted = Net(Shape("relu"), seed=panel.values.seed).first(30)[-1]
    assert drawn(panel, "last", "ReLU") == pytest.approx(wanted.shares)
    assert panel.figures["last"].figure["layout"]["title"]["text"] == "Outputs of layer 30"
    panel.knobs["layers"].slider.value = 1
    assert len(drawn(panel, "apart", "ReLU")) == 2 and "After 1 layer<" in panel.words["depth"].value
    panel.knobs["layers"].entry.value = "2.5"
    assert "a whole number, at least 1 and at most 50" in panel.knobs["layers"].error


def test_relu_has_a_mean_of_about_half_after_kaimings_init(panel: ActivationsPanel) -> None:
    relu = drawn(panel, "means", "ReLU")
    assert relu[0] == 0 and relu[1] == pytest.approx(math.sqrt(2) * 0.3989, abs=0.01)
    assert (np.abs(relu[1:] - 0.5) < 0.15).all()
    assert drawn(panel, "means", "GeneralRelu")[1] == pytest.approx(0.1, abs=0.02)


def test_the_sigmoid_loses_the_signal_and_keeps_its_spread(panel: ActivationsPanel) -> None:
    panel.examples["squashed"].click()
    assert drawn(panel, "stds", "sigmoid")[-1] > 0.15 and drawn(panel, "apart", "sigmoid")[-1] < 1e-4
    assert row(panel, "depth", "sigmoid")[0] == "lost" and row(panel, "depth", "tanh")[0] == "survives"


def test_other_weights(panel: ActivationsPanel) -> None:
    before = drawn(panel, "apart", "ReLU")
    assert row(panel, "depth", "ReLU")[-1] == "1.4142"
    panel.knobs["init"].entry.value = "torch"
    assert row(panel, "depth", "ReLU")[-1] == "0.5774" and drawn(panel, "apart", "ReLU")[-1] < 1e-3
    assert "the signal <b>is lost</b>" in panel.words["answer"].value
    panel.knobs["init"].entry.value = "kaiming"
    assert np.array_equal(drawn(panel, "apart", "ReLU"), before), "the same net again"
    panel.knobs["seed"].button.click()
    again = drawn(panel, "apart", "ReLU")
    assert not np.array_equal(again, before) and again == pytest.approx(before, rel=0.5)


def test_only_what_changes_is_computed_and_drawn(panel: ActivationsPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    redrawn: list[str] = []
    made: list[str] = []
    for name, figure in panel.figures.items():
        monkeypatch.setattr(figure, "flush", lambda name=name: redrawn.append(name))
    monkeypatch.setattr("widgets.panels.activations.panel.Net", lambda *key: made.append(key[0].name) or Net(*key))
    panel.knobs["layers"].slider.value = 5
    assert redrawn == ["last", "means", "stds", "apart"] and made == []
    panel.knobs["sub"].slider.value = 0.2
    assert redrawn[4:] == list(panel.figures) and made == ["general"] and len(panel._nets) == 2


def test_no_knob_makes_a_number_undefined(panel: ActivationsPanel) -> None:
    panel.knobs["compare"].value = tuple(panel.knobs["compare"].boxes)
    for init in panel.knobs["init"].spec.choices:
        for leak, sub, maxv, layers in ((0, 0, 1e-9, 50), (1, 5, 1000, 50), (1, 0, 0, 50), (0, 5, 0.01, 1)):
            panel.set({"leak": leak, "sub": sub, "maxv": maxv, "layers": layers, "init": init})
            assert panel.error == "" and "undefined" not in panel.words["depth"].value
            for figure in panel.figures.values():
                assert all(np.isfinite(trace["y"]).all() for trace in figure.figure["data"])


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        (Shape("general"), "max(x, 0)"),
        (LESSON, "max(x, 0.1x) − 0.4, at most 6"),
        (Shape("general", leak=0.1), "max(x, 0.1x)"),
        (Shape("general", sub=0.5), "max(x, 0) − 0.5"),
        (Shape("general", maxv=2), "max(x, 0), at most 2"),
    ],
)
def test_formulas(shape: Shape, text: str) -> None:
    assert formula(shape) == text


def layer(apart: float, std: float = 1.0) -> Layer:
    shares = np.zeros(81)
    shares[40], shares[41] = 0.6, 0.2
    return Layer(0.0, std, apart, shares)


def test_a_shape_has_one_colour_and_dash_in_every_chart(panel: ActivationsPanel) -> None:
    panel.knobs["compare"].value = tuple(panel.knobs["compare"].boxes)
    styles = [
        [(trace["line"]["color"], trace["line"]["dash"]) for trace in figure.figure["data"][-len(SHAPES) :]]
        for figure in panel.figures.values()
    ]
    assert len(set(styles[0])) == len(SHAPES) and all(style == styles[0] for style in styles)
    panel.knobs["compare"].value = ("elu",)
    assert panel.figures["curves"].figure["data"][-1]["line"]["color"] == styles[0][2][0], "whatever else is shown"


def test_what_a_histogram_cannot_show_is_said() -> None:
    figure = charts.last({Shape("relu"): [layer(1)]})
    (words,) = figure["layout"]["annotations"]
    assert words["text"] == "ReLU: 60% in the bin at 0.0<br>ReLU: 20% beyond ±4"
    assert figure["layout"]["yaxis"]["range"][1] == pytest.approx(charts.CUT, rel=0.02)
    assert charts.outputs([Shape("identity")])["layout"]["annotations"] == []
    assert figure["data"][0]["x"] == pytest.approx(CENTRES)


def test_a_line_stands_at_each_mean() -> None:
    lines = charts.outputs([LESSON, Shape("relu")])["layout"]["shapes"]
    assert [line["x0"] for line in lines] == pytest.approx([-0.0410, 0.3989], abs=1e-4)


def test_both_spreads_share_an_axis_that_has_all_of_them() -> None:
    nets = {Shape("relu"): [layer(1e-7, 0.5), layer(1e-9, 300.0)]}
    axes = [chart(nets)["layout"]["yaxis"] for chart in (charts.stds, charts.apart)]
    assert axes[0]["range"] == axes[1]["range"] and axes[0]["type"] == "log"
    assert axes[0]["range"][0] < -9 and axes[0]["range"][1] > math.log10(300)
    assert charts.apart(nets)["data"][0]["y"].tolist() == [1, 1e-7, 1e-9], "from the input on"
    assert charts.stds(nets)["data"][0]["x"].tolist() == [0, 1, 2]
    nothing = charts.apart({Shape("relu"): [layer(0.0, 0.0)]})
    assert np.isfinite(nothing["layout"]["yaxis"]["range"]).all(), "an axis even if nothing is left"
