"""Every knob's range, its messages, and the ways in and out of a Config."""

import math
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from lab.config import DEFAULTS, KNOBS, LIVE, Config, ConfigError, check


def test_every_field_has_a_label_a_help_and_a_range_or_choices() -> None:
    for spec in fields(Config):
        knob = KNOBS[spec.name]
        assert knob.label and knob.help.endswith("."), spec.name
        free_text = spec.name.endswith("_schedule")
        assert free_text or knob.choices or math.isfinite(knob.low + knob.high), spec.name
        if knob.slider:
            low, high = knob.slider
            assert knob.step
            assert knob.low <= low < high <= knob.high, "a slider offers valid values only"


def test_the_live_knobs_are_the_documented_ones() -> None:
    assert {"lr", "momentum", "weight_decay", "norm_eps", "norm_momentum", "leak"} <= LIVE


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("lr", 0, "above 0 and at most 1000"),
        ("lr", -0.1, "above 0"),
        ("lr", 1e9, "at most 1000"),
        ("lr", math.nan, "a number"),
        ("lr", math.inf, "a number"),
        ("lr", "fast", "a number"),
        ("lr", None, "a number"),
        ("lr", True, "a number"),
        ("lr", 1j, "a number"),
        ("lr", np.array([0.1]), "a number"),
        ("seed", 10**400, "a whole number"),
        ("widths", (8, 10**400), "whole numbers"),
        ("norm", ["batch"], "one of none, batch"),
        ("norm", None, "one of none, batch"),
        ("momentum", 1, "below 1"),
        ("momentum", 1.5, "below 1"),
        ("momentum", -0.1, "at least 0"),
        ("norm_eps", 0, "at least 1e-12"),
        ("norm_eps", -1e-5, "at least 1e-12"),
        ("opt_eps", 0, "at least 1e-12"),
        ("batch_size", 0, "at least 1"),
        ("batch_size", 60_000, "at most 50000"),
        ("batch_size", 1.5, "a whole number"),
        ("epochs", 0, "at least 1"),
        ("norm", "batchnorm", "one of none, batch"),
        ("dataset", "cifar", "one of mnist, fashion"),
        ("init", "xavier", "one of default, kaiming_normal"),
        ("model", "vgg", "one of cnn"),
        ("optimizer", "lion", "one of sgd, rmsprop, adam, adamw"),
        ("device", "tpu", "one of auto, cpu, cuda"),
        ("widths", "8,x", "whole numbers"),
        ("widths", (), "1 to 8"),
        ("widths", (0,), "1 to 512"),
        ("widths", 8, "whole numbers"),
        ("lr_schedule", "warmup", "cannot read 'warmup'"),
        ("lr_schedule", "0.5 cos 1 2", "add up to 1"),
        ("momentum_schedule", None, "schedule"),
    ],
)
def test_bad_values_name_the_field_the_value_and_the_range(field: str, value: object, told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        Config(**{field: value})
    message = str(refusal.value)
    assert message.startswith(f"{KNOBS[field].label} ({field}) must be ") and told in message and repr(value) in message
    assert refusal.value.name == field


def test_batch_size_larger_than_the_data() -> None:
    with pytest.raises(
        ConfigError, match=r"Batch size \(batch_size\) must be at most the 200 training images; got 300"
    ):
        Config(size=200, batch_size=300)


def test_groups_that_do_not_divide_the_channels() -> None:
    with pytest.raises(ConfigError, match=r"Groups \(groups\) must be a divisor of every width \(1, 2, 4, 8\).*got 3"):
        Config(norm="group", groups=3)
    assert Config(norm="batch", groups=3).groups == 3, "of no account for other norms"


def test_a_schedule_may_not_take_momentum_to_one() -> None:
    with pytest.raises(ConfigError, match=r"Momentum \(momentum\) must be below 0\.5"):
        Config(momentum=0.6, momentum_schedule="1 lin 1 2")


@pytest.mark.parametrize(
    ("lr", "schedule"), [(1, "1 const 1e300"), (600, "0.5 lin 0 2, 0.5 const 1"), (1000, "1 exp 1 1.01")]
)
def test_a_schedule_may_not_take_the_learning_rate_out_of_its_range(lr: float, schedule: str) -> None:
    with pytest.raises(ConfigError, match=r"Learning rate \(lr\) must be at most .* with this schedule's peak"):
        Config(lr=lr, lr_schedule=schedule)
    with pytest.raises(ConfigError, match="with this schedule's peak"):
        Config(lr=1e-9, lr_schedule="0.5 lin 0 2, 0.5 const 1").change_live(lr=600)
    assert Config(lr=500, lr_schedule="0.5 lin 0 2, 0.5 const 1").lr == 500


def test_text_is_taken_for_the_number_that_it_names() -> None:
    config = Config(lr="1e-3", batch_size="32", widths="4, 8")  # type: ignore[arg-type]
    assert (config.lr, config.batch_size, config.widths) == (1e-3, 32, (4, 8))
    assert check("epochs", "7") == 7


def test_numpys_numbers_are_numbers() -> None:
    config = Config(batch_size=np.int64(32), lr=np.float32(0.5), norm=np.str_("none"), widths=np.array([4, 8]))  # type: ignore[arg-type]
    assert config == Config(batch_size=32, lr=0.5, norm="none", widths=(4, 8))
    assert {type(value) for value in (config.batch_size, config.lr, config.norm)} == {int, float, str}


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        DEFAULTS.lr = 1.0  # type: ignore[misc]


def test_round_trips_by_dict_and_by_query() -> None:
    config = Config(lr=0.9, widths=(8, 16), lr_schedule="0.5 cos 0.2 1, 0.5 cos 1 0.1", norm="running")
    assert Config.from_dict(config.to_dict()) == config
    assert Config.from_query("?" + config.to_query()) == config
    assert DEFAULTS.to_query() == ""
    assert config.changed().keys() == {"lr", "widths", "lr_schedule", "norm"}


@pytest.mark.parametrize("make", [lambda: Config.from_dict({"lrr": 1}), lambda: DEFAULTS.replace(lrr=1)])
def test_unknown_fields_are_refused(make: object) -> None:
    with pytest.raises(ConfigError, match=r"field must be one of lr, .*got 'lrr'"):
        make()  # type: ignore[operator]


def test_change_live_takes_live_knobs_only() -> None:
    assert DEFAULTS.change_live(lr=0.1).lr == 0.1
    with pytest.raises(ConfigError, match="got 'batch_size'"):
        DEFAULTS.change_live(batch_size=32)


def test_histogram_range_follows_the_activation() -> None:
    assert Config(norm="none").histogram_range == (0.0, 10.0)
    for other in ({"leak": 0.1}, {"sub": 0.4}, {"norm": "batch"}, {"norm": "layer"}):
        assert Config(**{"norm": "none", **other}).histogram_range == (-7.0, 7.0)


def test_a_norm_is_of_no_account_for_a_net_without_one() -> None:
    assert Config(model="mlp", norm="batch").histogram_range == (0.0, 10.0)
    assert Config(model="mlp", leak=0.1).histogram_range == (-7.0, 7.0)
    assert Config(model="logistic", norm="none").histogram_range == (-7.0, 7.0), "its outputs go through no ReLU"


def test_the_steps_of_a_run() -> None:
    config = Config(size=1000, batch_size=64, epochs=3)
    assert (config.steps_per_epoch(), config.steps(), config.steps(128)) == (16, 48, 6)
    assert [config.replace(max_steps=most).steps() for most in (0, 1, 47, 48, 100)] == [48, 1, 47, 48, 48]


@pytest.mark.parametrize("name", [name for name, knob in KNOBS.items() if knob.choices])
def test_every_choice_has_a_label_and_one_sentence_on_what_it_does(name: str) -> None:
    choices, notes = KNOBS[name].choices, KNOBS[name].notes
    assert choices and all(choices.values())
    assert list(notes) == list(choices), "a sentence for each choice"
    for words in notes.values():
        assert words[0].isupper() and words.endswith(".") and ". " not in words and len(words) <= 140, words
    assert len(set(notes.values())) == len(notes)
