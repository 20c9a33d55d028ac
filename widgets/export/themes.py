"""The colours of slides and saved pictures: light, dark, and for print."""

from dataclasses import dataclass, field

from widgets.charts.style import COLOURS

FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"


@dataclass(frozen=True)
class Theme:
    """A slide's colours, each as #RRGGBB.

    Attributes:
        label: label in the menu.
        background, text, grid: colours of the slide, of titles and axes, of the grid lines.
        secondary: colour of the caption and the axes' lines.
        colours: used in place of ``charts.style.COLOURS``, in their order.
    """

    label: str
    background: str
    text: str
    secondary: str
    grid: str
    colours: tuple[str, ...] = field(default=COLOURS)

    @property
    def colour_map(self) -> dict[str, str]:
        """Colour of a chart on the page -> its colour on the slide; both are #RRGGBB in capitals."""
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
"""Name -> theme. Contrast to the background: 6:1 or more on dark; 3:1 or more for print, where the colours are as far
apart in grey as that allows. Dashes, markers and patterns tell lines and bars apart without colour."""
