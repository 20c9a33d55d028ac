"""The style of all charts: colours (COLOURS), dashes, traces, axes and layouts."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lab.record import Record
from widgets.charts.marks import marks
from widgets.charts.view import X_AXES, View

Figure = dict[str, Any]
"""A plotly figure as plain JSON, ``{"data": [traces], "layout": {…}}``; x, y and z are numpy arrays."""

COLOURS = ("#1F83C0", "#D55E00", "#009E73", "#CC79A7", "#B97F00", "#8A7FC0", "#888888", "#3E97C9")
"""M. Okabe and K. Ito's colour-blind safe palette, the palest and the darkest moved towards
the middle: each has a contrast of 3:1 or more to white and to near-black."""

FAINT = {"color": "#888888", "width": 1, "dash": "solid"}
"""Line style of raw values behind their average."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "6px,2px", "2px,6px")
"""Dashes that tell lines apart without colour, for print and for colour-blind readers."""

HEIGHT = 300
LEGEND_ROW = 20
MOST_ROWS = 4
"""Rows of a legend up to which all of it is in sight."""


def column(record: Record, name: str) -> NDArray[np.float32]:
    """Return a column of the record; nan where it is missing, as before the start or without a norm."""
    found = record.columns.get(name)
    return np.full(len(record.steps), np.nan, np.float32) if found is None else found


def line(name: str, x: NDArray[Any], y: NDArray[Any], index: int, *, faint: bool = False, **rest: Any) -> Figure:
    """Return a line trace in the ``index``-th colour and dash; ``faint`` for raw values behind an average."""
    dash = DASHES[(index + index // len(COLOURS)) % len(DASHES)]  # where colours come again, they have another dash
    style: dict[str, Any] = {"color": COLOURS[index % len(COLOURS)], "dash": dash, "width": 2}
    trace: Figure = {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": style}
    if faint:
        trace |= {"line": FAINT, "opacity": 0.7}
    return trace | rest


def markers(name: str, x: NDArray[Any], y: ArrayLike, index: int, symbol: str) -> Figure:
    """Return a trace of a few points that is sent whole at each update, such as one point an epoch."""
    style = {"color": COLOURS[index % len(COLOURS)], "symbol": symbol, "size": 9}
    return {
        "type": "scatter", "mode": "markers", "name": name, "x": x, "y": np.asarray(y, np.float32),
        "marker": style, "meta": {"whole": True},
    }  # fmt: skip


def axis(title: str, **rest: Any) -> dict[str, Any]:
    """Return a titled axis."""
    # Powers rather than SI prefixes such as "860μ": a loss has no unit.
    return {"title": {"text": title, "standoff": 6}, "zeroline": False, "exponentformat": "power"} | rest


def note(text: str, **rest: Any) -> dict[str, Any]:
    """Return an annotation: a line of small text, positioned in fractions of the plot area."""
    return {"text": text, "xref": "paper", "yref": "paper", "showarrow": False, "font": {"size": 11}} | rest


def heading(text: str) -> dict[str, Any]:
    """Return a chart's title, at its left edge."""
    return {"text": text, "x": 0, "xref": "container", "xanchor": "left", "pad": {"l": 12}, "font": {"size": 14}}


def x_title(record: Record, view: View) -> str:
    """Return the x-axis's title, which says how many steps a thinned record has kept."""
    thinned = f" (1 step in {record.stride} kept)" if record.stride > 1 else ""
    return X_AXES[view.x] + thinned


def plot(title: str, x: str, y: str, *, entries: int = 3, **y_axis: Any) -> dict[str, Any]:
    """Return a chart's layout: titled axes, and a legend of ``entries`` below.

    The height is fixed, so that nothing on the page jumps while data comes in. A legend of many entries is scrolled.
    """
    rows = -(-entries // 3)
    long = {"maxheight": 2 * LEGEND_ROW} if rows > MOST_ROWS else {}
    extra = 0 if long else LEGEND_ROW * max(0, rows - 2)
    return {
        "title": heading(title),
        "height": HEIGHT + extra,
        "margin": {"l": 64, "r": 16, "t": 44, "b": 76 + extra},
        "xaxis": axis(x),
        "yaxis": axis(y, hoverformat=".2~%" if "%" in y_axis.get("tickformat", "") else ".4~g", **y_axis),
        "showlegend": True,
        "hoverlabel": {"namelength": -1},  # whole names
        "legend": {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"} | long,
    }


def layout(title: str, record: Record, view: View, y: str, **rest: Any) -> dict[str, Any]:
    """Return the layout of a chart over a run, with its x-axis and its marks."""
    shapes, annotations = marks(record, view)
    over_run = {
        "hovermode": "x unified",
        "uirevision": f"{view.x} {view.run}",
        # One zoom along x for all charts of a run; an axis that the last points of a diverged run do not stretch.
        "meta": {"zoom": True, "robust": True},
        "shapes": shapes,
        "annotations": annotations,
    }
    return plot(title, x_title(record, view), y, **rest) | over_run


def stacked(title: str, record: Record, view: View, y: tuple[str, str], **rest: Any) -> dict[str, Any]:
    """Return the layout of two plots over one x-axis: ``y[0]`` above, ``y[1]`` (axis y2) below."""
    base = layout(title, record, view, y[0], **rest)
    base["xaxis"]["anchor"] = "y2"
    base["yaxis2"] = base["yaxis"] | {"title": axis(y[1])["title"], "domain": [0.0, 0.45]}
    base["yaxis"] = base["yaxis"] | {"domain": [0.55, 1.0]}
    return base
