"""Knobs of the comparison of heads: training settings, and every head's threshold."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from lab.concepts.heads import HEADS
from lab.config import KNOBS, Config, check
from lab.experiments.heads.comparison import SCRAPS_KNOB
from lab.knob import Knob
from widgets.inputs.knob_box import KnobBox

RECIPE_KNOBS = {
    "size": ("Canvases", "canvases", "To train with; a fifth of that validates."),
    "epochs": ("Epochs", "epochs", "Times through the canvases."),
    "lr": ("Learning rate", "", "The peak of Adam's one-cycle schedule."),
    "seed": ("Seed", "", "Fixes the canvases, the weights and the order."),
}
"""Fields of Config that have a knob here -> its label, unit and help."""

_THRESHOLD = Knob("", "A digit is named from this score on.", "", low=0, high=1, slider=(0, 1), step=0.01)
PLACES = 4
"""Decimals to which a knob shows a tuned threshold."""


def recipe_knobs(config: Config, scraps: int) -> dict[str, KnobBox]:
    """Return a knob for each field in RECIPE_KNOBS, and one for the scraps."""
    knobs = {
        name: KnobBox(
            replace(KNOBS[name], label=label, help=help, unit=unit),
            getattr(config, name),
            name=name,
            check=partial(check, name),
        )
        for name, (label, unit, help) in RECIPE_KNOBS.items()
    }
    return knobs | {"scraps": KnobBox(SCRAPS_KNOB, scraps, name="scraps")}


class Thresholds(dict[str, KnobBox]):
    """Threshold knobs by head, at 0.5 until they are tuned."""

    def __init__(self) -> None:
        self._tuned: dict[str, float] = {}
        super().__init__(
            (key, KnobBox(replace(_THRESHOLD, label=head.name, help=head.help), 0.5, name="threshold"))
            for key, head in HEADS.items()
        )

    def tune(self, tuned: Mapping[str, float]) -> None:
        """Set the knobs of these heads to their ``tuned`` thresholds."""
        self._tuned |= tuned
        for key, value in tuned.items():
            self[key].value = round(value, PLACES)

    def values_now(self) -> dict[str, float]:
        """Return head -> threshold; a tuned one in full precision, though its knob shows it rounded."""
        shown = {key: round(value, PLACES) for key, value in self._tuned.items()}
        return {key: self._tuned[key] if knob.value == shown.get(key) else knob.value for key, knob in self.items()}

    def clear(self) -> None:
        """Forget the tuned thresholds; the knobs stay."""
        self._tuned.clear()
