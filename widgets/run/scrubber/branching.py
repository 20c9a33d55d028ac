"""Buttons that let a run go on: from the step that the scrubber shows, or for more epochs after its end."""

import html
from collections.abc import Callable

import ipywidgets

from lab.config import KNOBS
from widgets.page.layout import classed

HELP = {
    "branch": "Make a second run that has the weights and batches of this one up to this step, and pause it there",
    "prolong": "Train the finished run for more epochs; schedules run once more over them",
}
"""Tooltips of the buttons, where they can be clicked."""


class BranchControls(ipywidgets.VBox):
    """A button "Branch at step …", a button "Prolong" with a number of epochs, and why one of them is disabled.

    Args:
        why_not_branch: returns why a run cannot be branched at a step; empty if it can.
        why_not_prolong: returns why it cannot be prolonged; empty if it can.

    Attributes:
        step: the step that the scrubber shows; -1 if none.
        branch, prolong: Button.
        epochs: BoundedIntText, how many more.
        reason: HTML.
    """

    def __init__(self, why_not_branch: Callable[[int], str], why_not_prolong: Callable[[], str]) -> None:
        self.step = -1
        self._why_not_branch, self._why_not_prolong = why_not_branch, why_not_prolong
        self.branch, self.prolong = ipywidgets.Button(), ipywidgets.Button(description="Prolong")
        most = int(KNOBS["epochs"].high)
        self.epochs = ipywidgets.BoundedIntText(value=1, min=1, max=most, description="by epochs")
        self.reason = ipywidgets.HTML()
        row = classed(ipywidgets.HBox([self.branch, self.prolong]), "lab-buttons")
        menus = classed(ipywidgets.HBox([row, self.epochs]), "lab-menus")
        super().__init__([menus, self.reason])
        self.update()

    def show_step(self, step: int) -> None:
        """Branch at ``step`` from now on."""
        self.step = step
        self.update()

    def update(self) -> None:
        """Enable the buttons as far as the run allows, and say why not."""
        branch = self._why_not_branch(self.step) if self.step >= 0 else "No step is shown yet."
        prolong = self._why_not_prolong()
        self.branch.description = f"Branch at step {self.step:,}" if self.step >= 0 else "Branch here"
        for name, button, why in (("branch", self.branch, branch), ("prolong", self.prolong, prolong)):
            button.disabled, button.tooltip = bool(why), why or HELP[name]
        self.epochs.disabled = bool(prolong)
        self.reason.value = f"<p>{html.escape(branch)}</p>" if branch else ""
