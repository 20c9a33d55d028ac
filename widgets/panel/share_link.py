"""A link that opens the dashboard with the same settings, and the line of code that makes the same panel.

The settings in a page's address are read by the page itself, which tells its kernel, and not by voila's own helper
(``voila.utils.get_query_string``): that knows the address as the server sees it, which is another one behind a proxy,
while a link must lead to where the page came from; in a kernel started ahead of its page it halts the cell until a
page comes, so that nothing would be ready ahead; and its import loads the server's own packages into the kernel,
which would delay every page that came by a link. The page's own address is there in every case, and early.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anywidget
import traitlets

from lab.config import DEFAULTS, KNOBS, Config, ConfigError, check

_HERE = Path(__file__).parent

NOT_KNOBS = ("theme", "template", "token")
"""What an address may name for the server."""

MOST = 5
LONGEST = 160
"""How many problems of a link are told, and how many letters of each: anybody may have written it."""


def query_of(config: Config, start: Config = DEFAULTS) -> str:
    """What a link names to open ``config`` on a page whose panel begins with ``start``."""
    changed = config.changed()
    # What the page would begin with is named where the default is wanted instead; of a tuple the numbers only.
    back = {name: str(getattr(config, name)).strip("()") for name in start.changed() if name not in changed}
    return "&".join(filter(None, (config.to_query(), urlencode(back))))


def read(query: str, start: Config = DEFAULTS) -> tuple[Config, list[str]]:
    """What a link asks for: ``start`` with all that is valid in ``query``, and a line on each thing that is not."""
    wanted: dict[str, Any] = {}
    problems = []
    for name, text in parse_qsl(query.lstrip("?"), keep_blank_values=True):
        if name in NOT_KNOBS:
            continue
        if name not in KNOBS:
            problems.append(f"{name} is no knob")
            continue
        try:
            wanted[name] = check(name, text)
        except ConfigError as refusal:
            problems.append(str(refusal))
    try:
        return start.replace(**wanted), problems
    except ConfigError:
        config, left = _as_far_as_they_go_together(start, wanted)
        return config, problems + left


def _as_far_as_they_go_together(config: Config, wanted: dict[str, Any]) -> tuple[Config, list[str]]:
    """``config`` with those of ``wanted`` that can be had one after the other, and why the others cannot."""
    while True:
        refused = {}
        taken = len(wanted)
        for name, value in wanted.items():
            try:
                config = config.replace(**{name: value})
            except ConfigError as refusal:
                refused[name] = f"{name}={value} does not go with the rest: {refusal}"
        wanted = {name: wanted[name] for name in refused}
        if len(refused) in (0, taken):
            return config, list(refused.values())


def told(problems: list[str]) -> str:
    """The problems of a link as one line; empty if there are none."""
    if not problems:
        return ""
    more = f"; and {len(problems) - MOST} more" if len(problems) > MOST else ""
    return f"Not set from this page's link: {'; '.join(map(_short, problems[:MOST]))}{more}."


def code_of(config: Config, panel: str = "TrainingPanel") -> str:
    """What a notebook's cell holds to make a panel with these settings."""
    words = (f"{name}={json.dumps(v) if isinstance(v, str) else v}" for name, v in config.changed().items())
    return f"from widgets import {panel}\n\n{panel}({', '.join(words)})"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


class ShareLink(anywidget.AnyWidget):
    """A button that copies the link to a panel's settings, and shows it, and the code, to be copied by hand.

    Args:
        config: the settings now; :meth:`show` changes them.
        served: whether the page's own address is the dashboard's, as under voila. In a notebook there is the code only.

    The page's message ``{"query": …}``, once, if the address that it was opened with names anything: see
    :meth:`on_query`. It leaves out a token.
    """

    _esm = _HERE / "share_link.js"
    _css = _HERE / "share_link.css"
    served = traitlets.Bool().tag(sync=True)
    query = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)

    def __init__(self, config: Config, *, served: bool) -> None:
        self._start = config
        self._callback: Callable[[str], None] | None = None
        super().__init__(served=served, query=query_of(config, config), code=code_of(config))
        self.on_msg(self._hear)

    def show(self, config: Config) -> None:
        """Stand for these settings."""
        self.query, self.code = query_of(config, self._start), code_of(config)

    def read(self, query: str) -> tuple[Config, str]:
        """The settings that ``query`` asks for, and a line on what of it cannot be had."""
        config, problems = read(query, self._start)
        return config, told(problems)

    def on_query(self, callback: Callable[[str], None]) -> None:
        """Call ``callback`` with the query string of the address that the page was opened with, once."""
        self._callback = callback

    def _hear(self, _: object, content: dict[str, Any], __: object) -> None:
        callback, self._callback = self._callback, None  # a page that comes again finds its knobs as they were left
        if callback is not None:
            callback(str(content.get("query", "")))
