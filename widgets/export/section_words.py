"""What the page itself says of a panel and of each of its charts, for a deck's title and speaker notes."""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from widgets.export.slide import plain_text

DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards"


class Words(NamedTuple):
    """A title, and what to notice."""

    title: str
    notice: str


@functools.cache
def panel_words(panel: str) -> Words:
    """The heading and the prose above the line that makes ``panel``, a class's name, in a dashboard; else that name."""
    line = f"import {panel}\n"
    for path in sorted(DASHBOARDS.glob("*.ipynb")):
        prose = ""
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            text = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                prose = text
            elif line in text:
                return _read(prose)
    return Words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", panel.removesuffix("Panel")), "")


def chart_words(panel: Any) -> dict[Any, Words]:
    """Figure -> heading and help of the section that it stands in, for every figure in a section."""
    return dict(_under(panel, None))


def _under(widget: Any, words: Words | None) -> Iterator[tuple[Any, Words]]:
    if "lab-section" in getattr(widget, "_dom_classes", ()):
        heading, _, help_ = widget.children[0].value.partition("</h2>")
        words = Words(plain_text(heading), plain_text(help_))
    if words:
        yield widget, words
    for child in getattr(widget, "children", ()):
        yield from _under(child, words)


def _read(markdown: str) -> Words:
    """The first heading, and what follows it, without marks; a line of links only leads elsewhere."""
    lines = [line for line in markdown.splitlines() if not re.fullmatch(r"(\[[^]]*\]\([^)]*\)[ ·]*)+", line)]
    headings = [line for line in lines if line.startswith("#")]
    prose = " ".join(line for line in lines if line and line not in headings)
    return Words(headings[0].lstrip("# ") if headings else "", re.sub(r"\*\*|`|\[([^]]*)\]\([^)]*\)", r"\1", prose))
