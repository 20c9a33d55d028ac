"""Input widgets for numbers without a range: a list of numbers, or one number with a slider."""

from collections.abc import Callable
from functools import partial
from typing import Any

from lab.concepts.values import LARGEST, MOST, parse_values
from lab.knob import Knob
from widgets.inputs.knob_box import KnobBox
from widgets.markup.axis_range import AxisRange


def numbers(raw: Any, name: str = "the values", most: int = MOST) -> tuple[float, ...]:
    """Return the numbers in a text, or in any series of numbers.

    Raises:
        ConfigError: as :func:`parse_values` does.
    """
    # A drag of one of a thousand points checks all of them several times: valid numbers need no parser.
    if isinstance(raw, tuple) and 0 < len(raw) <= most and all(type(x) is float and abs(x) <= LARGEST for x in raw):
        return raw
    text = raw if isinstance(raw, str) else " ".join(map(str, raw))
    return tuple(parse_values(text, name, most=most).tolist())


class NumberList(KnobBox):
    """A field for a list of numbers, with commas or spaces between; ``value`` is a tuple of float.

    Args:
        label, help: as a knob has them.
        values: to start with, a text or a series of numbers.
        name: what a refusal calls them.
        most: how many are taken.
        check: takes the numbers, and returns them or raises ConfigError.

    Raises:
        ConfigError: for values that it does not take.
    """

    def __init__(
        self,
        label: str,
        help: str,
        values: Any,
        *,
        name: str = "the values",
        most: int = MOST,
        check: Callable[[tuple[float, ...]], tuple[float, ...]] = tuple,
    ) -> None:
        read = partial(numbers, name=name, most=most)
        super().__init__(Knob(label, help), read(values), name=name, check=lambda raw: check(read(raw)))
        self.add_class("lab-list")


def number_list(**options: Any) -> Callable[[Knob, Any, str], NumberList]:
    """Return a function from (spec, values, name) to a NumberList with these options."""
    return lambda spec, values, name: NumberList(spec.label, spec.help, values, name=name, **options)


class AnyNumber(KnobBox):
    """One finite number, typed, or by a slider over ``axis``; 0 to start with."""

    def __init__(self, label: str, axis: AxisRange) -> None:
        spec = Knob(label, "", slider=(axis.low, axis.high), step=axis.stop)
        super().__init__(spec, 0.0, check=lambda raw: float(parse_values(raw, label.lower(), most=1)[0]))
