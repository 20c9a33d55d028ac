"""Read numbers as people type them: decimal point or comma, thousands in groups; refuse what could be two numbers."""

import re

SPACES = " \u00a0\u2007\u2009\u202f'\u2019_"
"""Characters that group thousands and nothing else."""

LONGEST = 100
"""Characters of a number at most: anybody may have written what a link holds."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_SPACED = re.compile(rf"[+-]?[1-9]\d{{0,2}}([{SPACES}]\d{{3}})+([.,]\d+)?")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3}){2,}(\.\d+)?|[+-]?[1-9]\d{0,2}(,\d{3})+\.\d+")
_THOUSAND = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_JOINED = re.compile(r"(?<=\d)[\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
_LIST_DECIMAL = re.compile(r"[+-]?[\d.]*,\d+([eE][+-]?\d+)?")
_LIST_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")


class TwoReadings(ValueError):
    """A text that could be two numbers; the message shows how to write each."""


def read_number(text: str, *, whole: bool = False) -> float:
    """Return the one number in ``text``: ``0.5``, ``0,5``, ``50 000``, ``1,234,567``, ``1.234,5``, ``5e-4``.

    Args:
        text: what was typed.
        whole: whether a whole number is asked for: ``1.000`` could then be a thousand.

    Raises:
        TwoReadings: ``1,000`` is 1000 to some and 1 to others.
        ValueError: there is no number, or more than one.
    """
    plain = text.strip().replace("\u2212", "-")
    if len(plain) > LONGEST:
        raise ValueError(f"{text[:LONGEST]!r}… is no number")
    body, e, exponent = plain.partition("e" if "e" in plain else "E")
    if _SPACED.fullmatch(body):
        body = body.translate(dict.fromkeys(map(ord, SPACES)))
    swapped = body.translate({ord("."): ",", ord(","): "."})
    if _THOUSAND.fullmatch(body) or (whole and _THOUSAND.fullmatch(swapped)):
        thousands, fraction = re.sub("[.,]", "", body), re.sub("[.,]0+$", "", body).replace(",", ".")
        raise TwoReadings(f"write {thousands} or {fraction}")
    for reading in (body, swapped):
        if _GROUPED.fullmatch(reading):
            body = reading.replace(",", "")
            break
    else:
        body = body.replace(",", ".")
    number = body + e + exponent
    if not _NUMBER.fullmatch(number):
        raise ValueError(f"{text!r} is no number")
    return float(number)


def split_numbers(text: str) -> list[str]:
    """Return the texts of the numbers in a list: commas, semicolons, spaces or new lines between, maybe in brackets.

    Raises:
        TwoReadings: ``3,5`` could be two numbers or one with a decimal comma, ``50 000`` one number in groups.
    """
    text = _JOINED.sub("", text.strip().strip("[](){}").replace("\u2212", "-"))
    found: list[str] = []
    for part in re.split(r"[\s;]+", text):
        part = part.strip(",")
        if len(part) > LONGEST:
            found.append(part)
            continue
        if _LIST_DECIMAL.fullmatch(part) and (_NUMBER.fullmatch(part.replace(",", ".")) or _GROUPED.fullmatch(
            part.translate({ord("."): ",", ord(","): "."})
        )):  # fmt: skip
            point, apart = part.replace(".", "").replace(",", "."), part.replace(",", ", ")
            raise TwoReadings(f"write {point} or {apart}")
        if _LIST_GROUPED.fullmatch(part):
            raise TwoReadings(f"write {part.replace(',', '')} or {part.replace(',', ', ')}")
        for number in filter(None, part.split(",")):
            if re.fullmatch(r"0\d{2}", number) and found and re.fullmatch(r"[+-]?\d{1,3}", found[-1]):
                raise TwoReadings(f"write {found[-1]}{number} or {found[-1]}, {int(number)}")
            found.append(number)
    return found
