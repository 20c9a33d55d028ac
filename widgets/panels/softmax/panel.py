"""Softmax board: two pictures' outputs, an offset between them, and softmax and sigmoid of both."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import ipywidgets
import numpy as np

from lab.concepts import softmax as concept
from lab.knob import ConfigError, Knob
from widgets.charts.style import Figure
from widgets.export.provenance import Settings
from widgets.markup.tables import number
from widgets.page.layout import classed
from widgets.panel.board import Board, Example, Group, Input, Section, Values
from widgets.panel.panel import handler
from widgets.panels.softmax import charts, words
from widgets.panels.softmax.logits import LIMIT, MOST, Logits, check_count, check_name

LESSON = dict(zip(concept.CLASSES, concept.LOGITS, strict=True))
START = {
    "logits": LESSON, "own": dict.fromkeys(concept.CLASSES, 0.0), "offset": concept.OFFSET,
    "threshold": concept.THRESHOLD, "temperature": 1.0,
}  # fmt: skip


def _example(word: str, help: str, logits: tuple[float, ...], offset: float) -> Example:
    return Example(word, help, START | {"logits": dict(zip(concept.CLASSES, logits, strict=True)), "offset": offset})


_OFFSET = Knob("Offset d", "Added to every output of picture 2.", low=-LIMIT, high=LIMIT, slider=(-8, 8), step=0.05)
_THRESHOLD = Knob("Threshold", "Sigmoid names each class at it or above.", low=0, high=1, slider=(0, 1), step=0.01)
_TEMPERATURE = Knob(
    "Temperature", "Every output is divided by it: low sharpens, high flattens.", low=0.001, high=1e4,
    slider=(0.1, 10), step=0.02, log=True,
)  # fmt: skip


class SoftmaxPanel(Board):
    """Board of softmax and sigmoid of one picture's outputs, and of the same outputs plus an offset.

    Attributes:
        new_name, add: the text field and the button that add a class.
    """

    TITLE = "Softmax v sigmoid"
    NOTICE = "Which of the two answers changes when one number is added to every output?"
    INPUTS = {
        "logits": Input(Knob("Outputs", ""), LESSON, partial(Logits, removable=True)),
        "offset": Input(_OFFSET, START["offset"]),
        "threshold": Input(_THRESHOLD, START["threshold"]),
        "temperature": Input(_TEMPERATURE, START["temperature"]),
        "own": Input(Knob("Picture 2’s own", ""), START["own"], Logits),
    }
    EXAMPLES = {
        "lesson": _example("The lesson", "The two pictures of lesson 10", concept.LOGITS, concept.OFFSET),
        "nothing": _example(
            "Nothing there", "Neither picture shows any of the classes", (-4.2, -5.1, -4.6, -3.1, -3.9), -1.0
        ),
        "two": _example("Two things", "Picture 1 shows a cat and a fish", (3.1, -2.5, -3.0, 3.0, -2.0), -4.0),
        "undecided": _example("All the same", "Every class has the same output", (0.0,) * 5, 2.0),
    }
    SECTIONS = (
        Section(
            "What each would answer",
            show=("answers",),
            beside=(
                Group("", ("offset", "threshold", "temperature")),
                Group(
                    "Picture 1’s outputs", ("logits", "new_row"), f"One for each class, −{LIMIT:,.0f} to {LIMIT:,.0f}."
                ),
                Group("Picture 2’s own", ("own",), words.OWN, folded=True),
            ),
            stays=True,
        ),
        Section("", show=("pictures",)),
        Section("The arithmetic", words.ARITHMETIC, show=(("first", "second"),)),
        Section("What can softmax not see?", show=("comparison", "offsets")),
    )
    LABELS = {
        "pictures": "Softmax and sigmoid of every class, picture 1 above picture 2",
        "offsets": "Sigmoid of every class and softmax of the largest over the offset",
    }

    def start(self) -> None:
        """Make the widgets that add and remove a class."""
        self.new_name = ipywidgets.Text(description="New class", placeholder="name", continuous_update=False)
        self.add = ipywidgets.Button(description="Add class", tooltip="Add a class with the output 0")
        self.new_row = classed(ipywidgets.HBox([self.new_name, self.add]), "lab-buttons", "lab-new")
        self.add.on_click(self.on_add)
        self.knobs["logits"].on_remove = self.on_remove

    def settings(self) -> Settings:
        """Return the pictures' outputs and the knobs' values."""
        own = {name: value for name, value in self.values.own.items() if value}
        series = {"Outputs": self.values.logits, "Picture 2’s own": own}
        texts = {label: ", ".join(f"{name} {number(x, 4)}" for name, x in of.items()) for label, of in series.items()}
        numbers = {label: text for label, text in super().settings().items() if label not in series}
        return {label: text for label, text in texts.items() if text} | numbers

    @handler
    def on_add(self, _: object = None) -> None:
        """Add a class with the typed name, or the next one of the list."""
        held = self.values.logits
        check_count(len(held) + 1)
        typed = self.new_name.value.strip()
        name = check_name(typed or next(name for name in concept.NAMES if name not in held))
        if name in held:
            raise ConfigError("the class", name, "another than those already there")
        self.set({"logits": {**held, name: 0.0}})
        self.new_name.value = ""

    @handler
    def on_remove(self, name: str) -> None:
        """Remove a class."""
        self.set({"logits": {key: value for key, value in self.values.logits.items() if key != name}})

    def together(self, values: Values, changed: frozenset[str]) -> Mapping[str, Any]:
        """Give picture 2 the same classes as picture 1."""
        self.add.disabled = len(values.logits) >= MOST
        return values | {"own": {name: values.own.get(name, 0.0) for name in values.logits}}

    def shared(self, values: Values) -> Mapping[str, Any]:
        """Return ``values`` without picture 2's own changes if all are 0."""
        return {name: value for name, value in values.items() if name != "own" or any(value.values())}

    def compute(self, values: Values, changed: frozenset[str]) -> Iterator[tuple[str, Figure | str]]:
        """Yield every part: each depends on all inputs."""
        classes, offset, threshold, temperature = (
            list(values.logits),
            values.offset,
            values.threshold,
            values.temperature,
        )
        first = np.array(list(values.logits.values()))
        own = first + np.array(list(values.own.values()))
        second = own + offset
        made = [concept.arithmetic(x, temperature) for x in (first, second)]
        titles = [words.title(0, offset), words.title(1, offset)]
        if (own != first).any():
            titles[1] += ", and its own"
        yield "pictures", charts.pictures(made, titles, classes, threshold)
        yield "offsets", charts.offsets(own, offset, classes, temperature, threshold)
        yield "answers", words.answers(made, classes, threshold)
        yield "first", words.cells(titles[0], first, made[0], classes, temperature, threshold)
        yield "second", words.cells(titles[1], second, made[1], classes, temperature, threshold)
        totals, shift = (made[0].total, made[1].total), concept.shift(first, second, temperature)
        yield "comparison", words.comparison(first, second, totals, shift, classes, temperature)
