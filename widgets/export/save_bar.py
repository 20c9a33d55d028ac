"""Under a panel: how its pictures look, and all of its charts in one file."""

import html
import logging
from collections.abc import Callable

import ipywidgets

from lab.knob import ConfigError
from widgets.export.pictures import ExportError
from widgets.export.themes import THEMES

log = logging.getLogger(__name__)

BUTTONS = {
    "pptx": ("Slides (PPTX)", "A slide for each chart, with speaker notes"),
    "html": ("Web page (HTML)", "All charts on one page that opens offline and still zooms"),
    "zip": ("Pictures and data (ZIP)", "A PNG and a CSV of each chart"),
}
"""Suffix -> a button's word and tooltip."""


def told(error: BaseException) -> str:
    """What a person reads of ``error``; what nobody foresaw is in the log, too."""
    if isinstance(error, ConfigError | ExportError):
        return str(error)
    log.error("a chart could not be saved", exc_info=error)
    return f"It could not be saved: {type(error).__name__}: {error} (the log has the details)"


class SaveBar(ipywidgets.HBox):
    """The menu of themes, a button for each kind of file, and a line that says how far it is.

    Attributes:
        theme: Dropdown. buttons: suffix -> Button. note: HTML.
    """

    def __init__(self, save: Callable[[str], None]) -> None:
        options = [(theme.label, name) for name, theme in THEMES.items()]
        self.theme = ipywidgets.Dropdown(description="Pictures are", options=options)
        self.theme.tooltip = "The look of every picture, slide and page that is saved"
        self.buttons = {
            suffix: ipywidgets.Button(description=word, tooltip=tip) for suffix, (word, tip) in BUTTONS.items()
        }
        self.note = ipywidgets.HTML()
        row = ipywidgets.HBox([ipywidgets.HTML("Save all charts:"), *self.buttons.values()])
        row.add_class("lab-buttons")
        menu = ipywidgets.HBox([self.theme])
        menu.add_class("lab-menus")
        super().__init__([row, menu, self.note])
        self.add_class("lab-save")
        for suffix, button in self.buttons.items():
            button.on_click(lambda _, suffix=suffix: self._press(save, suffix))

    def say(self, words: str, role: str = "status") -> None:
        """Put ``words`` beside the buttons, and read them out."""
        self.note.value = f'<span role="{role}">{html.escape(words)}</span>'

    def begin(self) -> None:
        """Nothing more can be asked for until :meth:`work` has ended."""
        for button in self.buttons.values():
            button.disabled = True
        self.say("Working …")

    def work(self, make: Callable[[], None], done: str) -> None:
        """Call ``make`` and say that it is ``done``, or what went wrong; in a thread of its own."""
        try:
            make()
            self.say(done)
        except Exception as error:
            self.say(told(error), "alert")
        finally:
            for button in self.buttons.values():
                button.disabled = False

    def _press(self, save: Callable[[str], None], suffix: str) -> None:
        try:
            save(suffix)
        except Exception as error:
            self.say(told(error), "alert")
