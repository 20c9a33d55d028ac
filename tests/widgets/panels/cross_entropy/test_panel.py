"""The cross-entropy panel by its knobs, and its charts: the lesson's table, every way to break, no bad input."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lab.concepts.cross_entropy import log_softmax
from lab.knob import ConfigError
from widgets.panels.cross_entropy import charts
from widgets.panels.cross_entropy.panel import CrossEntropyPanel


@pytest.fixture
def panel() -> Iterator[CrossEntropyPanel]:
    made = CrossEntropyPanel()
    yield made
    made.close()


def cells(markup: str) -> dict[str, list[str]]:
    """The rows of a table's markup by their names, without tags."""
    found = {}
    for row in re.findall(r"<tr>(<th scope=\"row\">.*?)</tr>", markup):
        name, *rest = (re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row))
        found[name] = rest
    return found


def told(panel: CrossEntropyPanel) -> str:
    return re.sub("<.*?>", "", panel.words["verdict"].value)


def target(panel: CrossEntropyPanel) -> Any:
    return panel.knobs["target"]


def drawn(panel: CrossEntropyPanel, figure: str, name: str) -> Any:
    return next(trace for trace in panel.figures[figure].figure["data"] if trace["name"] == name)


def regions(panel: CrossEntropyPanel, figure: str) -> list[str]:
    return [words["text"] for words in panel.figures[figure].figure["layout"]["annotations"]]


# ---- a sum that is a look-up


def test_the_lessons_cat_and_dog(panel: CrossEntropyPanel) -> None:
    assert cells(panel.words["rows"].value) == {
        "Row 1: not sure": ["1, 0", "0.5, 0.5", "−(1 × −0.69 + 0 × −0.69) = 0.69", "−log p(cat) = 0.69", "0.30"],
        "Row 2: sure and right": [
            "1, 0",
            "0.98, 0.02",
            "−(1 × −0.02 + 0 × −3.91) = 0.02",
            "−log p(cat) = 0.02",
            "0.01",
        ],
        "Row 3: sure and wrong": ["0, 1", "0.9, 0.1", "−(0 × −0.11 + 1 × −2.30) = 2.30", "−log p(dog) = 2.30", "1.00"],
    }
    mark = drawn(panel, "losses", "Row 3: sure and wrong")
    assert mark["x"] == pytest.approx([0.1]) and mark["y"] == pytest.approx([2.3026], abs=1e-4)


def test_a_row_of_ones_own(panel: CrossEntropyPanel) -> None:
    panel.knobs["p1"].slider.value = 0.05
    assert cells(panel.words["rows"].value)["Row 1: sure and wrong"][3] == "−log p(cat) = 3.00"
    panel.knobs["is1"].entry.value = "dog"
    assert cells(panel.words["rows"].value)["Row 1: sure and right"][2:4] == [
        "−(0 × −3.00 + 1 × −0.05) = 0.05",
        "−log p(dog) = 0.05",
    ]


def test_sure_and_wrong_to_the_end_costs_without_end(panel: CrossEntropyPanel) -> None:
    panel.knobs["p1"].entry.value = "0"
    assert cells(panel.words["rows"].value)["Row 1: sure and wrong"][2:] == [
        "−(1 × −∞ + 0 × 0.00) = ∞",
        "−log p(cat) = ∞",
        "∞",
    ]
    panel.knobs["is1"].entry.value = "dog"
    assert cells(panel.words["rows"].value)["Row 1: sure and right"][2] == "−(0 × −∞ + 1 × 0.00) = 0.00"
    panel.knobs["is1"].entry.value = "cat"
    mark = drawn(panel, "losses", "Row 1: sure and wrong ↑")
    assert np.isfinite(mark["y"]).all() and panel.error == ""


# ---- where the naive logarithm breaks


def test_at_the_start_both_agree(panel: CrossEntropyPanel) -> None:
    assert target(panel).value == "fish"
    assert "naive 0.4708, log-sum-exp 0.4708. Both agree." in told(panel)
    assert "float32 holds ex from x = −103.97 to 88.72" in told(panel)
    assert "breaks from d = 86.2 up and from d = −106.1 down and from s = 42.85 up" in told(panel)
    assert cells(panel.words["naive"].value)["fish"] == ["2.07", "7.93", "0.625", "−0.47"]
    assert cells(panel.words["naive"].value)["sum"][1] == "12.70"
    assert cells(panel.words["stable"].value)["fish"] == ["2.07", "0.00", "1.00", "−0.47"]
    assert cells(panel.words["stable"].value)["cat"] == ["0.02", "−2.05", "0.13", "−2.52"]
    assert cells(panel.words["stable"].value)["sum, and its log"] == ["", "", "1.60", "0.471"]


