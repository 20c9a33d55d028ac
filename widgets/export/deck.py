"""A panel's charts as a PowerPoint file: a title slide, then one chart a slide, with speaker notes."""

import io
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from widgets.export.slide import CAPTION, TITLE
from widgets.export.themes import Theme

WIDTH, HEIGHT = 13.333, 7.5
"""Inches: PowerPoint's own 16:9."""


class Slide(NamedTuple):
    """A chart's slide.

    Attributes:
        title: for the outline; on the slide it is in the picture.
        label: what a screen reader says of the picture.
        picture: a PNG.
        notes: for the speaker.
    """

    title: str
    label: str
    picture: bytes
    notes: str


def pptx(title: str, lines: Sequence[str], notes: str, slides: Sequence[Slide], theme: Theme) -> bytes:
    """The file: ``title`` over ``lines`` on the first slide, then ``slides``, edge to edge."""
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(WIDTH), Inches(HEIGHT)
    deck.core_properties.title = title
    _title_slide(deck, title, lines, notes, theme)
    for slide in slides:
        made = _new(deck, theme)
        made.shapes.title.text = slide.title  # the outline and screen readers find it; the picture lies over it
        _place(made.shapes.title, 0.4, 0.2, 12.5, 0.8)
        picture = made.shapes.add_picture(
            io.BytesIO(slide.picture), 0, 0, width=deck.slide_width, height=deck.slide_height
        )
        picture._element.nvPicPr.cNvPr.set("descr", slide.label)
        made.notes_slide.notes_text_frame.text = slide.notes
    file = io.BytesIO()
    deck.save(file)
    return file.getvalue()


def _title_slide(deck: Any, title: str, lines: Sequence[str], notes: str, theme: Theme) -> None:
    slide = _new(deck, theme)
    _place(slide.shapes.title, 0.9, 1.6, 11.5, 1.6)
    _write(slide.shapes.title.text_frame, [title], 2 * TITLE - 8, theme.text)
    box = slide.shapes.add_textbox(*_inches(0.9, 3.4, 11.5, 3.4))
    _write(box.text_frame, lines, CAPTION + 9, theme.quiet)
    slide.notes_slide.notes_text_frame.text = notes


def _new(deck: Any, theme: Theme) -> Any:
    title_only = 5
    slide = deck.slides.add_slide(deck.slide_layouts[title_only])
    fill = slide.background.fill
    fill.solid()
    fill.fore_color.rgb = _rgb(theme.ground)
    return slide


def _write(frame: Any, lines: Sequence[str], points: int, colour: str) -> None:
    from pptx.enum.text import PP_ALIGN
    from pptx.util import Pt

    frame.word_wrap = True
    for i, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if i == 0 else frame.add_paragraph()
        paragraph.text, paragraph.alignment = line, PP_ALIGN.LEFT
        paragraph.font.size, paragraph.font.color.rgb = Pt(points), _rgb(colour)


def _place(shape: Any, *at: float) -> None:
    shape.left, shape.top, shape.width, shape.height = _inches(*at)


def _inches(*at: float) -> list[Any]:
    from pptx.util import Inches

    inch: Callable[[float], Any] = Inches
    return [inch(part) for part in at]


def _rgb(colour: str) -> Any:
    from pptx.dml.color import RGBColor

    colour_of: Callable[..., Any] = RGBColor
    return colour_of(*bytes.fromhex(colour[1:]))
