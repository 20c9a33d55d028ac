"""The spread panel by its knobs and by dragging, and its charts: the lesson's numbers, and nothing it cannot take."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lab.concepts import spread
from lab.knob import ConfigError
from widgets.figure.requests import Drag
from widgets.markup.axis_range import AxisRange
from widgets.panels.spread import charts
from widgets.panels.spread.panel import SpreadPanel
from widgets.panels.spread.points import SLIDERS, Points

LESSON = np.array(spread.LESSON)
MANY = np.random.default_rng(3).normal(5, 2, 200)


@pytest.fixture
def panel() -> Iterator[SpreadPanel]:
    made = SpreadPanel()
    yield made
    made.close()


def text(panel: SpreadPanel, name: str) -> str:
    return str(panel.words[name].value)


def points(panel: SpreadPanel) -> Points:
    made = panel.knobs["values"]
    assert isinstance(made, Points)
    return made


def rows(markup: str) -> dict[str, list[str]]:
    """The table in ``markup``: row's name -> cells."""
    found = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', markup)
    return {name: re.findall(r"<td>(.*?)</td>", cells) for name, cells in found}


def value(markup: str, name: str) -> str:
    return rows(markup)[name][-1]


def trace(figure: dict[str, Any], name: str) -> dict[str, Any]:
    return next(trace for trace in figure["data"] if trace["name"] == name)


def drawn(panel: SpreadPanel, figure: str, name: str) -> dict[str, Any]:
    return trace(panel.figures[figure].figure, name)


# ---- the lesson's numbers


def test_the_lessons_points(panel: SpreadPanel) -> None:
    shown = rows(text(panel, "one"))
    assert shown["mean, E[x]"] == ["(1 + 2 + 4 + 18) ÷ 4", "6.25"]
    assert shown["variance, E[(x − E[x])²]"] == ["(27.5625 + 18.0625 + 5.0625 + 138.0625) ÷ 4", "47.1875"]
    assert shown["variance, E[x²] − E[x]²"] == ["(1 + 4 + 16 + 324) ÷ 4 − 6.25² = 86.25 − 39.0625", "47.1875"]
    assert shown["standard deviation"] == ["√47.1875", "6.869"]
    assert shown["mean absolute deviation"] == ["(5.25 + 4.25 + 2.25 + 11.75) ÷ 4", "5.875"]
    assert value(text(panel, "one"), "variance as torch.var has it") == "62.9167"
    assert "exactly equal" in text(panel, "one")
    assert drawn(panel, "points", "points")["x"].tolist() == [1, 2, 4, 18]
    assert drawn(panel, "points", "mean ± std")["x"] == pytest.approx([6.25 - 6.86932, 6.25 + 6.86932], abs=1e-5)
    assert drawn(panel, "points", "mean ± mean absolute deviation")["x"].tolist() == [0.375, 12.125]
    distances, squares = (trace["y"] for trace in panel.figures["shares"].figure["data"])
    assert distances[3] == 0.5 and squares[3] == pytest.approx(138.0625 / 188.75)


def test_float32_with_a_large_offset(panel: SpreadPanel) -> None:
    assert value(text(panel, "precision"), "E[(x − E[x])²]") == "64"
    assert value(text(panel, "precision"), "E[x²] − E[x]²") == "1,073,741,824"
    assert value(text(panel, "precision"), "the variance itself") == "47.1875"
    assert rows(text(panel, "precision"))["the points, as kept"][0].endswith("100,000,016")
    assert drawn(panel, "formulas", "E[x²] − E[x]², now")["y"] == pytest.approx([(2**30 - 47.1875) / 47.1875])
    before = panel.figures["points"].figure
    panel.knobs["offset"].entry.value = "0"
    assert (
        value(text(panel, "precision"), "E[x²] − E[x]²")
        == value(text(panel, "precision"), "E[(x − E[x])²]")
        == "47.1875"
    )
    assert drawn(panel, "formulas", "by its definition, now")["y"] == pytest.approx([1e-8])
    assert panel.figures["points"].figure["layout"] == before["layout"]


def test_equal_to_rounding(panel: SpreadPanel) -> None:
    points(panel).list.entry.value = "1.1, 2.3, 4.7, 18.9"
    assert "equal to rounding: they differ by" in text(panel, "one")
    assert value(text(panel, "one"), "variance, E[(x − E[x])²]") == value(text(panel, "one"), "variance, E[x²] − E[x]²")


