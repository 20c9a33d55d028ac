"""Texts and tables of the cross-entropy board, as markup."""

from collections.abc import Sequence

import numpy as np

from lab.concepts.cross_entropy import Floats, Naive, Stable, by_index, by_one_hot, limits, one_hot
from widgets.markup.tables import fixed, number, table

Row = tuple[str, int, float]
"""Row of the table: name, index of the right class (0 cat, 1 dog), probability of a cat."""

PETS = ("cat", "dog")

LOOK_UP = (
    "Every term but one is multiplied by 0: what is left of the sum? Drag <b>Row 1: p(cat)</b> towards 0. Lesson 5 "
    "reads out 0.3, 0.01 and 1.0, as its spreadsheet’s logarithm is to base 10; a loss is in nats."
)
BREAKING = (
    "Softmax cannot see an offset, so the loss must stay level as d moves. Does it? The naive form takes e<sup>x</sup> "
    "of the logits as they are; log-sum-exp first takes the largest out. In grey the naive loss is no number."
)


def rows_table(rows: Sequence[Row]) -> str:
    """Return lesson 5's table: the sum of one-hot x log p, term by term, and the look-up beside it."""
    made = []
    for name, target, p in rows:
        shares = np.array([p, 1 - p])
        with np.errstate(divide="ignore"):
            log_p = np.log(shares)
        hot = one_hot(target, 2)
        terms = " + ".join(f"{h:.0f} × {fixed(x)}" for h, x in zip(hot, log_p, strict=True))
        summed, found = by_one_hot(log_p, target), by_index(log_p, target)
        made.append(
            (
                name,
                f"{hot[0]:.0f}, {hot[1]:.0f}",
                f"{number(shares[0])}, {number(shares[1])}",
                f"−({terms}) = <b>{fixed(summed)}</b>",
                f"−log p({PETS[target]}) = <b>{fixed(found)}</b>",
                fixed(found / float(np.log(10))),
            )
        )
    head = ["", "one-hot<br>cat, dog", "p<br>cat, dog", "sum of one-hot × log p", "look-up", "to base 10"]
    return table(head, made)


def steps(logits: Floats, target: int, naive: Naive, stable: Stable, classes: Sequence[str]) -> tuple[str, str]:
    """Return both computations step by step, as two tables' markup; the right class in bold."""
    rows = [
        (_bold(name, i == target), fixed(x), fixed(e), fixed(p, 3), _bold(fixed(log), i == target))
        for i, (name, x, e, p, log) in enumerate(
            zip(classes, logits, naive.powers, naive.shares, naive.logs, strict=True)
        )
    ]
    rows.append(("sum", "", fixed(float(naive.total[0])), "", ""))
    head = ["", "x", "e<sup>x</sup>", "p = e<sup>x</sup> ÷ sum", "log p"]
    left = table(head, rows, "Naive: as it is written", numbers=True, total=True)

    largest, log_sum = fixed(float(stable.largest[0])), fixed(float(stable.log_sum[0]), 3)
    rows = [
        (_bold(name, i == target), fixed(x), fixed(s), fixed(e), _bold(fixed(log), i == target))
        for i, (name, x, s, e, log) in enumerate(
            zip(classes, logits, stable.shifted, stable.powers, stable.logs, strict=True)
        )
    ]
    rows.append(("sum, and its log", "", "", fixed(float(stable.powers.sum())), log_sum))
    head = ["", "x", f"x − m<br>m = {largest}", "e<sup>x−m</sup>", f"log p =<br>(x − m) − {log_sum}"]
    right = table(head, rows, "Log-sum-exp: the largest, m, first", numbers=True, total=True)
    return left, right


def verdict_words(kind: str, how: str, naive: float, stable: float, target: str) -> str:
    """Return the result of the naive loss and its reason, as text."""
    low, high = limits("float32" if kind == "float32" else "float64")
    range_ = f"{kind} holds e<sup>x</sup> from x = {fixed(low)} to {fixed(high)}"
    why = {
        "fine": "Both agree.",
        "overflow": f"e<sup>x</sup> of {target} is too large and becomes ∞; so is the sum, and ∞ ÷ ∞ is not a number.",
        "swamped": f"another class’s e<sup>x</sup>, or the sum, becomes ∞, so p of {target} is something ÷ ∞ = 0, and "
        "log 0 = −∞.",
        "empty": "every e<sup>x</sup> is rounded to 0, so is the sum, and 0 ÷ 0 is not a number.",
        "underflow": f"p of {target} is too small and is rounded to 0, and log 0 = −∞.",
    }[how]
    if how == "fine" and abs(naive - stable) > 1e-4 * max(1.0, abs(stable)):
        why = "It is a number, but a wrong one: so near to the end of its range e<sup>x</sup> keeps few digits."
    begin = "" if how == "fine" else "The naive one breaks: "
    return (
        f"<p>Loss if the picture shows {target}: naive <b>{fixed(naive, 4)}</b>, "
        f"log-sum-exp <b>{fixed(stable, 4)}</b>. {begin}{why} ({range_}.)</p>"
    )


def where_words(up: float | None, down: float | None, far: float | None) -> str:
    """Return the offsets d (up and down) and the scale s from which the naive loss is not finite, as text."""
    ends = (("d", up, "up"), ("d", down, "down"), ("s", far, "up"))
    found = " and ".join(f"from <b>{name} = {number(x, 1)} {way}</b>" for name, x, way in ends if x is not None)
    return f"<p>With these logits the naive one breaks {found or 'nowhere in these charts'}.</p>"


def _bold(text: str, is_so: bool) -> str:
    return f"<b>{text}</b>" if is_so else text
