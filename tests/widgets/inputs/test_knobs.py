"""Knobs: every field has one, no bad value gets past it, and the page never disagrees with Python."""

import html
import math
import re
from dataclasses import fields
from typing import Any

import ipywidgets
import numpy as np
import pytest

from lab.config import DEFAULTS, KNOBS, Config, ConfigError
from lab.knob import Knob
from lab.schedules import PRESETS
from widgets.inputs.config_knobs import Knobs
from widgets.inputs.knob_box import ConfigKnob, KnobBox
from widgets.inputs.number_knobs import numbers

every_field = pytest.mark.parametrize("name", [spec.name for spec in fields(Config)])

UNUSUAL = {
    "widths": (4, 8), "norm": "layer", "model": "mlp", "init": "lsuv", "optimizer": "adam", "dataset": "fashion",
    "device": "cpu", "lr_schedule": "one-cycle", "momentum_schedule": "one-cycle momentum", "momentum": 0.9,
    "size": 500, "gradients": "outputs", "pool": "max",
}  # fmt: skip


def note(box: KnobBox) -> str:
    """Badge and help, without the question mark that shows the help."""
    return re.sub(r'<span class="lab-ask".*?</span> <span class="lab-help">(.*)</span>$', r"\1", box.children[-1].value)


@every_field
def test_every_knob_has_a_label_help_range_and_badge(name: str) -> None:
    box, spec = ConfigKnob(name), KNOBS[name]
    assert box.entry.description == spec.label and spec.help in box.entry.tooltip
    assert html.escape(spec.help) in note(box)
    assert (">live<" in note(box)) == spec.live and (">next Start<" in note(box)) != spec.live
    if spec.high < math.inf:
        assert f"{spec.high:.12g}" in note(box)
    assert spec.unit in note(box)


@every_field
def test_every_knob_starts_at_its_default_and_takes_another(name: str) -> None:
    box = ConfigKnob(name)
    assert box.value == getattr(DEFAULTS, name)
    other = UNUSUAL.get(name, 1 if isinstance(box.value, int) else 0.25)
    box.value = other
    assert box.value == other and type(box.value) is type(getattr(DEFAULTS, name))
    assert ConfigKnob(name, other).value == other
    shown = box.entry.value
    box.entry.value = type(shown)(shown)
    assert box.value == other, "what the knob shows stands for its value"


@every_field
def test_the_kind_of_widget_follows_the_field(name: str) -> None:
    box, spec = ConfigKnob(name), KNOBS[name]
    if spec.choices is not None:
        assert isinstance(box.entry, ipywidgets.Dropdown) and box.slider is None
        assert [key for _, key in box.entry.options] == list(spec.choices)
    elif name.endswith("_schedule"):
        assert isinstance(box.entry, ipywidgets.Combobox) and set(box.entry.options) == set(PRESETS)
    elif spec.slider is not None:
        low, high = (math.log10(end) for end in spec.slider) if spec.log else spec.slider
        assert (box.slider.min, box.slider.max) == pytest.approx((low, high))
        assert isinstance(box.slider, ipywidgets.FloatLogSlider) == spec.log
    else:
        assert name == "widths" and box.slider is None


def test_dragging_gives_round_numbers() -> None:
    box = ConfigKnob("lr")
    box.slider.value = 10**-0.30103
    assert box.value == 0.5 and box.entry.value == "0.5"
    size = ConfigKnob("size")
    size.slider.value = 2000
    assert size.value == 2000 and isinstance(size.value, int)


def test_typing_reaches_beyond_the_slider() -> None:
    box = ConfigKnob("lr")
    box.entry.value = "100"
    assert box.value == 100 and box.entry.value == "100" and box.slider.value == 10
    box.entry.value = "1e-3"
    assert box.value == 1e-3 and box.entry.value == "0.001" and box.slider.value == 1e-3


