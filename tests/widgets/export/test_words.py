"""Titles and words of decks: those of the dashboards and of the page's sections, without markup."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import widgets
from lab.kept import Library
from widgets.export.section_words import Words
from widgets.export.slide import plain_text
from widgets.panel.panel import Panel

DASHBOARDS = Path(__file__).parents[3] / "dashboards"


class SomethingNewPanel(Panel):
    NOTICE = "What is new?"


def test_without_a_title_a_panel_is_called_by_its_class() -> None:
    panel = SomethingNewPanel()
    assert panel.saver.words == ("Something New", "What is new?")
    panel.close()


def titled() -> list[type[Panel]]:
    return [made for name in widgets.__all__ if (made := getattr(widgets, name)).TITLE]


@pytest.mark.parametrize("panel", titled())
def test_a_panels_title_is_its_dashboards_heading_and_its_notice_asks(panel: type[Panel]) -> None:
    headings = []
    for path in DASHBOARDS.glob("*.ipynb"):
        heading = ""
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            text = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                heading = text.splitlines()[0].lstrip("# ")
            elif f"import {panel.__name__}\n" in text:
                headings.append(heading)
    assert headings == [panel.TITLE]
    assert panel.NOTICE.endswith("?") and plain_text(panel.NOTICE) == panel.NOTICE


def in_sections(widget: Any, words: Words | None = None) -> Iterator[tuple[Any, Words]]:
    """Every widget under a heading of the page, with that heading and its help."""
    children = getattr(widget, "children", ())
    if "lab-section" in getattr(widget, "_dom_classes", ()):
        section = re.fullmatch(r"<h2>(.*)</h2>(?:<p>(.*)</p>)?", getattr(children[0], "value", ""), re.DOTALL)
        words = Words(plain_text(section[1]), plain_text(section[2] or "")) if section else words
    if words:
        yield widget, words
    for child in children:
        yield from in_sections(child, words)


# A challenge has no chart; an experiment's charts have the sentence above each as their words (its own test).
IN_SECTIONS = [name for name in widgets.__all__ if name not in ("ChallengePanel", "ExperimentPanel")]


@pytest.mark.parametrize("name", IN_SECTIONS)
def test_a_charts_words_are_those_of_its_section_on_the_page(name: str, tmp_path: Path) -> None:
    panel = widgets.KeptRunsPanel(Library(tmp_path)) if name == "KeptRunsPanel" else getattr(widgets, name)()
    shown = dict(in_sections(panel))
    wanted = {name: shown[figure] for name, figure in panel.figures.items() if figure in shown}
    assert wanted and {name: panel.chart_words()[name] for name in wanted} == wanted
    panel.close()
