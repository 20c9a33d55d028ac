"""How a slide looks: its ground, its text, and what becomes of the charts' colours on it."""

from dataclasses import dataclass, field

from widgets.charts.style import COLOURS

FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"


@dataclass(frozen=True)
class Theme:
    """A slide's colours, each as #RRGGBB.

    Attributes:
        label: in the menu.
        ground, text, quiet, grid: behind everything, of words, of the caption, of the lines behind a chart.
        colours: in place of ``COLOURS``, in their order.
    """

    label: str
    ground: str
    text: str
    quiet: str
    grid: str
    colours: tuple[str, ...] = field(default=COLOURS)

    @property
    def exchanged(self) -> dict[str, str]:
        """A chart's colour -> the slide's; both kinds are #RRGGBB in capitals."""
        return dict(zip(COLOURS, self.colours, strict=True))


THEMES = {
    "light": Theme("light", "#FFFFFF", "#1A1A1A", "#595959", "#E2E2E2"),
    "dark": Theme(
        "dark", "#14171C", "#F2F4F7", "#B4BAC2", "#333942",
        ("#56B4E9", "#F5893D", "#2CC99A", "#E5A3C8", "#E6B450", "#B3A9E6", "#A6A6A6", "#9AD0EE"),
    ),
    "print": Theme(
        "for print", "#FFFFFF", "#000000", "#333333", "#D0D0D0",
        ("#003A5C", "#DE7A1C", "#006B4F", "#B0609A", "#5E4300", "#7F74B8", "#707070", "#3E97C9"),
    ),
}  # fmt: skip
"""Name -> theme. On dark ground the colours are lighter, 6:1 or more; for print they are as far apart in grey as paper
allows at 3:1. Every chart tells its lines and bars by dash, marker or pattern, too."""
