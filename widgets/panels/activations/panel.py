"""Activations board: curves, mean and std of the outputs for N(0, 1), and a signal through many layers."""

from collections.abc import Iterator
from functools import partial

from lab.concepts.activations import SHAPES, Shape
from lab.concepts.depth import INITS, Net
from lab.config import KNOBS
from lab.knob import Knob
from widgets.charts.style import Figure
from widgets.inputs.seed_button import SeedButton
from widgets.inputs.ticks import Ticks
from widgets.panel.board import Board, Example, Group, Input, Section, Values
from widgets.panels.activations import charts, words

LESSON = {"leak": 0.1, "sub": 0.4, "maxv": 6.0, "compare": ("relu",), "layers": 10, "init": "kaiming"}
OTHERS = {name: label for name, label in SHAPES.items() if name != "general"}
SHAPE_INPUTS = {"leak", "sub", "maxv", "compare"}

_LAYERS = Knob("Layers", "Linear maps, each with the shape after it.", low=1, high=50, slider=(1, 50), step=1)
_INIT = Knob("Weights", "How the maps’ weights start; their gain is in the table.", choices=INITS)
_SEED = Knob("Seed", "See what is chance", low=0, high=2**31 - 1)


class ActivationsPanel(Board):
    """Board of GeneralRelu with three knobs and other activation functions, for N(0, 1) inputs and through many layers.

    Attributes:
        shapes: GeneralRelu with its current knobs, and the ticked activation functions.
    """

    TITLE = "Activation shapes"
    NOTICE = "What does each shape do to the mean, and after how many layers can inputs no longer be told apart?"
    INPUTS = {
        **{name: Input(KNOBS[name], LESSON[name]) for name in ("leak", "sub", "maxv")},
        "compare": Input(Knob("Beside it", "", choices=OTHERS), LESSON["compare"], Ticks),
        "layers": Input(_LAYERS, LESSON["layers"]),
        "init": Input(_INIT, LESSON["init"]),
        # The first seed gives a typical net, in which ReLU keeps its size.
        "seed": Input(_SEED, 2, partial(SeedButton, words="Other random weights")),
    }
    EXAMPLES = {
        "lesson": Example("The lesson’s", "GeneralRelu as lesson 10 has it, over plain ReLU", LESSON),
        "squashed": Example("Sigmoid and tanh", "Two curves that flatten", LESSON | {"compare": ("sigmoid", "tanh")}),
        "smooth": Example(
            "The smooth ones", "ELU, GELU and SiLU over ReLU", LESSON | {"compare": ("relu", "elu", "gelu", "silu")}
        ),
        "small": Example(
            "Weights too small", "nn.Linear’s own weights", LESSON | {"compare": ("relu", "gelu"), "init": "torch"}
        ),
    }
    SECTIONS = (
        Section(
            "",
            show=("answer",),
            beside=(
                Group("GeneralRelu", ("leak", "sub", "maxv")),
                Group("Beside it", ("compare",)),
                Group("Many layers", ("layers", "init", "seed")),
            ),
            stays=True,
        ),
        Section("One layer", words.ONE_LAYER, show=(("curves", "outputs"), "normal")),
        Section(
            "Many layers: does the signal survive?",
            words.MANY_LAYERS,
            show=(("last", "means", "stds", "apart"), "depth"),
        ),
    )
    LABELS = {
        "curves": "The curves of the activation shapes",
        "outputs": "Histogram of what the shapes make of N(0, 1)",
        "last": "Histogram of the last layer’s outputs",
        "means": "Mean of the outputs, layer by layer",
        "stds": "Standard deviation of the outputs, layer by layer",
        "apart": "How far apart inputs still are, layer by layer",
    }

    def start(self) -> None:
        """Create the cache of the nets that are shown, so that only new ones are computed."""
        self._nets: dict[tuple[Shape, str, int], Net] = {}

    @property
    def shapes(self) -> list[Shape]:
        """GeneralRelu with its current knobs, and the ticked activation functions."""
        v = self.values
        return [Shape("general", v.leak, v.sub, v.maxv), *map(Shape, v.compare)]

    def compute(self, values: Values, changed: frozenset[str]) -> Iterator[tuple[str, Figure | str]]:
        """Yield the functions' charts first, so that the page has them before the nets are computed, then the nets'."""
        if changed & SHAPE_INPUTS:
            yield "curves", charts.curves(self.shapes)
            yield "outputs", charts.outputs(self.shapes)
            yield "normal", words.over_normal(self.shapes)
        keys = [(shape, values.init, values.seed) for shape in self.shapes]
        self._nets = {key: self._nets.get(key) or Net(*key) for key in keys}
        nets = {key[0]: net.first(values.layers) for key, net in self._nets.items()}
        for chart in (charts.last, charts.means, charts.stds, charts.apart):
            yield chart.__name__, chart(nets)
        yield "answer", words.answer(*next(iter(nets.items())))
        yield "depth", words.after(nets, values.init)
