"""Titles and notices of a panel and its charts for decks, pages and speaker notes, as plain text."""

from typing import NamedTuple, Self

from widgets.export.slide import plain_text


class Words(NamedTuple):
    """A title, and a notice of what to look at (may be empty)."""

    title: str
    notice: str

    @classmethod
    def of_section(cls, title: str, help: str) -> Self:
        """Return a section's heading and help, which are markup, as plain text."""
        return cls(plain_text(title), plain_text(help))
