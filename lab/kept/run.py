"""A kept run's settings and results, without its record."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

from lab.config import KNOBS, Config

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")

_TYPES = (
    dict.fromkeys(("id", "name", "note", "outcome", "error", "device", "started", "updated"), str)
    | dict.fromkeys(("seconds", "loss", "valid_loss", "accuracy"), int | float)
    | {"steps": int, "versions": dict, "config": dict, "tags": dict}
)
"""Of a run's fields in a file: one of another type would fail later, where a list is sorted or drawn."""


class KeptError(Exception):
    """An error about kept runs, with a message for the person."""


@dataclass(frozen=True)
class KeptRun:
    """One kept run.

    Attributes:
        id: its file's name without the ending.
        name, note: a person's words; the name is made from the settings where none was given.
        config: as the run began, so that it and the record's marks replay the run.
        outcome: running, finished, stopped, diverged, failed, or interrupted when its process died.
        error: why it failed or where it diverged; empty otherwise.
        started, updated: its beginning and its last flush, in UTC.
        steps: done. seconds: of training, pauses left out. device: in words.
        versions: of foundations-lab, torch, numpy and python.
        loss: the last batch's, nats. valid_loss, accuracy (0..1): the last validation's. nan where there is none.
        tags: what the run belongs to, as {"experiment": "batch-two"}; earlier versions' files have none.
    """

    id: str
    name: str
    note: str
    config: Config
    outcome: str
    error: str
    started: datetime
    updated: datetime
    steps: int
    seconds: float
    device: str
    versions: dict[str, str]
    loss: float
    valid_loss: float
    accuracy: float
    tags: dict[str, str] = field(default_factory=dict)

    @cached_property
    def searchable(self) -> tuple[str, tuple[object, ...]]:
        """What a search looks through: words in lower case, a line each, and the settings that are not the defaults."""
        changed = self.config.changed()
        names = [f"{name}\n{KNOBS[name].label}" for name in changed]
        chosen = ((knob.choices, getattr(self.config, name)) for name, knob in KNOBS.items() if knob.choices)
        values = [f"{value}\n{choices[value]}" for choices, value in chosen]
        own = [self.name, self.note, self.outcome, self.error, self.id, *self.tags.values()]
        return "\n".join([*own, *names, *values]).casefold(), tuple(changed.values())

    def to_dict(self) -> dict[str, Any]:
        """Return every field, ready for JSON (Python's reads nan, too)."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__}
        times = {name: own[name].isoformat(timespec="microseconds") for name in ("started", "updated")}
        return {**own, **times, "config": self.config.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the inverse of :meth:`to_dict`. Settings that are missing take their defaults.

        Raises:
            ConfigError: for a setting that this version does not know, or a value out of range.
            KeyError, TypeError, ValueError: for what is no run.
        """
        own = {name: values[name] for name in cls.__dataclass_fields__ if name != "tags"}
        own["tags"] = values.get("tags", {})
        for name, kind in _TYPES.items():
            if not isinstance(own[name], kind) or isinstance(own[name], bool):
                raise TypeError(f"{name} must be {kind}, not {own[name]!r}")
        for name in ("versions", "tags"):
            if not all(isinstance(text, str) for text in own[name].values()):
                raise TypeError(f"{name} must be texts, not {own[name]!r}")
        times = {name: datetime.fromisoformat(own[name]).astimezone(UTC) for name in ("started", "updated")}
        return cls(**{**own, **times, "config": Config.from_dict(own["config"])})


def writable(text: str) -> str:
    """Return ``text`` without what files cannot hold: control characters, and lone surrogates.

    A page's script may cut an emoji in half; XML, and so a slide or a spreadsheet, has no control characters.
    """
    return _CONTROL.sub("", text).encode("utf-8", "replace").decode("utf-8")


def to_json(values: Mapping[str, Any]) -> str:
    """Return compact JSON, the same for the same values."""
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)