@pytest.mark.parametrize(
    ("typed", "target", "scale", "offset", "words"),
    [
        (
            None,
            "fish",
            1,
            90,
            "naive nan, log-sum-exp 0.4708. The naive one breaks: ex of fish is too large and becomes ∞",
        ),
        (
            None,
            "cat",
            43,
            0,
            "naive ∞, log-sum-exp 88.1672. The naive one breaks: another class’s ex, or the sum, becomes",
        ),
        (None, "dog", 1, -200, "naive nan, log-sum-exp 5.0313. The naive one breaks: every ex is rounded to 0"),
        (None, "dog", 25, 0, "naive ∞, log-sum-exp 114.0125. The naive one breaks: p of dog is too small"),
        (None, "fish", 1, -104.9, "It is a number, but a wrong one"),
        ("1000, -1000", "cat", 1, 0, "naive nan, log-sum-exp 0.0000."),
        ("1000, -1000", "dog", 1, 0, "naive ∞, log-sum-exp 2000.0000."),
    ],
)
def test_every_way_to_break(
    panel: CrossEntropyPanel, typed: str | None, target: str, scale: float, offset: float, words: str
) -> None:
    if typed:
        panel.knobs["logits"].entry.value = typed
    panel.set({"target": target})
    panel.knobs["scale"].entry.value = str(scale)
    panel.knobs["offset"].entry.value = str(offset)
    assert words in told(panel) and panel.error == ""


def test_the_charts_show_it(panel: CrossEntropyPanel) -> None:
    stable, naive = drawn(panel, "by_offset", "log-sum-exp"), drawn(panel, "by_offset", "naive")
    assert stable["y"] == pytest.approx([0.4708] * 801, abs=1e-3), "a shift is nothing to it"
    finite = stable["x"][np.isfinite(naive["y"])]
    assert -107 < finite.min() < -103 and 84 < finite.max() < 87
    assert regions(panel, "by_offset") == ["<b>nan</b>", "<b>nan</b>"] and regions(panel, "by_scale") == ["<b>nan</b>"]
    target(panel).value = "dog"
    assert regions(panel, "by_scale") == ["<b>∞</b>"]
    grown = drawn(panel, "by_scale", "log-sum-exp")
    assert grown["x"][-1] == pytest.approx(1000 / 2.49) and grown["y"][-1] == pytest.approx(4.5605 * 1000 / 2.49)


def test_double_precision_breaks_later(panel: CrossEntropyPanel) -> None:
    panel.knobs["kind"].entry.value = "float64"
    assert "from d = 707.3 up and from d = −747.3 down" in told(panel)
    panel.knobs["offset"].slider.value = 500
    assert "Both agree" in told(panel)


def test_typed_logits_name_their_classes(panel: CrossEntropyPanel) -> None:
    panel.knobs["logits"].entry.value = "3 1"
    assert list(target(panel).spec.choices) == ["cat", "dog"] and target(panel).value == "cat", "there is no fourth"
    assert list(cells(panel.words["naive"].value)) == ["cat", "dog", "sum"]
    expected = -log_softmax([3, 1]).logs[0]
    assert f"naive {expected:.4f}" in told(panel)
    target(panel).value = "dog"
    panel.knobs["logits"].entry.value = "[1, 2, 3]"
    assert target(panel).value == "dog" and len(target(panel).spec.choices) == 3


# ---- bad input


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("", "at least one number"),
        ("fish", "number 1 must be a finite number"),
        ("1, nan", "number 2 must be a finite number"),
        ("inf, 1", "number 1 must be a finite number"),
        ("5", "at least 2 numbers"),
        ("1, 10001", "at most 10,000 in size"),
        ("1 " * 13, "at most 12 numbers"),
    ],
)
def test_bad_logits_are_told_and_change_nothing(panel: CrossEntropyPanel, bad: str, why: str) -> None:
    before = panel.words["naive"].value
    box = panel.knobs["logits"]
    box.entry.value = bad
    assert why in box.error and 'role="alert"' in box.children[-1].value
    assert panel.words["naive"].value == before and box.entry.value.startswith("0.0201, ")


def test_zero_logits() -> None:
    for bad in ([], [1.0], [np.nan, 1.0]):
        with pytest.raises(ConfigError, match="the logits"):
            CrossEntropyPanel(bad)


@pytest.mark.parametrize("typed", ["10000, -10000", "0, 0", "-10000 -10000 -10000"])
def test_extreme_logits(panel: CrossEntropyPanel, typed: str) -> None:
    panel.knobs["logits"].entry.value = typed
    for scale in ("0", "10000"):
        panel.knobs["scale"].entry.value = scale
        assert panel.error == "" and np.isfinite(drawn(panel, "by_scale", "log-sum-exp")["y"]).all()
        assert "log-sum-exp nan" not in told(panel)


# ---- the charts


def test_regions_end_where_the_naive_loss_is_a_number_again() -> None:
    where = np.arange(10.0)
    naive = np.array([np.inf, np.inf, 1, 1, np.nan, np.nan, np.nan, 1, np.inf, 1])
    layout = charts.breaking(where, naive, np.ones(10), 2.0, "d is added")["layout"]
    assert [(shape["x0"], shape["x1"]) for shape in layout["shapes"]] == [(0, 1), (4, 6), (8, 8), (2, 2)]
    assert [words["text"] for words in layout["annotations"]] == ["<b>∞</b>", "<b>nan</b>"], "too narrow for words"
    narrow = charts.breaking(np.arange(100.0), np.array([1.0] * 96 + [np.nan] * 4), np.ones(100), 2.0, "d is added")
    assert len(narrow["layout"]["shapes"]) == 2 and narrow["layout"]["annotations"] == []
