"""The softmax panel by its knobs and buttons, and its charts: the lesson's cells, and nothing it cannot take."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from lab.concepts.softmax import CLASSES, LOGITS, NAMES, OFFSET, arithmetic, softmax
from lab.knob import ConfigError, Knob
from widgets.panels.softmax import charts
from widgets.panels.softmax.logits import Logits
from widgets.panels.softmax.panel import LESSON, SoftmaxPanel


@pytest.fixture
def panel() -> Iterator[SoftmaxPanel]:
    made = SoftmaxPanel()
    yield made
    made.close()


def cells(markup: str) -> dict[str, list[str]]:
    """The rows of a table's markup by their names, without ticks."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', markup)
    plain = {name: re.sub(r"</?b>|✓ ", "", rest) for name, rest in rows}
    return {name: re.findall("<td>(.*?)</td>", rest) for name, rest in plain.items()}


def said(panel: SoftmaxPanel, name: str) -> str:
    return str(panel.words[name].value)


def logits(panel: SoftmaxPanel) -> Any:
    return panel.knobs["logits"]


def own(panel: SoftmaxPanel) -> Any:
    return panel.knobs["own"]


def drawn(panel: SoftmaxPanel, figure: str, name: str) -> Any:
    return next(trace["y"] for trace in panel.figures[figure].figure["data"] if trace["name"] == name)


# ---- the lesson


def test_every_cell_that_the_lesson_prints(panel: SoftmaxPanel) -> None:
    assert cells(said(panel, "first")) == {
        "cat": ["0.02", "1.02", "0.08", "0.51"],
        "dog": ["−2.49", "0.08", "0.01", "0.08"],
        "plane": ["−1.75", "0.17", "0.01", "0.15"],
        "fish": ["2.07", "7.93", "0.62", "0.89"],
        "building": ["1.25", "3.49", "0.27", "0.78"],
        "sum": ["", "12.70", "1.00", "2.39"],
    }
    assert cells(said(panel, "second")) == {
        "cat": ["−1.42", "0.24", "0.08", "0.19"],
        "dog": ["−3.93", "0.02", "0.01", "0.02"],
        "plane": ["−3.19", "0.04", "0.01", "0.04"],
        "fish": ["0.63", "1.87", "0.62", "0.65"],
        "building": ["−0.19", "0.82", "0.27", "0.45"],
        "sum": ["", "3.00", "1.00", "1.36"],
    }
    assert "exp ÷ 12.70" in said(panel, "first") and "exp ÷ 3.00" in said(panel, "second")


def test_the_answers_in_words(panel: SoftmaxPanel) -> None:
    assert cells(said(panel, "answers")) == {
        "Picture 1": ["softmax: fish, 62 %", "sigmoid: cat, fish, building"],
        "Picture 2": ["softmax: fish, 62 %", "sigmoid: fish"],
    }
    assert said(panel, "first").count("✓") == 4 and said(panel, "second").count("✓") == 2


def test_the_second_row_is_the_first_shifted(panel: SoftmaxPanel) -> None:
    rows = cells(said(panel, "comparison"))
    assert [rows[name][2:] for name in CLASSES] == [["−1.4425", "0.2363"]] * 5
    assert rows["sum of exp"] == ["12.70", "3.00", "", "0.2363"]
    assert "the second row is the first, shifted" in said(panel, "comparison")
    assert "12.70 × 0.2363 = 3.00" in said(panel, "comparison")
    assert "softmaxes differ by <b>0</b>" in said(panel, "comparison") and "<b>0.3253</b>" in said(panel, "comparison")


