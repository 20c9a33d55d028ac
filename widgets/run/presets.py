"""Buttons of the named settings, and the question of the one that was chosen."""

import html
from collections.abc import Callable

import ipywidgets

from lab.config import Config
from lab.presets import PRESETS, Preset
from widgets.page.layout import classed


class Presets(ipywidgets.VBox):
    """A button for each preset; under them the question of the last one chosen.

    Args:
        choose: called with the Config of the button that was pressed.

    Attributes:
        buttons: name -> Button.
        question: HTML with the question; empty before the first choice.
    """

    def __init__(self, choose: Callable[[Config], None]) -> None:
        self._choose = choose
        self.buttons = {
            name: ipywidgets.Button(description=preset.label, tooltip=preset.question)
            for name, preset in PRESETS.items()
        }
        self.question = ipywidgets.HTML()
        row = classed(ipywidgets.Box(list(self.buttons.values())), "lab-presets")
        super().__init__([row, classed(self.question, "lab-question")])
        for name, button in self.buttons.items():
            button.on_click(lambda _, preset=PRESETS[name]: self.on_preset(preset))
        self.show(None)

    def on_preset(self, preset: Preset) -> None:
        """Set the preset's knobs, and show its question."""
        self._choose(preset.config)
        self.show(preset)

    def show(self, preset: Preset | None) -> None:
        """Show a preset's question; None for a hint what the buttons are for."""
        text = preset.question if preset else "Settings of the lessons: choose one, guess what it does, then Start."
        self.question.value = f'<span role="status">{html.escape(text)}</span>'
