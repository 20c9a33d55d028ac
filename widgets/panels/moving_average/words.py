"""Texts and arithmetic of the moving-average board, as markup."""

import numpy as np
from numpy.typing import NDArray

from lab.concepts import moving_average as ma
from widgets.markup.tables import number, table

WEIGHTS = (
    "Add up the bars of each average: which of them sum to 1, and what has the rest? What does the average from the "
    "first value make of an unlucky one? Set <b>First value off by</b>, and drag <b>Step t</b>."
)


def conventions(beta: float) -> str:
    """Return both meanings of "momentum", as markup."""
    kept, new = number(beta, 4), number(1 - beta, 4)
    reach = (
        f"It looks back over about 1/(1 − β) = {number(1 / (1 - beta), 1)} values."
        if beta < 1
        else "At β = 1 no value is ever let in."
    )
    return (
        f"<p><b>β = {kept}; torch’s batch-norm momentum = {new}.</b> The lesson’s and Adam’s beta is the share of the "
        f"old average that stays; torch’s norms, and <code>lerp</code>, name the share of the new value. {reach}</p>"
    )


def arithmetic(values: NDArray[np.float64], beta: float, t: int) -> str:
    """Return the update from t - 1 to t of the three averages, with every number, as a table's markup."""
    value, weight = values[t - 1], float(ma.factor(t, beta))
    zero, first = ma.from_zero(values[:t], beta), ma.from_first(values[:t], beta)
    b, rest, x = number(beta, 4), number(1 - beta, 4), number(value)

    def step(old: float, new: float) -> str:
        return f"{b} × {number(old)} + {rest} × {x} = <b>{number(new)}</b>"

    unbiased = (
        f"{number(zero[-1])} ÷ (1 − {b}<sup>{t}</sup>) = {number(zero[-1])} ÷ {number(weight)} "
        f"= <b>{number(zero[-1] / weight)}</b>"
        if weight > 0
        else "0 ÷ 0: <b>undefined</b>, no value has any weight"
    )
    rows = [
        ("from zero", step(zero[-2] if t > 1 else 0.0, zero[-1])),
        ("de-biased", unbiased),
        ("from the first value", step(first[-2], first[-1]) if t > 1 else f"the first value itself = <b>{x}</b>"),
    ]
    return table(["average", "arithmetic"], rows, f"t = {t}: the value {x} comes in")


def thinned(stride: int) -> str:
    """Return a note on the steps that a record with this stride leaves out, as markup; empty if none."""
    if stride == 1:
        return ""
    return (
        f"<p>This long run’s record keeps <b>1 step in {stride}</b>, and only those are averaged: with the same β, "
        f"an average looks back over {stride} times as many of its steps.</p>"
    )
