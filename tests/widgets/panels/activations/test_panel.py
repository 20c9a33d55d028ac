"""The activations panel by its knobs, and its charts: exact means, what survives many layers, what it refuses."""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from lab.concepts.activations import CENTRES, SHAPES, Shape
from lab.concepts.depth import INITS, Layer, Net
from lab.knob import ConfigError
from widgets.charts.style import Figure
from widgets.panels.activations import charts
from widgets.panels.activations.panel import EXAMPLES, ActivationsPanel
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


def row(markup: str, name: str) -> list[str]:
    """The cells of a table's row, without markup."""
    (found,) = re.findall(rf"<tr><th[^>]*>{name}</th>(.*?)</tr>", markup)
    return [re.sub("<.*?>", "", cell) for cell in re.findall("<td>(.*?)</td>", found)]


def tables(panel: ActivationsPanel) -> tuple[str, str]:
    return panel.normal.value, panel.depth.value


# ---- one layer


def test_the_lessons_numbers_at_the_start(panel: ActivationsPanel) -> None:
    assert row(panel.normal.value, "ReLU") == ["0.3989", "0.5838", "max(x, 0)"]
    assert row(panel.normal.value, "GeneralRelu") == ["−0.0410", "0.6133", "max(x, 0.1x) − 0.4, at most 6"]
    assert "mean of <b>−0.0410</b> and a std of <b>0.6133</b>" in panel.answer.value
    assert "<caption>After 10 layers</caption>" in panel.depth.value and panel.error == ""


def test_sub_moves_the_mean_and_leaves_the_spread(panel: ActivationsPanel) -> None:
    panel.knobs["sub"].slider.value = 0
    assert row(panel.normal.value, "GeneralRelu")[:2] == ["0.3590", "0.6133"]
    panel.knobs["leak"].slider.value = 0
    assert row(panel.normal.value, "GeneralRelu") == ["0.3989", "0.5838", "max(x, 0), at most 6"]
    assert np.array_equal(drawn(panel, "outputs", "GeneralRelu"), drawn(panel, "outputs", "ReLU"))
    assert np.allclose(drawn(panel, "apart", "GeneralRelu"), drawn(panel, "apart", "ReLU"), atol=1e-3), "6 is far out"


def test_the_curve_follows_the_knobs(panel: ActivationsPanel) -> None:
    x = np.linspace(-8, 8, 321)
    assert drawn(panel, "curves", "GeneralRelu") == pytest.approx(LESSON(x), abs=1e-6)
    panel.knobs["maxv"].slider.value = 1.5
    assert drawn(panel, "curves", "GeneralRelu").max() == 1.5 and "at most 1.5" in panel.normal.value
    panel.knobs["maxv"].entry.value = "0"
    assert drawn(panel, "curves", "GeneralRelu").max() == pytest.approx(7.6), "0 is no cap"


@pytest.mark.parametrize("name", list(SHAPES)[1:])
def test_a_tick_shows_a_shape_everywhere(panel: ActivationsPanel, name: str) -> None:
    for box in panel.boxes.values():
        box.value = False
    assert names(panel, "curves") == ["N(0, 1)", "GeneralRelu"]
    panel.boxes[name].value = True
    assert all(names(panel, figure)[-2:] == ["GeneralRelu", SHAPES[name]] for figure in panel.figures)
    assert drawn(panel, "outputs", SHAPES[name]).sum() == pytest.approx(1, abs=1e-3)
    assert row(panel.normal.value, SHAPES[name]) and row(panel.depth.value, SHAPES[name])


# ---- many layers


def test_layers_lengthen_the_lines_and_go_on_where_they_were(panel: ActivationsPanel) -> None:
    ten = {name: drawn(panel, name, "ReLU") for name in ("means", "stds", "apart")}
    panel.knobs["layers"].slider.value = 30
    for name, before in ten.items():
        after = drawn(panel, name, "ReLU")
        assert len(before) == 11 and len(after) == 31 and np.array_equal(after[:11], before)
    wanted = Net(Shape("relu"), seed=panel.seed).first(30)[-1]
    assert drawn(panel, "last", "ReLU") == pytest.approx(wanted.shares)
    assert panel.figures["last"].figure["layout"]["title"]["text"] == "Outputs of layer 30"
    panel.knobs["layers"].slider.value = 1
    assert len(drawn(panel, "apart", "ReLU")) == 2 and "After 1 layer<" in panel.depth.value