# ---- moving points


def test_dragging_a_point_moves_everything(panel: SpreadPanel) -> None:
    panel.on_drag(Drag("points", 3, 5.04, 4))
    assert panel.x.tolist() == [1, 2, 4, 5] and panel.error == "", "on the nearest stop"
    assert (
        value(text(panel, "one"), "mean, E[x]") == "3"
        and value(text(panel, "one"), "variance, E[(x − E[x])²]") == "2.5"
    )
    assert points(panel).list.entry.value == "1, 2, 4, 5" and points(panel).sliders[3].slider.value == 5
    assert (
        drawn(panel, "points", "points")["x"].tolist() == drawn(panel, "pairs", "pairs")["x"].tolist() == [1, 2, 4, 5]
    )
    assert panel.figures["points"].figure["layout"]["xaxis"]["range"] == [-5, 25], "the axis stays under the pointer"
    twice = spread.second_series(panel.x, "twice")
    assert panel.knobs["second"].value == "twice" and panel.y == pytest.approx(twice, rel=1e-3), (
        "and the second goes with it"
    )
    panel.on_drag(Drag("points", 9, 5.0, 4))
    assert panel.x.tolist() == [1, 2, 4, 5] and panel.error == "", "a point that is there no more"


def test_dragging_a_pair_makes_the_second_series_ones_own(panel: SpreadPanel) -> None:
    y = panel.y.copy()
    panel.on_drag(Drag("pairs", 0, 3.0, 30.02))
    assert panel.x.tolist() == [3, 2, 4, 18] and panel.y.tolist() == [30, *y[1:]]
    assert panel.knobs["second"].value == "typed" and panel.knobs["y"].entry.value.startswith("30, ")
    panel.on_drag(Drag("points", 1, 7.0, 2))
    assert panel.y.tolist() == [30, *y[1:]], "and it stays when the first is moved"
    assert drawn(panel, "pairs", "takes from it")["x"].size > 0


def test_another_offset_leaves_the_axes_where_they_are(panel: SpreadPanel) -> None:
    panel.knobs["second"].value = "same"
    panel.on_drag(Drag("pairs", 3, 18.0, 1.0))
    before, shown = panel.axes, panel.figures["pairs"].figure["layout"]["yaxis"]["range"]
    panel.knobs["offset"].entry.value = "5"
    panel.on_drag(Drag("pairs", 3, 18.0, 2.0))
    assert panel.axes == before and panel.figures["pairs"].figure["layout"]["yaxis"]["range"] == shown == [-5, 25]
    panel.knobs["y"].entry.value = "1 2 4 3"
    assert panel.figures["pairs"].figure["layout"]["yaxis"]["range"] == [0, 5], "typing fits it anew"


def test_a_point_by_its_slider_and_typed(panel: SpreadPanel) -> None:
    points(panel).sliders[3].slider.value = 8
    assert panel.x.tolist() == [1, 2, 4, 8] and value(text(panel, "one"), "mean, E[x]") == "3.75"
    points(panel).sliders[0].entry.value = "100"
    assert (
        panel.x[0] == 100
        and points(panel).sliders[0].slider.max > 100 < panel.figures["points"].figure["layout"]["xaxis"]["range"][1]
    )
    assert points(panel).sliders[1].slider.max == points(panel).sliders[0].slider.max and panel.x.tolist() == [
        100,
        2,
        4,
        8,
    ]


def test_the_axis_is_fitted_to_points_that_are_given(panel: SpreadPanel) -> None:
    fitted = AxisRange.around(np.array([1.0, 2, 4, 5]))
    assert fitted != panel.axes[0]
    panel.link._handle_custom_msg({"query": "values=1, 2, 4, 5"}, [])
    given = SpreadPanel([1, 2, 4, 5])
    assert panel.axes == given.axes and given.axes[0] == fitted
    assert points(given).sliders[0].slider.max == fitted.high
    given.close()


