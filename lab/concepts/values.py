"""Parse numbers that were typed or pasted."""

import math

import numpy as np
from numpy.typing import NDArray

from lab.knob import ConfigError
from lab.typed_numbers import TwoReadings, read_number, split_numbers

MOST = 10_000
"""Values that are taken at once; more would only make a page slow."""


LARGEST = 1e30
"""Beyond 1e100 a square would overflow, and a figure, whose numbers are float32, shows nothing from 1e38 on."""


def parse_values(text: object, name: str = "the values", *, most: int = MOST) -> NDArray[np.float64]:
    """Return the numbers in ``text``, with commas, semicolons, spaces or new lines between them, maybe in brackets.

    Returns:
        (n,) float64, n from 1 to ``most``.

    Raises:
        ConfigError: nothing typed, too many, or one that is not a finite number; it quotes that one only.
    """
    try:
        parts = split_numbers(str(text))
    except TwoReadings as readings:
        allowed = f"numbers with commas and spaces between them ({readings})"
        raise ConfigError(name, str(text).strip()[:20], allowed) from None
    if not parts:
        raise ConfigError(name, str(text).strip(), "at least one number")
    if len(parts) > most:
        raise ConfigError(name, f"{len(parts):,} of them", f"at most {most:,} numbers")
    return np.array([_number(part, f"{name}, number {i}") for i, part in enumerate(parts, 1)])


def _number(part: str, name: str) -> float:
    try:
        number = read_number(part)
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST:
        raise ConfigError(name, part if len(part) <= 20 else f"{part[:20]}…", "a finite number, at most 1e30 in size")
    return number
