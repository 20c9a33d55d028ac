"""A knob's value as text: to be read, to be typed again, or to be read back with every digit."""

from collections.abc import Mapping

from lab.config import DEFAULTS, KNOBS, Config
from lab.knob import Knob
from widgets.markup.tables import number

MOST_VALUES = 12
"""Values of a list that are shown."""


def value_text(knob: Knob, value: object) -> str:
    """Return a value as a page, a caption or a table shows it: a choice by its label, a number to four places."""
    if isinstance(value, tuple | list):
        shown = ", ".join(value_text(knob, item) for item in value[:MOST_VALUES])
        return shown + (f" … ({len(value)} values)" if len(value) > MOST_VALUES else "")
    return number(value, 4) if isinstance(value, float) else knob.text(value)


def changes_text(config: Config, base: Config = DEFAULTS) -> str:
    """Return what ``config`` changes of ``base``, by the knobs' labels; "defaults" if nothing."""
    names = (name for name in KNOBS if getattr(config, name) != getattr(base, name))
    return (
        ", ".join(f"{KNOBS[name].label} {value_text(KNOBS[name], getattr(config, name))}" for name in names)
        or "defaults"
    )


def entry_text(value: object) -> str:
    """Return a value as a field shows it, which takes the text back: a number in at most twelve digits."""
    if isinstance(value, tuple):
        return ", ".join(map(entry_text, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def setting_text(value: object) -> str:
    """Return a value with every digit, as a link holds it: a mapping as "name value, …", a series with commas."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {setting_text(part)}" for name, part in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(setting_text, value))
    return str(value)
