"""List widget of kept runs: a card each, with a box to choose several and a name to open one."""

import pathlib
from typing import Any

import anywidget
import traitlets

_HERE = pathlib.Path(__file__).parent


class RunList(anywidget.AnyWidget):
    """List of runs. Arrow keys go from one to the next, Space chooses, Enter on a name opens that run alone.

    Attributes:
        rows: a dict for each run, newest first: "id", "name", "lines" (text under the name), and
            "colour" and "dash" (SVG syntax) of its lines on the charts, "" if it is not on them.
        empty: text shown if there are no runs.
        chosen: ids of the runs whose boxes are ticked, in the order of ticking.
    """

    _esm = (_HERE / "run_list.js").read_text("utf-8")
    _css = (_HERE / "run_list.css").read_text("utf-8")
    rows: Any = traitlets.List(traitlets.Dict()).tag(sync=True)
    empty: Any = traitlets.Unicode().tag(sync=True)
    chosen: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)