def test_bars_and_the_curves_over_the_offset(panel: SoftmaxPanel) -> None:
    one, two = arithmetic(LOGITS), arithmetic(np.array(LOGITS) + OFFSET)
    for suffix, made in (("", one), (" of picture 2", two)):
        assert drawn(panel, "pictures", f"softmax{suffix}") == pytest.approx(made.softmax)
        assert drawn(panel, "pictures", f"sigmoid{suffix}") == pytest.approx(made.sigmoid)
    flat = drawn(panel, "offsets", "softmax fish")
    assert flat == pytest.approx([0.6245] * len(flat), abs=1e-4)
    rising = drawn(panel, "offsets", "sigmoid building")
    assert (np.diff(rising) >= 0).all() and rising[0] < 0.01 and rising[-1] > 0.99


# ---- the knobs


def test_an_offset_moves_sigmoid_alone(panel: SoftmaxPanel) -> None:
    panel.knobs["offset"].slider.value = -6
    assert cells(said(panel, "answers"))["Picture 2"] == ["softmax: fish, 62 %", "sigmoid: none of them"]
    assert drawn(panel, "pictures", "softmax of picture 2") == pytest.approx(drawn(panel, "pictures", "softmax"))
    assert "Picture 2 = picture 1 − 6" in said(panel, "second")
    panel.knobs["offset"].entry.value = "0"
    assert said(panel, "first").split("</caption>")[1] == said(panel, "second").split("</caption>")[1]
    assert "Both pictures have the same outputs" in said(panel, "comparison")


def test_logits_by_slider_and_by_typing(panel: SoftmaxPanel) -> None:
    logits(panel).knobs["cat"].slider.value = 3.5
    assert panel.values.logits["cat"] == 3.5 and cells(said(panel, "first"))["cat"][0] == "3.50"
    assert cells(said(panel, "second"))["cat"][0] == "2.06", "picture 2 follows"
    assert cells(said(panel, "answers"))["Picture 1"][0].startswith("softmax: cat")
    logits(panel).knobs["cat"].entry.value = "-30.5"
    assert panel.values.logits["cat"] == -30.5 and cells(said(panel, "first"))["cat"][0] == "−30.50"


def test_picture_2s_own_is_no_shift(panel: SoftmaxPanel) -> None:
    own(panel).knobs["dog"].slider.value = 4
    assert cells(said(panel, "comparison"))["dog"][2] == "2.5575"
    assert "<b>not</b> the same for every class" in said(panel, "comparison")
    assert cells(said(panel, "second"))["dog"][0] == "0.07" and cells(said(panel, "first"))["dog"][0] == "−2.49"
    assert "and its own" in said(panel, "second")
    assert drawn(panel, "offsets", "sigmoid dog")[80] == pytest.approx(1 / (1 + np.exp(-1.51)), abs=1e-4)


def test_the_temperature_flattens(panel: SoftmaxPanel) -> None:
    panel.knobs["temperature"].entry.value = "10"
    expected = softmax(LOGITS, 10)
    assert drawn(panel, "pictures", "softmax") == pytest.approx(expected) and expected.max() < 0.26
    assert cells(said(panel, "comparison"))["cat"][3] == "0.8657", "e^(d ÷ 10)"
    assert "exp(output ÷ 10)" in said(panel, "first") and "e<sup>−1.4425 ÷ 10</sup>" in said(panel, "comparison")


def test_the_threshold_decides_for_sigmoid_alone(panel: SoftmaxPanel) -> None:
    panel.knobs["threshold"].slider.value = 0.8
    assert cells(said(panel, "answers"))["Picture 1"] == ["softmax: fish, 62 %", "sigmoid: fish"]
    for figure in panel.figures.values():
        line = figure.figure["layout"]["shapes"][0]
        assert line["y0"] == line["y1"] == 0.8 and line["name"] == "threshold 0.8"


# ---- classes


