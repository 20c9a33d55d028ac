"""Input widget of one knob: a field with a slider, a menu, or text; its value is always valid."""

import html
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets
import traitlets

from lab.config import DEFAULTS, KNOBS
from lab.config import check as check_field
from lab.knob import Knob, checked
from widgets.markup.config_text import entry_text
from widgets.page.muted import Muted

WIDE = 18
"""Characters of a menu's choice that fit beside its label."""

LATE = 5.0
"""Seconds during which the page may still echo the previous value."""


class KnobBox(ipywidgets.VBox):
    """Knob with its label, range and help.

    ``value`` is always valid: setting it from Python raises ConfigError, a bad entry on the page
    shows the error under the knob and restores the last valid value. Observe ``value`` for changes.

    Args:
        spec: its label, range, unit and help; a ``slider`` adds one, ``choices`` make it a menu.
        value: the initial value; without a ``check``, its type (int, float, str) is that of every value.
        name: the knob's name in error messages; its label if empty.
        check: takes the typed entry; returns the value or raises a ValueError that says what it must be.

    Attributes:
        name, spec: as given.
        checked: ``check``, or that of the spec's range: converts a value to the one that the knob would hold.
        entry: the field or menu; ``slider`` beside it, None for menus and texts.
        error: why the last entry was refused; empty if it was valid.

    Raises:
        ValueError: for an invalid ``value``.
    """

    value = traitlets.Any()
    error = traitlets.Unicode()

    def __init__(
        self,
        spec: Knob,
        value: Any,
        *,
        name: str = "",
        check: Callable[[Any], Any] | None = None,
    ) -> None:
        self.name = name or spec.label
        self.spec = spec
        self.checked = check or self._in_range
        self._default = value
        self._muted = Muted()
        self._before: tuple[float, float] | None = None  # the slider's previous position, and the time of the change
        self._echo: float | None = None  # the stop to which the page rounded the value
        self.entry = _entry(spec)
        self.slider = _slider(spec, whole=isinstance(value, int))
        self._note = ipywidgets.HTML()
        self._note.add_class("lab-note")
        super().__init__([self.entry, *([self.slider] if self.slider else []), self._note])
        self.add_class("lab-knob")
        if any(len(label) > WIDE for label in (spec.choices or {}).values()):
            self.add_class("lab-knob-wide")
        self.value = value
        self.entry.observe(lambda change: self.offer(change["new"]), "value")
        if self.slider:
            self.slider.observe(lambda change: self._slide(change["new"]), "value")
        self._explain()

    def offer(self, raw: object) -> None:
        """Set a value that was typed or dragged; if it is invalid, show the error and keep the old one."""
        if self._muted:
            return
        try:
            value = self.checked(raw)
        except ValueError as refusal:
            self.error = str(refusal)
        else:
            self.error = ""
            self.value = value  # outside the try: an observer's error is not an invalid entry
        self._show()

    def choose_from(self, choices: Mapping[str, str]) -> None:
        """Offer these choices (value -> label) in the menu; a value no longer offered is replaced by the first."""
        if choices == self.spec.choices:
            return
        self.spec = replace(self.spec, choices=choices)
        value = self.value if self.value in choices else next(iter(choices))
        with self._muted:
            self.entry.options = [(label, key) for key, label in choices.items()]
            self.value = value
            self._show()  # setting the options moved the menu to the first one, even if the value stays

    def stretch(self, high: float) -> None:
        """Make ``high`` the upper end of the valid range and of the slider; a larger value is lowered to it."""
        low = self.spec.low
        if high == self.spec.high:
            return
        self.spec = replace(self.spec, high=high, slider=(low, high))
        with self._muted:
            self.value = min(self.value, high)
            self.slider.max = max(high, low + (self.spec.step or 1))  # the page cannot draw a slider without length
            self.slider.disabled = high <= low
        self._explain()

    def slide_over(self, low: float, high: float, step: float) -> None:
        """Set the slider's ends and step; the valid range and the value stay."""
        if (low, high, step) == (*(self.spec.slider or ()), self.spec.step):
            return
        self.spec = replace(self.spec, slider=(low, high), step=step)
        with self.slider.hold_trait_notifications():
            self.slider.min, self.slider.max, self.slider.step = low, high, step
            self.slider.value = self._on_slider()

    def badge(self) -> str:
        """Return markup, placed before the help, that says when the knob takes effect."""
        return ""

    def _slide(self, to: float) -> None:
        if self._muted:
            return
        before, self._before = self._before, None
        # The page rounds a typed value to the slider's nearest stop, and sends that stop back. Between two stops
        # either may be the echo; after the first, the other one is a person's move.
        if self._answers(to, self._on_slider()) and self._echo in (None, to):
            self._echo = to
            return
        # The echo of the previous value may arrive after a new value was set, such as by a link.
        if before and to != before[0] and self._answers(to, before[0]) and time.monotonic() - before[1] < LATE:
            self._show()
        else:
            self.offer(_rounded(to, self.spec))
            self._before = None

    def _answers(self, to: float, value: float) -> bool:
        """Return whether the slider's position ``to`` is the page's echo of ``value``."""
        return _stops(self.spec, to, value) <= 0.5 + 1e-6

    def _on_slider(self, value: Any = None) -> float:
        low, high = self.spec.slider or (-math.inf, math.inf)
        return float(min(max(self.value if value is None else value, low), high))

    def _in_range(self, raw: Any) -> Any:
        return checked(self.name, raw, self.spec, self._default)

    @traitlets.validate("value")
    def _check(self, proposal: dict[str, Any]) -> Any:
        return self.checked(proposal["value"])

    @traitlets.observe("value")
    def _changed(self, change: dict[str, Any]) -> None:
        if self.slider and change["old"] is not None:
            self._before = self._on_slider(change["old"]), time.monotonic()
        self._echo = None
        self._show()
        if self.spec.notes and change["old"] is not None:
            self._explain()  # of another choice

    def _show(self) -> None:
        with self._muted:
            self.entry.value = entry_text(self.value) if isinstance(self.entry, ipywidgets.Text) else self.value
            if self.slider:
                self.slider.value = self._on_slider()

    @traitlets.observe("error")
    def _explain(self, _: object = None) -> None:
        if self.error:
            self._note.value = f'<span role="alert" class="lab-error">{html.escape(self.error)}</span>'
            return
        note = self.spec.notes.get(self.value, "")
        text = html.escape(f"{self.spec.help} {allowed(self.spec)}".strip())
        if note:  # what the choice does, on a line of its own
            self.entry.tooltip = f"{_tooltip(self.spec)} {note}"
            text = f"{text}<br><b>{html.escape(self.spec.text(self.value))}</b>: {html.escape(note)}"
        # Where knobs are compact the help is shown on hover, on focus and by the question mark; see panel.css.
        ask = '<span class="lab-ask" role="button" tabindex="-1" aria-label="Help">?</span>'
        self._note.value = self.badge() + (f'{ask} <span class="lab-help">{text}</span>' if text else "")