def test_relu_has_a_mean_of_about_half_after_kaimings_init(panel: ActivationsPanel) -> None:
    relu = drawn(panel, "means", "ReLU")
    assert relu[0] == 0 and relu[1] == pytest.approx(math.sqrt(2) * 0.3989, abs=0.01)
    assert (np.abs(relu[1:] - 0.5) < 0.15).all()
    assert drawn(panel, "means", "GeneralRelu")[1] == pytest.approx(0.1, abs=0.02)


def test_the_sigmoid_loses_the_signal_and_keeps_its_spread(panel: ActivationsPanel) -> None:
    panel.examples["squashed"].click()
    assert drawn(panel, "stds", "sigmoid")[-1] > 0.15 and drawn(panel, "apart", "sigmoid")[-1] < 1e-4
    assert row(panel.depth.value, "sigmoid")[0] == "lost" and row(panel.depth.value, "tanh")[0] == "survives"


def test_other_weights(panel: ActivationsPanel) -> None:
    before = drawn(panel, "apart", "ReLU")
    assert row(panel.depth.value, "ReLU")[-1] == "1.4142"
    panel.knobs["init"].entry.value = "torch"
    assert row(panel.depth.value, "ReLU")[-1] == "0.5774" and drawn(panel, "apart", "ReLU")[-1] < 1e-3
    assert "the signal <b>is lost</b>" in panel.answer.value
    panel.knobs["init"].entry.value = "kaiming"
    assert np.array_equal(drawn(panel, "apart", "ReLU"), before), "the same net again"
    panel.again.click()
    again = drawn(panel, "apart", "ReLU")
    assert not np.array_equal(again, before) and again == pytest.approx(before, rel=0.5)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_whole_states(panel: ActivationsPanel, name: str) -> None:
    panel.knobs["layers"].entry.value = "33"
    panel.knobs["leak"].entry.value = "-7"
    panel.examples[name].click()
    wanted = EXAMPLES[name]
    assert [key for key, box in panel.boxes.items() if box.value] == list(wanted.compare)
    assert {key: panel.knobs[key].value for key in panel.knobs} == {
        key: getattr(wanted, key) for key in ("leak", "sub", "maxv", "layers", "init")
    }
    assert len(drawn(panel, "means", "GeneralRelu")) == wanted.layers + 1
    assert panel.error == "" and not any(knob.error for knob in panel.knobs.values())


