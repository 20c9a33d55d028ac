"""The comparison of heads as markup: status line, table of measures, and pictures with each head's prediction."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lab.concepts.heads import HEADS, MEASURES, Bools, Floats, kinds, named
from lab.experiments.heads.comparison import Comparison
from widgets.markup.grey_png import data_uri
from widgets.markup.tables import table
from widgets.panels.softmax_lies.charts import Measures
from widgets.run.status import duration

KINDS = {"any": "any number", "none": "no digit", "one": "one digit", "several": "2–3 digits"}
ANSWERS = {"all": "all", "apart": "the heads disagree", "wrong": "some head is wrong"}
"""Menus of the pictures: value -> label."""

SHOWN = 6
NOT_YET = "<p>No head has been trained yet: press Start.</p>"


def head_line(comparison: Comparison) -> str:
    """Return the head in training and the training time of all heads so far, for the status line."""
    number = list(HEADS).index(comparison.key) + 1
    return (
        f"<span>head <b>{HEADS[comparison.key].name}</b> ({number} of {len(HEADS)})</span>"
        f"<span>all heads <b>{duration(comparison.seconds)}</b></span>"
    )


def results(measures: Measures, thresholds: Mapping[str, float]) -> str:
    """Return a table of every measure of the heads that have finished, at their thresholds."""
    if not measures:
        return NOT_YET
    rows = [["threshold", *(f"{thresholds[key]:.4f}" if key in measures else "–" for key in HEADS)]]
    for name, words in MEASURES.items():
        rows.append([words, *(f"{measures[key][name]:.3f}" if key in measures else "–" for key in HEADS)])
    head = ["share of the test canvases", *(head.name for head in HEADS.values())]
    return table(head, rows, numbers=True)


def choose(comparison: Comparison, says: Mapping[str, Bools], kind: str, answers: str) -> NDArray[np.int64]:
    """Return the indices of the canvases of this ``kind`` (KINDS) with such ``answers`` (ANSWERS).

    Args:
        says: head -> (n, 10), the digits that it predicts on the test canvases.
    """
    shown = comparison.shown
    if shown is None:
        return np.empty(0, np.int64)
    n = len(shown.pictures)
    present = shown.present[:n]
    fit = np.ones(n, bool) if kind == "any" else kinds(present)[kind]
    given = [found[:n] for found in says.values()]
    if answers == "apart":
        fit &= np.any([(found != given[0]).any(axis=1) for found in given], axis=0) if given else False
    elif answers == "wrong":
        fit &= np.any([(found != present).any(axis=1) for found in given], axis=0) if given else False
    return np.flatnonzero(fit)


def answers(comparison: Comparison, thresholds: Mapping[str, float]) -> dict[str, Bools]:
    """Return head -> (n, 10), the digits that each finished head predicts on the test canvases."""
    return {key: named(result.scores, thresholds[key]) for key, result in list(comparison.results.items())}


def gallery(comparison: Comparison, says: Mapping[str, Bools], which: NDArray[np.int64]) -> str:
    """Return the canvases ``which`` with their digits and each head's predictions and scores, as markup."""
    shown = comparison.shown
    if shown is None:
        return "<p>The canvases are made when you press Start.</p>"
    if not len(which):
        return "<p>No such canvas among those that are shown.</p>"
    figures = []
    for i in which:
        truth = _digits(shown.present[i])
        lines = [_line(key, says[key][i], comparison.results[key].scores[i], shown.present[i]) for key in says]
        picture = f'<img src="{data_uri(shown.pictures[i])}" alt="canvas with {truth}" width="112" height="112">'
        figures.append(f"<figure>{picture}<figcaption><b>{truth}</b><ul>{''.join(lines)}</ul></figcaption></figure>")
    return f'<div class="lab-gallery">{"".join(figures)}</div>'


def _digits(present: Bools) -> str:
    return ", ".join(map(str, np.flatnonzero(present))) or "no digit"


def _line(key: str, says: Bools, scores: Floats, present: Bools) -> str:
    right = bool((says == present).all())
    sign, word = ("✔", "right") if right else ("✘", "wrong")
    mark = f'<span class="{"lab-good" if right else "lab-bad"}" role="img" aria-label="{word}">{sign}</span>'
    best = int(scores.argmax())
    heard = ", ".join(f"{digit} ({scores[digit]:.0%})" for digit in np.flatnonzero(says))
    heard = heard or f"no digit (most: {best}, {scores[best]:.0%})"
    return f"<li>{mark} {HEADS[key].name}: {heard}</li>"
