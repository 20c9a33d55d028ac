"""What a figure was made with, in words: the settings that matter, the versions, the date."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from lab.config import KNOBS, Config
from lab.kept.writer import versions as installed
from widgets.export.slide import PART
from widgets.markup.tables import number

Settings = dict[str, str]
"""Name as the page has it -> value in words."""

_MOST = 12  # values of a list


def of_config(config: Config, device: str = "") -> Settings:
    """What it changes of the defaults, its seed, and the ``device`` that the run is on."""
    fields = {**config.changed(), "seed": config.seed}
    fields.pop("device", None)
    made = {KNOBS[name].label: _words(value, KNOBS[name]) for name, value in fields.items()}
    return made | {"Device": device or _words(config.device, KNOBS["device"])}


def of_knobs(knobs: Mapping[str, Any]) -> Settings:
    """The value of each KnobBox."""
    return {knob.spec.label: _words(knob.value, knob.spec) for knob in knobs.values()}


def versions() -> dict[str, str]:
    """Of this lab and of torch, as installed; torch is not imported for it."""
    found = installed()
    return {name: found[package] or "unknown" for name, package in (("lab", "foundations-lab"), ("torch", "torch"))}


def caption(settings: Settings) -> str:
    """One line: the settings, the versions, the date."""
    made_with = [f"{name} {number}" for name, number in versions().items()]
    return PART.join([*(f"{name} {value}" for name, value in settings.items()), *made_with, date.today().isoformat()])


def listing(settings: Settings) -> str:
    """A line for each setting, then the versions and the date."""
    made_with = ", ".join(f"{name} {number}" for name, number in versions().items())
    return "\n".join([*(f"{name}: {value}" for name, value in settings.items()), made_with, date.today().isoformat()])


def _words(value: Any, knob: Any) -> str:
    if isinstance(value, tuple | list):
        shown = ", ".join(_words(item, knob) for item in value[:_MOST])
        return shown + (f" … ({len(value)} values)" if len(value) > _MOST else "")
    if knob.choices is not None:
        return str(knob.choices.get(value, value))
    return number(value, 4) if isinstance(value, float) else str(value)