def test_a_layer_knob_leaves_the_curves_alone(panel: ActivationsPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    redrawn = []
    for name, figure in panel.figures.items():
        monkeypatch.setattr(figure, "flush", lambda name=name: redrawn.append(name))
    panel.knobs["layers"].slider.value = 5
    assert redrawn == ["last", "means", "stds", "apart"]
    redrawn.clear()
    panel.knobs["sub"].slider.value = 0.2
    assert redrawn == list(panel.figures), "once each"


def test_shapes_that_stay_are_not_computed_anew(panel: ActivationsPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr("widgets.panels.activations.panel.Net", lambda *key: made.append(key[0].name) or Net(*key))
    panel.knobs["sub"].slider.value = 0.2
    assert made == ["general"]
    panel.knobs["layers"].slider.value = 12
    assert made == ["general"] and len(panel._nets) == 2


# ---- bad input


@pytest.mark.parametrize("name", ["leak", "sub", "maxv", "layers"])
@pytest.mark.parametrize("bad", ["", "much", "nan", "inf", "-1", "-inf", "1e9"])
def test_a_bad_number_is_told_and_changes_nothing(panel: ActivationsPanel, name: str, bad: str) -> None:
    ranges = {"leak": (0, 1), "sub": (0, 5), "maxv": (0, 1000), "layers": (1, 50)}
    knob, before, shown = panel.knobs[name], panel.knobs[name].value, tables(panel)
    low, high = ranges[name]
    knob.entry.value = bad
    assert knob.error.startswith(f"{name} must be ") and knob.error.endswith(f"; got {bad!r}")
    assert f"at least {low} and at most {high}" in knob.error and 'role="alert"' in knob.children[-1].value
    assert knob.value == before and tables(panel) == shown and panel.error == ""
    knob.entry.value = str(high)
    assert knob.value == high and knob.error == "" and tables(panel) != shown, "it goes on working"


@pytest.mark.parametrize("bad", ["0", "2.5", "51"])
def test_layers_are_1_to_50_whole_ones(panel: ActivationsPanel, bad: str) -> None:
    panel.knobs["layers"].entry.value = bad
    assert "at least 1 and at most 50" in panel.knobs["layers"].error and panel.knobs["layers"].value == 10


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"leak": 1.5}, "leak must be at least 0 and at most 1; got 1.5"),
        ({"sub": math.nan}, "sub must be a number, .*; got nan"),
        ({"maxv": -6}, "maxv must be at least 0 and at most 1000; got -6"),
        ({"maxv": "six"}, "maxv must be a number, .*; got 'six'"),
        ({"layers": 0}, "layers must be at least 1 and at most 50; got 0"),
        ({"init": "zeros"}, "init must be one of kaiming, lecun, torch; got 'zeros'"),
        ({"compare": ["step"]}, "compare must be names out of relu, .*; got 'step'"),
    ],
)
def test_bad_arguments(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ActivationsPanel(**given)


def test_the_ends_of_every_range(panel: ActivationsPanel) -> None:
    for box in panel.boxes.values():
        box.value = True
    for init in INITS:
        panel.knobs["init"].entry.value = init
        for leak, sub, maxv, layers in ((0, 0, 1e-9, 50), (1, 5, 1000, 50), (1, 0, 0, 50), (0, 5, 0.01, 1)):
            for name, value in zip(("leak", "sub", "maxv", "layers"), (leak, sub, maxv, layers), strict=True):
                panel.knobs[name].entry.value = str(value)
            assert panel.error == "" and "undefined" not in panel.depth.value
            for figure in panel.figures.values():
                assert all(np.isfinite(trace["y"]).all() for trace in figure.figure["data"])
                assert np.isfinite(figure.figure["layout"]["yaxis"].get("range", [0, 1])).all()


# ---- words and charts


def test_formulas() -> None:
    assert formula(Shape("general")) == "max(x, 0)" and formula(LESSON) == "max(x, 0.1x) − 0.4, at most 6"
    assert formula(Shape("general", leak=0.1)) == "max(x, 0.1x)"
    assert formula(Shape("general", sub=0.5)) == "max(x, 0) − 0.5"
    assert formula(Shape("general", maxv=2)) == "max(x, 0), at most 2"
    assert all(formula(Shape(name)) for name in SHAPES)


def layer(apart: float, std: float = 1.0) -> Layer:
    shares = np.zeros(81)
    shares[40], shares[41] = 0.6, 0.2
    return Layer(0.0, std, apart, shares)


def test_plotly_takes_it_and_it_is_labelled() -> None:
    shapes = [LESSON, *(Shape(name) for name in list(SHAPES)[1:])]
    nets = {shape: Net(shape).first(3) for shape in shapes}
    figures: list[Figure] = [charts.curves(shapes), charts.outputs(shapes)]
    figures += [chart(nets) for chart in (charts.last, charts.means, charts.stds, charts.apart)]
    styles = []
    for figure in figures:
        go.Figure(figure)
        layout = figure["layout"]
        assert all(layout[axis]["title"]["text"] for axis in ("xaxis", "yaxis")) and layout["title"]["text"]
        styles.append([(trace["line"]["color"], trace["line"]["dash"]) for trace in figure["data"][-len(shapes) :]])
    assert len(set(styles[0])) == len(shapes), "a dash beside the colour"
    assert all(style == styles[0] for style in styles), "the same in every chart"
    assert charts.curves(shapes[2:3])["data"][-1]["line"]["color"] == styles[0][2][0], "whatever else is shown"


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
