"""Every field of Config as a knob, in named groups: the card's five first and open, the rest folded."""

import html
from collections.abc import Callable
from typing import Any

import ipywidgets

from lab.config import DEFAULTS, KNOBS, MAIN, Config, ConfigError
from widgets.inputs.knob_box import ConfigKnob
from widgets.page.fold import Fold
from widgets.page.layout import knob_group


class Knobs(ipywidgets.VBox):
    """The knobs of a run: ``knobs["lr"].value`` is one value, ``knobs.config()`` all of them.

    Attributes:
        boxes: field name -> ConfigKnob, in Config's order.
        folds: the groups after the first, each under its name.
        problem: what is wrong between two knobs, each valid by itself; empty if nothing.
    """

    def __init__(self, config: Config = DEFAULTS) -> None:
        self.boxes = {name: ConfigKnob(name, getattr(config, name)) for name in KNOBS}
        self.problem = ""
        self._callbacks: list[Callable[[str, Any], None]] = []
        self._problem_line = ipywidgets.HTML()
        self._problem_line.add_class("lab-error-line")
        groups: dict[str, list[ConfigKnob]] = {}
        for name, box in self.boxes.items():
            groups.setdefault(KNOBS[name].group, []).append(box)
        columns = {name: knob_group(boxes) for name, boxes in groups.items()}
        main = columns.pop(MAIN)
        self.folds = [Fold(name, column) for name, column in columns.items()]
        super().__init__([self._problem_line, main, *self.folds])
        self.add_class("lab-knobs")
        for name, box in self.boxes.items():
            box.observe(lambda change, name=name: self._moved(name, change["new"]), "value")

    def __getitem__(self, name: str) -> ConfigKnob:
        return self.boxes[name]

    def config(self) -> Config:
        """Return the Config that the knobs stand for.

        Raises:
            ConfigError: when two knobs do not go together; it names the field.
        """
        return Config(**{name: box.value for name, box in self.boxes.items()})

    def set(self, config: Config) -> None:
        """Set every knob from ``config``."""
        for name, box in self.boxes.items():
            box.value = getattr(config, name)
            box.error = ""

    def on_change(self, callback: Callable[[str, Any], None]) -> None:
        """Call ``callback(name, value)`` after each change of a knob."""
        self._callbacks.append(callback)

    def compare(self, running: Config | None) -> None:
        """Badge the knobs that differ from the running run and act at the next Start; None if no run is on."""
        for name, box in self.boxes.items():
            pending = running is not None and not box.spec.live and box.value != getattr(running, name)
            if pending != box.pending:  # asked for ten times a second, and to set a trait is slow
                box.pending = pending

    def _moved(self, name: str, value: Any) -> None:
        try:
            self.config()
            self.problem = ""
        except ConfigError as refusal:
            self.problem = f"{KNOBS[refusal.name].label}: {refusal}" if refusal.name in KNOBS else str(refusal)
        self._problem_line.value = f'<span role="alert">{html.escape(self.problem)}</span>' if self.problem else ""
        for callback in self._callbacks:
            callback(name, value)
