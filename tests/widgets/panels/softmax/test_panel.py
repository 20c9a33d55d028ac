"""The softmax panel by its knobs and buttons, and its charts: the lesson's cells, and nothing it cannot take."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from lab.concepts.softmax import CLASSES, LOGITS, NAMES, OFFSET, arithmetic, softmax
from lab.knob import ConfigError
from widgets.panels.softmax import charts
from widgets.panels.softmax.logits import Logits
from widgets.panels.softmax.panel import EXAMPLES, LESSON, SoftmaxPanel


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


def drawn(panel: SoftmaxPanel, figure: str, name: str) -> Any:
    return next(trace["y"] for trace in panel.figures[figure].figure["data"] if trace["name"] == name)


# ---- the lesson


def test_every_cell_that_the_lesson_prints(panel: SoftmaxPanel) -> None:
    assert cells(panel.first.value) == {
        "cat": ["0.02", "1.02", "0.08", "0.51"],
        "dog": ["−2.49", "0.08", "0.01", "0.08"],
        "plane": ["−1.75", "0.17", "0.01", "0.15"],
        "fish": ["2.07", "7.93", "0.62", "0.89"],
        "building": ["1.25", "3.49", "0.27", "0.78"],
        "sum": ["", "12.70", "1.00", "2.39"],
    }
    assert cells(panel.second.value) == {
        "cat": ["−1.42", "0.24", "0.08", "0.19"],
        "dog": ["−3.93", "0.02", "0.01", "0.02"],
        "plane": ["−3.19", "0.04", "0.01", "0.04"],
        "fish": ["0.63", "1.87", "0.62", "0.65"],
        "building": ["−0.19", "0.82", "0.27", "0.45"],
        "sum": ["", "3.00", "1.00", "1.36"],
    }
    assert "exp ÷ 12.70" in panel.first.value and "exp ÷ 3.00" in panel.second.value


def test_the_answers_in_words(panel: SoftmaxPanel) -> None:
    assert cells(panel.answers.value) == {
        "Picture 1": ["softmax: fish, 62 %", "sigmoid: cat, fish, building"],
        "Picture 2": ["softmax: fish, 62 %", "sigmoid: fish"],
    }
    assert panel.first.value.count("✓") == 4 and panel.second.value.count("✓") == 2


def test_the_second_row_is_the_first_shifted(panel: SoftmaxPanel) -> None:
    rows = cells(panel.comparison.value)
    assert [rows[name][2:] for name in CLASSES] == [["−1.4425", "0.2363"]] * 5
    assert rows["sum of exp"] == ["12.70", "3.00", "", "0.2363"]
    assert "the second row is the first, shifted" in panel.comparison.value
    assert "12.70 × 0.2363 = 3.00" in panel.comparison.value
    assert "softmaxes differ by <b>0</b>" in panel.comparison.value and "<b>0.3253</b>" in panel.comparison.value


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
    assert cells(panel.answers.value)["Picture 2"] == ["softmax: fish, 62 %", "sigmoid: none of them"]
    assert drawn(panel, "pictures", "softmax of picture 2") == pytest.approx(drawn(panel, "pictures", "softmax"))
    assert "Picture 2 = picture 1 − 6" in panel.second.value
    panel.knobs["offset"].entry.value = "0"
    assert panel.first.value.split("</caption>")[1] == panel.second.value.split("</caption>")[1]
    assert "Both pictures have the same outputs" in panel.comparison.value


def test_logits_by_slider_and_by_typing(panel: SoftmaxPanel) -> None:
    panel.logits.knobs["cat"].slider.value = 3.5
    assert panel.logits.values["cat"] == 3.5 and cells(panel.first.value)["cat"][0] == "3.50"
    assert cells(panel.second.value)["cat"][0] == "2.06", "picture 2 follows"
    assert cells(panel.answers.value)["Picture 1"][0].startswith("softmax: cat")
    panel.logits.knobs["cat"].entry.value = "-30.5"
    assert panel.logits.values["cat"] == -30.5 and cells(panel.first.value)["cat"][0] == "−30.50"


def test_picture_2s_own_is_no_shift(panel: SoftmaxPanel) -> None:
    panel.own.knobs["dog"].slider.value = 4
    assert cells(panel.comparison.value)["dog"][2] == "2.5575"
    assert "<b>not</b> the same for every class" in panel.comparison.value
    assert cells(panel.second.value)["dog"][0] == "0.07" and cells(panel.first.value)["dog"][0] == "−2.49"
    assert "and its own" in panel.second.value
    assert drawn(panel, "offsets", "sigmoid dog")[80] == pytest.approx(1 / (1 + np.exp(-1.51)), abs=1e-4)


def test_the_temperature_flattens(panel: SoftmaxPanel) -> None:
    panel.knobs["temperature"].entry.value = "10"
    expected = softmax(LOGITS, 10)
    assert drawn(panel, "pictures", "softmax") == pytest.approx(expected) and expected.max() < 0.26
    assert cells(panel.comparison.value)["cat"][3] == "0.8657", "e^(d ÷ 10)"
    assert "exp(output ÷ 10)" in panel.first.value and "e<sup>−1.4425 ÷ 10</sup>" in panel.comparison.value


def test_the_threshold_decides_for_sigmoid_alone(panel: SoftmaxPanel) -> None:
    panel.knobs["threshold"].slider.value = 0.8
    assert cells(panel.answers.value)["Picture 1"] == ["softmax: fish, 62 %", "sigmoid: fish"]
    for figure in panel.figures.values():
        line = figure.figure["layout"]["shapes"][0]
        assert line["y0"] == line["y1"] == 0.8 and line["name"] == "threshold 0.8"


# ---- classes


def test_a_class_less_and_a_class_more(panel: SoftmaxPanel) -> None:
    before = cells(panel.first.value)
    panel.logits.buttons["fish"].click()
    after = cells(panel.first.value)
    assert "fish" not in after and list(panel.logits.knobs) == list(panel.own.knobs) == [
        "cat",
        "dog",
        "plane",
        "building",
    ]
    assert after["building"][3] == before["building"][3] == "0.78", "a sigmoid stays"
    assert after["building"][2] == f"{3.4903 / (12.7 - 7.929):.2f}" and after["sum"][2] == "1.00"
    panel.add.click()
    assert panel.logits.values == {"cat": 0.0201, "dog": -2.49, "plane": -1.75, "building": 1.25, "fish": 0.0}
    panel.new_name.value = " hot-air balloon 2"[:15]
    panel.add.click()
    assert list(panel.logits.values)[-1] == "hot-air balloo" and panel.new_name.value == "" and panel.error == ""
    assert len(drawn(panel, "pictures", "softmax")) == 6
    panel.logits.knobs["fish"].slider.value = 1
    assert cells(panel.first.value)["fish"][1] == "2.72"


def test_2_to_12_classes(panel: SoftmaxPanel) -> None:
    for _ in range(7):
        panel.on_add()
    assert list(panel.logits.values) == list(NAMES) and panel.add.disabled
    panel.on_add()
    assert panel.error == "the number of classes must be at least 2 and at most 12; got 13"
    for name in NAMES[:10]:
        panel.on_remove(name)
    assert list(panel.logits.values) == ["horse", "chair"] and panel.error == "" and not panel.add.disabled
    assert all(button.disabled for button in panel.logits.buttons.values())
    panel.on_remove("chair")
    assert "at least 2" in panel.error and len(panel.logits.values) == 2
    assert cells(panel.first.value)["sum"][2] == "1.00"


@pytest.mark.parametrize("bad", ["cat", "<b>", "_", "a" * 15, "a\nb", "&amp;"])
def test_a_bad_name_is_told(panel: SoftmaxPanel, bad: str) -> None:
    panel.new_name.value = bad
    panel.add.click()
    assert panel.error.startswith("a class must be 1 to 14") or "another than those" in panel.error
    assert list(panel.logits.values) == list(CLASSES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(panel: SoftmaxPanel, name: str) -> None:
    panel.on_remove("cat")
    panel.own.knobs["dog"].value = 3.0
    panel.knobs["threshold"].value = 0.9
    panel.examples[name].click()
    assert tuple(panel.logits.values.values()) == EXAMPLES[name][2] and panel.knobs["threshold"].value == 0.5
    assert set(panel.own.values.values()) == {0.0} and panel.error == ""
    said = cells(panel.answers.value)
    assert (
        said
        == {
            "lesson": said,
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


@pytest.mark.parametrize("bad", ["", "two", "nan", "inf", "-inf", "10001", "1,5"])
def test_a_bad_logit_is_told_and_changes_nothing(panel: SoftmaxPanel, bad: str) -> None:
    before = panel.first.value
    box = panel.logits.knobs["dog"]
    box.entry.value = bad
    assert box.error.startswith("the output for dog must be a") and 'role="alert"' in box.children[-1].value
    assert box.entry.value == "-2.49" and panel.first.value == before and panel.error == ""


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("threshold", "-0.1"), ("threshold", "1.1"), ("threshold", "half"), ("threshold", ""), ("threshold", "nan"),
        ("offset", "inf"), ("offset", ""), ("offset", "-10001"), ("temperature", "0"), ("temperature", "-1"),
        ("temperature", "inf"), ("temperature", "warm"),
    ],
)  # fmt: skip
def test_a_bad_knob_is_told(panel: SoftmaxPanel, name: str, bad: str) -> None:
    before = panel.knobs[name].value
    panel.knobs[name].entry.value = bad
    assert panel.knobs[name].error.startswith(f"{panel.knobs[name].spec.label} must be a")
    assert panel.knobs[name].value == before


def test_logits_of_ten_thousand(panel: SoftmaxPanel) -> None:
    panel.logits.knobs["cat"].entry.value = "10000"
    panel.logits.knobs["dog"].entry.value = "-10000"
    panel.knobs["temperature"].entry.value = "0.001"
    rows = cells(panel.first.value)
    assert rows["cat"] == ["10000.00", "∞", "1.00", "1.00"] and rows["dog"] == ["−10000.00", "0.00", "0.00", "0.00"]
    assert rows["sum"][:3] == ["", "∞", "1.00"] and "nan" not in panel.first.value
    assert cells(panel.comparison.value)["sum of exp"][-1] == "undefined" and panel.error == ""
    for box in panel.logits.knobs.values():
        box.entry.value = "-10000"
    assert cells(panel.comparison.value)["sum of exp"] == ["0.00", "0.00", "", "undefined"] and panel.error == ""
    panel.knobs["offset"].entry.value = "-10000"
    assert "nan" not in panel.comparison.value and np.isfinite(drawn(panel, "offsets", "sigmoid cat")).all()


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
    logits, seen = Logits({"a": 1, "b": 2}), []
    logits.observe(lambda change: seen.append(change["new"]), "values")
    logits.show({"c": 3, "a": 4})
    assert seen == [{"c": 3.0, "a": 4.0}] and list(logits.knobs) == ["c", "a"] and not logits.buttons
    knob = logits.knobs["a"]
    logits.show({"c": 5, "a": 6})
    assert len(seen) == 2 and logits.knobs["a"] is knob
    logits.show({"c": 3, "a": 4})
    with pytest.raises(ConfigError):
        logits.show({"a": np.inf, "d": 0})
    assert logits.values == {"c": 3.0, "a": 4.0} and len(logits.children) == 2


# ---- a fast drag


def test_a_page_that_is_slow_to_answer_gets_the_last_redraw_only(panel: SoftmaxPanel) -> None:
    figure = panel.figures["pictures"]
    sent: list[dict[str, Any]] = []
    figure.send = lambda content, buffers=None: sent.append(content)
    figure._hear(None, {"type": "ready"}, [])
    for step in range(200):
        panel.knobs["offset"].slider.value = -4 + step / 25
    assert len(sent) <= 5, "what is not answered is not added to"
    figure._hear(None, {"type": "ack", "seq": sent[-1]["seq"]}, [])
    assert len(sent) <= 6
    shifted = arithmetic(np.array(LOGITS) + panel.knobs["offset"].value)
    assert drawn(panel, "pictures", "sigmoid of picture 2") == pytest.approx(shifted.sigmoid)
    assert sent[-1]["layout"]["annotations"][1]["text"] == "<b>Picture 2 = picture 1 + 3.96</b>"


# ---- the charts


@pytest.mark.parametrize("n", [2, 5, 12])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e4])
def test_plotly_takes_it_and_it_is_labelled(n: int, size: float) -> None:
    logits = size * np.linspace(-1, 1, n)
    made = [arithmetic(logits), arithmetic(logits - 1)]
    figures = charts.pictures(made, ["a", "b"], NAMES[:n], 0.5), charts.offsets(logits, -1, NAMES[:n], 1, 0.5)
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
