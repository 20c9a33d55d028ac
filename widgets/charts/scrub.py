"""Chart of one recorded step: the histogram of every layer's outputs, on the same axes at every step."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.record import BINS, Record
from widgets.charts.layers import near_zero_name
from widgets.charts.style import COLOURS, Figure, axis, heading, note
from widgets.charts.view import View

ROW = 92
"""Height of each layer's plot (px)."""

GAP = 0.16
"""Gap above a layer's plot, as a fraction of its height."""

_ABOVE, _BELOW = 44, 52
_POWERS = np.concatenate([[0], 10.0 ** np.arange(1, 10)])


def nearest(steps: NDArray[np.int64], step: int) -> int:
    """Return the index of the element of ``steps`` (rising, not empty) nearest to ``step``; the earlier on a tie."""
    after = int(np.searchsorted(steps, step))
    if after == len(steps) or (after and step - steps[after - 1] <= steps[after] - step):
        return after - 1
    return after


def near_zero_band(view: View) -> tuple[float, float]:
    """Return the range of values that count as near zero by ``view``'s definition."""
    width = 14 / BINS
    return {
        "near_relu": (0.0, 2 * 10 / BINS),
        "near_general": (-7 + 19 * width, -7 + 22 * width),
        "near_abs": (-view.threshold, view.threshold),
        "near_below": (-math.inf, view.threshold),
    }[view.near_zero]


def outputs_of(record: Record) -> NDArray[np.int64]:
    """Return (layers,) each layer's number of outputs in a full batch, where the axes end so that they never move."""
    if not len(record.hist_steps):
        return np.ones(len(record.layers), np.int64)
    most: NDArray[np.int64] = record.hists.sum(axis=2, dtype=np.int64).max(axis=0)
    return np.maximum(most, 1)


def step_histograms(record: Record, step: int, view: View) -> Figure:
    """Draw the histogram of every layer at the recorded step nearest to ``step``: log(1 + count) over the value.

    Args:
        record: the run's record; an empty one gives axes without bars.
        step: index of a batch.
        view: defines near zero, drawn as a band; bins wholly within it have another colour.
    """
    row = nearest(record.hist_steps, step) if len(record.hist_steps) else None
    outputs = outputs_of(record)
    low, high = record.range
    width = (high - low) / record.bins
    edges = low + width * np.arange(record.bins + 1)
    begin, end = near_zero_band(view)
    near = (edges[:-1] >= begin - 1e-9) & (edges[1:] <= end + 1e-9)
    count = len(record.layers) or 1
    height = ROW * count
    base: dict[str, Any] = {
        "title": heading("Each layer's outputs" + (f" at step {record.hist_steps[row]}" if row is not None else "")),
        "height": height + _ABOVE + _BELOW,
        "margin": {"l": 64, "r": 16, "t": _ABOVE, "b": _BELOW},
        "xaxis": axis("value of an output", range=[low, high]) | {"anchor": f"y{count}" if count > 1 else "y"},
        "bargap": 0,
        "showlegend": False,
        "hovermode": "closest",
        "shapes": _band(begin, end, record.range),
        "annotations": [note(f"near zero: {near_zero_name(view)}", x=1, xanchor="right", y=1, yanchor="bottom")],
    }
    data = []
    for i in range(count):
        top = float(np.log1p(outputs[i])) if record.layers else 1.0
        name = "yaxis" + (str(i + 1) if i else "")
        base[name] = axis("outputs" if i == 0 else "", range=[0, top * 1.02], fixedrange=True, **_ticks(top))
        base[name] |= {"domain": [1 - (i + 1) / count, 1 - (i + GAP) / count]}
    for i, layer in enumerate(record.layers):
        counts = record.hists[row, i, 1:-2] if row is not None else np.zeros(record.bins, np.int32)
        data.append(
            {
                "type": "bar",
                "name": layer,
                "x": (edges[:-1] + edges[1:]) / 2,
                "y": np.log1p(counts, dtype=np.float32),
                "width": width,
                "yaxis": "y" + (str(i + 1) if i else ""),
                "customdata": counts.tolist(),
                "marker": _marker(near),
                "hovertemplate": f"{layer}: %{{customdata}} outputs near %{{x:.3~f}}<extra></extra>",
            }
        )
        where = {"x": 0.995, "xanchor": "right", "y": base["yaxis" + (str(i + 1) if i else "")]["domain"][1]}
        base["annotations"].append(note(f"<b>{layer}</b>", **where, yanchor="top"))
    if row is None:
        base["annotations"].append(note("nothing recorded yet", x=0.5, y=0.5, font={"size": 13}))
    return {"data": data, "layout": base}


def _marker(near: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the colour and pattern of each bin; both mark the bins near zero."""
    return {
        "color": [COLOURS[1] if is_near else COLOURS[0] for is_near in near],
        "pattern": {"shape": ["/" if is_near else "" for is_near in near], "solidity": 0.4},
    }


def _band(begin: float, end: float, bounds: tuple[float, float]) -> list[dict[str, Any]]:
    """Return a band behind every layer over the values that count as near zero."""
    begin, end = max(begin, bounds[0]), min(end, bounds[1])
    if begin > end:
        return []
    where = {"x0": begin, "x1": end, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
    line = {"color": COLOURS[1], "width": 1, "dash": "dot"}
    return [{"type": "rect", **where, "fillcolor": "rgba(213,94,0,0.10)", "line": line}]


def _ticks(top: float) -> dict[str, Any]:
    """Return tick labels (counts) and their places on the log(1 + count) axis, few enough for a layer's height."""
    powers = _POWERS[np.log1p(_POWERS) <= top]
    shown = powers[:: 1 + len(powers) // 4]
    return {"tickvals": np.log1p(shown).tolist(), "ticktext": [f"{x:,.0f}" for x in shown]}
