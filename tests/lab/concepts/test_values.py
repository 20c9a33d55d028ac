"""Typed numbers: every way to put them down, and every way to get them wrong."""

import pytest

from lab.concepts.values import MOST, parse_values
from lab.knob import ConfigError


@pytest.mark.parametrize(
    "text", ["1, 2.5, -3e2", "1 2.5 -300", "[1, 2.5, -300]", "1;2.5;-300", " 1,\n2.5,\t-300,\n", "(1 2.5 -300)"]
)
def test_all_separators(text: str) -> None:
    assert parse_values(text).tolist() == [1, 2.5, -300]


def test_a_thousand_values() -> None:
    assert parse_values(", ".join(map(str, range(1000)))).tolist() == list(range(1000))


@pytest.mark.parametrize("text", ["", "  ", "[]", ",", "\n"])
def test_nothing_typed(text: str) -> None:
    with pytest.raises(ConfigError, match="the values must be at least one number"):
        parse_values(text)


@pytest.mark.parametrize("bad", ["fish", "nan", "inf", "-inf", "1e400", "1e31", "0x10", "--2"])
def test_the_bad_one_is_named(bad: str) -> None:
    with pytest.raises(ConfigError, match=f"the values, number 3 must be a finite number.*; got '{bad}'"):
        parse_values(f"1, 2, {bad}, 4")


def test_a_long_bad_one_is_cut() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_values("x" * 10_000)
    assert len(str(refused.value)) < 120


def test_too_many() -> None:
    assert len(parse_values("1 " * MOST)) == MOST
    with pytest.raises(ConfigError, match="at most 10,000 numbers; got '10,001 of them'"):
        parse_values("1 " * (MOST + 1))
