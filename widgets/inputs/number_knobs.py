"""Input widgets for numbers without a range: a list of numbers, or one number with a slider."""

from collections.abc import Callable
from functools import partial
from typing import Any

from lab.concepts.values import LARGEST, MOST, parse_values
from lab.knob import Knob
from widgets.inputs.knob_box import KnobBox
from widgets.markup.axis_range import AxisRange


def numbers(raw: Any, name: str = "the values", most: int = MOST) -> tuple[float, ...]:
    """Parse numbers from a text, or from any series of numbers.

    Raises:
        ConfigError: as :func:`parse_values` does.
    """
    # A drag of one of a thousand points checks all of them several times: valid numbers need no parser.
    if isinstance(raw, tuple) and 0 < len(raw) <= most and all(type(x) is float and abs(x) <= LARGEST for x in raw):
        return raw
    text = raw if isinstance(raw, str) else " ".join(map(str, raw))
    return tuple(parse_values(text, name, most=most).tolist())


class NumberList(KnobBox):
    """Field for a list of numbers separated by commas or spaces; ``value`` is a tuple of float.

    Args:
        label, help: as for a Knob.
        values: the initial numbers, a text or a series.
        name: their name in error messages.
        most: maximum number of values.
        check: called with the numbers; returns them or raises ConfigError.

    Raises:
        ConfigError: for invalid values.
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
    """Return a factory (spec, values, name) -> NumberList with these options."""
    return lambda spec, values, name: NumberList(spec.label, spec.help, values, name=name, **options)


class AnyNumber(KnobBox):
    """Knob of one finite number, typed or by a slider over ``axis``; initially 0."""

    def __init__(self, label: str, axis: AxisRange) -> None:
        spec = Knob(label, "", slider=(axis.low, axis.high), step=axis.stop)
        super().__init__(spec, 0.0, check=lambda raw: float(parse_values(raw, label.lower(), most=1)[0]))
