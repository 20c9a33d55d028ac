"""Charts: what is drawn is what was recorded, in any unit of x, whole or piece by piece."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from lab.record import Mark, Outputs, Record
from widgets import charts
from widgets.charts import View
from widgets.charts.answers import said_by
from widgets.charts.averages import NO_AVERAGES
from widgets.charts.marks import LABEL_GAP, MAX_LABELS, MAX_LINES, gathered
from widgets.charts.progress import TOP
from widgets.charts.style import COLOURS, DASHES

OVER_THE_RUN = (
    charts.loss,
    charts.accuracy,
    charts.rates,
    charts.layer_means,
    charts.layer_stds,
    charts.near_zero,
    charts.histogram,
    charts.gradient_means,
    charts.gradient_stds,
    charts.gradient_zeros,
    charts.update_ratios,
    charts.output_gradient_means,
    charts.output_gradient_stds,
    charts.weight_histogram,
    charts.loss_averages,
    charts.mean_averages,
    charts.variance_averages,
    charts.debias_factors,
    charts.blow_up,
)
EVERY = (*OVER_THE_RUN, charts.confusion, *(partial(charts.outputs, which=which) for which in charts.PICTURES))


def name_of(chart: Any) -> str:
    return str(getattr(chart, "__name__", None) or chart.keywords["which"])


every_chart = pytest.mark.parametrize("chart", EVERY, ids=name_of)
every_run_chart = pytest.mark.parametrize("chart", OVER_THE_RUN, ids=name_of)


def drawn(figure: charts.Figure, name: str) -> Any:
    return next(trace["y"] for trace in figure["data"] if trace["name"] == name)


def marked(figure: charts.Figure) -> list[float]:
    """Where the lines of live changes stand, from the bottom of the plot to its top."""
    (shape,) = (shape for shape in figure["layout"]["shapes"] if shape["type"] == "path")
    assert shape["line"]["dash"] == "dash" and shape["yref"] == "paper"
    lines = [line.split(",") for line in shape["path"].split("M")[1:]]
    assert {end for _, end in lines} == {"0V1"}
    return [float(x) for x, _ in lines]


def titled_axes(figure: charts.Figure) -> list[str]:
    axes = [axis for key, axis in figure["layout"].items() if key[1:].startswith("axis") and axis.get("visible", True)]
    return [axis["title"]["text"] for axis in axes]


@every_chart
@pytest.mark.parametrize("rows", ["all", "none", "unstarted"])
def test_plotly_takes_it_and_it_is_labelled(chart: Any, rows: str, record: Record, part: Any, empty: Record) -> None:
    figure = chart({"all": record, "none": part(30, 30), "unstarted": empty}[rows])
    go.Figure(figure)
    assert all(titled_axes(figure)) and figure["layout"]["title"]["text"]
    assert figure["layout"]["height"] >= 300 and figure["layout"]["uirevision"]


@every_chart
def test_traces_depend_on_the_layers_alone(chart: Any, record: Record, part: Any) -> None:
    signs = [
        [(t["type"], t.get("name"), t.get("meta")) for t in chart(rows)["data"]]
        for rows in (record, part(7, 12), part(30, 30))
    ]
    assert signs[0] == signs[1] == signs[2]


@every_run_chart
@pytest.mark.parametrize("x", charts.X_AXES)
def test_pieces_add_up_to_the_whole(chart: Any, x: str, record: Record, part: Callable[[int, int], Record]) -> None:
    view = View(x=x, whole=record)
    pieces = [chart(rows, view) for rows in (part(0, 6), part(6, 22), part(22, 30))]
    whole = chart(record, View(x=x))
    for i, trace in enumerate(whole["data"]):
        if trace.get("meta"):
            np.testing.assert_allclose(pieces[-1]["data"][i]["x"], trace["x"])
            continue
        for key in ("x", "z") if trace["type"] == "heatmap" else ("x", "y"):
            together = np.concatenate([piece["data"][i][key] for piece in pieces], axis=-1)
            np.testing.assert_array_equal(together, trace[key])
    assert marked(pieces[-1]) == pytest.approx(marked(whole))


def test_x_is_the_step_the_epochs_or_the_seconds(record: Record) -> None:
    by = {x: charts.loss(record, View(x=x)) for x in charts.X_AXES}
    assert by["steps"]["data"][0]["x"].tolist() == list(range(30))
    assert by["epochs"]["data"][0]["x"][[0, 9, 29]].tolist() == [0.1, 1.0, 3.0]
    np.testing.assert_array_equal(by["seconds"]["data"][0]["x"], record.columns["seconds"])
    ends = {x: figure["data"][2]["x"].tolist() for x, figure in by.items()}
    assert ends == {"steps": [9, 19], "epochs": [1, 2], "seconds": record.columns["seconds"][[9, 19]].tolist()}
    assert [titled_axes(figure)[0] for figure in by.values()] == list(charts.X_AXES.values())
    assert len({figure["layout"]["uirevision"] for figure in by.values()}) == 3, "zoom in steps says nothing in seconds"


def test_loss_and_accuracy(record: Record) -> None:
    c = record.columns
    loss, accuracy = charts.loss(record), charts.accuracy(record)
    np.testing.assert_array_equal(drawn(loss, "each batch"), c["loss"])
    np.testing.assert_array_equal(drawn(loss, "average"), c["loss_average"] / c["loss_weight"])
    np.testing.assert_allclose(drawn(loss, "validation"), [1.5, 0.9])
    np.testing.assert_array_equal(drawn(accuracy, "each batch"), c["accuracy"])
    np.testing.assert_allclose(drawn(accuracy, "per epoch"), [0.5, 0.7])
    np.testing.assert_allclose(drawn(accuracy, "validation"), [0.6, 0.8])


def test_rates_stand_on_two_axes(record: Record) -> None:
    figure = charts.rates(record)
    np.testing.assert_array_equal(drawn(figure, "learning rate"), record.columns["lr"])
    np.testing.assert_array_equal(drawn(figure, "momentum"), record.columns["momentum"])
    assert figure["data"][1]["yaxis"] == "y2"
    assert figure["layout"]["yaxis2"]["domain"][1] < figure["layout"]["yaxis"]["domain"][0]


@pytest.mark.parametrize(("chart", "column"), [(charts.layer_means, "mean"), (charts.layer_stds, "std")])
def test_one_line_for_each_layer(chart: Any, column: str, record: Record) -> None:
    figure = chart(record)
    assert [trace["name"] for trace in figure["data"]] == list(record.layers)
    for layer in record.layers:
        np.testing.assert_array_equal(drawn(figure, layer), record.columns[f"{column}/{layer}"])


@pytest.mark.parametrize("definition", charts.NEAR_ZERO)
def test_near_zero_names_its_definition(definition: str, record: Record) -> None:
    figure = charts.near_zero(record, View(near_zero=definition, threshold=0.02))
    np.testing.assert_array_equal(drawn(figure, "conv2"), record.columns[f"{definition}/conv2"])
    title = figure["layout"]["title"]["text"]
    assert {
        "near_relu": "0 ≤ x < 0.5",
        "near_general": "−0.35 ≤ x < 0.7",
        "near_abs": "|x| < 0.02",
        "near_below": "x ≤ 0.02",
    }[definition] in title
    assert figure["layout"]["yaxis"]["tickformat"] == ".0%" and "%" in titled_axes(figure)[1]


def test_histogram_of_the_chosen_layer(record: Record) -> None:
    for layer, index in (("conv2", 1), ("", 2), ("gone", 2)):
        (trace,) = charts.histogram(record, View(layer=layer))["data"]
        np.testing.assert_allclose(trace["z"], np.log1p(record.hists[:, index, 1:-2]).T, rtol=1e-6)
        assert trace["x"].tolist() == record.hist_steps.tolist()
    np.testing.assert_allclose(trace["y"][[0, 1, -1]], [0.125, 0.375, 9.875])
    assert trace["colorbar"]["title"]["text"] == "log(1 + count)"


def test_histogram_says_what_it_leaves_out(record: Record) -> None:
    record.hists[-1, 2] = 0
    record.hists[-1, 2, [0, 5, 41, 42]] = [1, 90, 5, 4]
    texts = [a["text"] for a in charts.histogram(record)["layout"]["annotations"]]
    assert "now outside 0..10: 10.0%" in texts


def test_loss_averages(record: Record) -> None:
    c, figure = record.columns, charts.loss_averages(record)
    np.testing.assert_array_equal(drawn(figure, "from zero"), c["loss_average"])
    np.testing.assert_array_equal(drawn(figure, "de-biased"), c["loss_average"] / c["loss_weight"])


@pytest.mark.parametrize(("chart", "kind"), [(charts.mean_averages, "mean"), (charts.variance_averages, "var")])
def test_norm_averages(chart: Any, kind: str, record: Record) -> None:
    for norm, shown in (("conv2", "conv2"), ("", "conv1"), ("gone", "conv1")):
        figure = chart(record, View(norm=norm))
        for trace, column in (("each batch", "batch"), ("running", "running"), ("de-biased", "debiased")):
            np.testing.assert_array_equal(drawn(figure, trace), record.columns[f"{column}_{kind}/{shown}"])
        assert shown in figure["layout"]["title"]["text"]


def test_a_norm_without_running_statistics_says_so(record: Record) -> None:
    assert NO_AVERAGES not in str(charts.mean_averages(record)["layout"]["annotations"])
    record.columns["running_mean/conv1"][:] = np.nan
    assert NO_AVERAGES in str(charts.mean_averages(record)["layout"]["annotations"])


def test_a_net_without_norms_says_so(record: Record) -> None:
    bare = replace(record, norms=(), columns={k: v for k, v in record.columns.items() if "conv1" not in k})
    for chart, words in ((charts.mean_averages, NO_AVERAGES), (charts.blow_up, "no norm")):
        figure = chart(bare)
        assert words in str(figure["layout"]["annotations"])
        assert all(np.isnan(trace["y"]).all() for trace in figure["data"])


def test_debias_factors(record: Record) -> None:
    data = charts.debias_factors(record, View(norm="conv2"))["data"]
    np.testing.assert_array_equal(data[0]["y"], record.columns["loss_weight"])
    np.testing.assert_array_equal(data[1]["y"], record.columns["debias/conv2"])


def test_blow_up_draws_a_dead_channel_at_the_floor(record: Record) -> None:
    record.columns["min_var/conv2"][3] = 0
    record.columns["min_var/conv2"][4] = np.nan
    data = charts.blow_up(record)["data"]
    np.testing.assert_array_equal(data[0]["y"], record.columns["max_mult/conv1"])
    expected = record.columns["min_var/conv2"].copy()
    expected[3] = 1e-12
    np.testing.assert_array_equal(data[3]["y"], expected)
    layout = charts.blow_up(record)["layout"]
    assert layout["yaxis"]["type"] == layout["yaxis2"]["type"] == "log" and data[3]["yaxis"] == "y2"
    # Plotly numbers 1, 2, 3 .. 9 between two powers where a tick is for less than .3 of a decade: one over the other.
    assert 0.9 / layout["yaxis"]["nticks"] >= 0.3 and 0.9 / layout["yaxis2"]["nticks"] >= 0.3


def test_softmax_and_sigmoid_of_the_nets_own_logits(record: Record) -> None:
    assert record.outputs
    for i, which in enumerate(charts.PICTURES):
        soft, sig, picture = charts.outputs(record, which)["data"]
        logits = record.outputs.logits[i].astype(float)
        np.testing.assert_allclose(soft["y"], np.exp(logits) / np.exp(logits).sum(), rtol=1e-5)
        np.testing.assert_allclose(sig["y"], 1 / (1 + np.exp(-logits)), rtol=1e-5)
        np.testing.assert_array_equal(picture["z"], record.outputs.pictures[i])
        assert soft["x"] == sig["x"] == list("0123456789")


def test_the_answers_in_words(record: Record) -> None:
    soft, sig = np.array([0.1, 0.7, 0.2]), np.array([0.6, 0.9, 0.1])
    assert said_by(soft, sig, "abc") == ("softmax: <b>b</b>, 70 %", "sigmoid: <b>a, b</b>")
    assert "<b>none of them</b>" in said_by(soft, 0.1 * sig, "abc")[1]
    assert said_by(soft, sig, "abc", 0.7)[1] == "sigmoid: <b>b</b>"
    assert said_by(np.array([0.5, 0.5]), sig[:2], "ab")[0] == "softmax: <b>a, b</b>, 50 % each"
    _, sums = (words["text"].split("; sum ") for words in charts.outputs(record, "digit")["layout"]["annotations"])
    assert float(sums[1]) == pytest.approx(charts.outputs(record, "digit")["data"][1]["y"].sum(), abs=1e-3)


def test_outputs_that_are_not_numbers_give_no_answer(record: Record) -> None:
    broken = Outputs(3, np.full((3, 10), np.nan, np.float32), np.zeros((3, 28, 28), np.float32), ("a", "b", "c"))
    figure = charts.outputs(replace(record, outputs=broken), "blank")
    assert "no answer" in figure["layout"]["annotations"][0]["text"]


@every_run_chart
def test_live_changes_are_marked(chart: Any, record: Record) -> None:
    figure = chart(record)
    assert marked(figure) == [4, 20]
    texts = [note["text"] for note in figure["layout"]["annotations"]]
    assert {"lr 0.4 → 0.9", "momentum 0 → 0.5"} <= set(texts)


def test_many_marks_stay_few_lines_and_fewer_labels(record: Record) -> None:
    dragged = tuple(Mark(step, "lr", step / 10, (step + 1) / 10) for step in range(5000))
    figure = charts.loss(replace(record, marks=dragged))
    assert MAX_LINES * 0.9 < len(marked(figure)) <= MAX_LINES + 1
    layout = figure["layout"]
    labels = sorted(note["x"] for note in layout["annotations"])
    assert len(labels) == MAX_LABELS and np.diff(labels).min() >= LABEL_GAP * 4999
    assert layout["annotations"][0]["text"].endswith("→ 500")


def test_marks_gathered_beforehand_are_drawn_the_same(record: Record) -> None:
    fields = ("lr", "momentum", "norm_eps")
    dragged = tuple(Mark(step // 2, fields[step % 7 % 3], step / 10, (step + 1) / 10) for step in range(5000))
    late = replace(record, steps=np.arange(3000, 3030), marks=dragged)
    few = gathered(late)
    assert len(few.marks) <= 3 * MAX_LINES
    for x in charts.X_AXES:
        assert charts.loss(few, View(x=x))["layout"] == charts.loss(late, View(x=x))["layout"]


def test_changes_at_one_step_share_a_label(record: Record) -> None:
    both = (Mark(5, "lr", 0.4, 0.5), Mark(5, "norm_eps", 1e-5, 0.1), Mark(5, "lr", 0.5, 0.6))
    layout = charts.loss(replace(record, marks=both))["layout"]
    assert [note["text"] for note in layout["annotations"]] == ["lr 0.4 → 0.6, norm ε 0.00001 → 0.1"]


def test_a_drag_is_told_from_its_first_value_to_its_last(record: Record) -> None:
    at = [100, 101, 102, 5000, 9000, 9100]
    values = [0.4, 0.3, 0.2, 0.1, 0.5, 0.6, 0.7]
    drag = tuple(Mark(step, "lr", old, new) for step, old, new in zip(at, values[:-1], values[1:], strict=True))
    layout = charts.loss(replace(record, steps=np.arange(9970, 10000), marks=drag))["layout"]
    told = ["lr 0.5 → 0.7", "lr 0.1 → 0.5", "lr 0.4 → 0.1"]
    assert [note["text"] for note in layout["annotations"]] == told


def test_a_thinned_record_says_so(record: Record) -> None:
    assert "1 step in 4 kept" in titled_axes(charts.loss(replace(record, stride=4)))[0]


def test_colours_stand_out_on_white_and_on_dark() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    for colour in COLOURS:
        assert (
            1.05 / (luminance(colour) + 0.05) >= 3 and (luminance(colour) + 0.05) / (luminance("#111111") + 0.05) >= 3
        )
    assert len(set(DASHES)) == len(set(COLOURS)) == 8


def test_a_diverged_loss_does_not_stretch_the_axis(record: Record, part: Callable[[int, int], Record]) -> None:
    huge = record.columns["loss"].copy()
    huge[12] = 3.2e21
    huge[13] = np.inf
    run = replace(record, columns={**record.columns, "loss": huge})
    figure = charts.loss(run)
    assert np.nanmax(drawn(figure, "each batch")) == TOP
    assert "up to 3.2e+21: what is above 30 is drawn there" in [
        note["text"] for note in figure["layout"]["annotations"]
    ]
    later = charts.loss(part(22, 30), View(whole=run))
    assert any("3.2e+21" in note["text"] for note in later["layout"]["annotations"]), "of new rows alone, too"
    assert not any("up to" in note["text"] for note in charts.loss(record)["layout"]["annotations"])


def test_numbers_have_no_prefixes_of_units(record: Record) -> None:
    for chart in (charts.loss, charts.layer_means, charts.blow_up):
        layout = chart(record)["layout"]
        assert layout["yaxis"]["exponentformat"] == "power" and layout["yaxis"]["hoverformat"] == ".4~g"
    assert charts.accuracy(record)["layout"]["yaxis"]["hoverformat"] == ".2~%"


def test_the_accuracys_average_is_debiased(record: Record) -> None:
    average = drawn(charts.accuracy(record), "average")
    columns = record.columns
    np.testing.assert_allclose(average, columns["accuracy_average"] / columns["loss_weight"])


def test_answers_have_the_names_of_their_classes(record: Record) -> None:
    assert record.outputs
    names = tuple(f"class {i}" for i in range(10))
    figure = charts.outputs(replace(record, outputs=record.outputs._replace(classes=names)), "digit")
    assert figure["data"][0]["x"] == list(names)
    assert any("class " in note["text"] for note in figure["layout"]["annotations"])
