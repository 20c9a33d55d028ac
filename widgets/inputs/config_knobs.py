"""Knobs for every field of Config, in named groups: the card's five first and open, the rest folded."""

import html
import logging
from collections.abc import Callable, Collection
from typing import Any

import ipywidgets

from lab.applicable import applicable
from lab.config import DEFAULTS, KNOBS, MAIN, OPTIMIZERS, USUAL, Config, ConfigError
from widgets.inputs.knob_box import ConfigKnob
from widgets.page.fold import Fold
from widgets.page.layout import classed, knob_group, show

log = logging.getLogger(__name__)


class Knobs(ipywidgets.VBox):
    """Knobs of a run: ``knobs["lr"].value`` is one value, ``knobs.config()`` all of them.

    Attributes:
        boxes: field name -> ConfigKnob, in Config's order.
        folds: the groups after the first, each under its name.
        usual: a button that sets the chosen optimiser's usual values; hidden when they are set.
        problem: error text of two knobs that are valid separately but not together; empty if none.
    """

    def __init__(self, config: Config = DEFAULTS, without: Collection[str] = ()) -> None:
        """Make a knob for each field; those named in ``without``, which mean nothing here, are never shown."""
        self._without = frozenset(without)
        self.boxes = {name: ConfigKnob(name, getattr(config, name)) for name in KNOBS}
        self.problem = ""
        self._callbacks: list[Callable[[str, Any], None]] = []
        self._problem_line = ipywidgets.HTML()
        self._problem_line.add_class("lab-error-line")
        groups: dict[str, list[ConfigKnob]] = {}
        for name, box in self.boxes.items():
            groups.setdefault(KNOBS[name].group, []).append(box)
        self.usual = classed(ipywidgets.Button(), "lab-usual")
        self.usual.on_click(self.on_usual)
        self.boxes["optimizer"].children += (self.usual,)
        columns = {name: knob_group(boxes) for name, boxes in groups.items()}
        main = columns.pop(MAIN)
        self.folds = [Fold(name, column) for name, column in columns.items()]
        super().__init__([self._problem_line, main, *self.folds])
        self.add_class("lab-knobs")
        self.add_class("lab-compact")
        for name, box in self.boxes.items():
            box.observe(lambda change, name=name: self._moved(name, change["new"]), "value")
        self._offer_usual()
        self._show_applicable()

    def __getitem__(self, name: str) -> ConfigKnob:
        return self.boxes[name]

    def config(self) -> Config:
        """Return the Config set by the knobs.

        Raises:
            ConfigError: when two knobs are incompatible; it names the field.
        """
        return Config(**{name: box.value for name, box in self.boxes.items()})

    def set(self, config: Config) -> None:
        """Set every knob from ``config``."""
        for name, box in self.boxes.items():
            box.value = getattr(config, name)
            box.error = ""

    def on_change(self, callback: Callable[[str, Any], None]) -> None:
        """Register ``callback(name, value)``, called after each change of a knob."""
        self._callbacks.append(callback)

    def on_usual(self, _: object = None) -> None:
        """Set the usual values of the chosen optimiser."""
        for name, value in USUAL[self.boxes["optimizer"].value].items():
            self.boxes[name].value = value

    def _offer_usual(self) -> None:
        chosen = self.boxes["optimizer"].value
        values = {name: value for name, value in USUAL[chosen].items() if self.boxes[name].value != value}
        show(self.usual, bool(values))
        words = ", ".join(f"{KNOBS[name].label.lower()} {value:g}" for name, value in values.items())
        self.usual.description = f"Usual for {OPTIMIZERS[chosen]}: {words}"
        self.usual.tooltip = f"Set {words}"

    def compare(self, running: Config | None) -> None:
        """Badge the knobs that differ from ``running`` and act at the next Start; None if no run is active."""
        for name, box in self.boxes.items():
            pending = running is not None and not box.spec.live and box.value != getattr(running, name)
            if pending != box.pending:  # called ten times a second, and setting a trait is slow
                box.pending = pending

    def _show_applicable(self) -> None:
        """Hide the knobs without effect; of the main ones, which stay where they are, say so."""
        with_effect = applicable(self.config(), self._without)
        for name, box in self.boxes.items():
            if KNOBS[name].group == MAIN and name not in self._without:
                box.idle = name not in with_effect
            else:
                show(box, name in with_effect)

    def _moved(self, name: str, value: Any) -> None:
        try:
            self.config()
            self.problem = ""
            self._show_applicable()
        except ConfigError as refusal:
            self.problem = str(refusal)
        if name == "optimizer" or any(name in values for values in USUAL.values()):
            self._offer_usual()
        failed = []
        for callback in self._callbacks:
            try:
                callback(name, value)
            except Exception as error:
                log.exception("a callback of on_change failed")
                failed.append(f"A callback of on_change failed: {type(error).__name__}: {error}")
        lines = [line for line in (self.problem, *failed) if line]
        self._problem_line.value = "<br>".join(f'<span role="alert">{html.escape(line)}</span>' for line in lines)
