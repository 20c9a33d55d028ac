"""Texts and tables of the activations board, as markup."""

from collections.abc import Mapping, Sequence

from lab.concepts.activations import SHAPES, Shape, moments
from lab.concepts.depth import Layer, gain, verdict
from widgets.markup.tables import fixed, number, table

ONE_LAYER = (
    "Random inputs with mean 0 and standard deviation 1 go in; the upright lines are the means of what comes out. What "
    "does <b>sub</b> change, and what does it leave alone?"
)
MANY_LAYERS = (
    "128 such inputs go through linear maps of 256 units, each followed by the shape; nothing is trained. Which shapes "
    "keep their spread, and which keep the inputs apart? These are two questions: the last chart is how much a unit "
    "still differs from input to input. Press <b>Other random weights</b> to see what is chance."
)

_FORMULAS = {
    "relu": "max(x, 0)",
    "elu": "x, or e<sup>x</sup> − 1 below 0",
    "gelu": "x Φ(x), Φ the share of N(0, 1) below x",
    "silu": "x σ(x), σ the sigmoid",
    "sigmoid": "1 ÷ (1 + e<sup>−x</sup>)",
    "tanh": "(e<sup>x</sup> − e<sup>−x</sup>) ÷ (e<sup>x</sup> + e<sup>−x</sup>)",
    "identity": "x",
}


def formula(shape: Shape) -> str:
    """Return the activation function's formula, as markup."""
    if shape.name != "general":
        return _FORMULAS[shape.name]
    low = f"{number(shape.leak)}x" if shape.leak else "0"
    less = f" − {number(shape.sub)}" if shape.sub else ""
    return f"max(x, {low}){less}" + (f", at most {number(shape.maxv)}" if shape.maxv else "")


def answer(shape: Shape, layers: Sequence[Layer]) -> str:
    """Return a line with GeneralRelu's mean and std, as markup."""
    one, last = moments(shape), layers[-1]
    return (
        f"<p><b>GeneralRelu</b> makes of N(0, 1) a mean of <b>{fixed(one.mean, 4)}</b> and a std of "
        f"<b>{fixed(one.std, 4)}</b>. After {_layers(len(layers))}, inputs are {number(last.apart)} apart: the signal "
        f"<b>{_SAYS[verdict(last)]}</b>.</p>"
    )


def over_normal(shapes: Sequence[Shape]) -> str:
    """Return the mean and std of each activation function's outputs for N(0, 1) inputs, as a table's markup."""
    rows = [(SHAPES[shape.name], *(fixed(x, 4) for x in moments(shape)), formula(shape)) for shape in shapes]
    return table(["shape", "mean", "std", "output"], rows, "N(0, 1) goes in: mean 0, std 1. Out comes:")


def after(nets: Mapping[Shape, Sequence[Layer]], init: str) -> str:
    """Return statistics of the last layer of each net, as a table's markup."""
    rows, depth = [], 0
    for shape, layers in nets.items():
        depth, last = len(layers), layers[-1]
        numbers = (number(last.apart), fixed(last.mean, 4), number(last.std), fixed(gain(init, shape), 4))
        rows.append((SHAPES[shape.name], f"<b>{verdict(last)}</b>", *numbers))
    head = ["shape", "the signal", "inputs apart", "mean", "std", "gain of the weights"]
    return table(head, rows, f"After {_layers(depth)}")


def _layers(depth: int) -> str:
    return f"{depth} layer{'s' if depth > 1 else ''}"


_SAYS = {"survives": "survives", "fades": "fades", "lost": "is lost", "explodes": "explodes"}