def test_the_slider_does_not_pull_a_typed_value_to_its_stops() -> None:
    box = ConfigKnob("lr")
    box.entry.value = "0.9"
    box.slider.value = 10**-0.05  # what the page answers: the stop nearest to 0.9
    assert box.value == 0.9
    box.slider.value = 1.0  # the next stop is a person's
    assert box.value == 1.0
    plain = ConfigKnob("momentum")
    plain.entry.value = "0.123"
    plain.slider.value = 0.12
    assert plain.value == 0.123
    plain.slider.value = 0.13
    assert plain.value == 0.13


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("lr", "0"), ("lr", "-1"), ("lr", "1e9"), ("lr", "nan"), ("lr", "fast"), ("lr", ""),
        ("momentum", "1"), ("momentum", "1.5"), ("norm_eps", "0"), ("norm_eps", "-1e-5"),
        ("batch_size", "0"), ("batch_size", "2.5"), ("epochs", "0"), ("widths", "8,x"), ("widths", ""),
        ("lr_schedule", "faster"), ("lr_schedule", "0.5 cos 1 0"),
    ],
)  # fmt: skip
def test_a_bad_entry_says_why_and_goes_back(name: str, typed: str) -> None:
    box = ConfigKnob(name)
    heard: list[object] = []
    box.observe(heard.append, "value")
    before, shown = box.value, box.entry.value
    box.entry.value = typed
    assert box.value == before and box.entry.value == shown and not heard
    with pytest.raises(ConfigError) as refusal:
        box.value = typed
    assert box.error == str(refusal.value) and name in box.error and 'role="alert"' in note(box)
    box.entry.value = "0.5" if name in ("lr", "momentum", "norm_eps") else shown
    if box.entry.value != shown:
        assert box.error == "" and "alert" not in note(box)


def test_what_is_typed_is_never_markup() -> None:
    box = ConfigKnob("lr")
    box.entry.value = "<img src=x>"
    assert "<img" not in note(box) and "&lt;img" in note(box)


def test_a_knob_set_to_what_it_was_tells_nobody() -> None:
    box = ConfigKnob("lr")
    heard: list[object] = []
    box.observe(heard.append, "value")
    box.entry.value = "0.400"
    assert not heard and box.entry.value == "0.4"


def test_the_main_knobs_come_first_and_open() -> None:
    knobs = Knobs()
    _, main, *folds = knobs.children
    assert [box.name for box in main.children] == [
        *("lr", "momentum", "norm_eps", "norm", "leak", "model", "init", "batch_size", "epochs")
    ]
    assert len(folds) >= 4 and all("lab-folded" in fold.content._dom_classes for fold in folds)
    shown = [box.name for group in (main, *(fold.content for fold in folds)) for box in group.children]
    assert sorted(shown) == sorted(KNOBS)


def test_the_menu_says_how_the_two_forms_of_running_batch_norm_differ() -> None:
    assert "The two forms of RunningBatchNorm train alike and differ in validation." in note(ConfigKnob("norm"))


def test_a_menu_says_what_the_chosen_one_does() -> None:
    box = ConfigKnob("norm")
    for value, words in KNOBS["norm"].notes.items():
        box.value = value
        assert html.escape(words) in note(box) and words in box.entry.tooltip
        assert sum(html.escape(other) in note(box) for other in KNOBS["norm"].notes.values()) == 1


def test_a_large_limit_is_written_in_full() -> None:
    assert KNOBS["seed"].allowed == "at least 0 and at most 2147483647"


def test_knobs_without_effect_are_hidden_and_the_main_ones_say_so() -> None:
    knobs = Knobs()
    assert "lab-folded" in knobs["beta2"]._dom_classes and "lab-folded" not in knobs["norm_momentum"]._dom_classes
    knobs["optimizer"].value = "adam"
    assert "lab-folded" not in knobs["beta2"]._dom_classes
    knobs["norm"].value = "none"
    assert "lab-folded" in knobs["norm_momentum"]._dom_classes
    assert "lab-folded" not in knobs["norm_eps"]._dom_classes and "no effect here" in note(knobs["norm_eps"])
    knobs.set(DEFAULTS)
    assert "live" in note(knobs["norm_eps"]) and "lab-folded" in knobs["beta2"]._dom_classes


def test_a_fold_opens_and_closes() -> None:
    fold = Knobs().folds[0]
    fold.button.value = True
    assert "lab-folded" not in fold.content._dom_classes and fold.button.description == "▾ Network"
    fold.button.value = False
    assert "lab-folded" in fold.content._dom_classes and fold.button.description == "▸ Network"


def test_config_there_and_back() -> None:
    config = DEFAULTS.replace(lr=0.9, norm="running", widths=(4, 8), batch_size=32, leak=0.1, lr_schedule="one-cycle")
    knobs = Knobs()
    assert knobs.config() == DEFAULTS
    knobs.set(config)
    assert knobs.config() == config == Knobs(config).config()


