"""Input widget for a net's logits: a knob for each class, and a button that removes the class."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets
import traitlets

from lab.concepts.softmax import NAMES
from lab.knob import ConfigError, Knob, checked
from widgets.inputs.knob_box import KnobBox
from widgets.page.layout import classed
from widgets.page.muted import Muted

LIMIT = 1e4
FEWEST, MOST = 2, len(NAMES)
"""Minimum and maximum number of classes."""

REACH = 6.0
"""Largest absolute value of the sliders; numbers up to LIMIT can be typed."""

_RANGE = Knob("logit", "", low=-LIMIT, high=LIMIT)


class Logits(ipywidgets.VBox):
    """Input of one number for each class, by slider or typed. Observe ``value`` for changes.

    Args:
        spec: its label is the name of all outputs together.
        value: class -> its initial number.
        name: its name in error messages.
        removable: whether each class has a button that calls ``on_remove`` with its name.

    Attributes:
        value: class -> number, in the order of the page.
        knobs: class -> KnobBox. buttons: class -> Button.
        error: always empty; each knob shows its own.

    Raises:
        ConfigError: for a number that is not finite or beyond LIMIT, a bad name, too few or too many classes.
    """

    value = traitlets.Any()
    error = ""

    def __init__(self, spec: Knob, value: Any, name: str = "", *, removable: bool = False) -> None:
        self.spec, self.name = spec, name or spec.label
        self.on_remove: Callable[[str], None] | None = None
        self._removable = removable
        self._muted = Muted()
        self.knobs: dict[str, KnobBox] = {}
        self.buttons: dict[str, Any] = {}
        self._rows: dict[str, Any] = {}
        super().__init__()
        self.add_class("lab-logits")
        self.value = value

    def checked(self, raw: Any) -> dict[str, float]:
        """Return class -> number, from a mapping or from a text like "cat 0.02, dog -2.49".

        Raises:
            ConfigError: as the class.
        """
        if isinstance(raw, str):
            raw = {name: number for name, _, number in (part.strip().rpartition(" ") for part in raw.split(","))}
        if not isinstance(raw, Mapping):
            raise ConfigError(self.name, raw, "a number for each class")
        check_count(len(raw))
        return {check_name(name): _checked(name, number) for name, number in raw.items()}

    @traitlets.validate("value")
    def _check(self, proposal: dict[str, Any]) -> dict[str, float]:
        return self.checked(proposal["value"])

    @traitlets.observe("value")
    def _show(self, _: object) -> None:
        """Show exactly these classes and numbers, in this order; those that stay keep their knob."""
        with self._muted:
            for name in [name for name in self.knobs if name not in self.value]:
                self._drop(name)
            for name, number in self.value.items():
                if name in self.knobs:
                    self.knobs[name].value = number
                else:
                    self._add(name, number)
            self.knobs = {name: self.knobs[name] for name in self.value}
            self.children = [self._rows[name] for name in self.value]
        for button in self.buttons.values():
            button.disabled = len(self.value) <= FEWEST

    def _add(self, name: str, value: float) -> None:
        # Without limits of its own the knob has no range text: for twelve classes one is enough.
        spec = Knob(name, "", slider=(-REACH, REACH), step=0.01)
        knob = self.knobs[name] = KnobBox(spec, value, check=partial(_checked, name))
        knob.observe(self._read, "value")
        parts = [knob]
        if self._removable:
            words = f"Remove {name}"
            button = self.buttons[name] = classed(ipywidgets.Button(description=words, tooltip=words), "lab-remove")
            button.on_click(partial(self._remove, name))
            parts.append(button)
        self._rows[name] = classed(ipywidgets.HBox(parts), "lab-logit")

    def _remove(self, name: str, _: object) -> None:
        if self.on_remove:
            self.on_remove(name)

    def _drop(self, name: str) -> None:
        row = self._rows.pop(name)
        parts = [row, *row.children, *self.knobs.pop(name).children]
        self.buttons.pop(name, None)
        for part in parts:
            part.close()

    def _read(self, _: object) -> None:
        if not self._muted:
            self.value = {name: knob.value for name, knob in self.knobs.items()}


def check_count(classes: int) -> None:
    """Check that the number of classes is within the limits.

    Raises:
        ConfigError: fewer than FEWEST or more than MOST.
    """
    if not FEWEST <= classes <= MOST:
        raise ConfigError("the number of classes", classes, f"at least {FEWEST} and at most {MOST}")


def check_name(name: str) -> str:
    """Return a class's name that fits under a bar, and that neither HTML nor plotly takes for markup.

    Raises:
        ConfigError: for any other name.
    """
    if not re.fullmatch(r"[^\W_]([^\W_]|[ -]){0,13}", name):
        raise ConfigError("a class", name[:20], "1 to 14 letters, digits, spaces or hyphens")
    return name


def _checked(name: str, value: Any) -> float:
    return float(checked(f"the output for {name}", value, _RANGE, 0.0))
