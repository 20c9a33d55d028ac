"""Activation shapes at the blackboard: the curve, its mean and std over N(0, 1), and what many layers leave of it."""

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import ipywidgets

from lab.concepts.activations import SHAPES, Shape
from lab.concepts.depth import INITS, Layer, Net
from lab.config import KNOBS
from lab.knob import ConfigError, Knob
from widgets.charts.style import Figure
from widgets.export.provenance import Settings
from widgets.figure.live_figure import LiveFigure
from widgets.inputs.knob_box import KnobBox
from widgets.page.layout import body, classed, grid, knob_column, knob_group, section
from widgets.panel.panel import Panel, handler
from widgets.panels.activations import charts
from widgets.panels.activations.words import after, answer, over_normal


class Example(NamedTuple):
    """A state of the panel that shows something: its button, the button's help, and the state."""

    word: str
    help: str
    compare: tuple[str, ...]
    leak: float = 0.1
    sub: float = 0.4
    maxv: float = 6.0
    layers: int = 10
    init: str = "kaiming"


EXAMPLES = {
    "lesson": Example("The lesson’s", "GeneralRelu as lesson 10 has it, over plain ReLU", ("relu",)),
    "squashed": Example("Sigmoid and tanh", "Two curves that flatten: one loses the signal", ("sigmoid", "tanh")),
    "smooth": Example("The smooth ones", "ELU, GELU and SiLU over ReLU", ("relu", "elu", "gelu", "silu")),
    "small": Example("Weights too small", "nn.Linear’s own weights", ("relu", "gelu"), init="torch"),
}

SEED = 2
"""Of the first net: a typical one, in which ReLU keeps its size."""

_LAYERS = Knob(
    "Layers", "Linear maps, each with the shape after it.", "", low=1, high=50, slider=(1, 50), step=1
)  # fmt: skip
_INIT = Knob("Weights", "How the maps’ weights start; their gain is in the table.", "", choices=INITS)


