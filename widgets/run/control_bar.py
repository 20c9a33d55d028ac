"""Buttons that control a run, and the bar that shows its state."""

from collections.abc import Iterable, Mapping
from typing import Any

import ipywidgets

from lab.session import ENDED
from widgets.markup.glossary import question_mark
from widgets.page.layout import classed

TERMS = ("epoch", "batch", "step", "validation", "accuracy", "loss", "diverged")
"""Words of the state's lines, which a "?" explains: the lines themselves are written anew while a person reads."""

WORDS = {
    "start": ("▶ Start", "Train with the knobs as they are"),
    "pause": ("❚❚ Pause", "Stand still at the next batch"),
    "step": ("Step", "Train on one batch, then stand still"),
    "stop": ("■ Stop", "End the run; the charts stay"),
    "reset": ("Reset", "End the run and empty the charts; the knobs stay"),
    "defaults": ("Default knobs", "Put every knob back to its default"),
}
"""Name -> label and tooltip of each button, in order."""


class Buttons(dict[str, Any]):
    """Buttons by name; :meth:`follow` disables those without effect in a state.

    Args:
        names: those of WORDS that the panel has.
    """

    def __init__(self, names: Iterable[str] = WORDS) -> None:
        made = {name: ipywidgets.Button(description=WORDS[name][0], tooltip=WORDS[name][1]) for name in names}
        super().__init__(made)
        self["start"].button_style = "primary"

    def follow(self, state: str) -> None:
        """Enable and label the buttons for a session's state."""
        paused, running, ended = state == "paused", state == "running", state in ENDED
        on = running or paused
        for name, idle in {"start": on, "pause": not on, "step": running or ended, "stop": not on}.items():
            if name in self:
                self[name].disabled = idle
        word, tip = ("▶ Resume", "Go on") if paused else WORDS["pause"]
        self["pause"].description, self["pause"].tooltip = word, tip


def control_bar(
    buttons: Mapping[str, Any], state_line: Any, progress: Any, status: Any, beside: Iterable[Any] = ()
) -> Any:
    """Return the bar: the buttons, the widgets ``beside`` them, and the run's state and progress."""
    row = classed(ipywidgets.HBox([*buttons.values(), *beside]), "lab-buttons")
    words = ipywidgets.HTML(question_mark(TERMS, "the line of the run's state"))
    line = classed(ipywidgets.HBox([classed(status, "lab-status"), words]), "lab-status-row")
    parts = [classed(state_line, "lab-state"), classed(progress, "lab-progress"), line]
    return classed(ipywidgets.HBox([row, *parts]), "lab-bar")
