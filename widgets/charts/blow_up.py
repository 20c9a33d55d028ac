"""Chart of each norm's smallest variance and largest multiplier, which show why a norm blows up."""

import numpy as np

from lab.record import Record
from widgets.charts.style import HEIGHT, Figure, column, line, note, stacked
from widgets.charts.view import View

FLOOR = 1e-12
"""Smallest variance drawn: a variance of 0 (a dead channel) stands here, since a log axis cannot show 0."""


def blow_up(record: Record, view: View | None = None) -> Figure:
    """Draw each norm's largest multiplier 1/sqrt(var + eps) above, its smallest variance below, on log axes."""
    view = view or View()
    x = view.at(record.steps, record)
    multipliers = [
        line(norm, x, column(record, f"max_mult/{norm}"), i, legendgroup=norm) for i, norm in enumerate(record.norms)
    ]
    variances = [
        line(norm, x, np.maximum(column(record, f"min_var/{norm}"), np.float32(FLOOR)), i, legendgroup=norm)
        | {"yaxis": "y2", "showlegend": False}
        for i, norm in enumerate(record.norms)
    ]
    title, entries = "What the norms multiply by", len(record.norms) or 1
    titles = ("max 1/√(var+ε)", "min variance")
    # with more ticks plotly labels every digit of a range under 1.5 decades, and the labels overlap
    base = stacked(title, record, view, titles, entries=entries, type="log", exponentformat="power", nticks=3)
    base["height"] += HEIGHT // 2
    if len(record.steps) and not record.norms:
        base["annotations"].append(note("this net has no norm", x=0.5, y=0.775, font={"size": 13}))
    else:
        floor = note(f"a variance of 0 is drawn at {FLOOR:.0e}", x=0, xanchor="left", y=0.45, yanchor="bottom")
        base["annotations"].append(floor)
    return {"data": multipliers + variances, "layout": base}
