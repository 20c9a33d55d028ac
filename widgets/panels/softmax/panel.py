"""Softmax v sigmoid at the blackboard: two pictures' outputs, one offset between them, and what each would answer."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import numpy as np

from lab.concepts import softmax as concept
from lab.knob import ConfigError, Knob
from widgets.charts.style import Figure
from widgets.export.provenance import Settings
from widgets.figure.live_figure import LiveFigure
from widgets.inputs.knob_box import KnobBox
from widgets.markup.tables import number
from widgets.page.fold import Fold
from widgets.page.layout import body, classed, grid, knob_column, knob_group, section
from widgets.panel.panel import Panel, handler
from widgets.panels.softmax import charts
from widgets.panels.softmax.logits import LIMIT, Logits
from widgets.panels.softmax.words import answers, cells, comparison, title

LESSON = dict(zip(concept.CLASSES, concept.LOGITS, strict=True))
FEWEST, MOST = 2, len(concept.NAMES)

EXAMPLES: dict[str, tuple[str, str, tuple[float, ...], float]] = {
    "lesson": ("The lesson", "The two pictures of lesson 10", concept.LOGITS, concept.OFFSET),
    "nothing": ("Nothing there", "Neither picture shows any of the classes", (-4.2, -5.1, -4.6, -3.1, -3.9), -1.0),
    "two": ("Two things", "Picture 1 shows a cat and a fish", (3.1, -2.5, -3.0, 3.0, -2.0), -4.0),
    "undecided": ("All the same", "Every class has the same output", (0.0,) * 5, 2.0),
}
"""Name -> what its button says, its help, the five outputs, the offset."""

_OFFSET = Knob(
    "Offset d", "Added to every output of picture 2.", "", low=-LIMIT, high=LIMIT, slider=(-8, 8), step=0.05
)  # fmt: skip
_THRESHOLD = Knob("Threshold", "Sigmoid names each class at it or above.", "", low=0, high=1, slider=(0, 1), step=0.01)
_TEMPERATURE = Knob(
    "Temperature", "Every output is divided by it: low sharpens, high flattens.", "", low=0.001, high=1e4,
    slider=(0.1, 10), step=0.02, log=True,
)  # fmt: skip
_KNOBS = {
    "offset": (_OFFSET, concept.OFFSET),
    "threshold": (_THRESHOLD, concept.THRESHOLD),
    "temperature": (_TEMPERATURE, 1.0),
}


class SoftmaxPanel(Panel):
    """One picture's outputs, another's that are the same and an offset; softmax and sigmoid of both.

    Args:
        logits: class -> output of picture 1, 2 to 12 classes.
        offset: what picture 2 has more, in every class.

    Attributes:
        logits: Logits of picture 1. own: Logits, what picture 2 has more in one class alone.
        knobs: "offset", "threshold", "temperature" -> KnobBox.
        new_name, add: the text and the button that make a class. examples: name -> Button, see EXAMPLES.
        answers, first, second, comparison: HTML, the words and tables.
        figures: "pictures", "offsets" -> LiveFigure.

    Raises:
        ConfigError: for classes, outputs or an offset that are not valid.
    """

    def __init__(
        self,
        logits: Mapping[str, float] = LESSON,
        *,
        offset: float = concept.OFFSET,
        clock: Callable[[], float] = time.monotonic,
        watch_page: bool | None = None,
    ) -> None:
        _counted(len(logits))
        for name in logits:
            _named(name)
        self.logits = Logits(logits, on_remove=lambda name: self.on_remove(name))
        self.own = Logits(dict.fromkeys(logits, 0.0))
        self.knobs = {name: KnobBox(spec, value, name=spec.label) for name, (spec, value) in _KNOBS.items()}
        self.knobs["offset"].value = offset
        self.new_name = ipywidgets.Text(description="New class", placeholder="name", continuous_update=False)
        self.add = ipywidgets.Button(description="Add class", tooltip="Add a class with the output 0")
        self.examples = {
            key: ipywidgets.Button(description=word, tooltip=tip) for key, (word, tip, *_) in EXAMPLES.items()
        }
        self.answers, self.first, self.second, self.comparison = (ipywidgets.HTML() for _ in range(4))
        super().__init__(clock=clock, watch_page=watch_page)
        self.figures = {name: LiveFigure(figure, label=_LABELS[name]) for name, figure in self._compute()[0].items()}
        self.children = [self.style_sheet, self.error_line, self._layout()]
        self._connect()
        self._show()

    def settings(self) -> Settings:
        """The pictures' outputs, and the knobs."""
        own = {name: value for name, value in self.own.values.items() if value}
        series = {"Outputs": self.logits.values, "Picture 2’s own": own}
        told = {label: ", ".join(f"{name} {number(x, 4)}" for name, x in of.items()) for label, of in series.items()}
        return {label: words for label, words in told.items() if words} | super().settings()

    @handler
    def on_change(self, _: object = None) -> None:
        """Another number somewhere."""
        self._show()

    @handler
    def on_add(self, _: object = None) -> None:
        """One class more, under the name typed, or the next one of the list."""
        held = self.logits.values
        _counted(len(held) + 1)
        typed = self.new_name.value.strip()
        name = _named(typed or next(name for name in concept.NAMES if name not in held))
        if name in held:
            raise ConfigError("the class", name, "another than those already there")
        self._take({**held, name: 0.0})
        self.new_name.value = ""

    @handler
    def on_remove(self, name: str) -> None:
        """Take a class away."""
        held = self.logits.values
        _counted(len(held) - 1)
        self._take({key: value for key, value in held.items() if key != name})

    @handler
    def on_example(self, key: str) -> None:
        """Back to five classes with other outputs."""
        _, _, numbers, offset = EXAMPLES[key]
        with self._muted:
            for name, (_, value) in _KNOBS.items():
                self.knobs[name].value = offset if name == "offset" else value
            self._take(dict(zip(concept.CLASSES, numbers, strict=True)), keep=False)
        self._show()

    def _take(self, logits: Mapping[str, float], *, keep: bool = True) -> None:
        """Other classes, of which those that stay ``keep`` what picture 2 has of its own."""
        with self._muted:
            self.logits.show(logits)
            self.own.show({name: self.own.values.get(name, 0.0) if keep else 0.0 for name in logits})
        for button in self.logits.buttons.values():
            button.disabled = len(logits) <= FEWEST
        self.add.disabled = len(logits) >= MOST
        self._show()

    def _compute(self) -> tuple[dict[str, Figure], dict[str, str]]:
        classes = list(self.logits.values)
        offset, threshold, temperature = (self.knobs[name].value for name in _KNOBS)
        first = np.array(list(self.logits.values.values()))
        own = first + np.array(list(self.own.values.values()))
        second = own + offset
        made = [concept.arithmetic(x, temperature) for x in (first, second)]
        titles = [title(0, offset), title(1, offset)]
        if (own != first).any():
            titles[1] += ", and its own"
        totals = (made[0].total, made[1].total)
        shift = concept.shift(first, second, temperature)
        figures = {
            "pictures": charts.pictures(made, titles, classes, threshold),
            "offsets": charts.offsets(own, offset, classes, temperature, threshold),
        }
        return figures, {
            "answers": answers(made, classes, threshold),
            "first": cells(titles[0], first, made[0], classes, temperature, threshold),
            "second": cells(titles[1], second, made[1], classes, temperature, threshold),
            "comparison": comparison(first, second, totals, shift, classes, temperature),
        }

    def _show(self) -> None:
        if self._muted:
            return
        figures, words = self._compute()
        self.draw(figures, **words)

    def _connect(self) -> None:
        for logits in (self.logits, self.own):
            logits.observe(self.on_change, "values")
        for knob in self.knobs.values():
            knob.observe(self.on_change, "value")
        self.add.on_click(self.on_add)
        for key, button in self.examples.items():
            button.on_click(lambda _, key=key: self.on_example(key))

    def _layout(self) -> Any:
        row = classed(ipywidgets.HBox(list(self.examples.values())), "lab-buttons")
        new = classed(ipywidgets.HBox([self.new_name, self.add]), "lab-buttons", "lab-new")
        words = f"One for each class, −{LIMIT:,.0f} to {LIMIT:,.0f}."
        column = knob_column(
            [
                row,
                knob_group(self.knobs.values()),
                section("Picture 1’s outputs", words, parts=[self.logits]),
                new,
                Fold("Picture 2’s own", ipywidgets.VBox([ipywidgets.HTML(_OWN), self.own])),
            ]
        )
        return body(
            column,
            [
                classed(section("What each would answer", parts=[self.answers]), "lab-first"),
                self.figures["pictures"],
                section("The arithmetic", _ARITHMETIC, parts=[grid([self.first, self.second])]),
                section("The offset is what softmax cannot see", parts=[self.comparison, self.figures["offsets"]]),
            ],
        )


_LABELS = {
    "pictures": "Softmax and sigmoid of every class, picture 1 above picture 2",
    "offsets": "Sigmoid of every class and softmax of the largest over the offset",
}
_ARITHMETIC = (
    "Both begin with the same exp. Softmax divides it by the sum of <b>all</b> of them, so its column sums to 1 "
    "whatever the picture shows; sigmoid divides each by 1 and <b>itself</b>, so its column may sum to anything."
)
_OWN = "<p>Added to one class of picture 2 alone: then it is no longer picture 1, shifted.</p>"


def _counted(classes: int) -> None:
    if not FEWEST <= classes <= MOST:
        raise ConfigError("the number of classes", classes, f"at least {FEWEST} and at most {MOST}")


def _named(name: str) -> str:
    """A name that fits under a bar, and that neither HTML nor plotly takes for markup."""
    if not re.fullmatch(r"[^\W_]([^\W_]|[ -]){0,13}", name):
        raise ConfigError("a class", name[:20], "1 to 14 letters, digits, spaces or hyphens")
    return name
