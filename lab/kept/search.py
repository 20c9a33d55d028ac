"""Search kept runs by words and settings."""

from lab.config import KNOBS
from lab.kept.run import KeptRun


def matches(run: KeptRun, search: str) -> bool:
    """Return whether every word of ``search`` is found in the run's name, note, outcome, error, settings or tags.

    A word is looked for anywhere in those texts, in the names of the settings that are not at their
    defaults, and in the values that are words (``sgd``). A number is a setting's whole value: ``0.9``
    does not find 0.999. ``lr=0.9`` asks for one setting, ``experiment=batch-two`` for one tag.
    """
    return all(_says(run, word) for word in search.casefold().split())


def _says(run: KeptRun, word: str) -> bool:
    field, equals, value = word.partition("=")
    if equals and field in KNOBS:
        return _same(getattr(run.config, field), value)
    if equals and field in run.tags:
        return run.tags[field].casefold() == value
    words, values = run.searchable
    return word in words or any(_same(value, word) for value in values)


def _same(setting: object, word: str) -> bool:
    if isinstance(setting, tuple):
        return ",".join(map(str, setting)) == word
    if isinstance(setting, str):
        return word in setting.casefold()
    try:
        return float(word) == setting
    except ValueError:
        return False
