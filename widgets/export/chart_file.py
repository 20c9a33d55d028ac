"""One chart, ready to be written in any format."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from widgets.charts.style import Figure
from widgets.export.page import Part, web_page
from widgets.export.pictures import STUDIO
from widgets.export.provenance import Settings, caption, listing, versions
from widgets.export.section_words import Words
from widgets.export.slide import plain_text, slide
from widgets.export.table import Table, as_csv, as_json
from widgets.export.themes import THEMES

FORMATS = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
}
"""Suffix -> media type, of what one chart can be written as."""

DECKS = {
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "html": "text/html",
    "zip": "application/zip",
}
"""The same of all charts of a panel."""


@dataclass(frozen=True)
class Sheet:
    """A chart as it was when it was asked for.

    Attributes:
        name: of its file.
        label: what a screen reader calls it.
        chart: the figure as on the page.
        read: gives its table; called from the thread that writes.
        settings: what it was made with.
        words: of the section that it stands in.
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
        """As on the page; the section's where the chart has none of its own."""
        title = self.chart["layout"].get("title") or ""
        text = title.get("text", "") if isinstance(title, dict) else str(title)
        return plain_text(text) or self.words.title or self.label

    @cached_property
    def slide(self) -> Figure:
        """The figure of every picture and web page."""
        return slide(self.chart, THEMES[self.theme], caption(self.settings))

    @property
    def notes(self) -> str:
        """For a speaker: what to notice, and everything that it was made with."""
        noticed = ": ".join(part for part in self.words if part)
        return "\n\n".join(part for part in (noticed, listing(self.settings)) if part)

    def write(self, suffix: str) -> bytes:
        """The file's content; ``suffix`` is a key of FORMATS.

        Raises:
            ExportError: for a picture, where there is no browser to draw it.
        """
        if suffix == "csv":
            return as_csv(self.read())
        if suffix == "json":
            made_with = {"settings": self.settings, "versions": versions(), "date": date.today().isoformat()}
            return as_json(self.read(), {"chart": self.name, "title": self.title, **made_with})
        if suffix == "html":
            return web_page(self.title, [Part(self.slide, self.label)], THEMES[self.theme])
        return STUDIO.draw(self.slide, suffix)
