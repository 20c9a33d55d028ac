"""One field of Config as a knob: a slider with typing, a menu, or text; never out of its range."""

import html
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets
import traitlets

from lab.config import DEFAULTS, KNOBS, ConfigError, check
from lab.knob import Knob
from lab.training.schedules import PRESETS


class KnobBox(ipywidgets.VBox):
    """A knob with its label, range, help and badge.

    ``value`` is always valid: setting it from Python raises ConfigError, a bad entry on the page
    shows why under the knob and goes back to the last good value. Observe ``value`` for changes.

    Attributes:
        name: of the field in Config.
        spec: its range, unit and help.
        entry: what is typed or chosen; ``slider`` beside it, None for menus and texts.
        error: why the last entry was refused, empty when it was not.
    """

    value = traitlets.Any()
    error = traitlets.Unicode()
    pending = traitlets.Bool(help="Whether the value waits for the next Start.")

    def __init__(self, name: str, value: Any = None) -> None:
        self.name = name
        self.spec: Knob = KNOBS[name]
        self._showing = False
        self.entry = _entry(name, self.spec)
        self.slider = _slider(name, self.spec)
        self._note = ipywidgets.HTML()
        self._note.add_class("lab-note")
        super().__init__([self.entry, *([self.slider] if self.slider else []), self._note])
        self.add_class("lab-knob")
        self.value = getattr(DEFAULTS, name) if value is None else value
        self.entry.observe(lambda change: self.offer(change["new"]), "value")
        if self.slider:
            self.slider.observe(lambda change: self._slide(change["new"]), "value")
        self._explain()

    def offer(self, raw: object) -> None:
        """Take ``raw`` as somebody typed or dragged it; if it is refused, say why and keep the value."""
        if self._showing:
            return
        try:
            self.value = raw
            self.error = ""
        except ConfigError as refusal:
            self.error = str(refusal)
        self._show()

    def _slide(self, to: float) -> None:
        # The page puts a value that was typed on the slider's nearest stop, and sends that stop back.
        if not self._showing and _stops(self.spec, to, self._on_slider()) > 0.5 + 1e-6:
            self.offer(_rounded(to, self.spec))

    def _on_slider(self) -> float:
        low, high = self.spec.slider or (-math.inf, math.inf)
        return float(min(max(self.value, low), high))

    @traitlets.validate("value")
    def _check(self, proposal: dict[str, Any]) -> Any:
        return check(self.name, proposal["value"])

    @traitlets.observe("value")
    def _show(self, _: object = None) -> None:
        with self._quietly():
            self.entry.value = _text(self.value) if isinstance(self.entry, ipywidgets.Text) else self.value
            if self.slider:
                self.slider.value = self._on_slider()

    @traitlets.observe("error", "pending")
    def _explain(self, _: object = None) -> None:
        if self.error:
            self._note.value = f'<span role="alert" class="lab-error">{html.escape(self.error)}</span>'
            return
        kind = "lab-pending" if self.pending else "lab-live" if self.spec.live else "lab-later"
        badge = "acts at the next Start" if self.pending else "live" if self.spec.live else "next Start"
        text = html.escape(f"{self.spec.help} {allowed(self.spec)}".strip())
        self._note.value = f'<span class="lab-badge {kind}">{badge}</span> {text}'

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """What the knob shows by itself is not an entry."""
        outer, self._showing = self._showing, True
        try:
            yield
        finally:
            self._showing = outer


def allowed(spec: Knob) -> str:
    """The valid range as a sentence, empty for menus and free text."""
    if spec.choices is not None or (math.isinf(spec.low) and math.isinf(spec.high)):
        return ""
    return f"{spec.allowed[0].upper()}{spec.allowed[1:]}{' ' + spec.unit if spec.unit else ''}."


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _stops(spec: Knob, a: float, b: float) -> float:
    """How many of the slider's steps lie between two of its values."""
    apart = math.log10(a / b) if spec.log else a - b
    return abs(apart) / (spec.step or 1)


def _rounded(value: float, spec: Knob) -> float:
    """A slider's value without the digits that nobody asked for."""
    return float(f"{value:.3g}") if spec.log else float(f"{value:.6g}")


def _entry(name: str, spec: Knob) -> Any:
    """The labelled part, which needs no mouse."""
    common = {"description": spec.label, "tooltip": f"{spec.help} {allowed(spec)}".strip()}
    if spec.choices is not None:
        return ipywidgets.Dropdown(options=[(label, key) for key, label in spec.choices.items()], **common)
    if name.endswith("_schedule"):
        return ipywidgets.Combobox(options=list(PRESETS), ensure_option=False, continuous_update=False, **common)
    return ipywidgets.Text(continuous_update=False, **common)


def _slider(name: str, spec: Knob) -> Any:
    if spec.slider is None:
        return None
    low, high = spec.slider
    common = {"step": spec.step, "readout": False, "tooltip": spec.label}
    if spec.log:
        return ipywidgets.FloatLogSlider(min=math.log10(low), max=math.log10(high), value=low, **common)
    kind = ipywidgets.IntSlider if isinstance(getattr(DEFAULTS, name), int) else ipywidgets.FloatSlider
    return kind(min=low, max=high, value=low, **common)
