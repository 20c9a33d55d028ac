"""Multiple-choice input: a checkbox for each choice."""

from typing import Any

import ipywidgets
import traitlets

from lab.knob import ConfigError, Knob
from widgets.page.muted import Muted


class Ticks(ipywidgets.HBox):
    """Checkboxes for the choices of a knob. Observe ``value`` for changes.

    Args:
        spec: its ``choices`` are value -> label.
        value: the values ticked at first, or their names separated by commas.
        name: their name in error messages.

    Attributes:
        value: tuple of the ticked values, in the order of the choices.
        boxes: value -> Checkbox.
        error: always empty; a checkbox cannot be set to a wrong value.

    Raises:
        ConfigError: for a value that is not a choice.
    """

    value = traitlets.Any()
    error = ""

    def __init__(self, spec: Knob, value: Any, name: str = "") -> None:
        self.spec = spec
        self.name = name or spec.label
        self._muted = Muted()
        choices = spec.choices or {}
        self.boxes = {
            key: ipywidgets.Checkbox(description=label, indent=False, tooltip=f"Show {label} too")
            for key, label in choices.items()
        }
        super().__init__(list(self.boxes.values()))
        self.add_class("lab-ticks")
        self.value = value
        for box in self.boxes.values():
            box.observe(self._ticked, "value")

    def checked(self, raw: Any) -> tuple[str, ...]:
        """Return the chosen values in order, from a series of them or a text with commas.

        Raises:
            ConfigError: for a value that is not a choice.
        """
        chosen = [word.strip() for word in raw.split(",") if word.strip()] if isinstance(raw, str) else list(raw)
        for key in chosen:
            if key not in self.boxes:
                raise ConfigError(self.name, key, "names out of " + ", ".join(self.boxes))
        return tuple(key for key in self.boxes if key in chosen)

    @traitlets.validate("value")
    def _check(self, proposal: dict[str, Any]) -> tuple[str, ...]:
        return self.checked(proposal["value"])

    @traitlets.observe("value")
    def _show(self, _: object) -> None:
        with self._muted:
            for key, box in self.boxes.items():
                box.value = key in self.value

    def _ticked(self, _: object) -> None:
        if not self._muted:
            self.value = tuple(key for key, box in self.boxes.items() if box.value)
