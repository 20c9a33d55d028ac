"""Turn a chart of the page into a slide: 16:9, large type, a theme's colours, and a caption."""

import html
import re
from collections.abc import Collection, Mapping
from typing import Any

from widgets.charts.style import Figure
from widgets.export.far_points import leave_out_far_points
from widgets.export.themes import FONT, Theme

WIDTH, HEIGHT = 960, 540
"""Slide size in CSS pixels, equal to points on a 13.33 x 7.5 inch slide: a font of 18 px is 18 pt there."""

SCALE = 2
"""Pixels of a PNG per CSS pixel: 1920 x 1080."""

ENLARGED = 1.5
"""Enlargement of a chart's fonts, lines, markers and shifts relative to the page."""

TITLE, AXIS, TICK, LEGEND, CAPTION = 28, 18, 16, 16, 13
"""Font sizes (px)."""

SEPARATOR = " · "
"""Separator of a caption's parts; a line breaks only there."""

_EDGE = 24
_RIGHT, _LEFT_ON_PAGE = 36, 64
_TITLE_END = 64
_LEGEND_ROW, _CAPTION_ROW, _TICK_ROW = 25, 17, 21
_LETTER = 0.53  # a letter's width, as a share of the font's size
_LINE = 152  # characters of the caption in a line, at most
_ENLARGE = {"font": "size", "textfont": "size", "marker": "size", "line": "width", "colorbar": "thickness"}


def slide(figure: Figure, theme: Theme, caption: str) -> Figure:
    """Return a copy of ``figure`` restyled as a slide.

    Title, axes, legend, marks and notes stay; sizes and colours become the slide's.
    """
    made: Figure = _restyle(figure, theme.colour_map)
    layout: dict[str, Any] = made["layout"]
    leave_out_far_points(made)
    for key in ("autosize", "dragmode", "uirevision"):
        layout.pop(key, None)
    lines = _break_lines(caption)
    notes = layout.get("annotations") or []
    rows = _legend_rows(made)
    top = _TITLE_END + _LEGEND_ROW * rows + max(map(_height_above_plot, notes), default=0) + 10
    bottom = 70 + _TICK_ROW * _line_breaks(made) + _CAPTION_ROW * len(lines) + _EDGE // 2
    left = _left_margin(layout)
    over_colours = any(trace.get("type") == "heatmap" for trace in made["data"])
    for note in notes:
        if "xshift" in note:
            note["xshift"] *= left / _LEFT_ON_PAGE / ENLARGED
        if note.get("textangle") and over_colours:  # along a line in the plot
            note["bgcolor"], note["opacity"] = theme.background, 0.85
    for key in [key for key in layout if re.fullmatch(r"[xy]axis\d*", key)]:
        _allow_zoom(layout[key])
    layout |= {
        "width": WIDTH,
        "height": HEIGHT,
        "margin": {"l": left, "r": _RIGHT, "t": top, "b": bottom},
        "title": _title(layout.get("title")),
        "legend": {
            "orientation": "h", "xref": "container", "x": _EDGE / WIDTH, "xanchor": "left",
            "yref": "container", "y": 1 - _TITLE_END / HEIGHT, "yanchor": "top",
        },
        "annotations": [*notes, _caption(lines, theme, left, bottom)],
        "template": _template(theme),
        "paper_bgcolor": theme.background,
        "plot_bgcolor": theme.background,
    }  # fmt: skip
    return made


def as_seen(figure: Figure, ranges: Mapping[str, Any], hidden: Collection[int]) -> Figure:
    """Return ``figure`` at a reader's zoom: axes over ``ranges``, ``hidden`` traces left out.

    Args:
        ranges: axis ("xaxis", "yaxis2") -> its two ends.
        hidden: indices of traces.
    """
    layout = dict(figure["layout"])
    for axis, ends in ranges.items():
        if re.fullmatch(r"[xy]axis\d*", axis) and len(ends) == 2:
            layout[axis] = {**layout.get(axis, {}), "range": list(ends), "autorange": False}
    data = [{**trace, "visible": False} if i in hidden else trace for i, trace in enumerate(figure["data"])]
    return {"data": data, "layout": layout}


def plain_text(markup: str) -> str:
    """Return markup without its tags; the end of a line or paragraph becomes a space."""
    text = re.sub(r"<[^>]+>", "", re.sub(r"<(br|/p|/h\d|/div|/li)\b[^>]*>", " ", markup))
    return re.sub(r"\s+", " ", html.unescape(text)).strip()


def _restyle(value: Any, colours: Mapping[str, str], key: str = "", parent: str = "") -> Any:
    """Return a copy with sizes enlarged and colours replaced: ``colours`` is old -> new."""
    if isinstance(value, dict):
        return {name: _restyle(item, colours, name, key) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_restyle(item, colours, key, parent) for item in value]
    if isinstance(value, str):
        return _recolour(value, colours)
    enlarge = _ENLARGE.get(parent) == key or key in ("xshift", "yshift")
    return value * ENLARGED if enlarge and isinstance(value, int | float) else value


