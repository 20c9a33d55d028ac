"""Every word of the glossary that a page over a run shows is explained where it stands."""

import re

import pytest

from lab.progress import Progress
from lab.record import Validation
from tests.widgets.conftest import made_record
from widgets import charts
from widgets.charts import View
from widgets.charts.find_lr import find_lr
from widgets.charts.style import Figure
from widgets.export.slide import plain_text
from widgets.markup.glossary import GLOSSARY, term, word_list
from widgets.run.control_bar import TERMS as STATUS_TERMS
from widgets.run.figures import CHARTS, OUTPUTS, TERMS
from widgets.run.find_lr import HELP as FIND_LR_HELP
from widgets.run.find_lr import TERMS as FIND_LR_TERMS
from widgets.run.sections import NET_TERMS, SECTIONS
from widgets.run.status import STATES, status_line, validation_line

EVERYWHERE = {"step", "layer", "output"}
"""Explained by the "?" of the status line and of the net, which are always in sight."""


def mentioned(text: str) -> set[str]:
    """The glossary's words that a text has, by any of their forms, as whole words, singular or plural."""
    return {
        each.name
        for each in GLOSSARY.values()
        for form in (each.name, *each.forms)
        if re.search(rf"(?<![\w-]){re.escape(form)}(e?s)?(?!\w)", text, re.IGNORECASE)
    }


def words_of(figure: Figure) -> str:
    """Title, axes and names of lines."""
    layout = figure["layout"]
    axes = [layout[name]["title"]["text"] for name in layout if "axis" in name and "title" in layout[name]]
    return " | ".join([layout["title"]["text"], *axes, *(trace.get("name", "") for trace in figure["data"])])


@pytest.mark.parametrize("name", [*CHARTS, *OUTPUTS])
def test_a_charts_question_mark_explains_its_words(name: str) -> None:
    record = made_record(30)
    if name in CHARTS:
        chart, label = CHARTS[name]
        text = f"{words_of(chart(record, View()))} | {label}"
    else:
        text = words_of(charts.outputs(record, OUTPUTS[name]))
    assert mentioned(text) <= {*TERMS[name], *EVERYWHERE}
    assert set(TERMS[name]) <= set(GLOSSARY) and len(set(TERMS[name])) == len(TERMS[name])


def test_the_curve_of_the_finder_explains_its_words() -> None:
    assert mentioned(words_of(find_lr(None))) <= {*FIND_LR_TERMS, *EVERYWHERE}


def test_the_line_of_the_runs_state_is_explained() -> None:
    words = " ".join(word for _, word, _ in STATES.values())
    row = Validation(0, 9, 0.5, 0.9, 0.6, 0.8)
    text = plain_text(f"{words} {status_line(Progress(), '')} {validation_line(row)}".replace("</span>", " "))
    assert {"epoch", "batch", "validation", "diverged"} <= mentioned(text) <= set(STATUS_TERMS)
    assert {*STATUS_TERMS, *NET_TERMS} >= EVERYWHERE


@pytest.mark.parametrize("text", [*(each.words for each in SECTIONS if each.words), FIND_LR_HELP])
def test_the_words_of_a_sections_help_are_marked(text: str) -> None:
    marked = {name for name in GLOSSARY if term(name).split(">")[0] in text}
    assert marked, "each has some"
    assert mentioned(plain_text(text)) <= marked | EVERYWHERE


def test_every_word_is_in_the_list() -> None:
    assert all(f"<dt>{name.replace('<', '&lt;')}" in word_list() for name in GLOSSARY)
