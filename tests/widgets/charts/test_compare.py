"""Several runs in one chart: the numbers of each, told apart in grey too."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from lab.concepts.moving_average import debiased
from lab.record import Record
from tests.widgets.conftest import made_record
from widgets import charts
from widgets.charts import View, compare
from widgets.charts.compare import MOST, ROWS, compared, legend_name
from widgets.charts.compare_histograms import COLUMNS, histograms
from widgets.charts.style import column
from widgets.panels.kept.figures import OVERLAYS
from widgets.run.figures import HISTOGRAMS

TWO = [compared("first", made_record(), 0), compared("second", made_record(20), 1)]


def lines(figure: charts.Figure, name: str) -> list[charts.Figure]:
    return [trace for trace in figure["data"] if trace["name"] == name]


@pytest.mark.parametrize("x", charts.X_AXES)
def test_each_run_keeps_its_own_numbers(x: str) -> None:
    view = View(x=x, layer="conv2", norm="conv2", near_zero="near_abs")
    columns = {
        "mean": "mean/conv2",
        "std": "std/conv2",
        "near_zero": "near_abs/conv2",
        "gradient_mean": "grad_mean/conv2",
        "gradient_std": "grad_std/conv2",
        "gradient_zero": "grad_zero/conv2",
        "update_ratio": "update_ratio/conv2",
        "output_gradient_mean": "out_grad_mean/conv2",
        "output_gradient_std": "out_grad_std/conv2",
        "rates": "lr",
        "mean_averages": "debiased_mean/conv2",
        "variance_averages": "debiased_var/conv2",
        "debias_factors": "debias/conv2",
        "blow_up": "max_mult/conv2",
    }
    for name, of in columns.items():
        figure = OVERLAYS[name](TWO, view)
        for run in TWO:
            first = lines(figure, run.name)[0]
            np.testing.assert_array_equal(first["y"], column(run.record, of), err_msg=name)
            np.testing.assert_array_equal(first["x"], view.at(run.record.steps, run.record))


def test_loss_and_accuracy_are_averaged_and_validations_are_signs() -> None:
    for run, record in zip(TWO, (made_record(), made_record(20)), strict=True):
        average, valid = lines(compare.loss(TWO, View()), run.name)
        np.testing.assert_array_equal(average["y"], record.columns["loss_average"] / record.columns["loss_weight"])
        np.testing.assert_allclose(valid["y"], [row.loss for row in record.validations])
        average, valid = lines(compare.accuracy(TWO, View()), run.name)
        np.testing.assert_allclose(average["y"], debiased(record.columns["accuracy"], 0.98), rtol=1e-6)
        np.testing.assert_allclose(valid["y"], [row.accuracy for row in record.validations])


@pytest.mark.parametrize("name", [name for name in OVERLAYS if name not in HISTOGRAMS])
def test_runs_are_told_apart_by_colour_and_by_dash_or_sign_and_named_once(name: str) -> None:
    runs = [compared(f"run {i}", made_record(), i) for i in range(MOST)]
    data = OVERLAYS[name](runs, View())["data"]
    drawn = [trace for trace in data if trace.get("mode") == "lines"]
    assert len({(trace["line"]["color"], trace["line"]["dash"]) for trace in drawn}) == MOST
    assert len({trace["line"]["dash"] for trace in drawn}) == len({trace["line"]["color"] for trace in drawn}) == MOST
    signs = [trace["marker"]["symbol"] for trace in data if trace.get("mode") == "markers"]
    assert len(set(signs)) == len(signs)
    assert [trace["name"] for trace in data if trace["showlegend"]] == [run.name for run in runs]
    # A click on the name in the legend is about all of a run's lines.
    assert all(len({t["name"] for t in data if t["legendgroup"] == trace["legendgroup"]}) == 1 for trace in data)


def test_two_lines_of_one_run_on_the_same_axes_differ_in_width() -> None:
    for name in ("loss_averages", "mean_averages", "variance_averages", "debias_factors"):
        assert [t["line"]["width"] for t in lines(OVERLAYS[name](TWO, View()), "first")] == [2, 1], name
    for name in ("rates", "blow_up"):
        assert [t["line"]["width"] for t in lines(OVERLAYS[name](TWO, View()), "first")] == [2, 2], name


def test_a_layer_that_a_run_does_not_have_is_said() -> None:
    small = replace(made_record(), layers=("conv1",), norms=())
    runs = [TWO[0], compared("small", small, 3)]
    view = View(layer="conv3", norm="conv2")
    for name in ("mean", "std", "near_zero", "blow_up", "mean_averages"):
        data = OVERLAYS[name](runs, view)["data"]
        (missing,) = [trace for trace in data if trace["legendgroup"] == "3"]
        # A trace without any point would not be in the legend.
        assert np.isnan(missing["x"]).tolist() == np.isnan(missing["y"]).tolist() == [True], name
        assert missing["name"] == "small (not in this net)" and missing["showlegend"]
        assert not OVERLAYS[name](runs, view)["layout"]["annotations"] or name == "blow_up"
        (note,) = OVERLAYS[name](runs[1:], view)["layout"]["annotations"]
        assert note["text"] == "none of these runs has it"
    # Without a choice each run shows its own last layer.
    np.testing.assert_array_equal(
        lines(compare.layer_means(runs, View()), "small")[0]["y"], small.columns["mean/conv1"]
    )


def test_moved_knobs_are_thin_lines_in_the_runs_own_colour() -> None:
    layout = compare.loss(TWO, View())["layout"]
    assert [shape["line"]["color"] for shape in layout["shapes"]] == [run.colour for run in TWO]
    assert layout["annotations"] == []


def test_a_long_run_has_a_bounded_line_and_its_whole_average() -> None:
    steps = 5000
    columns = {name: np.linspace(0, 1, steps, dtype=np.float32) for name in made_record().columns}
    run = compared("long", replace(made_record(), steps=np.arange(steps), columns=columns), 0)
    assert ROWS / 2 < len(run.record.steps) <= ROWS and run.record.steps[1] == 8
    averaged = debiased(columns["accuracy"], 0.98)
    np.testing.assert_allclose(run.record.columns["accuracy"], averaged[::8], rtol=1e-6)


def test_histograms_lie_one_under_the_other_over_one_x_axis() -> None:
    many = replace(made_record(), hist_steps=np.arange(2000), hists=np.ones((2000, 3, 43), np.int32), range=(-7.0, 7.0))
    runs = [TWO[0], compared("<b>many</b>", many, 1), compared("no layers yet", Record(), 2)]
    figure = histograms(runs, View(layer="conv2"))
    first, second = figure["data"]
    layout = figure["layout"]
    np.testing.assert_array_equal(first["z"], np.log1p(made_record().hists[:, 1, 1:-2], dtype=np.float32).T)
    assert second["z"].shape[1] <= COLUMNS and "xaxis" not in first and "xaxis" not in second
    assert [trace["showscale"] for trace in (first, second)] == [True, False]
    domains = [layout[name]["domain"] for name in ("yaxis", "yaxis2", "yaxis3")]
    assert all(upper[0] > lower[1] for upper, lower in itertools.pairwise(domains))
    assert domains[0][1] == 1 and domains[2][0] == pytest.approx(0, abs=1e-9)
    assert layout["yaxis"]["range"] == [0, 10] and layout["yaxis2"]["range"] == [-7, 7]
    assert [note["text"] for note in layout["annotations"]] == ["first", "&lt;b&gt;many&lt;/b&gt;", "no layers yet"]


def test_histograms_share_one_colour_scale() -> None:
    loud = replace(made_record(), hists=made_record().hists * 100)
    data = histograms([TWO[0], compared("loud", loud, 1)], View())["data"]
    assert {trace["zmax"] for trace in data} == {max(float(trace["z"].max()) for trace in data)}


def test_a_legends_names_are_cut_in_the_middle_and_are_no_markup() -> None:
    assert legend_name("short") == "short"
    assert legend_name("<a> & b") == "&lt;a&gt; &amp; b"
    cut = legend_name("norm none, widths 4,8,8, size 2000, epochs 2 · 2026-11-21 17:35")
    assert cut.startswith("norm none, widths 4,8,8, ") and cut.endswith("… 17:35") and len(cut) == 32


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_run_and_runs_without_a_step_are_empty_charts(name: str) -> None:
    for runs in ([], [compared("new", Record(), 0), compared("newer", Record(), 1)]):
        figure = OVERLAYS[name](runs, View())
        assert not any(np.isfinite(trace["x"]).any() for trace in figure["data"])
        assert figure["layout"]["title"]["text"]


def test_another_metric_or_loss_is_not_drawn_on_the_same_axis() -> None:
    other = replace(made_record(), metric="R²", loss="mean squared error")
    runs = [compared("first", made_record(), 0), compared("second", other, 1)]
    for chart, absent in ((compare.accuracy, "second (another metric)"), (compare.loss, "second (another loss)")):
        figure = chart(runs, View())
        assert {trace["name"] for trace in figure["data"]} == {"first", absent}
        assert not any(np.isfinite(trace["x"]).any() for trace in lines(figure, absent))
    alone = compare.accuracy([compared("second", other, 0)], View())
    assert alone["layout"]["title"]["text"].startswith("R²") and len(lines(alone, "second")) == 2
