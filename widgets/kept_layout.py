"""The kept runs' charts on the page, and the parts of it that come and go."""

from collections.abc import Mapping
from typing import Any

from widgets.layout import grid, section
from widgets.training_layout import SECTIONS


def run_sections(figures: Mapping[str, Any], menus: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The training lab's sections by the name of their first figure, with those of its menus that are here.

    Under the figures of some, by heading, there is ``more``.
    """
    return {
        shown[0]: section(
            title,
            menus=[menus[name] for name in with_menus if name in menus],
            parts=[grid(figures[name] for name in shown), *([more[title]] if title in more else [])],
        )
        for title, _, with_menus, shown in SECTIONS
    }


def last_row_of_its_own(part: Any, wanted: bool) -> None:
    """Give a section's last figure the whole width, beside the others in as many columns as fit, or not."""
    if wanted:
        part.add_class("lab-last-wide")
    else:
        part.remove_class("lab-last-wide")


def show(widget: Any, shown: bool) -> None:
    """Show or hide a part of the page."""
    if shown:
        widget.remove_class("lab-folded")
    else:
        widget.add_class("lab-folded")
