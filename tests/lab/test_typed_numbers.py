"""Typed numbers: every way to write one is read as that number, and what could be two is refused with both."""

import random
import re

import pytest

from lab.concepts.values import parse_values
from lab.config import Config, ConfigError, check
from lab.typed_numbers import TwoReadings, read_number, split_numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.5", 0.5), (" 0,5 ", 0.5), (",5", 0.5), (".5", 0.5), ("1,5", 1.5), ("-1,25", -1.25), ("\u22122.5", -2.5),
        ("5e-4", 5e-4), ("1,5E-3", 1.5e-3), ("+3", 3), ("3.", 3), ("0,500", 0.5), ("0,125", 0.125), ("1,0000", 1),
        ("50 000", 50_000), ("50\u00a0000", 50_000), ("50\u202f000", 50_000), ("50\u2009000", 50_000),
        ("50_000", 50_000),
        ("1'234'567", 1_234_567), ("1\u2019234\u2019567", 1_234_567), ("1 234,5", 1234.5), ("1 234.5", 1234.5),
        ("1,234,567", 1_234_567), ("1.234.567", 1_234_567), ("1,234.5", 1234.5), ("1.234,5", 1234.5),
        ("-1.234.567,25", -1_234_567.25), ("1.125", 1.125), ("1234.567", 1234.567), ("1234,567", 1234.567),
    ],
)  # fmt: skip
def test_one_number(text: str, number: float) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    ("text", "whole", "readings"),
    [
        ("1,000", False, "write 1000 or 1"), ("1,500", False, "write 1500 or 1.5"),
        ("-50,125", False, "-50125 or -50.125"), ("1.000", True, "write 1000 or 1"),
        ("50.000", True, "write 50000 or 50"), ("50,000", True, "write 50000 or 50"),
        ("1,000e3", False, "write 1000 or 1"),
    ],
)  # fmt: skip
def test_what_could_be_two_numbers_is_refused_with_both(text: str, whole: bool, readings: str) -> None:
    with pytest.raises(TwoReadings, match=re.escape(readings)):
        read_number(text, whole=whole)


@pytest.mark.parametrize(
    "text",
    ["", " ", "fast", "nan", "inf", "1 2", "5 00", "0 500", "1,2,3", "1.2.3", "1,23,456", "1,2.3", "1e", "0x10", "--1",
     "1 000 00", "1_0", "1e400,5", "3 5", "1. 5"],
)  # fmt: skip
def test_no_number_or_more_than_one(text: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        read_number(text)


def test_what_python_writes_is_read_back() -> None:
    chance = random.Random(3)
    for _ in range(2000):
        number = chance.uniform(-1, 1) * 10 ** chance.randint(-12, 12)
        for text in (repr(number), f"{number:.12g}", f"{number:.3f}"):
            if not re.fullmatch(r"-?[1-9]\d{0,2},\d{3}", text):
                assert read_number(text) == float(text)
        assert read_number(f"{round(number):,}".replace(",", " ")) == round(number)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3, 5", [3, 5]), ("3 5", [3, 5]), ("3;5", [3, 5]), ("10,20,30", [10, 20, 30]), ("3.5,4.2", [3.5, 4.2]),
        ("-1,-2", [-1, -2]), ("[1, 2.5]", [1, 2.5]), ("1,, 2", [1, 2]),
        ("50\u202f000 7", [50_000, 7]), ("\u22124 3", [-4, 3]),
        ("3.5,4", [3.5, 4]), ("100 200 300", [100, 200, 300]), ("1e3, 2e3", [1000, 2000]), ("0.125 1.5", [0.125, 1.5]),
    ],
)  # fmt: skip
def test_a_list(text: str, numbers: list[float]) -> None:
    assert parse_values(text).tolist() == numbers


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("3,5 4,2", "(write 3.5 or 3, 5)"), ("3,5", "(write 3.5 or 3, 5)"), ("1; 0,5", "(write 0.5 or 0, 5)"),
        ("100,200,300", "(write 100200300 or 100, 200, 300)"), ("50 000", "(write 50000 or 50, 0)"),
        ("1.234,5", "(write 1234.5 or 1.234, 5)"), ("2 1,000", "(write 1.000 or 1, 000)"),
    ],
)  # fmt: skip
def test_a_list_that_could_be_two_is_refused_with_both(text: str, readings: str) -> None:
    with pytest.raises(
        ConfigError, match=re.escape(f"the values must be numbers with commas and spaces between them {readings}")
    ):
        parse_values(text)


@pytest.mark.parametrize(("name", "text", "value"), [
    ("lr", "0,5", 0.5), ("size", "50 000", 50_000), ("size", "12\u202f345", 12_345), ("weight_decay", "5e-4", 5e-4),
    ("batch_size", "64,0", 64), ("batch_size", "1e3", 1000), ("widths", "8 16; 32", (8, 16, 32)),
    ("widths", "128,256", (128, 256)),
])  # fmt: skip
def test_a_knob_takes_what_is_clear(name: str, text: str, value: object) -> None:
    assert check(name, text) == value


@pytest.mark.parametrize(("name", "text", "wanted"), [
    ("batch_size", "1.000", "a whole number, at least 1 and at most 50000 (write 1000 or 1); got '1.000'"),
    ("size", "50.000", "a whole number, at least 10 and at most 50000 (write 50000 or 50); got '50.000'"),
    ("lr", "1,000", "a number, above 0 and at most 1000 (write 1000 or 1); got '1,000'"),
    ("widths", "8.000", "1 to 8 whole numbers from 1 to 512"),
])  # fmt: skip
def test_a_knob_refuses_what_is_not(name: str, text: str, wanted: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(wanted)):
        check(name, text)
    with pytest.raises(ConfigError, match=re.escape(wanted)):
        Config(**{name: text})


def test_a_split_list_is_what_was_typed() -> None:
    assert split_numbers("(1, two; 3.0\n4)") == ["1", "two", "3.0", "4"]