def test_on_change_names_the_field() -> None:
    knobs, heard = Knobs(), list[tuple[str, object]]()
    knobs.on_change(lambda name, value: heard.append((name, value)))
    knobs["norm"].entry.value = "group"
    knobs["momentum"].slider.value = 0.5
    assert heard == [("norm", "group"), ("momentum", 0.5)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"norm": "group", "widths": "8, 6"}, "groups"), ({"size": "50"}, "batch_size")],
)
def test_knobs_that_do_not_go_together_are_named(changes: dict[str, str], field: str) -> None:
    knobs = Knobs()
    for name, value in changes.items():
        knobs[name].entry.value = value
    with pytest.raises(ConfigError, match=field):
        knobs.config()
    assert KNOBS[field].label in knobs.problem and html.escape(knobs.problem) in knobs.children[0].value
    knobs.set(DEFAULTS)
    assert knobs.problem == "" and knobs.children[0].value == ""


def test_only_structural_knobs_wait_for_the_next_start() -> None:
    knobs = Knobs()
    knobs["lr"].value, knobs["norm"].value = 0.9, "layer"
    knobs.compare(DEFAULTS)
    assert [name for name, box in knobs.boxes.items() if box.pending] == ["norm"]
    assert "acts at the next Start" in note(knobs["norm"])
    knobs.compare(None)
    assert not any(box.pending for box in knobs.boxes.values()) and ">next Start<" in note(knobs["norm"])


OFFSET = Knob("Offset d", "Added to every logit.", low=-100, high=100, slider=(-5, 5), step=0.1)


def pair(typed: object) -> tuple[float, ...]:
    """A checker of its own: two numbers, commas between."""
    numbers = tuple(map(float, typed.split(","))) if isinstance(typed, str) else typed
    if not isinstance(numbers, tuple) or len(numbers) != 2:
        raise ValueError("two numbers, please")
    return numbers


def test_a_knob_needs_no_config() -> None:
    box = KnobBox(OFFSET, -1.4425)
    assert box.entry.description == "Offset d" and box.entry.value == "-1.4425" and box.slider.value == -1.4425
    assert note(box) == "Added to every logit. At least -100 and at most 100.", "it acts at once: no badge"
    box.slider.value = 2.0
    assert box.value == 2.0 and box.entry.value == "2"
    box.entry.value = "-50"
    assert box.value == -50 and box.slider.value == -5


@pytest.mark.parametrize("typed", ["", "up", "nan", "inf", "-inf", "1e9"])
def test_a_knob_without_config_says_why_it_refuses(typed: str) -> None:
    box = KnobBox(OFFSET, 1.0)
    box.entry.value = typed
    assert box.value == 1.0 and box.entry.value == "1"
    assert box.error.startswith("Offset d must be ") and repr(typed) in box.error
    assert html.escape(box.error) in note(box) and 'role="alert"' in note(box)


def test_a_knob_can_be_whole_a_menu_or_have_suggestions() -> None:
    whole = KnobBox(Knob("Layers", "", low=1, high=50, slider=(1, 50), step=1), 3)
    assert isinstance(whole.slider, ipywidgets.IntSlider)
    whole.entry.value = "2.5"
    assert whole.value == 3 and "a whole number" in whole.error
    menu = KnobBox(Knob("Stream", "", choices={"sine": "A sine", "noise": "Noise"}), "sine")
    menu.entry.value = "noise"
    assert menu.value == "noise" and menu.slider is None and note(menu) == ""
    text = KnobBox(Knob("Points", "", suggestions=("1,2",)), (1.0, 2.0), check=pair)
    assert isinstance(text.entry, ipywidgets.Combobox) and text.entry.value == "1, 2"
    text.entry.value = "3,4.5"
    assert text.value == (3.0, 4.5) and text.entry.value == "3, 4.5"
    for bad in ("", "one", "1,2,3"):
        text.entry.value = bad
        assert text.value == (3.0, 4.5) and text.error


def test_a_knob_cannot_start_out_of_its_range() -> None:
    with pytest.raises(ConfigError, match="Offset d must be at least -100"):
        KnobBox(OFFSET, -101.0)