class ActivationsPanel(Panel):
    """GeneralRelu with its three knobs, over any other shapes; for N(0, 1), and through many layers.

    Args:
        leak, sub, maxv: of GeneralRelu, to start with.
        compare: the shapes shown beside it, names of SHAPES.
        layers: 1 to 50.
        init: one of INITS.

    Attributes:
        knobs: "leak", "sub", "maxv", "layers", "init" -> KnobBox.
        boxes: name of a shape -> Checkbox, whether it is shown.
        again: the button for other random weights. examples: name -> Button, see EXAMPLES.
        seed: of the net that is shown.
        figures: "curves", "outputs", "last", "means", "stds", "apart" -> LiveFigure.
        normal, depth: HTML, the two tables. answer: HTML, GeneralRelu's numbers as a line.

    Raises:
        ConfigError: for an argument that is not valid.
    """

    def __init__(
        self,
        leak: float = 0.1,
        sub: float = 0.4,
        maxv: float = 6.0,
        *,
        compare: Iterable[str] = ("relu",),
        layers: int = 10,
        init: str = "kaiming",
        clock: Callable[[], float] = time.monotonic,
        watch_page: bool | None = None,
    ) -> None:
        self._nets: dict[tuple[Shape, str, int], Net] = {}
        self.seed = SEED
        self.knobs = {
            **{name: KnobBox(KNOBS[name], 0.0, name=name) for name in ("leak", "sub", "maxv")},
            "layers": KnobBox(_LAYERS, 1, name="layers"),
            "init": KnobBox(_INIT, "kaiming", name="init"),
        }
        self.boxes = {
            name: ipywidgets.Checkbox(description=label, indent=False, tooltip=f"Show {label} too")
            for name, label in SHAPES.items()
            if name != "general"
        }
        self.again = ipywidgets.Button(description="Other random weights", tooltip="See what is chance")
        self.examples = {
            name: ipywidgets.Button(description=example.word, tooltip=example.help)
            for name, example in EXAMPLES.items()
        }
        self.answer, self.normal, self.depth = (ipywidgets.HTML() for _ in range(3))
        self._take(tuple(compare), leak=leak, sub=sub, maxv=maxv, layers=layers, init=init)
        super().__init__(clock=clock, watch_page=watch_page)
        figures = self._of_shapes() | self._of_nets()
        self.figures = {name: LiveFigure(figure, label=_LABELS[name]) for name, figure in figures.items()}
        self.children = [self.style_sheet, self.error_line, self._layout()]
        self._connect()
        self._show()

    @property
    def shapes(self) -> list[Shape]:
        """What is shown: GeneralRelu as its knobs have it, and the shapes that are ticked."""
        general = Shape("general", *(self.knobs[name].value for name in ("leak", "sub", "maxv")))
        return [general, *(Shape(name) for name, box in self.boxes.items() if box.value)]

    def settings(self) -> Settings:
        """The knobs, and the seed of the nets."""
        return {**super().settings(), "Seed": str(self.seed)}

    @handler
    def on_shape(self, _: object = None) -> None:
        """Another GeneralRelu, or other shapes beside it."""
        self._show()

    @handler
    def on_net(self, _: object = None) -> None:
        """More or fewer layers, or weights that start otherwise."""
        self._show(curves=False)

    @handler
    def on_again(self, _: object = None) -> None:
        """Other inputs and weights."""
        self.seed += 1
        self._show(curves=False)

    @handler
    def on_example(self, name: str) -> None:
        """The state of one of EXAMPLES."""
        _, _, compare, *rest = EXAMPLES[name]
        with self._muted:
            self._take(compare, **dict(zip(Example._fields[3:], rest, strict=True)))
        self._show()

    def _take(self, compare: tuple[str, ...], **knobs: Any) -> None:
        for name in compare:
            if name not in self.boxes:
                raise ConfigError("compare", name, "names out of " + ", ".join(self.boxes))
        for name, value in knobs.items():
            self.knobs[name].value = value
            self.knobs[name].error = ""
        for name, box in self.boxes.items():
            box.value = name in compare

    def _of_shapes(self) -> dict[str, Figure]:
        return {"curves": charts.curves(self.shapes), "outputs": charts.outputs(self.shapes)}

    def _of_nets(self) -> dict[str, Figure]:
        nets = self._layers()
        return {name: getattr(charts, name)(nets) for name in ("last", "means", "stds", "apart")}

    def _layers(self) -> dict[Shape, list[Layer]]:
        keys = [(shape, self.knobs["init"].value, self.seed) for shape in self.shapes]
        self._nets = {key: self._nets.get(key) or Net(*key) for key in keys}
        return {key[0]: net.first(self.knobs["layers"].value) for key, net in self._nets.items()}

    def _show(self, *, curves: bool = True) -> None:
        if self._muted:
            return
        if curves:  # on their way to the page before the nets are computed
            self.draw(self._of_shapes(), normal=over_normal(self.shapes))
        nets = self._layers()
        said = answer(*next(iter(nets.items())))
        self.draw(self._of_nets(), answer=said, depth=after(nets, self.knobs["init"].value))

    def _connect(self) -> None:
        for name in ("leak", "sub", "maxv"):
            self.knobs[name].observe(self.on_shape, "value")
        for box in self.boxes.values():
            box.observe(self.on_shape, "value")
        for name in ("layers", "init"):
            self.knobs[name].observe(self.on_net, "value")
        self.again.on_click(self.on_again)
        for name, button in self.examples.items():
            button.on_click(lambda _, name=name: self.on_example(name))

    def _layout(self) -> Any:
        knobs, figures = self.knobs, self.figures
        column = knob_column(
            [
                classed(ipywidgets.HBox(list(self.examples.values())), "lab-buttons"),
                section("GeneralRelu", parts=[knob_group(knobs[name] for name in ("leak", "sub", "maxv"))]),
                section("Beside it", parts=[classed(ipywidgets.HBox(list(self.boxes.values())), "lab-ticks")]),
                section(
                    "Many layers",
                    parts=[
                        knob_group([knobs["layers"], knobs["init"]]),
                        classed(ipywidgets.HBox([self.again]), "lab-buttons"),
                    ],
                ),
            ]
        )
        return body(
            column,
            [
                classed(self.answer, "lab-first"),
                section("One layer", _ONE, parts=[grid([figures["curves"], figures["outputs"]]), self.normal]),
                section(
                    "Many layers: does the signal survive?",
                    _MANY,
                    parts=[grid(figures[name] for name in ("last", "means", "stds", "apart")), self.depth],
                ),
            ],
        )


_LABELS = {
    "curves": "The curves of the activation shapes",
    "outputs": "Histogram of what the shapes make of N(0, 1)",
    "last": "Histogram of the last layer’s outputs",
    "means": "Mean of the outputs, layer by layer",
    "stds": "Standard deviation of the outputs, layer by layer",
    "apart": "How far apart inputs still are, layer by layer",
}
_ONE = (
    "A ReLU has no negative outputs, so N(0, 1) comes out with a mean of 0.399 instead of 0; <b>sub</b> moves all "
    "outputs down by as much, and leaves their spread alone. The upright lines are the means."
)
_MANY = (
    "128 inputs from N(0, 1) go through linear maps of 256 units, each followed by the shape; nothing is trained. "
    "Kaiming’s gain keeps the size of a leaky ReLU’s outputs; with <b>sub</b>, or on another shape, it settles or "
    "drifts. And the values can keep their spread while every input ends in the same ones: the last chart is how much "
    "a unit still differs from input to input. It is one random net: <b>Other random weights</b> shows what is chance."
)
