"""A net's outputs for one picture: a knob for each class, and a button that takes the class away."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets
import traitlets

from lab.knob import Knob, checked
from widgets.inputs.knob_box import KnobBox
from widgets.page.layout import classed
from widgets.page.muted import Muted

LIMIT = 1e4
_RANGE = Knob("logit", "", low=-LIMIT, high=LIMIT)


class Logits(ipywidgets.VBox):
    """One number for each class, by slider or typed. Observe ``values`` for changes.

    Args:
        values: class -> number to start with.
        reach: how far the sliders go to either side; typing goes on to ``LIMIT``.
        on_remove: called with the class whose button is pressed; without it there are no such buttons.

    Attributes:
        values: class -> number, in the order of the page. Set it by :meth:`show`.
        knobs: class -> KnobBox. buttons: class -> Button.

    Raises:
        ConfigError: for a number that is not finite or beyond ``LIMIT``.
    """

    values = traitlets.Dict()

    def __init__(
        self, values: Mapping[str, float], *, reach: float = 6.0, on_remove: Callable[[str], None] | None = None
    ) -> None:
        self._reach = reach
        self._on_remove = on_remove
        self._muted = Muted()
        self.knobs: dict[str, KnobBox] = {}
        self.buttons: dict[str, Any] = {}
        self._rows: dict[str, Any] = {}
        super().__init__()
        self.add_class("lab-logits")
        self.show(values)

    def show(self, values: Mapping[str, float]) -> None:
        """Have just these classes, in this order, at these numbers; those that stay keep their knob."""
        numbers = {name: _checked(name, value) for name, value in values.items()}
        with self._muted:
            for name in [name for name in self.knobs if name not in numbers]:
                self._drop(name)
            for name, value in numbers.items():
                if name in self.knobs:
                    self.knobs[name].value = value
                else:
                    self._add(name, value)
            self.knobs = {name: self.knobs[name] for name in numbers}
            self.children = [self._rows[name] for name in numbers]
        self._read()

    def _add(self, name: str, value: float) -> None:
        # Without limits of its own the knob says nothing under it: for twelve classes once is enough.
        spec = Knob(name, "", slider=(-self._reach, self._reach), step=0.01)
        knob = self.knobs[name] = KnobBox(spec, value, check=partial(_checked, name))
        knob.observe(self._read, "value")
        parts = [knob]
        if self._on_remove:
            word = f"Remove {name}"
            button = self.buttons[name] = classed(ipywidgets.Button(description=word, tooltip=word), "lab-remove")
            button.on_click(partial(self._remove, name))
            parts.append(button)
        self._rows[name] = classed(ipywidgets.HBox(parts), "lab-logit")

    def _remove(self, name: str, _: object) -> None:
        if self._on_remove:
            self._on_remove(name)

    def _drop(self, name: str) -> None:
        row = self._rows.pop(name)
        parts = [row, *row.children, *self.knobs.pop(name).children]
        self.buttons.pop(name, None)
        for part in parts:
            part.close()

    def _read(self, _: object = None) -> None:
        if not self._muted:
            self.values = {name: knob.value for name, knob in self.knobs.items()}


def _checked(name: str, value: Any) -> float:
    return float(checked(f"the output for {name}", value, _RANGE, 0.0))