class ConfigKnob(KnobBox):
    """Knob of one field of Config, with a badge that says when it takes effect.

    Args:
        name: name of the field.
        value: the initial value, Config's default if None.

    Raises:
        ConfigError: for an invalid ``value``.
    """

    pending = traitlets.Bool(help="Whether the value waits for the next Start.")
    idle = traitlets.Bool(help="Whether the value has no effect with the other knobs as they are.")

    def __init__(self, name: str, value: Any = None) -> None:
        default = getattr(DEFAULTS, name)
        super().__init__(KNOBS[name], default, name=name, check=partial(check_field, name))
        if value is not None:
            self.value = value

    def badge(self) -> str:
        """Return a badge: live, next Start, waiting for the next Start, or without effect."""
        if self.idle:
            return '<span class="lab-badge lab-idle">no effect here</span>'
        kind = "lab-pending" if self.pending else "lab-live" if self.spec.live else "lab-later"
        words = "acts at the next Start" if self.pending else "live" if self.spec.live else "next Start"
        return f'<span class="lab-badge {kind}">{words}</span>'

    @traitlets.observe("pending", "idle")
    def _badge_changed(self, _: object) -> None:
        self._explain()


def allowed(spec: Knob) -> str:
    """Return the valid range as a sentence; empty for menus and free text."""
    if spec.choices is not None or (math.isinf(spec.low) and math.isinf(spec.high)):
        return ""
    return f"{spec.allowed[0].upper()}{spec.allowed[1:]}{' ' + spec.unit if spec.unit else ''}."


def _tooltip(spec: Knob) -> str:
    return f"{spec.help} {allowed(spec)}".strip()


def _stops(spec: Knob, a: float, b: float) -> float:
    """Return the number of slider steps between two values."""
    apart = math.log10(a / b) if spec.log else a - b
    return abs(apart) / (spec.step or 1)


def _rounded(value: float, spec: Knob) -> float:
    """Return a slider's value without rounding errors, clipped to the slider's ends."""
    low, high = spec.slider or (value, value)
    return min(max(float(f"{value:.3g}" if spec.log else f"{value:.12g}"), low), high)


def _entry(spec: Knob) -> Any:
    """Return the labelled field or menu, which works from the keyboard."""
    common = {"description": spec.label, "tooltip": _tooltip(spec)}
    if spec.choices is not None:
        return ipywidgets.Dropdown(options=[(label, key) for key, label in spec.choices.items()], **common)
    if spec.suggestions:
        return ipywidgets.Combobox(
            options=list(spec.suggestions), ensure_option=False, continuous_update=False, **common
        )
    return ipywidgets.Text(continuous_update=False, **common)


def _slider(spec: Knob, whole: bool) -> Any:
    if spec.slider is None:
        return None
    low, high = spec.slider
    # The readout is hidden: screen readers announce it (figure/js/sliders.js), with the digits that _rounded leaves.
    digits = ".3" if spec.log else "d" if whole else ".6"
    common = {"step": spec.step, "readout": False, "readout_format": digits, "tooltip": spec.label}
    if spec.log:
        return ipywidgets.FloatLogSlider(min=math.log10(low), max=math.log10(high), value=low, **common)
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return kind(min=low, max=high, value=low, **common)
