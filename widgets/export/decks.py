"""All charts of a panel in one file: slides, a web page, or an archive of pictures and data."""

import io
import zipfile
from collections.abc import Callable, Sequence

from widgets.export.chart_file import Sheet
from widgets.export.deck import Slide, pptx
from widgets.export.page import Part, web_page
from widgets.export.provenance import Settings, caption, listing
from widgets.export.section_words import Words
from widgets.export.themes import THEMES

Tell = Callable[[int], None]
"""Called with the number of charts done."""


def write_deck(suffix: str, sheets: Sequence[Sheet], words: Words, settings: Settings, theme: str, tell: Tell) -> bytes:
    """The file's content; ``suffix`` is a key of DECKS, ``words`` are the panel's.

    Raises:
        ExportError: for pictures, where there is no browser to draw them.
    """
    made_with = listing(settings)
    if suffix == "html":
        parts = [Part(sheet.slide, sheet.label, sheet.words.notice) for sheet in sheets]
        return web_page(words.title, parts, THEMES[theme], f"{words.notice}\n{caption(settings)}")
    pictures = []
    for done, sheet in enumerate(sheets):
        tell(done)
        pictures.append(sheet.write("png"))
    if suffix == "zip":
        return _zipped(sheets, pictures)
    slides = [
        Slide(sheet.title, sheet.label, picture, sheet.notes) for sheet, picture in zip(sheets, pictures, strict=True)
    ]
    *lines, made_by, day = made_with.splitlines()
    told = [" · ".join(lines), f"{made_by} · {day}"]
    notes = "\n\n".join(part for part in (words.notice, made_with) if part)
    return pptx(words.title, [line for line in told if line], notes, slides, THEMES[theme])


def _zipped(sheets: Sequence[Sheet], pictures: Sequence[bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for sheet, picture in zip(sheets, pictures, strict=True):
            archive.writestr(f"{sheet.name}.png", picture)
            archive.writestr(f"{sheet.name}.csv", sheet.write("csv"))
    return file.getvalue()
