"""A knob's value as text: for display, for an entry field, or with every digit for a link."""

from collections.abc import Mapping

from lab.config import DEFAULTS, KNOBS, Config
from lab.knob import Knob
from widgets.markup.tables import number

MOST_VALUES = 12
"""Maximum number of values of a list that are shown."""


def value_text(knob: Knob, value: object) -> str:
    """Return a value for a page, a caption or a table: a choice by its label, a number to four places."""
    if isinstance(value, tuple | list):
        shown = ", ".join(value_text(knob, item) for item in value[:MOST_VALUES])
        return shown + (f" … ({len(value)} values)" if len(value) > MOST_VALUES else "")
    return number(value, 4) if isinstance(value, float) else knob.text(value)


def changes_text(config: Config, base: Config = DEFAULTS) -> str:
    """Return the settings in which ``config`` differs from ``base``, by the knobs' labels; "defaults" if none."""
    names = (name for name in KNOBS if getattr(config, name) != getattr(base, name))
    return (
        ", ".join(f"{KNOBS[name].label} {value_text(KNOBS[name], getattr(config, name))}" for name in names)
        or "defaults"
    )


def entry_text(value: object) -> str:
    """Return a value for an entry field, which can parse the text: a number in at most twelve digits."""
    if isinstance(value, tuple):
        return ", ".join(map(entry_text, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def setting_text(value: object) -> str:
    """Return a value with every digit, for a link: a mapping as "name value, …", a series with commas."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {setting_text(part)}" for name, part in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(setting_text, value))
    return str(value)
