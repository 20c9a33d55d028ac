"""The glossary: short plain sentences, shown as markup that leaves the bare word in an export."""

import html

import pytest

from lab.config import KNOBS
from lab.findings import LAST, SILENT
from widgets.charts import NEAR_ZERO
from widgets.export.slide import plain_text
from widgets.markup.glossary import GLOSSARY, GROUPS, meanings, question_mark, term, word_list
from widgets.run.net_view.message import DEAD


@pytest.mark.parametrize("name", GLOSSARY)
def test_a_meaning_is_one_or_two_short_sentences(name: str) -> None:
    meaning = GLOSSARY[name].meaning
    assert meaning.endswith(".") and meaning.count(". ") <= 2 and len(meaning) <= 170
    assert GLOSSARY[name].text == meaning + (f" ({GLOSSARY[name].source})" if GLOSSARY[name].source else "")


def test_no_word_stands_twice() -> None:
    words = [word.lower() for terms in GROUPS.values() for each in terms for word in (each.name, *each.forms)]
    assert len(words) == len(set(words)) and len(GLOSSARY) == sum(map(len, GROUPS.values()))


def test_a_word_tells_its_meaning_from_the_keyboard_and_is_bare_in_an_export() -> None:
    markup = term("near-zero share", "near <zero>")
    assert plain_text(markup) == "near <zero>" and plain_text(term("loss")) == "loss"
    assert 'tabindex="0"' in markup and f'data-tip="{html.escape(GLOSSARY["near-zero share"].text)}"' in markup
    assert 'data-tip="Near zero on both sides' in term("|x| < t") and "&lt; t<" in term("|x| < t")
    with pytest.raises(KeyError):
        term("wibble")
    with pytest.raises(KeyError):
        meanings(["wibble"])


def test_a_question_mark_has_every_meaning_that_it_is_asked_for() -> None:
    markup = question_mark(("epoch", "x ≤ t"), "the <line>")
    assert 'aria-label="What the words mean: the &lt;line&gt;"' in markup and 'tabindex="0"' in markup
    for name in ("epoch", "x ≤ t"):
        assert f"<b>{name}</b>: {html.escape(GLOSSARY[name].meaning)}" in markup


def test_the_list_has_every_word_and_every_choice() -> None:
    text = plain_text(word_list().replace("</dt>", ": "))
    for each in GLOSSARY.values():
        shown = f"{each.name} ({', '.join(each.forms)})" if each.forms else each.name
        assert f"{shown}: {each.text}".replace("  ", " ") in text.replace(":  ", ": "), each.name
    for knob in KNOBS.values():
        for value, note in knob.notes.items():
            assert f"{knob.text(value)}: {note}" in text.replace(":  ", ": ")


def test_the_numbers_are_those_of_the_code() -> None:
    assert set(NEAR_ZERO.values()) <= set(GLOSSARY)
    assert (SILENT, LAST, DEAD) == (0.6, 100, 0.99)
    assert "60 %" in GLOSSARY["silent"].meaning and "99 %" in GLOSSARY["dead channel"].meaning
