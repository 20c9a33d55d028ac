"""The bar under a panel: the theme of its pictures, and buttons that save all of its charts in one file."""

import html
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
"""Suffix -> a button's label and tooltip."""


def error_text(error: BaseException) -> str:
    """Return the message shown for ``error``; log it if it is not a refusal of the request."""
    if isinstance(error, ConfigError | ExportError):
        return str(error)
    log.error("a chart could not be saved", exc_info=error)
    return f"It could not be saved: {type(error).__name__}: {error} (the log has the details)"


class SaveBar(ipywidgets.HBox):
    """A menu of themes, a button for each kind of file, and a line of text: progress, success or error.

    Args:
        save: called with a button's suffix; it calls :meth:`run_in_thread`.

    Attributes:
        theme: Dropdown. buttons: suffix -> Button. note: HTML, the line of text.
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

    def show(self, text: str, role: str = "status") -> None:
        """Show ``text`` beside the buttons; screen readers read it out by its ARIA ``role``."""
        self.note.value = f'<span role="{role}">{html.escape(text)}</span>'

    def run_in_thread(self, work: Callable[[], None], done: str) -> None:
        """Call ``work`` in a thread, with all buttons disabled; then show ``done``, or the error."""

        def run() -> None:
            try:
                with self._showing_errors():
                    work()
                    self.show(done)
            finally:
                self._disable(False)

        self._disable(True)
        self.show("Working …")
        threading.Thread(target=run, name="lab-export", daemon=True).start()

    def _press(self, save: Callable[[str], None], suffix: str) -> None:
        with self._showing_errors():
            save(suffix)

    @contextmanager
    def _showing_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.show(error_text(error), "alert")

    def _disable(self, disabled: bool) -> None:
        for button in self.buttons.values():
            button.disabled = disabled