def test_sliders_are_as_many_as_the_points(panel: SpreadPanel) -> None:
    assert len(points(panel).children) == 1 + 4
    for n, sliders in ((SLIDERS, SLIDERS), (SLIDERS + 1, 0), (2, 2)):
        points(panel).list.entry.value = "3 " * n
        assert len(points(panel).children) == 1 + sliders and len(panel.x) == len(panel.y) == n


# ---- two series


def test_the_second_series(panel: SpreadPanel) -> None:
    x, y = panel.x, panel.y
    assert value(text(panel, "two"), "covariance, E[(x − E[x]) (y − E[y])]") == f"{spread.covariance(x, y):.4f}"
    assert value(text(panel, "two"), "covariance, E[xy] − E[x] E[y]") == f"{spread.covariance(x, y):.4f}"
    assert value(text(panel, "two"), "correlation") == f"{spread.correlation(x, y):.4f}" > "0.99"
    panel.knobs["second"].value = "unrelated"
    assert abs(float(value(text(panel, "two"), "correlation").replace("−", "-"))) < 0.1
    panel.knobs["second"].value = "same"
    assert value(text(panel, "two"), "correlation") == "1"
    assert value(text(panel, "two"), "covariance, E[(x − E[x]) (y − E[y])]") == "47.1875", "the variance"
    panel.knobs["y"].entry.value = "4 3 2 −1".replace("−", "-")
    assert panel.knobs["second"].value == "typed" and value(text(panel, "two"), "correlation").startswith("−0.9")


def test_a_typed_second_series_gives_way_to_another_number_of_points(panel: SpreadPanel) -> None:
    panel.knobs["y"].entry.value = "4 3 2 1"
    points(panel).list.entry.value = "1 2 3 7"
    assert panel.knobs["second"].value == "typed" and panel.y.tolist() == [4, 3, 2, 1]
    points(panel).list.entry.value = "1 2 3"
    assert panel.knobs["second"].value == "twice" and len(panel.y) == 3 and panel.error == ""
    panel.knobs["y"].entry.value = "1 2"
    assert panel.knobs["y"].error == "the second series must be 3 numbers, one a point; got '2 of them'"
    assert len(panel.y) == 3
    panel.on_drag(Drag("points", 0, 2.0, 1))
    assert panel.knobs["y"].error == ""


# ---- bad input


@pytest.mark.parametrize("bad", ["", "ten", "1, nan", "1, inf", "1 2 1e31", "1 " * 1001])
def test_bad_values_are_told_and_change_nothing(panel: SpreadPanel, bad: str) -> None:
    for box in (points(panel).list, panel.knobs["y"]):
        before = box.value
        box.entry.value = bad
        assert box.error and 'role="alert"' in box.children[-1].value
        assert box.value == before and panel.x.tolist() == [1, 2, 4, 18]
    with pytest.raises(ConfigError):
        SpreadPanel(values=bad)


@pytest.mark.parametrize("bad", ["", "x", "nan", "inf", "-1", "1e13"])
def test_a_bad_point_or_offset_is_told(panel: SpreadPanel, bad: str) -> None:
    panel.knobs["offset"].entry.value = bad
    assert panel.knobs["offset"].error.startswith("Offset must be") and panel.knobs["offset"].value == 1e8
    if bad not in ("-1", "1e13"):
        points(panel).sliders[0].entry.value = bad
        assert points(panel).error == points(panel).sliders[0].error and panel.x[0] == 1
        assert points(panel).error.startswith("point 1")
        panel.on_drag(Drag("points", 1, 3.0, 2))
        assert points(panel).error == points(panel).sliders[0].error == "", "until a point is moved"


def test_one_point_has_no_spread(panel: SpreadPanel) -> None:
    points(panel).list.entry.value = "7"
    shown = rows(text(panel, "one"))
    assert shown.pop("mean, E[x]")[-1] == "7"
    assert len(shown) == 5 and all(cells == ["one point has no spread", "undefined"] for cells in shown.values())
    assert {cells[-1] for cells in rows(text(panel, "two")).values()} == {"undefined"}
    assert value(text(panel, "precision"), "the variance itself") == "undefined" and panel.error == ""
    assert panel.figures["formulas"].figure["layout"]["annotations"][0]["text"] == "no variance to lose"
    panel.on_drag(Drag("pairs", 0, 8.0, 3.0))
    assert panel.x.tolist() == [8] and panel.error == ""