def test_a_class_less_and_a_class_more(panel: SoftmaxPanel) -> None:
    before = cells(said(panel, "first"))
    logits(panel).buttons["fish"].click()
    after = cells(said(panel, "first"))
    assert "fish" not in after and list(logits(panel).knobs) == list(own(panel).knobs) == [
        "cat",
        "dog",
        "plane",
        "building",
    ]
    assert after["building"][3] == before["building"][3] == "0.78", "a sigmoid stays"
    assert after["building"][2] == f"{3.4903 / (12.7 - 7.929):.2f}" and after["sum"][2] == "1.00"
    panel.add.click()
    assert panel.values.logits == {"cat": 0.0201, "dog": -2.49, "plane": -1.75, "building": 1.25, "fish": 0.0}
    panel.new_name.value = " hot-air balloon 2"[:15]
    panel.add.click()
    assert list(panel.values.logits)[-1] == "hot-air balloo" and panel.new_name.value == "" and panel.error == ""
    assert len(drawn(panel, "pictures", "softmax")) == 6
    logits(panel).knobs["fish"].slider.value = 1
    assert cells(said(panel, "first"))["fish"][1] == "2.72"


def test_2_to_12_classes(panel: SoftmaxPanel) -> None:
    for _ in range(7):
        panel.on_add()
    assert list(panel.values.logits) == list(NAMES) and panel.add.disabled
    panel.on_add()
    assert panel.error == "the number of classes must be at least 2 and at most 12; got 13"
    for name in NAMES[:10]:
        panel.on_remove(name)
    assert list(panel.values.logits) == ["horse", "chair"] and panel.error == "" and not panel.add.disabled
    assert all(button.disabled for button in logits(panel).buttons.values())
    panel.on_remove("chair")
    assert "at least 2" in panel.error and len(panel.values.logits) == 2
    assert cells(said(panel, "first"))["sum"][2] == "1.00"


@pytest.mark.parametrize("bad", ["cat", "<b>", "_", "a" * 15, "a\nb", "&amp;"])
def test_a_bad_name_is_told(panel: SoftmaxPanel, bad: str) -> None:
    panel.new_name.value = bad
    panel.add.click()
    assert panel.error.startswith("a class must be 1 to 14") or "another than those" in panel.error
    assert list(panel.values.logits) == list(CLASSES)


@pytest.mark.parametrize("name", SoftmaxPanel.EXAMPLES)
def test_examples(panel: SoftmaxPanel, name: str) -> None:
    panel.on_remove("cat")
    own(panel).knobs["dog"].value = 3.0
    panel.knobs["threshold"].value = 0.9
    panel.examples[name].click()
    assert panel.values == panel.EXAMPLES[name].values and panel.values.threshold == 0.5
    assert set(panel.values.own.values()) == {0.0} and panel.error == ""
    shown = cells(said(panel, "answers"))
    assert (
        shown
        == {
            "lesson": shown,
            "nothing": {
                "Picture 1": ["softmax: fish, 47 %", "sigmoid: none of them"],
                "Picture 2": ["softmax: fish, 47 %", "sigmoid: none of them"],
            },
            "two": {
                "Picture 1": ["softmax: cat, 52 %", "sigmoid: cat, fish"],
                "Picture 2": ["softmax: cat, 52 %", "sigmoid: none of them"],
            },
            "undecided": {
                "Picture 1": [f"softmax: {', '.join(CLASSES)}, 20 % each", f"sigmoid: {', '.join(CLASSES)}"],
                "Picture 2": [f"softmax: {', '.join(CLASSES)}, 20 % each", f"sigmoid: {', '.join(CLASSES)}"],
            },
        }[name]
    )


# ---- bad input


@pytest.mark.parametrize("bad", ["", "two", "nan", "inf", "-inf", "10001", "1,000"])
def test_a_bad_logit_is_told_and_changes_nothing(panel: SoftmaxPanel, bad: str) -> None:
    before = said(panel, "first")
    box = logits(panel).knobs["dog"]
    box.entry.value = bad
    assert box.error.startswith("the output for dog must be a") and 'role="alert"' in box.children[-1].value
    assert box.entry.value == "-2.49" and said(panel, "first") == before and panel.error == ""


