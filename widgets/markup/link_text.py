"""A panel's settings as a link's query string and as a line of code, and the way back from a query string."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

from lab.config import DEFAULTS, KNOBS, Config, ConfigError, check

SERVER_NAMES = ("theme", "template", "token")
"""Names in an address that are for the server, not for a panel."""

MOST = 5
LONGEST = 160
"""The most problems of a link that are shown, and the most characters of each: anybody may have written it."""

Check = Callable[[Any], Any]
"""Return a value converted and in range, or raise a ValueError that says what it must be."""


def read_settings(query: str, checks: Mapping[str, Check]) -> tuple[dict[str, Any], list[str]]:
    """Return the valid settings in a query string by name, and one line for each other thing in it.

    Args:
        query: with or without its question mark.
        checks: name of a setting -> its check, which is given the text.
    """
    settings: dict[str, Any] = {}
    problems = []
    for name, text in parse_qsl(query.lstrip("?"), keep_blank_values=True):
        if name in SERVER_NAMES:
            continue
        if name not in checks:
            problems.append(f"{name} is no knob")
            continue
        try:
            settings[name] = checks[name](text)
        except ValueError as refusal:
            problems.append(str(refusal))
    return settings, problems


def problems_line(problems: list[str]) -> str:
    """Return the problems of a link as one line; empty if there are none."""
    if not problems:
        return ""
    more = f"; and {len(problems) - MOST} more" if len(problems) > MOST else ""
    return f"Not set from this page's link: {'; '.join(map(_shortened, problems[:MOST]))}{more}."


def code_line(panel: str, settings: Mapping[str, Any]) -> str:
    """Return what a notebook's cell holds to make ``panel``, a class's name, with these settings."""
    words = (f"{name}={_literal(value)}" for name, value in settings.items())
    return f"from widgets import {panel}\n\n{panel}({', '.join(words)})"


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def query_of(config: Config, start: Config = DEFAULTS) -> str:
    """Return the query string that opens ``config`` on a page whose panel begins with ``start``."""
    changed = config.changed()
    # A default is named where the page would begin with another value; of a tuple the numbers only.
    back = {name: str(getattr(config, name)).strip("()") for name in start.changed() if name not in changed}
    return "&".join(filter(None, (config.to_query(), urlencode(back))))


def read(query: str, start: Config = DEFAULTS) -> tuple[Config, list[str]]:
    """Return ``start`` with all that is valid in ``query``, and one line for each thing that is not."""
    settings, problems = read_settings(query, {name: partial(check, name) for name in KNOBS})
    try:
        return start.replace(**settings), problems
    except ConfigError:
        config, left = _replace_where_possible(start, settings)
        return config, problems + left


def code_of(config: Config) -> str:
    """Return the line of code that makes a training panel with these settings."""
    return code_line("TrainingPanel", config.changed())


def _replace_where_possible(config: Config, settings: dict[str, Any]) -> tuple[Config, list[str]]:
    """Return ``config`` with those ``settings`` that can be set one after the other, and why the others cannot."""
    while True:
        refused = {}
        tried = len(settings)
        for name, value in settings.items():
            try:
                config = config.replace(**{name: value})
            except ConfigError as refusal:
                refused[name] = f"{name}={value} does not go with the rest: {refusal}"
        settings = {name: settings[name] for name in refused}
        if len(refused) in (0, tried):
            return config, list(refused.values())
