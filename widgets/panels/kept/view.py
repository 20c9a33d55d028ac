"""The view of the chosen runs: parts of the page, x-axis, definition of near zero, layer and norm."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from widgets.charts import View
from widgets.page.layout import close_all, show
from widgets.panels.kept.selection import Opened
from widgets.run.figures import CONFUSION, OUTPUTS, course_near_zero
from widgets.run.sections import Menus

CHOICES = ("x", "near_zero", "layer", "norm")
"""The training lab's menus that apply to a kept run, whose net is gone."""


class KeptView:
    """The menus, and the View that they select.

    Attributes:
        menus: name -> Dropdown.
    """

    def __init__(self) -> None:
        self._all = Menus()
        self.menus: dict[str, Any] = {name: self._all[name] for name in CHOICES}
        for name in self._all.keys() - self.menus.keys():
            close_all(self._all[name])
        self._near_zero_chosen = False

    def on_choice(self, callback: Callable[[str, Any], None]) -> None:
        """Call ``callback(name, value)`` after a person's choice."""
        for name in self.menus:
            self._all.on_choice(name, callback)

    def choose(self, name: str, value: Any) -> None:
        """Set a menu to a person's choice."""
        self._all.show(name, value)
        self._near_zero_chosen |= name == "near_zero"

    def offer(self, opened: Sequence[Opened]) -> None:
        """Offer every layer and norm that one of these runs has; near zero is the course's definition until chosen.

        Of several runs whose definitions differ it is abs(x) < t, which means the same in each.
        """
        self._all.offer("layer", "last layer", dict.fromkeys(layer for one in opened for layer in one.record.layers))
        self._all.offer("norm", "first norm", dict.fromkeys(norm for one in opened for norm in one.record.norms))
        self.menus["layer"].description = "Layer" if len(opened) > 1 else "Histogram of"
        definitions = {course_near_zero(one.run.config) for one in opened}
        if definitions and not self._near_zero_chosen:
            self._all.show("near_zero", definitions.pop() if len(definitions) == 1 else "near_abs")

    def seen(self, opened: Sequence[Opened]) -> View:
        """Return the View for these runs; its threshold is nan where theirs differ."""
        thresholds = {one.run.config.near_zero for one in opened}
        view = View(**{name: menu.value for name, menu in self.menus.items()})
        return replace(view, threshold=thresholds.pop() if len(thresholds) == 1 else math.nan)


def arrange(
    sections: Mapping[str, Any], scrub: Any, figures: Mapping[str, Any], opened: Sequence[Opened]
) -> dict[str, Any]:
    """Show what the chosen runs have of the page; those of ``figures`` that then stand on it.

    Several runs have no answers and no confusion matrix: bars of each on three pictures say less than their
    charts. Their histograms have the whole width, one under the other.
    """
    one = opened[0] if len(opened) == 1 else None
    show(scrub, one is not None)
    for layers in (sections["mean"], sections["gradient_mean"]):
        (layers.add_class if len(opened) > 1 else layers.remove_class)("lab-last-wide")
    absent = set[str]()
    if one is None or one.record.outputs is None:
        absent |= OUTPUTS.keys()
    if one is None or one.record.mistakes is None:
        absent.add(CONFUSION)
    for name, part in sections.items():
        show(part, bool(opened) and name not in absent)
    return {name: figure for name, figure in figures.items() if name not in absent}
