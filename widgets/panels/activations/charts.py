"""Charts of activation functions: their curves, their outputs for N(0, 1), and a signal layer by layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.concepts.activations import CENTRES, SHAPES, Shape, histogram, moments, normal_sample
from lab.concepts.depth import FADES, SURVIVES, Layer
from widgets.charts.style import COLOURS, Figure, line, note, plot

CUT = 0.25
"""Upper end of the histograms' y-axis, a share; a bin's share beyond it is written above."""

Shares = NDArray[np.float64]


def curves(shapes: Sequence[Shape]) -> Figure:
    """Draw each activation function over its input, with the density of N(0, 1) below to show where inputs lie."""
    x = np.linspace(-8, 8, 321)
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    below = {"type": "scatter", "mode": "lines", "name": "N(0, 1)", "x": x, "y": density, "line": {"width": 0}}
    below |= {"fill": "tozeroy", "fillcolor": "rgba(136, 136, 136, 0.3)", "hoverinfo": "skip"}
    data = [below, *(line(SHAPES[shape.name], x, shape(x), _index(shape)) for shape in shapes)]
    base = plot("The curves", "input x", "output", entries=len(data), range=[-2.1, 4.1])
    base["xaxis"] |= {"range": [-4.1, 4.1]}
    return {"data": data, "layout": base | {"hovermode": "x unified", "uirevision": "curves"}}


def outputs(shapes: Sequence[Shape]) -> Figure:
    """Draw the histogram of each activation function's outputs for N(0, 1) inputs, with a line at its mean."""
    made = {shape: (histogram(shape(normal_sample())), moments(shape).mean) for shape in shapes}
    return _histograms("What they make of N(0, 1)", made)


def last(nets: Mapping[Shape, Sequence[Layer]]) -> Figure:
    """Draw the histogram of each net's last layer, with a line at its mean."""
    made = {shape: (layers[-1].shares, layers[-1].mean) for shape, layers in nets.items()}
    depth = len(next(iter(nets.values())))
    return _histograms(f"Outputs of layer {depth}", made)


def means(nets: Mapping[Shape, Sequence[Layer]]) -> Figure:
    """Draw the mean of each layer's outputs, from the input on."""
    data = [_by_layer(shape, [0.0, *(layer.mean for layer in layers)]) for shape, layers in nets.items()]
    return {"data": data, "layout": _over_layers("Mean", "mean", len(data)) | {"shapes": [_level(0)]}}


def stds(nets: Mapping[Shape, Sequence[Layer]]) -> Figure:
    """Draw the standard deviation of each layer's outputs, from the input on, with the y-axis of :func:`apart`."""
    data = [_by_layer(shape, [1.0, *(layer.std for layer in layers)]) for shape, layers in nets.items()]
    return {"data": data, "layout": _over_layers("Spread of all values", "standard deviation", len(data), nets)}


def apart(nets: Mapping[Shape, Sequence[Layer]]) -> Figure:
    """Draw how far apart inputs still are after each layer, with lines where the verdict changes."""
    data = [_by_layer(shape, [1.0, *(layer.apart for layer in layers)]) for shape, layers in nets.items()]
    base = _over_layers("Can inputs be told apart?", "spread between inputs", len(data), nets)
    base |= {"shapes": [_level(SURVIVES), _level(FADES)]}
    base["annotations"] = [
        note(word, x=1, xanchor="right", yref="y", y=np.log10(level), yanchor=side)
        for word, level, side in (("survives", SURVIVES, "bottom"), ("fades", SURVIVES, "top"), ("lost", FADES, "top"))
    ]
    return {"data": data, "layout": base}


def _index(shape: Shape) -> int:
    return list(SHAPES).index(shape.name)


def _histograms(title: str, made: Mapping[Shape, tuple[Shares, float]]) -> Figure:
    data, lines, said = [], [], []
    for shape, (shares, mean) in made.items():
        name, colour = SHAPES[shape.name], COLOURS[_index(shape)]
        faint = f"rgba({int(colour[1:3], 16)}, {int(colour[3:5], 16)}, {int(colour[5:], 16)}, 0.15)"
        trace = line(name, CENTRES, shares, _index(shape), fill="tozeroy", fillcolor=faint)
        trace["line"] |= {"shape": "hvh", "width": 1.5}
        data.append(trace | {"hovertemplate": "%{y:.1%} near %{x:.1f}"})
        lines.append(_upright(mean, trace["line"]))
        top = int(shares.argmax())
        if shares[top] > CUT:
            said.append(f"{name}: {shares[top]:.0%} in the bin at {CENTRES[top]:.1f}".replace("-", "−"))
        beyond = 1 - shares.sum()
        if beyond > 0.005:
            said.append(f"{name}: {beyond:.0%} beyond ±4")
    axis = {"range": [0, CUT * 1.01], "tickformat": ".0%", "fixedrange": True}
    base = plot(title, "output, in bins of 0.1", "share of the values (%)", entries=len(data), **axis)
    base["xaxis"] |= {"range": [-4.1, 4.1], "fixedrange": True}
    words = [note("<br>".join(said), x=0.99, xanchor="right", align="right", y=0.99, yanchor="top")] if said else []
    return {"data": data, "layout": base | {"shapes": lines, "annotations": words, "uirevision": title[:7]}}


def _by_layer(shape: Shape, values: Sequence[float]) -> Figure:
    y = np.array(values)
    marker = {"size": 5 if len(y) <= 21 else 3, "color": COLOURS[_index(shape)]}
    x = np.arange(len(y))
    return line(SHAPES[shape.name], x, y, _index(shape), mode="lines+markers", marker=marker)


def _over_layers(
    title: str, y: str, entries: int, nets: Mapping[Shape, Sequence[Layer]] | None = None
) -> dict[str, Any]:
    scale = _decades(nets) if nets else {}
    base = plot(title, "layer (0: the input)", y, entries=entries, **scale)
    base["xaxis"] |= {"rangemode": "tozero"}
    return base | {"hovermode": "x unified", "uirevision": title}


def _decades(nets: Mapping[Shape, Sequence[Layer]]) -> dict[str, Any]:
    """Return a log axis from the smallest spread that is drawn to the largest, and from .001 to 1 at least."""
    every = np.array([(layer.std, layer.apart) for layers in nets.values() for layer in layers])
    low, high = np.log10(np.clip([every.min(), every.max()], 1e-30, 1e30))
    ends = [min(float(low), -3) - 0.4, max(float(high), 0) + 0.3]
    return {"type": "log", "range": ends, "dtick": -(-(ends[1] - ends[0]) // 7), "exponentformat": "power"}


def _level(y: float) -> Figure:
    style = {"color": "#888888", "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": style}


def _upright(x: float, like: Mapping[str, Any]) -> Figure:
    style = {"color": like["color"], "width": 2, "dash": like["dash"]}
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": style}