def test_logits_of_ten_thousand(panel: SoftmaxPanel) -> None:
    logits(panel).knobs["cat"].entry.value = "10000"
    logits(panel).knobs["dog"].entry.value = "-10000"
    panel.knobs["temperature"].entry.value = "0.001"
    rows = cells(said(panel, "first"))
    assert rows["cat"] == ["10000.00", "∞", "1.00", "1.00"] and rows["dog"] == ["−10000.00", "0.00", "0.00", "0.00"]
    assert rows["sum"][:3] == ["", "∞", "1.00"] and "nan" not in said(panel, "first")
    assert cells(said(panel, "comparison"))["sum of exp"][-1] == "undefined" and panel.error == ""
    for box in logits(panel).knobs.values():
        box.entry.value = "-10000"
    assert cells(said(panel, "comparison"))["sum of exp"] == ["0.00", "0.00", "", "undefined"] and panel.error == ""
    panel.knobs["offset"].entry.value = "-10000"
    assert "nan" not in said(panel, "comparison") and np.isfinite(drawn(panel, "offsets", "sigmoid cat")).all()


def test_zero_classes() -> None:
    for bad in ({}, {"cat": 1.0}, dict.fromkeys("abcdefghijklm", 0.0)):
        with pytest.raises(ConfigError, match="the number of classes must be at least 2 and at most 12"):
            SoftmaxPanel(bad)
    with pytest.raises(ConfigError, match="1 to 14 letters"):
        SoftmaxPanel({"": 1.0, "b": 2.0})
    with pytest.raises(ConfigError, match="the output for cat"):
        SoftmaxPanel({"cat": np.nan, "b": 2.0})
    with pytest.raises(ConfigError, match="Offset d"):
        SoftmaxPanel(LESSON, offset=np.inf)


def test_logits_set_together_are_one_change() -> None:
    made, seen = Logits(Knob("Outputs", ""), {"a": 1, "b": 2}), []
    made.observe(lambda change: seen.append(change["new"]), "value")
    made.value = {"c": 3, "a": 4}
    assert seen == [{"c": 3.0, "a": 4.0}] and list(made.knobs) == ["c", "a"] and not made.buttons
    knob = made.knobs["a"]
    made.value = {"c": 5, "a": 6}
    assert len(seen) == 2 and made.knobs["a"] is knob
    made.value = {"c": 3, "a": 4}
    for bad in ({"a": np.inf, "d": 0}, "a 1, b two", "a 1", "<b> 1, c 2", 7):
        with pytest.raises(ConfigError):
            made.value = bad
    assert made.value == {"c": 3.0, "a": 4.0} and len(made.children) == 2
    assert made.checked("cat 0.5, big dog -2e-3") == {"cat": 0.5, "big dog": -0.002}


# ---- the charts


@pytest.mark.parametrize("n", [2, 5, 12])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e4])
def test_plotly_takes_it_and_it_is_labelled(n: int, size: float) -> None:
    outputs = size * np.linspace(-1, 1, n)
    made = [arithmetic(outputs), arithmetic(outputs - 1)]
    figures = charts.pictures(made, ["a", "b"], NAMES[:n], 0.5), charts.offsets(outputs, -1, NAMES[:n], 1, 0.5)
    for figure in figures:
        go.Figure(figure)
        layout = figure["layout"]
        assert all(layout[axis]["title"]["text"] for axis in ("xaxis", "yaxis")) and layout["title"]["text"]
    signs = {(trace["line"]["color"], trace["line"]["dash"]) for trace in figures[1]["data"][1:]}
    assert len(signs) == n, "every class has its own colour and dash"
    texts = figures[0]["data"][0]["text"]
    assert len(texts) == n and (" ✓" if n > charts.FEW else "✓<br>") in "".join(texts)


def test_an_offset_beyond_the_axis_stretches_it() -> None:
    x = charts.offsets(np.array(LOGITS), 100, CLASSES, 1, 0.5)["data"][0]["x"]
    assert x[0] == -125 and x[-1] == 125
