"""Charts of spread: points and distances, each point's share, variance formulas in float32, two series."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.concepts import spread
from widgets.charts.style import COLOURS, FAINT, HEIGHT, Figure, line, note, plot
from widgets.markup.axis_range import AxisRange

Values = NDArray[np.float64]

PAIRS = "pairs"
"""Name of the trace whose points are dragged along x and y; "points" move along x only."""

FEW = 40
"""Maximum number of points whose distances, shares and products are drawn one by one."""

OFFSETS = np.logspace(0, 10, 41)

_LOWEST = 1e-8  # smallest error drawn: about the precision of float32
_FORMULAS = ("by its definition", "E[x²] − E[x]²")
_DOTS = {"color": COLOURS[0], "size": 13, "line": {"color": "#FFFFFF", "width": 1.5}}


def points(x: Values, axis: AxisRange) -> Figure:
    """Draw ``x`` (n,) as points to drag along ``axis``, with their mean and both spreads."""
    n, mean = len(x), spread.mean(x)
    rows = np.arange(1.0, n + 1)
    below = max(1.0, n / 7)
    ends = np.array([0.4, n + 2.6 * below])
    data = [
        line("mean", np.array([mean, mean]), ends, 2, hovertemplate="mean %{x:.4~f}<extra></extra>"),
        _reach("mean ± std", mean, spread.std(x), n + below, 1, "line-ns"),
        _reach("mean ± mean absolute deviation", mean, spread.mean_absolute_deviation(x), n + 2 * below, 3, "diamond"),
        {
            "type": "scatter", "mode": "markers", "name": "points", "x": x, "y": rows, "meta": {"drag": "x"},
            "marker": _DOTS if n <= FEW else _DOTS | {"size": 6}, "hovertemplate": "point %{y}: %{x}<extra></extra>",
        },
    ]  # fmt: skip
    if n <= FEW:
        data.insert(0, _distances(x, mean, rows))
    base = _still(plot("Drag the points", "value", "point number", entries=len(data)), axis)
    base["height"] += HEIGHT // 4
    base["yaxis"] |= {"range": ends[::-1].tolist(), "fixedrange": True, "showgrid": False}
    base["yaxis"] |= {"tickvals": list(range(1, n + 1))} if n <= 15 else {}
    return {"data": data, "layout": base}


def shares(x: Values) -> Figure:
    """Draw each point's share, of ``x`` (n,), in the sum of distances and in the sum of squared distances."""
    away = np.abs(spread.deviations(x))
    chosen = np.sort(np.argsort(-away, kind="stable")[:FEW])
    data = []
    kinds = (("of the distances (mean absolute deviation)", 1, 3, "x"), ("of their squares (variance)", 2, 1, ""))
    for name, power, colour, pattern in kinds:
        parts = (away / (away.max() or 1)) ** power
        y = parts / parts.sum() if parts.any() else np.full(len(x), np.nan)
        marker = {"color": COLOURS[colour], "pattern": {"shape": pattern, "solidity": 0.4}}
        hover = "point %{x}: %{y:.1%}<extra></extra>"
        bars = {"x": [str(i + 1) for i in chosen], "y": y[chosen], "marker": marker, "hovertemplate": hover}
        data.append({"type": "bar", "name": name, **bars})
    farthest = f" (the {FEW} farthest from the mean)" if len(x) > FEW else ""
    base = plot("How much of the spread each makes", f"point number{farthest}", "share", tickformat=".0%")
    base |= {"barmode": "group", "height": HEIGHT + HEIGHT // 4}
    base["xaxis"] |= {"type": "category", "fixedrange": True}
    base["yaxis"] |= {"range": [0, 1.02], "fixedrange": True}
    if not away.any():
        base["annotations"] = [_middle("all at the mean: no spread to share")]
    return {"data": data, "layout": base}


def formulas(x: Values, offset: float) -> Figure:
    """Draw the error of both variance formulas for ``x`` (n,) + offset in float32, with a mark at ``offset``."""
    errors = np.stack([_errors(x, float(at)) for at in OFFSETS], axis=1)
    at = float(np.clip(offset, OFFSETS[0], OFFSETS[-1]))
    here = _errors(x, offset)
    hover = "offset %{x:.3~g}: wrong by %{y:.3~%}<extra></extra>"
    data = []
    for i, (name, symbol) in enumerate(zip(_FORMULAS, ("circle", "diamond"), strict=True)):
        mark = {"color": COLOURS[i], "symbol": symbol, "size": 11}
        points_: dict[str, Any] = {"mode": "markers", "marker": mark, "showlegend": False, "hovertemplate": hover}
        data.append(line(name, OFFSETS, errors[i], i, hovertemplate=hover))
        data.append(line(f"{name}, now", np.array([at]), here[i : i + 1], i, **points_))
    ticks: dict[str, Any] = {"tickvals": [10.0**power for power in range(-8, 13, 4)]}
    base = plot("How wrong the variance is in float32", "offset added to every point", "wrong by", **ticks)
    every_second = {
        "tickvals": [10.0**power for power in range(0, 11, 2)],
        "ticktext": ["1", "100", "10⁴", "10⁶", "10⁸", "10¹⁰"],
    }
    base["xaxis"] |= {"type": "log", "range": [-0.2, 10.2], "fixedrange": True, **every_second}
    base["yaxis"] |= {"type": "log", "range": [-8.6, 13], "fixedrange": True}
    base["yaxis"]["ticktext"] = ["0", "0.01 %", "100 %", "10⁴ times", "10⁸ times", "10¹² times"]
    if not np.isfinite(here).all():
        base["annotations"] = [_middle("float32 overflows" if spread.variance(x) > 0 else "no variance to lose")]
    return {"data": data, "layout": base}


def pairs(x: Values, y: Values, axes: tuple[AxisRange, AxisRange]) -> Figure:
    """Draw ``y`` over ``x`` (both (n,)) as points to drag, each with its rectangle, its term of the covariance."""
    means = (spread.mean(x), spread.mean(y))
    ups = spread.deviations(x) * spread.deviations(y) >= 0
    kinds = (("adds to the covariance", ups, 0, ""), ("takes from it", ~ups, 1, "/"))
    data = (
        [_rectangles(name, x[which], y[which], means, colour, pattern) for name, which, colour, pattern in kinds]
        if len(x) <= FEW
        else []
    )
    data += [
        line("means", np.array([means[0]] * 2), np.array(axes[1].ends), 2, hoverinfo="skip"),
        line("mean of y", np.array(axes[0].ends), np.array([means[1]] * 2), 2, showlegend=False, hoverinfo="skip"),
        {
            "type": "scatter", "mode": "markers", "name": PAIRS, "x": x, "y": y, "meta": {"drag": "xy"},
            "marker": _DOTS if len(x) <= FEW else _DOTS | {"size": 6}, "hovertemplate": "%{x}, %{y}<extra></extra>",
        },
    ]  # fmt: skip
    base = _still(plot("Drag the points either way", "first series", "second series", entries=len(data)), axes[0])
    base["height"] += HEIGHT // 3
    base["yaxis"] |= {"range": axes[1].ends, "fixedrange": True}
    return {"data": data, "layout": base}


def _distances(x: Values, mean: float, rows: Values) -> Figure:
    gap = np.full(len(x), np.nan)
    ways = np.stack([np.full(len(x), mean), x, gap], axis=1).ravel()
    style: dict[str, Any] = {"line": FAINT | {"width": 2}, "hoverinfo": "skip"}
    return line("distance from the mean", ways, np.stack([rows, rows, gap], axis=1).ravel(), 6, **style)


def _reach(name: str, mean: float, far: float, row: float, colour: int, symbol: str) -> Figure:
    """Draw a line from mean - far to mean + far, in a row of its own."""
    style = {"color": COLOURS[colour], "symbol": symbol, "size": 11, "line": {"color": COLOURS[colour], "width": 3}}
    hover = f"{name}: %{{x:.4~f}}<extra></extra>"
    ends = np.array([mean - far, mean + far])
    return line(name, ends, np.array([row, row]), colour, mode="lines+markers", marker=style, hovertemplate=hover)


def _rectangles(name: str, x: Values, y: Values, means: tuple[float, float], colour: int, pattern: str) -> Figure:
    a, b, gap = (np.full(len(x), value) for value in (*means, np.nan))
    around = np.stack([a, x, x, a, a, gap], axis=1).ravel(), np.stack([b, b, y, y, b, gap], axis=1).ravel()
    red_green_blue = ",".join(str(int(COLOURS[colour][i : i + 2], 16)) for i in (1, 3, 5))
    fill: dict[str, Any] = {"fill": "toself", "fillcolor": f"rgba({red_green_blue},0.25)", "hoverinfo": "skip"}
    if pattern:
        fill["fillpattern"] = {"shape": pattern, "solidity": 0.4, "fgcolor": COLOURS[colour]}
    return line(name, *around, colour, **fill)


def _errors(x: Values, offset: float) -> Values:
    """Return the relative error of both formulas in float32; nan if the variance is 0."""
    made = spread.in_float32(x, offset)
    if not made.truth > 0:
        return np.full(2, np.nan)
    wrong = np.abs(np.array([made.by_definition, made.by_squares]) - made.truth) / made.truth
    return np.where(np.isfinite(wrong), np.maximum(wrong, _LOWEST), np.nan)  # a gap where float32 overflows


def _still(base: dict[str, Any], axis: AxisRange) -> dict[str, Any]:
    """Return the layout ``base`` with a fixed x-axis, so that a drag neither moves nor zooms it."""
    base["xaxis"] |= {"range": axis.ends, "fixedrange": True}
    return base | {"dragmode": False, "hovermode": "closest"}


def _middle(text: str) -> dict[str, Any]:
    return note(text, x=0.5, y=0.5) | {"font": {"size": 14}}
