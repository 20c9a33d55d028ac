"""Slides: the page's chart in a slide's size and a theme's colours, nothing lost of it."""

import copy
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from lab.config import DEFAULTS
from lab.record import Record
from widgets.charts import PICTURES, loss, outputs
from widgets.charts.style import COLOURS, Figure
from widgets.export import provenance
from widgets.export.slide import CAPTION, HEIGHT, SEPARATOR, WIDTH, as_seen, slide
from widgets.export.themes import THEMES
from widgets.figure.wire import same
from widgets.run.figures import CHARTS

GREY = "#888888"
each_theme = pytest.mark.parametrize("theme", THEMES)


def figures(record: Record) -> dict[str, Figure]:
    """Every chart of the training lab."""
    over_the_run = {name: chart(record, _view()) for name, (chart, _) in CHARTS.items()}
    return over_the_run | {which: outputs(record, which) for which in PICTURES}


def _view() -> Any:
    from widgets.charts import View

    return View()


def walk(value: Any, key: str = "", parent: str = "") -> Iterator[tuple[str, str, Any]]:
    """Parent, key and value of everything in a figure that is no array."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from walk(item, name, key)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, key, parent)
    else:
        yield parent, key, value


def luminance(colour: str) -> float:
    linear = [((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in np.array(list(_bytes(colour))) / 255]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def _bytes(colour: str) -> bytes:
    return bytes.fromhex(colour.removeprefix("#"))


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@each_theme
def test_every_chart_as_a_slide(record: Record, theme: str) -> None:
    own = set(THEMES[theme].colours)
    for name, figure in figures(record).items():
        before = copy.deepcopy(figure)
        made = slide(figure, THEMES[theme], "lr 0.9 · seed 3")
        assert same(figure, before), f"{name} was changed"
        go.Figure(made)  # refuses what plotly does not know
        layout = made["layout"]
        assert (layout["width"], layout["height"]) == (WIDTH, HEIGHT) == (960, 540)
        assert layout["title"]["text"] == figure["layout"]["title"]["text"]
        for axis in ("xaxis", "yaxis"):
            assert layout[axis]["title"]["text"] == figure["layout"][axis]["title"]["text"]
            assert "fixedrange" not in layout[axis]
        assert [trace.get("name") for trace in made["data"]] == [trace.get("name") for trace in figure["data"]]
        for trace, old in zip(made["data"], figure["data"], strict=True):
            assert same(trace.get("y"), old.get("y")) and same(trace.get("z"), old.get("z"))
        assert layout["annotations"][-1]["text"] == "lr 0.9 · seed 3"
        assert len(layout["annotations"]) == 1 + len(figure["layout"].get("annotations", []))
        sizes = [value for parent, key, value in walk(made) if "font" in parent and key == "size"]
        assert min(sizes) == CAPTION and sorted(sizes)[1] >= 15, name
        widths = [trace["line"]["width"] for trace in made["data"] if "line" in trace]
        assert min(widths, default=3) >= 1.5
        for parent, key, value in walk(made["data"]):
            if key == "color" and parent in ("line", "marker"):
                assert value in own, f"{name}: {value} is no colour of the theme"


def test_lines_and_bars_are_told_apart_without_colour(record: Record) -> None:
    for name, figure in figures(record).items():
        signs = []
        for trace in slide(figure, THEMES["print"], "")["data"]:
            if trace["type"] != "heatmap":
                style = trace.get("line", {}), trace.get("marker", {})
                sign = trace.get("mode", "bar"), style[0].get("dash"), style[0].get("width")
                signs.append((trace.get("yaxis"), *sign, style[1].get("symbol"), str(style[1].get("pattern"))))
        assert len(set(signs)) == len(signs), f"{name}: {signs}"


@each_theme
def test_contrasts(theme: str) -> None:
    made = THEMES[theme]
    assert len(made.colours) == len(COLOURS) == len(set(made.colours))
    assert contrast(made.text, made.background) >= 12 and contrast(made.secondary, made.background) >= 5
    least = {"dark": 6, "print": 3, "light": 3}[theme]
    drawn = made.colours[:7]
    assert min(contrast(colour, made.background) for colour in drawn) >= least
    if theme == "print":
        greys = sorted(luminance(colour) + 0.05 for colour in made.colours[:4])
        assert min(b / a for a, b in pairwise(greys)) > 1.35


def test_faint_colours_are_exchanged_too() -> None:
    blue = ",".join(map(str, _bytes(COLOURS[0])))
    figure = {"data": [{"type": "scatter", "fillcolor": f"rgba({blue},0.25)"}], "layout": {}}
    dark = THEMES["dark"]
    wanted = ",".join(map(str, _bytes(dark.colours[0])))
    assert slide(figure, dark, "")["data"][0]["fillcolor"] == f"rgba({wanted},0.25)"


def test_there_is_room_for_the_legend_the_ticks_and_the_caption() -> None:
    def margin(layout: dict[str, Any], names: list[str] | None = None, caption: str = "", **trace: Any) -> Any:
        data = [{"type": "scatter", "name": name, **trace} for name in names or ["a"]]
        return slide({"data": data, "layout": layout}, THEMES["light"], caption)["layout"]["margin"]

    plain = margin({})
    assert margin({}, ["a long name of a line"] * 6)["t"] > plain["t"] == margin({}, ["a", "b", "c"])["t"]
    assert margin({"showlegend": False})["t"] < plain["t"]
    assert margin({"yaxis": {"ticktext": ["ten thousand times"]}})["l"] > plain["l"]
    assert margin({}, caption=SEPARATOR.join(["a setting of a run"] * 12))["b"] > plain["b"]
    assert margin({}, type="bar", x=["one<br>two", "three"])["b"] > plain["b"]
    above = {"text": "said", "yref": "paper", "y": 1, "yanchor": "bottom", "yshift": 18}
    assert margin({"annotations": [above]})["t"] >= plain["t"] + 18 * 1.5 + 16


def test_the_captions_parts_are_not_broken() -> None:
    parts = [f"Learning rate {i}" for i in range(20)]
    text = slide({"data": [], "layout": {}}, THEMES["light"], SEPARATOR.join(parts))["layout"]["annotations"][-1][
        "text"
    ]
    lines = text.split("<br>")
    assert [part for line in lines for part in line.split(SEPARATOR)] == parts
    assert max(map(len, lines)) <= 152 and min(map(len, lines)) > 0.5 * max(map(len, lines))
    escaped = slide({"data": [], "layout": {}}, THEMES["light"], "a <b> c")["layout"]["annotations"][-1]["text"]
    assert escaped == "a &lt;b&gt; c"


def test_words_are_read_on_a_picture_and_hide_no_line(record: Record) -> None:
    def grounds(name: str) -> set[Any]:
        notes = slide(figures(record)[name], THEMES["print"], "")["layout"]["annotations"]
        return {note.get("bgcolor") for note in notes if note.get("textangle")}

    assert grounds("histogram") == {"#FFFFFF"} and grounds("loss") == {None}


def test_as_a_reader_has_zoomed_it(record: Record) -> None:
    seen = as_seen(loss(record), {"xaxis": (3, 9), "nonsense": (1, 2)}, {0})
    assert seen["layout"]["xaxis"]["range"] == [3, 9] and "nonsense" not in seen["layout"]
    assert seen["layout"]["xaxis"]["title"] == loss(record)["layout"]["xaxis"]["title"]
    assert [trace.get("visible", True) for trace in seen["data"]] == [False, True, True]
    assert "range" not in loss(record)["layout"]["xaxis"]


def test_captions_name_what_a_run_is_judged_by_what_was_changed_and_the_versions() -> None:
    config = DEFAULTS.replace(lr=0.9, norm="none", seed=7, weight_decay=1e-5)
    settings = provenance.config_settings(config, "CPU, 2 threads")
    assert settings == {
        "Learning rate": "0.9",
        "Batch size": "64",
        "Epochs": "3",
        "Norm type": "None",
        "Leaky slope": "0",
        "Init": "Kaiming normal",
        "Seed": "7",
        "Weight decay": "0.00001",
        "Device": "CPU, 2 threads",
    }
    line = provenance.caption(settings)
    assert line.startswith("Learning rate 0.9 · Batch size 64 · Epochs 3 · Norm type None · ")
    assert re.search(
        r"Seed 7 · Weight decay 0.00001 · Device CPU, 2 threads · lab \d.* · torch \d.* · \d{4}-\d\d-\d\d$", line
    )
    assert provenance.config_settings(DEFAULTS)["Device"] == "Auto"
