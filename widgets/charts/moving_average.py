"""Moving averages at the blackboard: the stream and its averages, every value's weight, the factor 1 - beta^t."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.concepts import moving_average as ma
from widgets.charts.style import COLOURS, HEIGHT, Figure, line, note, plot
from widgets.table import number

SHOWN = 1000
"""The most points a line has: a curve of more looks the same."""

BARS = 60
"""The newest values that have a bar; what is left over is said in words."""

KINDS: tuple[tuple[ma.Kind, str, int, str], ...] = (
    ("zero", "from zero", 1, "/"),
    ("first", "from the first value", 2, "x"),
    ("debiased", "de-biased", 0, ""),
)
"""Kind, name, colour, pattern of its bars."""


def averages(values: NDArray[np.float64], beta: float, t: int) -> Figure:
    """``values`` (n,) raw and averaged in the three ways, with a line at the ``t``-th, from 1."""
    at, thinned = _shown(len(values))
    data = [
        line("values", at, values[at - 1], 0, faint=True, mode="lines+markers", marker=_raw(len(at))),
        *(_average(kind, name, index, at, values, beta) for kind, name, index, _ in KINDS),
    ]
    plain = plot("The values and their moving averages", f"t, values seen{thinned}", "value", entries=4)
    plain |= {"hovermode": "x unified", "uirevision": len(values), "shapes": [_here(t)], "height": HEIGHT + 60}
    return {"data": data, "layout": plain}


def weights(t: int, beta: float) -> Figure:
    """The share of each value up to the ``t``-th, and of the zero at the start (x = 0), in the three averages."""
    first = max(1, t - BARS + 1)
    x = np.arange(first, t + 1)
    data, older = [], []
    for kind, name, index, pattern in KINDS:
        shares = ma.weights(t, beta, kind)
        if beta < 1 or kind != "debiased":
            older.append(f"{name} {1 - shares[first - 1 :].sum():.1%}")
        bars = {"x": x, "y": shares[first - 1 :]}
        if first == 1:
            start = beta**t if kind == "zero" else 0.0
            bars = {"x": np.append(0, x), "y": np.append(start, bars["y"])}
        marker = {"color": COLOURS[index], "pattern": {"shape": pattern, "solidity": 0.4}}
        hover = "value %{x}: %{y:.2%}"
        data.append({"type": "bar", "name": name, "marker": marker, "hovertemplate": hover, **bars})
    title = f"What each value counts for at t = {t}"
    x_axis = "value number (0: the zero at the start)" if first == 1 else "value number"
    plain = plot(title, x_axis, "weight", tickformat=".0%", range=[0, 1.02], fixedrange=True)
    plain |= {"barmode": "group", "hovermode": "x unified", "uirevision": "weights"}
    if first > 1:
        text = "older ones and the start: " + "; ".join(older)
        plain["annotations"] = [note(text, x=0, xanchor="left", y=1, yanchor="bottom")]
    plain["xaxis"] |= {"dtick": 1} if t < 15 else {}
    return {"data": data, "layout": plain}


def factor(n: int, beta: float, t: int) -> Figure:
    """The factor 1 - beta^t over n values, with a mark at ``t``."""
    at, thinned = _shown(n)
    here = float(ma.factor(t, beta))
    mark = {"color": COLOURS[0], "symbol": "diamond", "size": 11}
    hover = f"1 − {number(beta, 4)}<sup>%{{x}}</sup> = %{{y:.5~g}}"
    data = [
        line("1 − βᵗ", at, ma.factor(at, beta), 0, hovertemplate=hover),
        line(f"at t = {t}", np.array([t]), np.array([here]), 0, mode="markers", marker=mark, hovertemplate=hover),
    ]
    title = "Too small by this factor, from zero"
    plain = plot(title, f"t, values seen{thinned}", "1 − βᵗ", range=[-0.02, 1.04], fixedrange=True)
    return {"data": data, "layout": plain | {"uirevision": n, "shapes": [_here(t)]}}


def _raw(points: int) -> dict[str, Any]:
    return {"color": "#888888", "size": 5 if points <= 200 else 3}


def _average(
    kind: ma.Kind, name: str, index: int, at: NDArray[np.int64], values: NDArray[np.float64], beta: float
) -> Figure:
    """One average as a line, each of whose points says under the pointer what it is made of."""
    now = {"zero": ma.from_zero, "first": ma.from_first, "debiased": ma.debiased}[kind](values, beta)
    if kind == "debiased":
        made_of: tuple[NDArray[np.float64], ...] = ma.ewma(values, beta)
        arithmetic = "%{customdata[0]:.5~g} ÷ %{customdata[1]:.4~g} = %{y:.5~g}"
    else:
        made_of = (np.append(values[0] if kind == "first" else 0.0, now[:-1]), values)
        kept, new = number(beta, 4), number(1 - beta, 4)
        arithmetic = f"{kept} × %{{customdata[0]:.5~g}} + {new} × %{{customdata[1]:.5~g}} = %{{y:.5~g}}"
    parts = np.stack(made_of, axis=1)[at - 1]
    return line(name, at, now[at - 1], index, customdata=parts, hovertemplate=arithmetic)


def _shown(n: int) -> tuple[NDArray[np.int64], str]:
    """The t that are drawn, and how the axis owns up to those that are not."""
    every = -(-n // SHOWN)
    return np.arange(1, n + 1, every), f" (1 in {every} shown)" if every > 1 else ""


def _here(t: int) -> Figure:
    style = {"color": "#888888", "width": 1.5, "dash": "dot"}
    return {"type": "line", "x0": t, "x1": t, "yref": "paper", "y0": 0, "y1": 1, "line": style}
