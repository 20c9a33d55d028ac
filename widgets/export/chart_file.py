"""One chart of a panel as a file in any format, with the settings that it was made with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from widgets.charts.style import Figure
from widgets.export.page import Part, web_page
from widgets.export.pictures import RENDERER
from widgets.export.provenance import Settings, caption, listing, versions
from widgets.export.section_words import Words
from widgets.export.slide import plain_text, slide
from widgets.export.table import Table, as_csv, as_json, as_xlsx
from widgets.export.themes import THEMES

FORMATS = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "html": "text/html",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
"""Formats of one chart: suffix -> media type."""

DECKS = {
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "html": "text/html",
    "zip": "application/zip",
}
"""Formats of all charts of a panel in one file: suffix -> media type."""


@dataclass(frozen=True)
class ChartFile:
    """A snapshot of a chart, ready to be written.

    Attributes:
        name: file name without suffix.
        label: the chart's accessible name.
        chart: the figure as on the page.
        read: returns the chart's data; called in the thread that writes.
        settings: settings that the chart was made with.
        words: heading and help of its section.
        theme: a key of THEMES.
    """

    name: str
    label: str
    chart: Figure
    read: Callable[[], Table]
    settings: Settings
    words: Words
    theme: str

    @property
    def title(self) -> str:
        """The chart's title; the section's if it has none, else the label."""
        title = self.chart["layout"].get("title") or ""
        text = title.get("text", "") if isinstance(title, dict) else str(title)
        return plain_text(text) or self.words.title or self.label

    @property
    def empty(self) -> bool:
        """True if no trace has a value."""
        return not any(
            np.size(trace.get(axis) if trace.get(axis) is not None else ())
            for trace in self.chart["data"]
            for axis in "yz"
        )

    @cached_property
    def slide(self) -> Figure:
        """The figure that pictures and web pages show."""
        return slide(self.chart, THEMES[self.theme], caption(self.settings))

    @property
    def notes(self) -> str:
        """Speaker notes: the section's heading and help, then all settings that the chart was made with."""
        words = ": ".join(part for part in self.words if part)
        return "\n\n".join(part for part in (words, listing(self.settings)) if part)

    def content(self, suffix: str) -> bytes:
        """Return the file's bytes; ``suffix`` is a key of FORMATS.

        Raises:
            ExportError: for a picture, if there is no browser to draw it.
        """
        if suffix == "csv":
            return as_csv(self.read())
        named = {"chart": self.name, "title": self.title}
        if suffix == "xlsx":
            return as_xlsx(self.read(), {**named, **self.settings, **versions(), "date": date.today().isoformat()})
        if suffix == "json":
            made_with = {"settings": self.settings, "versions": versions(), "date": date.today().isoformat()}
            return as_json(self.read(), {**named, **made_with})
        if suffix == "html":
            return web_page(self.title, [Part(self.slide, self.label)], THEMES[self.theme])
        return RENDERER.render(self.slide, suffix)
