"""Charts of moving averages: the stream and its averages, every value's weight, the factor 1 - beta^t."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.concepts import moving_average as ma
from widgets.charts.style import COLOURS, HEIGHT, Figure, axis, heading, line, note, plot
from widgets.markup.tables import number

SHOWN = 1000
"""Maximum number of points of a line: more would look the same."""

BARS = 101
"""Maximum number of values with a bar, the newest ones; a note sums up the rest."""

KINDS: tuple[tuple[ma.Kind, str, int, str], ...] = (
    ("zero", "from zero", 1, "/"),
    ("first", "from the first value", 2, "x"),
    ("debiased", "de-biased", 0, ""),
)
"""Kinds of average: key, name, index of the colour, pattern of the bars."""


def averages(values: NDArray[np.float64], beta: float, t: int) -> Figure:
    """Draw ``values`` (n,) raw and averaged in the three ways, with a line at the ``t``-th, from 1."""
    at, thinned = _shown(len(values))
    data = [
        line("values", at, values[at - 1], 0, faint=True, mode="lines+markers", marker=_raw(len(at))),
        *(_average(kind, name, index, at, values, beta) for kind, name, index, _ in KINDS),
    ]
    base = plot("The values and their moving averages", f"t, values seen{thinned}", "value", entries=4)
    base |= {"hovermode": "x unified", "uirevision": len(values), "shapes": [_here(t)], "height": HEIGHT + 60}
    return {"data": data, "layout": base}


def weights(t: int, beta: float) -> Figure:
    """Draw the weight of each value up to the ``t``-th, and of the zero at the start (x = 0), in the three averages."""
    first = max(1, t - BARS + 1)
    x = np.arange(0 if first == 1 else first, t + 1)
    shares = [_shares(t, beta, kind)[-len(x) :] for kind, *_ in KINDS]
    top = _round_above(float(np.nanmax(np.concatenate(shares))))
    base = plot("", "value number (0: the zero at the start)" if first == 1 else "value number", "")
    base["title"] = heading(f"What each value counts for at t = {t}")
    base |= {"height": HEIGHT + 60, "showlegend": False, "hovermode": "x unified", "uirevision": "weights"}
    base["margin"] |= {"t": 60, "b": 44}
    base["xaxis"] |= {"anchor": "y3", "fixedrange": True} | ({"dtick": 1} if t < 15 else {})
    data, base["annotations"] = [], []
    for row, ((_, name, index, pattern), bars) in enumerate(zip(KINDS, shares, strict=True)):
        y = f"y{row + 1}" if row else "y"
        marker = {"color": COLOURS[index], "pattern": {"shape": pattern if len(x) <= 20 else "", "solidity": 0.4}}
        hover = {"hovertemplate": f"{name}: %{{y:.3~%}}<extra></extra>"}
        data.append({"type": "bar", "name": name, "x": x, "y": bars, "yaxis": y, "marker": marker, **hover})
        end = 1 - 0.37 * row
        scale = {"domain": [end - 0.26, end], "range": [0, top], "tickformat": ".3~%", "nticks": 4, "fixedrange": True}
        base["yaxis" + y[1:]] = axis("weight" if row == 1 else "", **scale)
        older = f", and older ones and the start {1 - bars.sum():.1%}" if first > 1 and not np.isnan(bars[0]) else ""
        base["annotations"].append(note(name + older, x=0, xanchor="left", y=end, yanchor="bottom"))
    return {"data": data, "layout": base}


def factor(n: int, beta: float, t: int) -> Figure:
    """Draw the factor 1 - beta^t over n values, with a mark at ``t``."""
    at, thinned = _shown(n)
    here = float(ma.factor(t, beta))
    mark = {"color": COLOURS[0], "symbol": "diamond", "size": 11}
    hover = f"1 − {number(beta, 4)}<sup>%{{x}}</sup> = %{{y:.5~g}}"
    data = [
        line("1 − βᵗ", at, ma.factor(at, beta), 0, hovertemplate=hover),
        line(f"at t = {t}", np.array([t]), np.array([here]), 0, mode="markers", marker=mark, hovertemplate=hover),
    ]
    title = "The factor 1 − βᵗ"
    base = plot(title, f"t, values seen{thinned}", "1 − βᵗ", range=[-0.02, 1.04], fixedrange=True)
    return {"data": data, "layout": base | {"uirevision": n, "shapes": [_here(t)]}}


def _shares(t: int, beta: float, kind: ma.Kind) -> NDArray[np.float64]:
    """Return (t + 1,) weights: of the zero at the start, then of each value."""
    return np.append(beta**t if kind == "zero" else 0.0, ma.weights(t, beta, kind))


def _round_above(value: float) -> float:
    """Round ``value`` up to 1, 0.5, 0.2, 0.1 ..., so that an axis does not move with every value."""
    unit: float = 10.0 ** math.floor(math.log10(value))
    return next(unit * step for step in (1, 2, 5, 10) if unit * step >= value * 0.999)


def _raw(points: int) -> dict[str, Any]:
    return {"color": "#888888", "size": 5 if points <= 200 else 3}


def _average(
    kind: ma.Kind, name: str, index: int, at: NDArray[np.int64], values: NDArray[np.float64], beta: float
) -> Figure:
    """Return one average as a line whose hover texts show how each point is computed."""
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
    """Return the t that are drawn, and a note for the axis title if some are left out."""
    every = -(-n // SHOWN)
    return np.arange(1, n + 1, every), f" (1 in {every} shown)" if every > 1 else ""


def _here(t: int) -> Figure:
    style = {"color": "#888888", "width": 1.5, "dash": "dot"}
    return {"type": "line", "x0": t, "x1": t, "yref": "paper", "y0": 0, "y1": 1, "line": style}
