"""Cross-entropy at the blackboard: the sum that is a look-up, and where the naive log-softmax breaks."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from lab.concepts import cross_entropy as concept
from lab.concepts.softmax import LOGITS, NAMES
from lab.knob import ConfigError, Knob
from widgets.charts.style import Figure
from widgets.figure.live_figure import LiveFigure
from widgets.inputs.knob_box import KnobBox
from widgets.inputs.number_knobs import NumberList
from widgets.page.layout import body, classed, grid, knob_column, knob_group, section
from widgets.panel.panel import Panel, handler
from widgets.panels.cross_entropy import charts
from widgets.panels.cross_entropy.words import PETS, Row, rows_table, steps, verdict_words, where_words

LARGEST = 1000.0
"""The charts go to where the logits are as large as this."""

_ROWS = range(1, len(concept.LESSON) + 1)
_SCALE = Knob("Scale s", "Every logit is multiplied by it.", "", low=0, high=1e4, slider=(0, 500), step=0.5)
_OFFSET = Knob("Shift d", "Then added to every logit.", "", low=-1e4, high=1e4, slider=(-1000, 1000), step=1)
_KIND = Knob(
    "Precision", "Of the naive form and of log-sum-exp.", "", choices={"float32": "float32", "float64": "float64"}
)


class CrossEntropyPanel(Panel):
    """Lesson 5's cat and dog table, and the two ways to take a log-softmax as logits grow.

    Args:
        logits: 2 to 12, to start with.

    Attributes:
        knobs: "typed", "scale", "offset", "kind", and for row 1, 2 and 3 "p1" (probability of a cat) and "is1"
            ("cat" or "dog") -> KnobBox.
        target: the menu of the right class.
        rows, naive, stable, verdict: HTML, the tables and words.
        figures: "losses", "offset", "scale" -> LiveFigure.

    Raises:
        ConfigError: for logits that are not valid.
    """

    def __init__(
        self,
        logits: Iterable[float] = LOGITS,
        *,
        clock: Callable[[], float] = time.monotonic,
        watch_page: bool | None = None,
    ) -> None:
        typed = NumberList("Logits", _TYPED, logits, name="the logits", most=len(NAMES), check=_checked)
        self.knobs = {
            "typed": typed,
            "scale": KnobBox(_SCALE, 1.0, name=_SCALE.label),
            "offset": KnobBox(_OFFSET, 0.0, name=_OFFSET.label),
            "kind": KnobBox(_KIND, "float32"),
        }
        for row, (_, hot, shares) in zip(_ROWS, concept.LESSON, strict=True):
            p = Knob(f"Row {row}: p(cat)", "", low=0, high=1, slider=(0, 1), step=0.01)
            shown = Knob(f"Row {row} is a", "", choices={pet: pet for pet in PETS})
            self.knobs |= {f"p{row}": KnobBox(p, shares[0]), f"is{row}": KnobBox(shown, PETS[hot.index(1)])}
        self.target = ipywidgets.Dropdown(description="Right class", options=self._classes())
        self.target.value = NAMES[int(np.argmax(typed.value))]
        self.rows, self.naive, self.stable, self.verdict = (ipywidgets.HTML() for _ in range(4))
        super().__init__(clock=clock, watch_page=watch_page)
        figures = {**self._table()[0], **self._breaking()[0]}
        self.figures = {name: LiveFigure(figure, label=_LABELS[name]) for name, figure in figures.items()}
        self.children = [self.style_sheet, self.error_line, *self._layout()]
        self._connect()
        self.on_row()
        self.on_logits()

    @handler
    def on_row(self, _: object = None) -> None:
        """Another probability or target in the table."""
        self._show(self._table())

    @handler
    def on_typed(self, _: object = None) -> None:
        """Other logits, maybe of other classes."""
        chosen = self.target.value
        self.target.options = self._classes()
        self.target.value = chosen if chosen in self._classes() else self._classes()[0]
        self._show(self._breaking())

    @handler
    def on_logits(self, _: object = None) -> None:
        """Another scale, offset, precision or right class."""
        self._show(self._breaking())

    def _classes(self) -> tuple[str, ...]:
        return NAMES[: len(self.knobs["typed"].value)]

    def _table(self) -> tuple[dict[str, Figure], dict[str, str]]:
        rows: list[Row] = []
        for row in _ROWS:
            target, p = PETS.index(self.knobs[f"is{row}"].value), self.knobs[f"p{row}"].value
            right = p if target == 0 else 1 - p
            mood = "not sure" if max(p, 1 - p) < 0.7 else "sure and right" if right > 0.5 else "sure and wrong"
            rows.append((f"Row {row}: {mood}", target, p))
        marks = [(name, p if target == 0 else 1 - p) for name, target, p in rows]
        return {"losses": charts.losses(marks)}, {"rows": rows_table(rows)}

    def _breaking(self) -> tuple[dict[str, Figure], dict[str, str]]:
        base = np.array(self.knobs["typed"].value)
        scale, offset, kind = (self.knobs[name].value for name in ("scale", "offset", "kind"))
        classes, target = self._classes(), self._classes().index(self.target.value)

        def naively(logits: NDArray[np.float64]) -> concept.Floats:
            return -concept.naive_log_softmax(logits, kind).logs[:, target]

        def losses(logits: NDArray[np.float64]) -> tuple[concept.Floats, concept.Floats]:
            return naively(logits), -concept.log_softmax(logits, kind).logs[:, target]

        farthest = max(LARGEST, 1.25 * abs(offset))
        most = max(LARGEST / max(float(np.abs(base).max()), 1.0), 1.25 * scale)
        d, s = np.linspace(-farthest, farthest, 801), np.linspace(0, most, 801)
        figures = {
            "offset": charts.breaking(d, *losses(scale * base + d[:, None]), offset, "d is added to every logit"),
            "scale": charts.breaking(s, *losses(s[:, None] * base + offset), scale, "s multiplies every logit"),
        }
        fine = np.linspace(0, farthest, 10 * int(farthest) + 1)
        up = concept.breaks_at(naively(scale * base + fine[:, None]), fine)
        down = concept.breaks_at(naively(scale * base - fine[:, None]), -fine)
        fine_s = np.linspace(0, most, 10_001)
        far = concept.breaks_at(naively(fine_s[:, None] * base + offset), fine_s)
        logits = scale * base + offset
        naive, stable = concept.naive_log_softmax(logits, kind), concept.log_softmax(logits, kind)
        how = concept.verdict(logits, target, kind)
        left, right = steps(logits, target, naive, stable, classes)
        numbers = float(-naive.logs[target]), float(-stable.logs[target])
        return figures, {
            "naive": left,
            "stable": right,
            "verdict": verdict_words(kind, how, *numbers, classes[target]) + where_words(up, down, far),
        }

    def _show(self, made: tuple[dict[str, Figure], dict[str, str]]) -> None:
        figures, words = made
        self.draw(figures, **words)

    def _connect(self) -> None:
        for row in _ROWS:
            for name in (f"p{row}", f"is{row}"):
                self.knobs[name].observe(self.on_row, "value")
        for name in ("scale", "offset", "kind"):
            self.knobs[name].observe(self.on_logits, "value")
        self.target.observe(self.on_logits, "value")
        self.knobs["typed"].observe(self.on_typed, "value")

    def _layout(self) -> list[Any]:
        rows = [self.knobs[name] for row in _ROWS for name in (f"p{row}", f"is{row}")]
        menu = classed(ipywidgets.VBox([self.target]), "lab-knob")
        knobs = [menu, *(self.knobs[name] for name in ("scale", "offset", "typed", "kind"))]
        figures = self.figures
        lookup = section("A sum that is a look-up", _LOOK_UP, parts=[self.rows, figures["losses"]])
        breaking = section(
            "Where the naive logarithm breaks",
            _BREAKING,
            parts=[self.verdict, grid([figures["offset"], figures["scale"]]), grid([self.naive, self.stable])],
        )
        return [
            body(knob_column([knob_group(rows)]), [lookup]),
            body(knob_column([knob_group(knobs)]), [breaking]),
        ]


_LABELS = {
    "losses": "The loss over the probability of the right class",
    "offset": "The loss as an offset is added, naive and by log-sum-exp",
    "scale": "The loss as the logits are scaled, naive and by log-sum-exp",
}
_TYPED = "Your own, 2 to 12, with commas or spaces between; Enter takes them."
_LOOK_UP = (
    "Every term but one is multiplied by 0. So the loss is −log p of the right class, and nothing need be summed: look "
    "it up. Lesson 5 reads out 0.3, 0.01 and 1.0, as its spreadsheet’s logarithm is to base 10; a loss is in nats."
)
_BREAKING = (
    "Softmax cannot see an offset, so the loss must stay level as d moves. The naive form takes e<sup>x</sup> of the "
    "logits as they are; log-sum-exp first takes the largest out, which changes nothing but that no e<sup>x</sup> is "
    "above 1. In grey the naive loss is no number."
)


def _checked(logits: tuple[float, ...]) -> tuple[float, ...]:
    largest = max(logits, key=abs)
    if len(logits) < 2:
        raise ConfigError("the logits", f"{largest:g}", "at least 2 numbers")
    if abs(largest) > 1e4:
        raise ConfigError("the logits", largest, "at most 10,000 in size")
    return logits
