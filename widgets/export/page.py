"""Charts as one self-contained web page that works offline and zooms: it holds plotly's script and all data."""

import functools
import html
import json
from collections.abc import Sequence
from typing import NamedTuple

from widgets.charts.style import Figure
from widgets.export.slide import HEIGHT, WIDTH
from widgets.export.themes import Theme
from widgets.figure.plotly_js import plotly_path
from widgets.figure.wire import to_json


class Part(NamedTuple):
    """A chart of the page: its slide figure, its accessible name, and a text below it (may be empty)."""

    figure: Figure
    label: str
    words: str = ""


def web_page(title: str, parts: Sequence[Part], theme: Theme, words: str = "") -> bytes:
    """Return an HTML file of ``parts``, one under the other; if there are ``words``, ``title`` and they come first."""
    head = f"<header><h1>{html.escape(title)}</h1>{_paragraphs(words)}</header>" if words else ""
    charts = "".join(
        f'<section><div class="chart" role="figure" aria-label="{html.escape(part.label)}"></div>'
        f"{_paragraphs(part.words)}</section>"
        for part in parts
    )
    figures = []
    for part in parts:
        layout = {key: value for key, value in part.figure["layout"].items() if key not in ("width", "height")}
        figures.append({"data": part.figure["data"], "layout": layout | {"autosize": True}})
    # Inside of a script "</script" would end it, and "<!--<script" would hide its end.
    data = json.dumps(to_json(figures), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return "".join(
        (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>',
            f'<meta name="viewport" content="width={WIDTH + 40}">',
            f"<style>{_STYLE.format(theme=theme, width=WIDTH, height=HEIGHT)}</style></head>",
            f"<body>{head}<main>{charts}</main>\n<script>{_script()}</script>\n",
            f"<script>const figures = {data};{_DRAW}</script></body></html>\n",
        )
    ).encode()


@functools.cache
def _script() -> str:
    return plotly_path().read_text("utf-8")


def _paragraphs(words: str) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in words.splitlines() if line)


_STYLE = """
body {{ margin: 0; background: {theme.background}; color: {theme.text}; font: 17px/1.5 Arial, Helvetica, sans-serif; }}
header, section {{ width: max({width}px, min(100vw, 100vh * {width} / {height})); margin: 0 auto 24px; }}
header, section p {{ box-sizing: border-box; padding: 0 24px; }}
h1 {{ margin: 24px 0 8px; }}
p {{ margin: 4px 0; max-width: 60em; }}
section p {{ color: {theme.secondary}; font-size: 15px; }}
.chart {{ aspect-ratio: {width} / {height}; }}
"""
_DRAW = """
document.querySelectorAll(".chart").forEach((div, i) => Plotly.newPlot(div, figures[i].data, figures[i].layout, {
  responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "",
}));
"""
