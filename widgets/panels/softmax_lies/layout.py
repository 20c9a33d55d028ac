"""How the comparison of heads is laid out."""

from collections.abc import Mapping
from typing import Any

import ipywidgets

from widgets.page.layout import body, classed, grid, knob_column, knob_group, section
from widgets.panels.softmax_lies import words

LABELS = {
    "learning": "Share of exact sets while the heads train",
    "exact": "Share of canvases whose digits are named exactly, by their number",
    "errors": "False alarms, wrong digits and missed digits of each head",
}
"""Figure -> its accessible name."""

_THRESHOLDS = "Each is tuned on the validation canvases when its head has finished. Move one to see what it trades."
_FOUND = (
    "Test canvases, made of digits that no head has seen. Exact: all the digits that are there are named, and no other."
)
_PICTURES = "What is on the canvas in bold; then what each head names, with its score."


class PictureMenus(dict[str, Any]):
    """Which pictures are shown: "kind" and "answers" -> Dropdown."""

    def __init__(self) -> None:
        super().__init__(kind=_menu("Canvases with", words.KINDS), answers=_menu("where", words.ANSWERS))


def _menu(label: str, options: Mapping[str, str]) -> Any:
    return ipywidgets.Dropdown(description=label, options=[(word, value) for value, word in options.items()])


def lies_body(
    knobs: Mapping[str, Any],
    thresholds: Mapping[str, Any],
    tuned: Any,
    figures: Mapping[str, Any],
    results: Any,
    menus: Mapping[str, Any],
    others: Any,
    gallery: Any,
) -> Any:
    """Everything under the buttons."""
    recipe = section("Training", "These act at the next Start.", parts=[knob_group(knobs.values())])
    levels = section("Thresholds", _THRESHOLDS, parts=[knob_group(thresholds.values()), _row(tuned)])
    return body(
        knob_column([recipe, levels]),
        [
            section("How the heads learn", parts=[figures["learning"]]),
            section(
                "What each says of unseen canvases", _FOUND,
                parts=[grid([figures["exact"], figures["errors"]]), results],
            ),
            section("Picture by picture", _PICTURES, menus=[*menus.values(), _row(others)], parts=[gallery]),
        ],
    )  # fmt: skip


def _row(button: Any) -> Any:
    return classed(ipywidgets.HBox([button]), "lab-buttons")
