"""What a panel and its charts are called in decks, pages and speaker notes, as plain text."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from widgets.export.slide import plain_text


class Words(NamedTuple):
    """A title, and what to look at (may be empty)."""

    title: str
    notice: str

    @classmethod
    def of_section(cls, title: str, help: str) -> Self:
        """Return a section's heading and help, which are markup, as plain text."""
        return cls(plain_text(title), plain_text(help))


def words_on_page(panel: Any) -> dict[str, Words]:
    """Return chart -> heading and help of the section of ``panel``'s page that it stands in.

    Only for panels that do not name these words themselves.
    """
    names = {figure: name for name, figure in panel.figures.items()}
    return {names[widget]: words for widget, words in _in_sections(panel, None) if widget in names}


def _in_sections(widget: Any, words: Words | None) -> Iterator[tuple[Any, Words]]:
    if "lab-section" in getattr(widget, "_dom_classes", ()):
        heading, _, help_ = widget.children[0].value.partition("</h2>")
        words = Words.of_section(heading, help_)
    if words:
        yield widget, words
    for child in getattr(widget, "children", ()):
        yield from _in_sections(child, words)
