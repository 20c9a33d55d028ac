"""Button that draws other random numbers: each press increments a seed."""

from typing import Any

import ipywidgets
import traitlets

from lab.knob import Knob, checked


class SeedButton(ipywidgets.HBox):
    """Seed input that only a button changes. Observe ``value`` for changes.

    Args:
        spec: its ``help`` is the button's tooltip.
        value: the first seed.
        name: the seed's name in error messages.
        words: label of the button.

    Attributes:
        value: int, the seed. button: the Button.
        error: always empty; the button cannot set a wrong value.

    Raises:
        ConfigError: for a value out of the knob's range.
    """

    value = traitlets.Any()
    error = ""

    def __init__(self, spec: Knob, value: Any, name: str = "", *, words: str = "Other random numbers") -> None:
        self.spec = spec
        self.name = name or spec.label
        self.button = ipywidgets.Button(description=words, tooltip=spec.help)
        super().__init__([self.button])
        self.add_class("lab-buttons")
        self.value = value
        self.button.on_click(self.on_click)

    def on_click(self, _: object = None) -> None:
        """Increment the seed."""
        self.value += 1

    def checked(self, raw: Any) -> int:
        """Return ``raw`` as a seed.

        Raises:
            ConfigError: if it is not an integer in the knob's range.
        """
        return int(checked(self.name, raw, self.spec, 0))

    @traitlets.validate("value")
    def _check(self, proposal: dict[str, Any]) -> int:
        return self.checked(proposal["value"])
