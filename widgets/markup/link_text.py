"""Conversion of a panel's settings to a link's query string and to a line of code, and from a query string."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

from lab.config import DEFAULTS, KNOBS, Config, ConfigError, check

SERVER_NAMES = ("theme", "template", "token")
"""Query parameters for the server, not for a panel."""

MOST = 5
LONGEST = 160
"""Maximum number of a link's problems shown, and of characters of each: a link is untrusted input."""

Check = Callable[[Any], Any]
"""Function that returns a value converted and in range, or raises a ValueError that says what it must be."""


def read_settings(query: str, checks: Mapping[str, Check]) -> tuple[dict[str, Any], list[str]]:
    """Return the valid settings in a query string by name, and one line for each problem.

    Args:
        query: with or without its question mark.
        checks: name of a setting -> its check, called with the text.
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
    """Return the code of a notebook cell that makes ``panel``, a class's name, with these settings."""
    words = (f"{name}={_literal(value)}" for name, value in settings.items())
    return f"from widgets import {panel}\n\n{panel}({', '.join(words)})"


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def query_of(config: Config, start: Config = DEFAULTS) -> str:
    """Return the query string that opens ``config`` on a page whose panel starts from ``start``."""
    changed = config.changed()
    # A default is included if the page would start from another value; of a tuple the numbers only.
    back = {name: str(getattr(config, name)).strip("()") for name in start.changed() if name not in changed}
    return "&".join(filter(None, (config.to_query(), urlencode(back))))


def read(query: str, start: Config = DEFAULTS) -> tuple[Config, list[str]]:
    """Return ``start`` with the valid settings of ``query``, and one line for each problem."""
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
    """Return ``config`` with those ``settings`` that can be set one by one, and the errors of the others."""
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
