"""A knob's value as text: one form to be read, one to be typed again, one with every digit."""

from typing import Any

import pytest

from lab.config import DEFAULTS, KNOBS, check
from widgets.markup.config_text import changes_text, entry_text, value_text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("lr", 0.9, "0.9"),
        ("norm_eps", 1e-5, "0.00001"),
        ("norm", "batch", "BatchNorm (from scratch)"),
        ("widths", (8, 16), "8, 16"),
        ("size", 50_000, "50000"),
        ("lr_schedule", "one-cycle", "one-cycle"),
    ],
)
def test_a_value_to_be_read(name: str, value: Any, text: str) -> None:
    assert value_text(KNOBS[name], value) == text


def test_a_long_list_says_how_long() -> None:
    assert value_text(KNOBS["lr"], tuple(float(i) for i in range(14))).endswith("10, 11 … (14 values)")


@pytest.mark.parametrize("name", KNOBS)
def test_what_a_field_shows_can_be_typed_again(name: str) -> None:
    value = getattr(DEFAULTS, name)
    assert check(name, entry_text(value)) == value


def test_what_a_run_changes() -> None:
    assert changes_text(DEFAULTS) == "defaults"
    config = DEFAULTS.replace(lr=0.1, norm="none")
    assert changes_text(config) == "Learning rate 0.1, Norm type None"
    assert changes_text(config, DEFAULTS.replace(lr=0.1)) == "Norm type None"
