"""A setting that a person can change: its label, range and unit, and the check of a value against them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from lab.typed_numbers import TwoReadings, read_number


@dataclass(frozen=True)
class Knob:
    """The description of one setting: how it is shown and which values it takes.

    Attributes:
        label: the name a person reads.
        help: one sentence on what it does.
        group: the heading that it stands under, if any.
        unit: of the value, empty for a pure number.
        live: whether a running session takes a change from its next batch.
        low, high: the valid range, both ends included unless ``low_open`` / ``high_open``.
        slider: the range a slider offers, narrower than the valid one (typing reaches the rest).
        step: the slider's step; for a ``log`` slider a step of the exponent (base 10).
        log: whether the slider is logarithmic.
        choices: for a menu, value -> label.
        notes: value -> one sentence on what this choice does.
        parse: for what is neither a number nor a choice: returns a valid value from (name, value), or raises
            ConfigError.
        suggestions: texts to choose from, beside typing another.
    """

    label: str
    help: str
    group: str = ""
    unit: str = ""
    live: bool = False
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    slider: tuple[float, float] | None = None
    step: float | None = None
    log: bool = False
    choices: Mapping[str, str] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    parse: Callable[[str, Any], Any] | None = None
    suggestions: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The valid range in words, for messages and help texts."""
        if self.choices is not None:
            return "one of " + ", ".join(self.choices)
        low = f"{'above' if self.low_open else 'at least'} {self.low:.12g}" if self.low > -math.inf else ""
        high = f"{'below' if self.high_open else 'at most'} {self.high:.12g}" if self.high < math.inf else ""
        return " and ".join(part for part in (low, high) if part) or "any finite number"

    def text(self, value: object) -> str:
        """Return a value in a person's words: a choice by its label, numbers in at most six digits."""
        if isinstance(value, tuple):
            return ", ".join(map(self.text, value))
        if self.choices is not None:
            return self.choices.get(str(value), str(value))
        return f"{value:g}" if isinstance(value, float) else str(value)


class ConfigError(ValueError):
    """An invalid value; the message names the knob, the value and the allowed range.

    Attributes:
        name: what the message calls the knob; of a Config's field, the field's name.
    """

    def __init__(self, name: str, value: object, allowed: str) -> None:
        super().__init__(f"{name} must be {allowed}; got {value!r}")
        self.name = name


def checked(name: str, value: Any, knob: Knob, default: Any) -> Any:
    """Return ``value`` converted to the type of the field's ``default``, if it is in the knob's range.

    Raises:
        ConfigError: when it cannot be converted or is out of range.
    """
    if knob.parse is not None:
        return knob.parse(name, value)
    if knob.choices is not None:
        if not isinstance(value, str) or value not in knob.choices:
            raise ConfigError(name, value, knob.allowed)
        return str(value)
    whole = isinstance(default, int)
    number = _number(name, value, knob, whole)
    below = number <= knob.low if knob.low_open else number < knob.low
    above = number >= knob.high if knob.high_open else number > knob.high
    if below or above:
        raise ConfigError(name, value, knob.allowed)
    return number


def _number(name: str, value: Any, knob: Knob, whole: bool) -> float | int:
    kind = "a whole number" if whole else "a number"
    refusal = ConfigError(name, value, f"{kind}, {knob.allowed}")
    if isinstance(value, bool) or not isinstance(value, Real | str):
        raise refusal
    try:
        number = read_number(value, whole=whole) if isinstance(value, str) else float(value)
    except TwoReadings as readings:
        raise ConfigError(name, value, f"{kind}, {knob.allowed} ({readings})") from None
    except (OverflowError, ValueError):
        raise refusal from None
    if not math.isfinite(number) or (whole and number != int(number)):
        raise refusal
    return int(number) if whole else number
