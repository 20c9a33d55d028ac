"""Texts and tables of the softmax board, as markup."""

from collections.abc import Sequence

from lab.concepts.softmax import Arithmetic, Floats, Shift, passing, winners
from widgets.charts.answers import said_by
from widgets.markup.tables import fixed, number, table

ARITHMETIC = (
    "Both begin with the same exp. Softmax divides it by the sum of <b>all</b> of them, sigmoid each by 1 and "
    "<b>itself</b>: which of the two columns has a sum that says something of the picture?"
)
OWN = "Added to one class of picture 2 alone: is it still picture 1, shifted?"


def title(index: int, offset: float) -> str:
    """Return a picture's title; the second one includes the offset."""
    return "Picture 1" if index == 0 else f"Picture 2 = picture 1 {'−' if offset < 0 else '+'} {number(abs(offset), 4)}"


def answers(pictures: Sequence[Arithmetic], classes: Sequence[str], threshold: float) -> str:
    """Return the classes predicted by softmax and sigmoid for each picture, as a table's markup."""
    rows = []
    for index, made in enumerate(pictures):
        rows.append((f"Picture {index + 1}", *said_by(made.softmax, made.sigmoid, classes, threshold)))
    return table(["", "must name one", f"names each at {number(threshold, 4)} or above"], rows)


def cells(
    name: str, logits: Floats, made: Arithmetic, classes: Sequence[str], temperature: float, threshold: float
) -> str:
    """Return the lesson's table for one picture, to two places; predictions are bold, with a tick."""
    power = "exp" if temperature == 1 else f"exp(output ÷ {number(temperature, 4)})"
    head = ["", "output", power, f"softmax<br>exp ÷ {fixed(made.total)}", "sigmoid<br>exp ÷ (1 + exp)"]
    best, named = winners(made.softmax, classes), passing(made.sigmoid, classes, threshold)
    rows = [
        (label, fixed(x), fixed(e), _ticked(soft, label in best), _ticked(sig, label in named))
        for label, x, e, soft, sig in zip(classes, logits, made.powers, made.softmax, made.sigmoid, strict=True)
    ]
    rows.append(("sum", "", fixed(made.total), fixed(float(made.softmax.sum())), fixed(float(made.sigmoid.sum()))))
    return table(head, rows, name, numbers=True, total=True)


def comparison(
    first: Floats, second: Floats, totals: tuple[float, float], found: Shift, classes: Sequence[str], temperature: float
) -> str:
    """Return a table that compares picture 2 with picture 1: outputs, differences, and the ratio of exp."""
    rows = [
        (name, fixed(a), fixed(b), number(shift, 4), number(ratio, 4))
        for name, a, b, shift, ratio in zip(classes, first, second, found.offsets, found.ratios, strict=True)
    ]
    rows.append(("sum of exp", fixed(totals[0]), fixed(totals[1]), "", _ratio(*totals)))
    made = table(
        ["", "output 1", "output 2", "difference", "exp 2 ÷ exp 1"],
        rows,
        "Picture 2 against picture 1",
        numbers=True,
        total=True,
    )
    return f"<p>{_verdict(totals, found, temperature)}</p>{made}"


def _verdict(totals: tuple[float, float], found: Shift, temperature: float) -> str:
    sigmoids = f"The sigmoids differ by up to <b>{number(found.sigmoid_apart)}</b>"
    if found.constant is None:
        return (
            "The difference is <b>not</b> the same for every class, so exp does not grow by one factor, and the "
            f"softmaxes differ too, by up to <b>{number(found.softmax_apart)}</b>. {sigmoids}."
        )
    if found.constant == 0:
        return "Both pictures have the same outputs. Drag <b>offset d</b>, and watch which of the two answers moves."
    factor = number(float(found.ratios[0]), 4)
    power = number(found.constant, 4) + ("" if temperature == 1 else f" ÷ {number(temperature, 4)}")
    return (
        f"Every output of picture 2 is picture 1’s and {number(found.constant, 4)}, so <b>the second row is the first, "
        f"shifted</b>. Each exp is then multiplied by the same e<sup>{power}</sup> = {factor}, and so is their sum, "
        f"{fixed(totals[0])} × {factor} = {fixed(totals[1])}: the factor cancels, and the softmaxes differ by "
        f"<b>{'0' if found.softmax_apart < 1e-12 else number(found.softmax_apart)}</b>. In exp ÷ (1 + exp) the 1 is "
        f"not multiplied. {sigmoids}."
    )


def _ticked(share: float, is_named: bool) -> str:
    return f"<b>✓ {fixed(share)}</b>" if is_named else fixed(share)


def _ratio(first: float, second: float) -> str:
    # Neither inf ÷ inf nor 0 ÷ 0 is a number.
    return number(second / first, 4) if 0 < first < float("inf") else "undefined"
