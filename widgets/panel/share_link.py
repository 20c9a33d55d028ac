"""A link that opens the dashboard with the same settings, and the line of code that makes the same panel.

The page reads the settings from its own address and sends them to its kernel. Voila's helper
(``voila.utils.get_query_string``) is not used: it knows the address as the server sees it, which is another one behind
a proxy; in a kernel started before its page it stops the cell until a page comes; and its import takes two seconds.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anywidget
import traitlets

from lab.config import Config
from widgets.markup.link_text import code_of, problems_line, query_of, read

VIEW = "view."
"""Before a menu's name in a link: "near_zero" is a knob as well."""

_HERE = Path(__file__).parent


class ShareLink(anywidget.AnyWidget):
    """A button that copies a link to a panel's settings, and shows the link and the code, to be copied by hand.

    Args:
        served: whether the page's own address is the dashboard's, as under voila. In a notebook there is the code only.

    The page sends ``{"query": …}`` once, without a token, if the address that it was opened with has a query string:
    see :meth:`on_query`.
    """

    # As text: of a path anywidget keeps every widget alive, to tell it of changes to the file.
    _esm = (_HERE / "share_link.js").read_text("utf-8")
    _css = (_HERE / "share_link.css").read_text("utf-8")
    served = traitlets.Bool().tag(sync=True)
    query = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)

    def __init__(self, *, served: bool, query: str = "", code: str = "") -> None:
        self._callback: Callable[[str], None] | None = None
        super().__init__(served=served, query=query, code=code)
        self.on_msg(self._receive)

    def on_query(self, callback: Callable[[str], None]) -> None:
        """Call ``callback`` once, with the query string of the address that the page was opened with."""
        self._callback = callback

    def _receive(self, _: object, content: dict[str, Any], __: object) -> None:
        callback, self._callback = self._callback, None  # after a reload the knobs stay as they were left
        if callback is not None:
            callback(str(content.get("query", "")))


class ConfigLink(ShareLink):
    """A link to the settings of a run.

    Args:
        config: the settings now, with which the page also begins; :meth:`show` changes them.
        served: as of ShareLink.
    """

    def __init__(self, config: Config, *, served: bool) -> None:
        self._start = config
        super().__init__(served=served, query=query_of(config, config), code=code_of(config))

    def show(self, config: Config, view: Mapping[str, str]) -> None:
        """Make link and code of these settings; the link opens the same ``view`` (menu -> choice), too."""
        choices = urlencode({VIEW + name: choice for name, choice in view.items()})
        self.query, self.code = "&".join(filter(None, (query_of(config, self._start), choices))), code_of(config)

    def read(self, query: str) -> tuple[Config, dict[str, str], str]:
        """Return the settings and the view in ``query``, and a line on what of it cannot be set."""
        pairs = parse_qsl(query.lstrip("?"), keep_blank_values=True)
        view = {name.removeprefix(VIEW): choice for name, choice in pairs if name.startswith(VIEW)}
        rest = urlencode([(name, value) for name, value in pairs if not name.startswith(VIEW)])
        config, problems = read(rest, self._start)
        return config, view, problems_line(problems)
