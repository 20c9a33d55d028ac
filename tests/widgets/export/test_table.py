"""A chart's data: the record's own numbers, whole and exact, with units in the names."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from lab.record import Record
from widgets.charts import View, layer_means, loss, outputs
from widgets.charts.progress import debiased_loss
from widgets.export.run_table import run_table
from widgets.export.table import Table, as_csv, as_json, as_xlsx, of_figure
from widgets.run.figures import CHARTS


def read(content: bytes) -> dict[str, list[str]]:
    head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    return {name: [row[i] for row in rows] for i, name in enumerate(head)}


def numbers(texts: list[str]) -> Any:
    return np.array([np.nan if text == "" else float(text) for text in texts], np.float32)


@pytest.mark.parametrize(
    ("chart", "shown"),
    [
        ("loss", {"loss (nats)": "loss"}),
        ("accuracy", {"accuracy (0..1)": "accuracy"}),
        ("rates", {"learning rate": "lr", "momentum": "momentum"}),
        ("mean", {f"mean output of conv{i}": f"mean/conv{i}" for i in (1, 2, 3)}),
        ("std", {f"standard deviation of the output of conv{i}": f"std/conv{i}" for i in (1, 2, 3)}),
        ("near_zero", {f"share near zero (0..1; |x| < 0.5) of conv{i}": f"near_abs/conv{i}" for i in (1, 2, 3)}),
        ("gradient_mean", {f"mean gradient of the weights of conv{i}": f"grad_mean/conv{i}" for i in (1, 2, 3)}),
        ("gradient_std", {"standard deviation of the gradient of the weights of conv2": "grad_std/conv2"}),
        ("gradient_zero", {"share of weights with a gradient of 0 (0..1) of conv3": "grad_zero/conv3"}),
        ("update_ratio", {f"|update| / |weight| of conv{i}": f"update_ratio/conv{i}" for i in (1, 2, 3)}),
        ("output_gradient_mean", {"mean gradient by the output of conv1": "out_grad_mean/conv1"}),
        ("output_gradient_std", {"standard deviation of the gradient by the output of conv2": "out_grad_std/conv2"}),
        ("loss_averages", {"loss (nats)": "loss", "average loss, from zero (nats)": "loss_average"}),
        ("mean_averages", {"batch mean of conv2": "batch_mean/conv2", "running mean of conv2": "running_mean/conv2"}),
        ("variance_averages", {"de-biased running variance of conv2": "debiased_var/conv2"}),
        ("debias_factors", {"de-bias factor of the loss": "loss_weight", "de-bias factor of conv2": "debias/conv2"}),
        ("blow_up", {"largest 1/√(var+ε) of conv1": "max_mult/conv1", "smallest variance of conv2": "min_var/conv2"}),
    ],
)
def test_a_runs_columns_are_the_records(record: Record, chart: str, shown: dict[str, str]) -> None:
    view = View(near_zero="near_abs", threshold=0.5, norm="conv2")
    table = read(as_csv(run_table(chart, record, view)))
    assert list(table)[:3] == ["step", "epochs done", "training time (s)"]
    assert [int(step) for step in table["step"]] == record.steps.tolist()
    np.testing.assert_array_equal(numbers(table["training time (s)"]), record.columns["seconds"])
    for title, name in shown.items():
        np.testing.assert_array_equal(numbers(table[title]), record.columns[name], err_msg=title)


def test_every_chart_over_a_run_has_a_table(record: Record) -> None:
    assert all(len(run_table(name, record, View())) > 1 for name in CHARTS)
    assert run_table("outputs_digit", record, View()) == {}


def test_validations_stand_in_their_steps_row_though_the_record_has_thinned_it(record: Record) -> None:
    kept = record.steps % 4 == 0
    columns = {name: values[kept] for name, values in record.columns.items()}
    thinned = replace(record, steps=record.steps[kept], columns=columns, stride=4)
    table = read(as_csv(run_table("loss", thinned, View())))
    assert [int(step) for step in table["step"]] == [0, 4, 8, 9, 12, 16, 19, 20, 24, 28]
    rows = dict(zip(table["step"], table["validation loss (nats)"], strict=True))
    assert {step: text for step, text in rows.items() if text} == {"9": "1.5", "19": "0.9"}
    np.testing.assert_array_equal(
        numbers([text for text in table["average loss, de-biased (nats)"] if text]), debiased_loss(thinned)
    )
    right = run_table("accuracy", thinned, View())["validation accuracy (0..1)"]
    assert right[np.isfinite(right)].tolist() == np.array([0.6, 0.8], np.float32).tolist()


def test_a_histograms_counts_are_whole(record: Record) -> None:
    table = run_table("histogram", record, View(layer="conv2"))
    np.testing.assert_array_equal(table["step"], record.hist_steps)
    counts = np.stack([values for name, values in table.items() if name != "step"], axis=1)
    np.testing.assert_array_equal(counts, record.hists[:, 1])
    names = list(table)
    assert names[1:3] == ["conv2, count below 0", "conv2, count 0 to 0.25"]
    assert names[-2:] == ["conv2, count 10 and above", "conv2, count nan"]
    assert list(run_table("histogram", Record(), View())) == ["step"]


def test_the_weights_counts_are_whole_and_an_earlier_versions_record_has_none(record: Record) -> None:
    table = run_table("weights", record, View(layer="conv2"))
    counts = np.stack([values for name, values in table.items() if name != "step"], axis=1)
    np.testing.assert_array_equal(counts, record.weight_hists[:, 1])
    names = list(table)
    assert names[1:3] == ["weights of conv2, count below -0.5", "weights of conv2, count -0.5 to -0.475"]
    assert names[-2:] == ["weights of conv2, count 0.5 and above", "weights of conv2, count nan"]
    old = replace(record, weight_hists=record.weight_hists[:0], weight_ranges=())
    assert list(run_table("weights", old, View())) == ["step"]


def test_a_figures_own_arrays(record: Record) -> None:
    table = of_figure(layer_means(record))
    assert list(table) == ["step", "conv1: mean", "conv2: mean", "conv3: mean"]
    np.testing.assert_array_equal(table["conv2: mean"], record.columns["mean/conv2"])
    ends = of_figure(loss(record))
    assert list(ends)[3:] == ["step, validation", "validation: cross-entropy (nats)"]
    assert ends["step, validation"].tolist() == [9, 19]
    shares = of_figure(outputs(record, "pair"))
    assert list(shares)[:4] == ["class", "softmax: probability (0..1)", "sigmoid: probability (0..1)", "picture, row 1"]
    assert record.outputs
    np.testing.assert_array_equal(shares["picture, row 28"], record.outputs.pictures[1, 27])


def test_two_columns_never_share_a_name() -> None:
    traces = [{"x": [1, 2], "y": [3, 4], "name": "a"}, {"x": [1, 5], "y": [6, 7], "name": "a"}]
    traces += [{"x": [8, 9], "y": [1, 1], "name": "a"}]
    table = of_figure({"data": traces, "layout": {}})
    assert {name: list(values) for name, values in table.items()} == {
        "x": [1, 2], "a: y": [3, 4], "x, a": [1, 5], "a: y (2)": [6, 7], "x, a (2)": [8, 9], "a: y (3)": [1, 1],
    }  # fmt: skip


def test_csv_and_json_keep_every_number() -> None:
    values = np.array([0.1, np.nan, np.inf, -1e-30, 1 / 3], np.float32)
    table: Table = {"step": np.arange(2), "a, β": values, "class": np.array(["cat", "dog"])}
    back = read(as_csv(table))
    assert back["step"] == ["0", "1", "", "", ""] and back["class"][:2] == ["cat", "dog"]
    assert back["a, β"][0] == "0.1"
    np.testing.assert_array_equal(numbers(back["a, β"]), values)
    made = json.loads(as_json(table, {"settings": {"Seed": "3"}}))
    assert made["settings"] == {"Seed": "3"} and made["columns"]["step"] == [0, 1]
    found = made["columns"]["a, β"]
    assert found[:3] == [0.1, None, "inf"] and np.float32(found[4]) == values[4]


def test_a_spreadsheet_takes_no_name_for_a_formula() -> None:
    table: Table = {
        "=HYPERLINK(1)": np.array([-1.5, 2.0]),
        "@run": np.array(["=1+1", "-x"]),
        "loss − √ε": np.array([1, 2]),
    }
    content = as_csv(table)
    assert content.startswith(b"\xef\xbb\xbf"), "the mark by which Excel knows UTF-8"
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows == [["'=HYPERLINK(1)", "'@run", "loss − √ε"], ["-1.5", "'=1+1", "1"], ["2.0", "'-x", "2"]]


def test_a_workbook_holds_numbers_and_texts_as_they_are() -> None:
    table: Table = {
        "step": np.array([0, 1, 2]), "loss": np.array([0.1, np.nan, np.inf], np.float32),
        "=1+1": np.array(["=2+2", "a\x07b", "https://x"]),
    }  # fmt: skip
    content = as_xlsx(table, {"chart": "loss", "Learning rate": "0.9", "name": "=3+3\x00"})
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        data, about = (ElementTree.fromstring(book.read(f"xl/worksheets/sheet{i}.xml")) for i in (1, 2))
        strings = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
    texts = ["".join(item.itertext()) for item in strings]
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    assert not list(data.iter(space + "f")) and not list(about.iter(space + "f")), "no formula"
    cells = {cell.get("r"): (cell.get("t"), cell.findtext(space + "v")) for cell in data.iter(space + "c")}
    assert cells["B2"] == (None, "0.1") and "B3" not in cells
    assert {texts[int(value)] for kind, value in cells.values() if kind == "s"} == {
        "step", "loss", "=1+1", "inf", "=2+2", "ab", "https://x",
    }  # fmt: skip
    assert "=3+3" in texts
