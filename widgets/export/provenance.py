"""Settings, versions and date that a saved chart was made with, as text."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from lab.config import KNOBS, Config
from lab.kept.writer import versions as installed
from widgets.export.slide import SEPARATOR
from widgets.markup.config_text import value_text

Settings = dict[str, str]
"""Settings: a knob's label, as on the page -> its value as text."""


ALWAYS = ("lr", "batch_size", "epochs", "norm", "leak", "init", "seed")
"""Fields of Config that every caption of a run names, changed or not."""


def config_settings(config: Config, device: str = "") -> Settings:
    """Return the settings in ALWAYS, the others that ``config`` changes, and the run's ``device``."""
    fields = {name: getattr(config, name) for name in ALWAYS} | config.changed()
    fields.pop("device", None)
    made = {KNOBS[name].label: value_text(KNOBS[name], value) for name, value in fields.items()}
    return made | {"Device": device or value_text(KNOBS["device"], config.device)}


def knob_settings(knobs: Mapping[str, Any]) -> Settings:
    """Return the value of each KnobBox."""
    return {knob.spec.label: value_text(knob.spec, knob.value) for knob in knobs.values()}


def versions() -> dict[str, str]:
    """Return the installed versions of this lab and of torch, which is not imported for it."""
    found = installed()
    return {name: found[package] or "unknown" for name, package in (("lab", "foundations-lab"), ("torch", "torch"))}


def caption(settings: Settings) -> str:
    """Return the settings, the versions and the date as one line."""
    made_with = [f"{name} {number}" for name, number in versions().items()]
    return SEPARATOR.join(
        [*(f"{name} {value}" for name, value in settings.items()), *made_with, date.today().isoformat()]
    )


def listing(settings: Settings) -> str:
    """Return the settings, one a line, then a line for the versions and one for the date."""
    made_with = ", ".join(f"{name} {number}" for name, number in versions().items())
    return "\n".join([*(f"{name}: {value}" for name, value in settings.items()), made_with, date.today().isoformat()])
