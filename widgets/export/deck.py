"""All charts of a panel in one file: PowerPoint with speaker notes, a web page, or a ZIP of pictures and data."""

import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lab.kept.run import writable
from widgets.export.chart_file import ChartFile
from widgets.export.page import Part, web_page
from widgets.export.provenance import caption, listing
from widgets.export.section_words import Words
from widgets.export.slide import CAPTION, TITLE
from widgets.export.themes import THEMES, Theme

WIDTH, HEIGHT = 13.333, 7.5
"""Inches: PowerPoint's own 16:9."""

Progress = Callable[[int], None]
"""Called with the number of charts that are done."""


class Slide(NamedTuple):
    """A chart's slide.

    Attributes:
        title: title in the outline; on the slide it is part of the picture.
        label: the picture's alternative text, for screen readers.
        picture: a PNG.
        notes: speaker notes.
    """

    title: str
    label: str
    picture: bytes
    notes: str


def write_deck(suffix: str, charts: Sequence[ChartFile], words: Words, progress: Progress, *, notes: str = "") -> bytes:
    """Return all charts as the bytes of one file.

    Args:
        suffix: a key of DECKS.
        charts: at least one; its settings and theme are the deck's.
        words: the panel's title and notice.
        progress: called before each chart.
        notes: what the speaker may say of all of it.

    Raises:
        ExportError: for pictures, if there is no browser to draw them.
    """
    settings, theme = charts[0].settings, THEMES[charts[0].theme]
    if suffix == "html":
        parts = [Part(chart.slide, chart.label, chart.words.notice) for chart in charts]
        return web_page(words.title, parts, theme, "\n".join(filter(None, (words.notice, notes, caption(settings)))))
    pictures = []
    for done, chart in enumerate(charts):
        progress(done)
        pictures.append(chart.content("png"))
    if suffix == "zip":
        return _zip(charts, pictures)
    slides = [
        Slide(chart.title, chart.label, picture, chart.notes) for chart, picture in zip(charts, pictures, strict=True)
    ]
    *lines, made_by, day = listing(settings).splitlines()
    below = [" · ".join(lines), f"{made_by} · {day}"]
    spoken = "\n\n".join(part for part in (words.notice, notes, listing(settings)) if part)
    return _pptx(words.title, [line for line in below if line], spoken, slides, theme)


def _zip(charts: Sequence[ChartFile], pictures: Sequence[bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for chart, picture in zip(charts, pictures, strict=True):
            archive.writestr(f"{chart.name}.png", picture)
            archive.writestr(f"{chart.name}.csv", chart.content("csv"))
    return file.getvalue()


def _pptx(title: str, lines: Sequence[str], notes: str, slides: Sequence[Slide], theme: Theme) -> bytes:
    """Return a PowerPoint file: ``title`` over ``lines`` on the first slide, then ``slides``, edge to edge."""
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(WIDTH), Inches(HEIGHT)
    deck.core_properties.title = writable(title)
    _add_title_slide(deck, title, lines, notes, theme)
    for slide in slides:
        made = _add_slide(deck, theme)
        made.shapes.title.text = writable(
            slide.title
        )  # the outline and screen readers find it; the picture lies over it
        _place(made.shapes.title, 0.4, 0.2, 12.5, 0.8)
        picture = made.shapes.add_picture(
            io.BytesIO(slide.picture), 0, 0, width=deck.slide_width, height=deck.slide_height
        )
        picture._element.nvPicPr.cNvPr.set("descr", writable(slide.label))
        made.notes_slide.notes_text_frame.text = writable(slide.notes)
    file = io.BytesIO()
    deck.save(file)
    return file.getvalue()


def _add_title_slide(deck: Any, title: str, lines: Sequence[str], notes: str, theme: Theme) -> None:
    slide = _add_slide(deck, theme)
    _place(slide.shapes.title, 0.9, 1.6, 11.5, 1.6)
    _write(slide.shapes.title.text_frame, [title], 2 * TITLE - 8, theme.text)
    box = slide.shapes.add_textbox(*_inches(0.9, 3.4, 11.5, 3.4))
    _write(box.text_frame, lines, CAPTION + 9, theme.secondary)
    slide.notes_slide.notes_text_frame.text = writable(notes)


def _add_slide(deck: Any, theme: Theme) -> Any:
    title_only = 5
    slide = deck.slides.add_slide(deck.slide_layouts[title_only])
    fill = slide.background.fill
    fill.solid()
    fill.fore_color.rgb = _rgb(theme.background)
    return slide


def _write(frame: Any, lines: Sequence[str], points: int, colour: str) -> None:
    """Write ``lines`` as paragraphs of ``points`` pt."""
    from pptx.enum.text import PP_ALIGN
    from pptx.util import Pt

    frame.word_wrap = True
    for i, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if i == 0 else frame.add_paragraph()
        paragraph.text, paragraph.alignment = writable(line), PP_ALIGN.LEFT
        paragraph.font.size, paragraph.font.color.rgb = Pt(points), _rgb(colour)


def _place(shape: Any, *box: float) -> None:
    """Put ``shape`` at left, top, width, height (inches)."""
    shape.left, shape.top, shape.width, shape.height = _inches(*box)


def _inches(*lengths: float) -> list[Any]:
    from pptx.util import Inches

    inch: Callable[[float], Any] = Inches
    return [inch(length) for length in lengths]


def _rgb(colour: str) -> Any:
    """Return #RRGGBB as a python-pptx colour."""
    from pptx.dml.color import RGBColor

    colour_of: Callable[..., Any] = RGBColor
    return colour_of(*bytes.fromhex(colour[1:]))