def test_the_pages_answer_to_the_value_before_may_come_late() -> None:
    box = ConfigKnob("lr")
    box.value = 0.123456  # a link, while the page is still drawing 0.4
    box.slider.value = 10**-0.4  # the stop nearest to 0.4
    assert box.value == 0.123456 and box.slider.value == 0.123456
    box.slider.value = 10**-0.4  # once more, it is a person's
    assert box.value == 0.398
    box.slider.value = 10**-0.35  # and so are one stop on, and back
    box.slider.value = 10**-0.4
    assert box.value == 0.398
    stop = KnobBox(Knob("Step", "", low=0, high=9, slider=(0, 9), step=1), 4)
    stop.value = 5
    stop.slider.value = 4  # no answer: the page had nothing to put right
    assert stop.value == 4


def test_a_slider_can_be_moved_elsewhere() -> None:
    box = KnobBox(Knob("Point 1", "", slider=(-5, 25), step=0.1), 18.0)
    seen: list[float] = []
    box.observe(lambda change: seen.append(change["new"]), "value")
    box.slide_over(100, 900, 2)
    assert (box.slider.min, box.slider.max, box.slider.step, box.slider.value) == (100, 900, 2, 100)
    assert box.value == 18 and box.entry.value == "18"
    box.slide_over(0, 50, 1)
    assert box.slider.value == box.value == 18 and seen == []
    box.slide_over(100, 900, 2)
    box.slider.value = 300
    assert box.value == 300
    box.slide_over(-2, -1, 0.01)
    assert (box.slider.min, box.slider.max, box.slider.value) == (-2, -1, -1) and box.value == 300


def test_a_knob_can_be_stretched() -> None:
    box = KnobBox(Knob("Step t", "", low=1, high=30, slider=(1, 30), step=1), 20)
    box.stretch(1000)
    assert box.slider.max == 1000 and note(box) == "At least 1 and at most 1000."
    box.slider.value = 900
    assert box.value == 900 and box.slider.value == 900
    seen: list[int] = []
    box.observe(lambda change: seen.append(change["new"]), "value")
    box.stretch(40)
    assert box.value == 40 == box.slider.value == box.slider.max and box.entry.value == "40" and seen == [40]
    box.entry.value = "41"
    assert box.value == 40 and "at most 40" in box.error
    box.stretch(1)
    assert box.value == 1 and box.slider.disabled and box.slider.max > box.slider.min
    box.stretch(2)
    assert not box.slider.disabled


@pytest.mark.parametrize("raw", [(1.0, -2.5), "1 −2.5".replace("−", "-"), [1, "-2.5"], np.array([1, -2.5])])
def test_numbers_of_any_kind(raw: Any) -> None:
    assert numbers(raw, most=2) == (1.0, -2.5)


@pytest.mark.parametrize("bad", [(), (1.0, 2.0, 3.0), (1.0, math.nan), (math.inf,), (-1e31,), (True,)])
def test_numbers_that_are_no_list_of_finite_ones(bad: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="the values"):
        numbers(bad, most=2)


def test_between_two_stops_the_second_is_a_persons_move() -> None:
    box = ConfigKnob("weight_decay")
    box.entry.value = "5e-4"
    box.slider.value = 0.001  # the page's nearest stop
    assert box.value == 5e-4
    box.slider.value = 0.0  # Home, or a drag to the end
    assert box.value == 0.0


@pytest.mark.parametrize(
    ("low", "high", "step"), [(1e8, 1e8 + 10, 1.0), (0.0, 7_654_321.0, 1.0), (0, 9_999_999, 2_500_000)]
)
def test_a_slider_reaches_its_ends_and_every_stop(low: float, high: float, step: float) -> None:
    box = KnobBox(Knob("Large", "", low=low, high=high, slider=(low, high), step=step), low)
    for value in (high, low + step, low, high):
        box.slider.value = value
        assert box.value == value and box.error == ""


def test_a_log_slider_reaches_its_ends() -> None:
    box = KnobBox(Knob("Odd", "", low=1.2345, high=98.765, slider=(1.2345, 98.765), step=0.1, log=True), 10.0)
    for value in (98.765, 1.2345):
        box.slider.value = value
        assert box.value == value and box.error == ""


def test_other_stops_alone_move_the_slider_too() -> None:
    box = KnobBox(Knob("x", "", slider=(0, 10), step=1), 3.0)
    box.slide_over(0, 10, 0.5)
    assert box.slider.step == box.spec.step == 0.5
