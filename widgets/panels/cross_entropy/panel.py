"""Cross-entropy board: the one-hot sum and the look-up, and where the naive log-softmax breaks."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.concepts import cross_entropy as concept
from lab.concepts.softmax import LOGITS, NAMES
from lab.knob import ConfigError, Knob
from widgets.charts.style import Figure
from widgets.inputs.number_knobs import number_list
from widgets.panel.board import Board, Group, Input, Section, Values
from widgets.panels.cross_entropy import charts, words

LARGEST = 1000.0
"""Largest logit on the charts."""


def _checked(logits: tuple[float, ...]) -> tuple[float, ...]:
    largest = max(logits, key=abs)
    if len(logits) < 2:
        raise ConfigError("the logits", f"{largest:g}", "at least 2 numbers")
    if abs(largest) > 1e4:
        raise ConfigError("the logits", largest, "at most 10,000 in size")
    return logits


def _row(number: int, hot: tuple[int, ...], shares: tuple[float, ...]) -> dict[str, Input]:
    """Return the two inputs of a row of lesson 5's table, with the lesson's values."""
    p = Knob(f"Row {number}: p(cat)", "", low=0, high=1, slider=(0, 1), step=0.01)
    pet = Knob(f"Row {number} is a", "", choices={pet: pet for pet in words.PETS})
    return {
        f"p{number}": Input(p, shares[0]),
        f"is{number}": Input(pet, words.PETS[hot.index(1)]),
    }


_ROWS = {
    name: made
    for number, (_, hot, shares) in enumerate(concept.LESSON, 1)
    for name, made in _row(number, hot, shares).items()
}
_LOGITS = Knob("Logits", "Your own, 2 to 12, with commas or spaces between; Enter takes them.")
_TARGET = Knob("Right class", "", choices={name: name for name in NAMES})
_SCALE = Knob("Scale s", "Every logit is multiplied by it.", low=0, high=1e4, slider=(0, 500), step=0.5)
_OFFSET = Knob("Shift d", "Then added to every logit.", low=-1e4, high=1e4, slider=(-1000, 1000), step=1)
_KIND = Knob("Precision", "Of the naive form and of log-sum-exp.", choices={"float32": "float32", "float64": "float64"})


class CrossEntropyPanel(Board):
    """Board of lesson 5's cat and dog table, and of naive and stable log-softmax as logits grow."""

    TITLE = "Cross-entropy"
    NOTICE = "What does it cost to be sure and wrong, and where does a logarithm break that is taken as it is written?"
    INPUTS = {
        "logits": Input(_LOGITS, LOGITS, number_list(most=len(NAMES), check=_checked), "the logits"),
        "target": Input(_TARGET, NAMES[int(np.argmax(LOGITS))]),
        "scale": Input(_SCALE, 1.0),
        "offset": Input(_OFFSET, 0.0),
        "kind": Input(_KIND, "float32"),
        **_ROWS,
    }
    SECTIONS = (
        Section("A sum that is a look-up", words.LOOK_UP, show=("rows", "losses"), beside=(Group("", tuple(_ROWS)),)),
        Section(
            "Where does the naive logarithm break?",
            words.BREAKING,
            show=("verdict", ("by_offset", "by_scale"), ("naive", "stable")),
            beside=(Group("", ("target", "scale", "offset", "logits", "kind")),),
        ),
    )
    LABELS = {
        "losses": "The loss over the probability of the right class",
        "by_offset": "The loss as an offset is added, naive and by log-sum-exp",
        "by_scale": "The loss as the logits are scaled, naive and by log-sum-exp",
    }

    def together(self, values: Values, changed: frozenset[str]) -> Mapping[str, Any]:
        """Offer one class for each logit; if the right class no longer exists, select the largest logit's."""
        classes = NAMES[: len(values.logits)]
        self.knobs["target"].choose_from({name: name for name in classes})
        target = values.target if values.target in classes else classes[int(np.argmax(values.logits))]
        return values | {"target": target}

    def compute(self, values: Values, changed: frozenset[str]) -> Iterator[tuple[str, Figure | str]]:
        """Yield the table's parts if a row has changed, the other parts if anything else has."""
        if changed & _ROWS.keys():
            yield from self._table(values)
        if changed - _ROWS.keys():
            yield from self._breaking(values)

    def _table(self, values: Values) -> Iterator[tuple[str, Figure | str]]:
        rows: list[words.Row] = []
        for row in range(1, len(concept.LESSON) + 1):
            target, p = words.PETS.index(values[f"is{row}"]), values[f"p{row}"]
            right = p if target == 0 else 1 - p
            mood = "not sure" if max(p, 1 - p) < 0.7 else "sure and right" if right > 0.5 else "sure and wrong"
            rows.append((f"Row {row}: {mood}", target, p))
        yield "losses", charts.losses([(name, p if target == 0 else 1 - p) for name, target, p in rows])
        yield "rows", words.rows_table(rows)

    def _breaking(self, values: Values) -> Iterator[tuple[str, Figure | str]]:
        base, scale, offset, kind = np.array(values.logits), values.scale, values.offset, values.kind
        classes = NAMES[: len(base)]
        target = classes.index(values.target)

        def naively(logits: NDArray[np.float64]) -> concept.Floats:
            return -concept.naive_log_softmax(logits, kind).logs[:, target]

        def losses(logits: NDArray[np.float64]) -> tuple[concept.Floats, concept.Floats]:
            return naively(logits), -concept.log_softmax(logits, kind).logs[:, target]

        farthest = max(LARGEST, 1.25 * abs(offset))
        most = max(LARGEST / max(float(np.abs(base).max()), 1.0), 1.25 * scale)
        d, s = np.linspace(-farthest, farthest, 801), np.linspace(0, most, 801)
        yield (
            "by_offset",
            charts.breaking(d, *losses(scale * base + d[:, None]), offset, "d is added to every logit"),
        )
        yield "by_scale", charts.breaking(s, *losses(s[:, None] * base + offset), scale, "s multiplies every logit")
        fine = np.linspace(0, farthest, 10 * int(farthest) + 1)
        up = concept.breaks_at(naively(scale * base + fine[:, None]), fine)
        down = concept.breaks_at(naively(scale * base - fine[:, None]), -fine)
        fine_s = np.linspace(0, most, 10_001)
        far = concept.breaks_at(naively(fine_s[:, None] * base + offset), fine_s)
        logits = scale * base + offset
        naive, stable = concept.naive_log_softmax(logits, kind), concept.log_softmax(logits, kind)
        numbers = float(-naive.logs[target]), float(-stable.logs[target])
        verdict = words.verdict_words(kind, concept.verdict(logits, target, kind), *numbers, classes[target])
        yield "verdict", verdict + words.where_words(up, down, far)
        left, right = words.steps(logits, target, naive, stable, classes)
        yield "naive", left
        yield "stable", right