def _recolour(text: str, colours: Mapping[str, str]) -> str:
    if text.upper() in colours:
        return colours[text.upper()]
    faint = re.fullmatch(r"rgba\((\d+), ?(\d+), ?(\d+), ?([\d.]+)\)", text)
    if not faint:
        return text
    colour = "#" + "".join(f"{int(part):02X}" for part in faint.groups()[:3])
    red, green, blue = (int(colours.get(colour, colour)[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{faint[4]})"


def _allow_zoom(axis: dict[str, Any]) -> None:
    """Enable zoom in a saved web page, even where the panel disables it because points are dragged."""
    axis.pop("fixedrange", None)
    title = axis.get("title")
    if isinstance(title, dict):
        title["standoff"] = 10


def _title(title: Any) -> dict[str, Any]:
    text = title.get("text", "") if isinstance(title, dict) else str(title or "")
    return {
        "text": text, "font": {"size": TITLE}, "x": 0, "xref": "container", "xanchor": "left",
        "y": 1, "yref": "container", "yanchor": "top", "pad": {"l": _EDGE, "t": 20},
    }  # fmt: skip


def _left_margin(layout: Mapping[str, Any]) -> float:
    """Return the left margin (px), with room for numbers of six characters or for the y-axes' named ticks."""
    named = [text for key, axis in layout.items() if key.startswith("yaxis") for text in axis.get("ticktext") or ()]
    return _EDGE + 2.2 * AXIS + _LETTER * TICK * max(6, *(len(plain_text(str(text))) for text in named), 0)


def _line_breaks(figure: Figure) -> int:
    """Count the line breaks in the longest name below a bar."""
    bars = [trace.get("x") for trace in figure["data"] if trace.get("type") == "bar"]
    return max((str(name).count("<br>") for names in bars if names is not None for name in names), default=0)


def _legend_rows(figure: Figure) -> int:
    """Count the legend's rows: plotly wraps a long one into columns as wide as its longest name."""
    if not figure["layout"].get("showlegend", True):
        return 0
    shown = [trace for trace in figure["data"] if trace.get("type") != "heatmap" and trace.get("visible", True)]
    named = [trace.get("name", "") for trace in shown if trace.get("showlegend", True)]
    named += [shape.get("name", "") for shape in figure["layout"].get("shapes") or [] if shape.get("showlegend")]
    widths = [50 + _LETTER * LEGEND * len(plain_text(name)) for name in named]
    room = WIDTH - 2 * _EDGE
    if sum(widths) <= room:
        return 1 if named else 0
    return -(-len(named) // max(1, int(room // max(widths))))


def _height_above_plot(note: Mapping[str, Any]) -> float:
    """Return how far a note reaches above the plot (px)."""
    if note.get("yref") != "paper" or note.get("y") != 1 or note.get("yanchor") != "bottom":
        return 0
    return float(note.get("yshift", 0)) + 1.5 * float(note.get("font", {}).get("size", TICK))


def _break_lines(caption: str) -> list[str]:
    """Return the caption's parts wrapped into the fewest lines, about equally long."""
    parts = caption.split(SEPARATOR)
    lines: list[str] = []
    most = _LINE
    for _ in range(2):  # once to count the lines, and again with them evenly filled
        lines = [""]
        for part in parts:
            longer = SEPARATOR.join(filter(None, (lines[-1], part)))
            if lines[-1] and len(longer) > most:
                lines.append(part)
            else:
                lines[-1] = longer
        most = min(_LINE, len(caption) // len(lines) + 20)
    return [line[:_LINE] for line in lines]


def _caption(lines: list[str], theme: Theme, left: float, bottom: float) -> dict[str, Any]:
    return {
        "text": "<br>".join(html.escape(line, quote=False) for line in lines), "showarrow": False, "align": "left",
        "font": {"size": CAPTION, "color": theme.secondary}, "name": "caption",
        "xref": "paper", "x": 0, "xanchor": "left", "xshift": _EDGE - left,
        "yref": "paper", "y": 0, "yanchor": "bottom", "yshift": _EDGE // 2 - bottom,
    }  # fmt: skip


def _template(theme: Theme) -> dict[str, Any]:
    axis = {
        "gridcolor": theme.grid, "zerolinecolor": theme.secondary, "linecolor": theme.secondary,
        "tickcolor": theme.secondary, "showline": True, "ticks": "outside", "tickfont": {"size": TICK},
        "title": {"font": {"size": AXIS}}, "zeroline": False,
    }  # fmt: skip
    bar = {"tickfont": {"size": TICK}, "title": {"font": {"size": TICK}}}
    return {
        "data": {"heatmap": [{"colorbar": bar}]},
        "layout": {
            "font": {"color": theme.text, "family": FONT, "size": TICK},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"bgcolor": "rgba(0,0,0,0)", "font": {"size": LEGEND}},
            "hoverlabel": {"font": {"size": TICK, "family": FONT}},
            "annotationdefaults": {"font": {"color": theme.text, "size": TICK}, "arrowcolor": theme.secondary},
            "shapedefaults": {"line": {"color": theme.secondary}},
        },
    }