@pytest.mark.parametrize("huge", ["1e19 2e19", "1e20 2e20", "-1e30 1e30 1e30"])
def test_huge_points_vary_though_float32_overflows(panel: SpreadPanel, huge: str) -> None:
    points(panel).list.entry.value = huge
    (words,) = panel.figures["formulas"].figure["layout"]["annotations"]
    assert words["text"] == "float32 overflows" and panel.error == ""


def test_identical_points_have_no_correlation(panel: SpreadPanel) -> None:
    points(panel).list.entry.value = "3 3 3"
    assert value(text(panel, "one"), "variance, E[(x − E[x])²]") == "0" and "nothing varies" in text(panel, "one")
    assert rows(text(panel, "two"))["correlation"] == ["one series does not vary: 0 ÷ 0", "undefined"]
    assert panel.figures["shares"].figure["layout"]["annotations"] and panel.error == ""


def test_a_thousand_points(panel: SpreadPanel) -> None:
    points(panel).list.entry.value = " ".join(map(str, np.linspace(0, 1, 1000)))
    assert rows(text(panel, "one"))["mean, E[x]"] == ["sum of 1,000 ÷ 1,000", "0.5"] and panel.error == ""
    assert len(drawn(panel, "points", "points")["x"]) == 1000
    panel.on_drag(Drag("points", 999, 0.0, 1000))
    assert panel.x[999] == 0 and panel.error == ""


@pytest.mark.parametrize("values", ["1e30, -1e30, 5", "1e-30 2e-30", "1e8 1e8", "0 0", "16777217 16777218"])
def test_huge_and_tiny_points(panel: SpreadPanel, values: str) -> None:
    points(panel).list.entry.value = values
    panel.on_drag(Drag("points", 0, float(panel.axes[0].high), 1))
    assert panel.error == "" and points(panel).list.error == "" and panel.x[0] == min(panel.axes[0].high, 1e30)


# ---- the charts


def test_many_points_have_no_lines_of_their_own() -> None:
    axis = AxisRange.around(MANY)
    assert "distance from the mean" not in [trace["name"] for trace in charts.points(MANY, axis)["data"]]
    assert len(charts.pairs(MANY, MANY, (axis, axis))["data"]) == 3
    shares = charts.shares(MANY)
    farthest = np.sort(np.argsort(-np.abs(MANY - MANY.mean()))[: charts.FEW])
    assert shares["data"][0]["x"] == [str(i + 1) for i in farthest]
    assert "the 40 farthest" in shares["layout"]["xaxis"]["title"]["text"]
    assert len(charts.points(MANY, axis)["data"][-1]["x"]) == 200, "each can still be dragged"


def test_each_rectangle_is_a_points_part_of_the_covariance() -> None:
    x, y = np.array([0.0, 2, 4]), np.array([1.0, 5, 0])
    figure = charts.pairs(x, y, (AxisRange.around(x), AxisRange.around(y)))
    adds, takes = trace(figure, "adds to the covariance"), trace(figure, "takes from it")
    assert adds["x"][:5].tolist() == [2, 0, 0, 2, 2] and adds["y"][:5].tolist() == [2, 2, 1, 1, 2]
    assert takes["x"][:5].tolist() == [2, 4, 4, 2, 2] and takes["y"][:5].tolist() == [2, 2, 0, 0, 2]
    assert takes["fillpattern"]["shape"] and "fillpattern" not in adds


@pytest.mark.parametrize(
    "values",
    [[1, 2, 4, 18], [7], [-0.3, 0.1], [1e30, -1e30], [5, 5], [0], [1e12, 1e12 + 1], [-1e12, -1e12 + 1e-3]],
)
def test_a_span_holds_its_values_on_round_ends(values: list[float]) -> None:
    axis = AxisRange.around(np.array(values, float))
    assert axis.low < min(values) and max(values) < axis.high
    assert np.float32(axis.low) < np.float32(axis.high), "charts are float32"
    assert 20 < (axis.high - axis.low) / axis.stop < 1000
    assert axis.nearest(axis.low) == axis.low and axis.nearest(axis.high) == axis.high
    assert axis.with_room_for(np.array(axis.ends)) is axis
    assert axis.with_room_for(np.array([2 * axis.high])).high > 2 * axis.high
