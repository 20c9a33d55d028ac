"""Charts of the backward pass: the record's numbers, what a log axis cannot show, and records without them."""

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from lab.record import GRADIENT, OUTPUT_GRADIENT, Record
from tests.widgets.conftest import made_record
from widgets import charts
from widgets.charts import View, compare
from widgets.charts.backward import NOT_ASKED, RULE
from widgets.charts.blow_up import FLOOR
from widgets.charts.compare import compared
from widgets.charts.compare_histograms import weight_histograms
from widgets.charts.layers import MISSING
from widgets.run.figures import TrainingFigures, after

LINES = {
    "grad_mean": charts.gradient_means,
    "grad_std": charts.gradient_stds,
    "grad_zero": charts.gradient_zeros,
    "update_ratio": charts.update_ratios,
    "out_grad_mean": charts.output_gradient_means,
    "out_grad_std": charts.output_gradient_stds,
}
ON_LOG = [name for name in LINES if name.endswith(("_std", "_ratio"))]
EVERY = [*LINES.values(), charts.weight_histogram]
assert tuple(LINES) == (*GRADIENT, *OUTPUT_GRADIENT)


def texts(figure: charts.Figure) -> list[str]:
    return [annotation["text"] for annotation in figure["layout"]["annotations"]]


def earlier(record: Record) -> Record:
    """As a file of an earlier version gives it."""
    columns = {name: values for name, values in record.columns.items() if name.split("/")[0] not in LINES}
    return replace(record, columns=columns, weight_hists=np.empty((0, 0, 43), np.int32), weight_ranges=())


@pytest.mark.parametrize("column", LINES)
def test_one_line_for_each_layer(column: str, record: Record) -> None:
    figure = LINES[column](record)
    assert [trace["name"] for trace in figure["data"]] == list(record.layers)
    for trace in figure["data"]:
        np.testing.assert_array_equal(trace["y"], record.columns[f"{column}/{trace['name']}"])
    logarithmic = figure["layout"]["yaxis"].get("type") == "log"
    assert logarithmic == (column in ON_LOG)


@pytest.mark.parametrize("column", ON_LOG)
def test_a_log_axis_has_a_place_for_zero_and_none_for_what_is_not_finite(column: str, record: Record) -> None:
    floor = f"0 is drawn at {FLOOR:.0e}"
    assert floor not in texts(LINES[column](record))
    record.columns[f"{column}/conv2"][:4] = 0, np.inf, np.nan, 1e-20
    figure = LINES[column](record)
    y = figure["data"][1]["y"]
    assert floor in texts(figure)
    assert floor in texts(LINES[column](made_record(30, 20), View(whole=record))), "the new rows alone have no zero"
    np.testing.assert_array_equal(y[:4], np.array([FLOOR, np.nan, np.nan, FLOOR], np.float32))
    np.testing.assert_array_equal(y[4:], record.columns[f"{column}/conv2"][4:])
    assert record.columns[f"{column}/conv2"][0] == 0, "the record stays as it was"


def test_a_line_marks_a_thousandth(record: Record) -> None:
    figure = charts.update_ratios(record)
    (rule,) = (shape for shape in figure["layout"]["shapes"] if shape["type"] == "line")
    assert rule["y0"] == rule["y1"] == RULE == 1e-3 and (rule["x0"], rule["x1"], rule["xref"]) == (0, 1, "paper")
    (label,) = (note for note in figure["layout"]["annotations"] if note["text"] == "10⁻³")
    assert label["yref"] == "y" and label["y"] == pytest.approx(-3), (
        "an annotation on a log axis stands at the logarithm"
    )
    assert any(shape["type"] == "line" for shape in compare.update_ratios([], View())["layout"]["shapes"])


def test_weights_of_the_chosen_layer_over_its_own_range(record: Record) -> None:
    for layer, index in (("conv2", 1), ("", 2), ("gone", 2)):
        figure = charts.weight_histogram(record, View(layer=layer))
        (trace,) = figure["data"]
        np.testing.assert_allclose(trace["z"], np.log1p(record.weight_hists[:, index, 1:-2]).T, rtol=1e-6)
        assert trace["x"].tolist() == record.hist_steps.tolist()
        low, high = record.weight_ranges[index]
        assert figure["layout"]["yaxis"]["range"] == [low, high]
        np.testing.assert_allclose(trace["y"][[0, -1]], [low + high / 40, high - high / 40])


def test_weights_outside_are_said(record: Record) -> None:
    record.weight_hists[-1, 0] = 0
    record.weight_hists[-1, 0, [0, 5, 41, 42]] = [1, 90, 5, 4]
    assert "now outside -1..1: 10.0%" in texts(charts.weight_histogram(record, View(layer="conv1")))


@pytest.mark.parametrize("chart", EVERY)
def test_an_earlier_versions_record_has_gaps(chart: Any, record: Record) -> None:
    missing = NOT_ASKED if chart in (charts.output_gradient_means, charts.output_gradient_stds) else MISSING
    assert missing not in texts(chart(record)) and missing not in texts(chart(Record()))
    figure = chart(earlier(record))
    go.Figure(figure)
    assert missing in texts(figure)
    for trace in figure["data"]:
        field = "z" if trace["type"] == "heatmap" else "y"
        assert trace[field].shape[-1] == len(trace["x"]) and np.isnan(trace[field]).all()


@pytest.mark.parametrize("made", [lambda record: record, earlier], ids=["now", "of an earlier version"])
def test_figures_follow_a_record_of_either_version(made: Any) -> None:
    class Grown:
        steps = 8

        def since(self, step: int) -> Record:
            return after(made(made_record(self.steps)), step)

    run, drawn = Grown(), TrainingFigures(View(layer="conv2"))
    for run.steps in (8, 20, 30):
        drawn.pull(run, everything=True)
    whole = charts.weight_histogram(made(made_record()), View(layer="conv2"))["data"][0]
    np.testing.assert_allclose(drawn.figures["weights"].figure["data"][0]["z"], whole["z"], rtol=1e-6)
    ratios = charts.update_ratios(made(made_record()))["data"]
    for found, wanted in zip(drawn.figures["update_ratio"].figure["data"], ratios, strict=True):
        np.testing.assert_allclose(found["y"], wanted["y"], rtol=1e-6)


def test_weights_of_several_runs_each_over_its_own_range() -> None:
    wide = replace(made_record(), weight_ranges=((-2.0, 2.0),) * 3)
    runs = [
        compared("now", wide, 0),
        compared("earlier", earlier(made_record()), 1),
        compared("third", made_record(), 2),
    ]
    figure = weight_histograms(runs, View(layer="conv1"))
    first, gaps, third = figure["data"]
    np.testing.assert_allclose(first["z"], np.log1p(wide.weight_hists[:, 0, 1:-2], dtype=np.float32).T)
    assert np.isnan(gaps["z"]).all()
    assert [figure["layout"][f"yaxis{i}"]["range"] for i in ("", 2, 3)] == [[-2, 2], [-1, 1], [-1, 1]]
    assert first["zmax"] == third["zmax"] == max(first["z"].max(), third["z"].max())
