"""Collapsible section. Unlike ipywidgets' Accordion it works from the keyboard."""

from typing import Any

import ipywidgets


class Fold(ipywidgets.VBox):
    """Button with ``title`` that shows and hides ``content``; hidden at first.

    Attributes:
        button: a ToggleButton; its value is whether the content is shown.
    """

    def __init__(self, title: str, content: Any) -> None:
        self.title = title
        self.content = content
        self.button = ipywidgets.ToggleButton(value=False)
        super().__init__([self.button, content])
        self.add_class("lab-fold")
        self.button.observe(self.on_toggle, "value")
        self.on_toggle()

    def on_toggle(self, _: object = None) -> None:
        """Show or hide the content according to the button."""
        shown = self.button.value
        self.button.description = f"{'▾' if shown else '▸'} {self.title}"
        self.button.tooltip = f"{'Hide' if shown else 'Show'} {self.title}"
        if shown:
            self.content.remove_class("lab-folded")
        else:
            self.content.add_class("lab-folded")
