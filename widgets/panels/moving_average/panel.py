"""The moving average at the blackboard: from zero, from the first value, de-biased, step by step."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from lab.concepts import moving_average as ma
from lab.knob import ConfigError, Knob
from lab.record import Record
from widgets.charts.style import Figure
from widgets.export.provenance import Settings
from widgets.figure.live_figure import LiveFigure
from widgets.inputs.knob_box import KnobBox
from widgets.inputs.number_knobs import NumberList
from widgets.page.layout import body, classed, grid, knob_column, knob_group, section
from widgets.panel.panel import Panel, handler
from widgets.panels.moving_average import charts
from widgets.panels.moving_average.words import arithmetic, conventions, thinned
from widgets.run import open_runs

LESSON = (10, 20, 15, 18, 13, 17, 12, 16, 19, 14, 15, 18, 11, 16, 17, 13, 15, 14, 18, 16, 12, 15, 17, 14, 16, 15)
"""Begins with lesson 10's two values."""

REFRESH = 1.0
"""Seconds between two looks at the loss of a run that goes on: each draws every figure anew."""

GIVEN = "given"
"""The stream that is the loss of the record given to the panel."""

_BETA = Knob(
    "β", "Share of the old average that stays at each step.", "", low=0, high=1, slider=(0, 1), step=0.01
)  # fmt: skip
_T = Knob("Step t", "How many values have been seen; the arithmetic below is this step's.", "", low=1, step=1)
_NOISE = Knob(
    "Noise", "Standard deviation of noise added to each value.", "", low=0, high=1000, slider=(0, 10), step=0.5
)
_FIRST = Knob(
    "First value off by", "Added to the first value alone: an unlucky start.", "", low=-1000, high=1000,
    slider=(-30, 30), step=1,
)  # fmt: skip


class MovingAveragePanel(Panel):
    """Average a stream in three ways, and see every value's weight.

    Args:
        record: of a run, such as ``panel.session.since(-1)``, whose loss is offered and shown at first.
        values: to start with as typed ones.
        beta: to start with.

    Attributes:
        stream: the menu of streams; runs of training panels in this kernel are in it once they have a step.
        knobs: "typed", "beta", "t", "noise", "first" -> KnobBox.
        figures: "averages", "weights", "factor" -> LiveFigure.
        values: (n,) what is averaged.
        source, steps, conventions: HTML, what the record left out, the arithmetic at t, and the two
            meanings of momentum.

    Raises:
        ConfigError: for values or a beta that are not valid.
    """

    def __init__(
        self,
        record: Record | None = None,
        *,
        values: Iterable[float] = LESSON,
        beta: float = 0.9,
        clock: Callable[[], float] = time.monotonic,
        watch_page: bool | None = None,
    ) -> None:
        self._record = record
        self._length, self._next = 0, 0.0
        typed = NumberList("Values", "Your own, with commas or spaces between; Enter takes them.", values)
        self.values: NDArray[np.float64] = np.array(typed.value)
        n = len(self.values)
        # The slider's length is the stream's, which is not known before it is read.
        t = Knob(_T.label, _T.help, "", low=1, high=n, slider=(1, max(n, 2)), step=1)
        self.knobs = {
            "typed": typed,
            "beta": KnobBox(_BETA, float(beta), name="beta"),
            "t": KnobBox(t, min(2, n), name="t"),
            "noise": KnobBox(_NOISE, 0.0),
            "first": KnobBox(_FIRST, 0.0),
        }
        self.stream = ipywidgets.Dropdown(description="Stream", options=self._streams())
        self.source, self.steps, self.conventions = (ipywidgets.HTML() for _ in range(3))
        super().__init__(clock=clock, watch_page=watch_page)
        self.figures = {name: LiveFigure(figure, label=_LABELS[name]) for name, figure in self._charts().items()}
        self.children = [self.style_sheet, self.error_line, self._layout()]
        if record is not None:
            self.stream.value = GIVEN
        self._read()
        self._connect()
        self.on_runs()

    def settings(self) -> Settings:
        """The stream that is averaged, and the knobs."""
        return {"Stream": self.stream.label, **super().settings()}

    @property
    def active(self) -> bool:
        """Whether a training panel's run may have news."""
        return open_runs.any_panels()

    def update(self) -> None:
        """Offer the runs there are, and follow the chosen one."""
        chosen = self.stream.value
        options = self._streams(chosen)
        if self.stream.options != options:
            with self._muted:
                self.stream.options = options
                self.stream.value = chosen if chosen in dict(options).values() else "typed"
            if self.stream.value != chosen:
                self._read()
        if (
            isinstance(chosen, int)
            and self._clock() >= self._next
            and open_runs.length(chosen) not in (0, self._length)
        ):
            self._read()

    @handler
    def on_stream(self, _: object = None) -> None:
        """Another stream."""
        if not self._muted:
            self._read()

    @handler
    def on_typed(self, _: object = None) -> None:
        """Other typed values, which are then the stream."""
        self.stream.value = "typed"
        self._read()

    @handler
    def on_knob(self, _: object = None) -> None:
        """Another beta or t."""
        self._show()

    @handler
    def on_runs(self) -> None:
        """A training panel has come or gone."""
        self.update()
        if self.active:
            self.wake()

    def close(self) -> None:
        """Take the panel off the page."""
        open_runs.unwatch(self.on_runs)
        super().close()

    def _streams(self, chosen: object = None) -> tuple[tuple[str, Any], ...]:
        own = [(label, key) for key, label in ma.STREAMS.items()]
        given = [("Loss of the run given", GIVEN)] if self._record is not None else []
        return (*own, *given, *open_runs.offered(chosen).items())

    def _read(self) -> None:
        """Take the stream's values, with noise and the first value's offset, and show them."""
        calm, stride = self._calm()
        if not len(calm):
            raise ConfigError("the run", "no step so far", "started, so that it has a loss")
        self.values = ma.disturbed(calm, self.knobs["noise"].value, self.knobs["first"].value)
        self.source.value = thinned(stride)
        with self._muted:
            self.knobs["t"].stretch(len(self.values))
        self._show()

    def _calm(self) -> tuple[NDArray[np.float64], int]:
        """The stream's values, and how many steps of a run each of them stands for."""
        kind = self.stream.value
        if kind == "typed":
            return np.array(self.knobs["typed"].value), 1
        if isinstance(kind, str) and kind != GIVEN:
            return ma.stream(kind), 1
        if kind != GIVEN:
            self._length, self._next = open_runs.length(kind), self._clock() + REFRESH
        record = self._record if kind == GIVEN else open_runs.record(kind)
        loss = record.columns.get("loss", np.empty(0)) if record else np.empty(0)
        return loss[np.isfinite(loss)].astype(np.float64), record.stride if record else 1

    def _charts(self) -> dict[str, Figure]:
        beta, t = self.knobs["beta"].value, self.knobs["t"].value
        return {
            "averages": charts.averages(self.values, beta, t),
            "weights": charts.weights(t, beta),
            "factor": charts.factor(len(self.values), beta, t),
        }

    def _show(self) -> None:
        if self._muted:
            return
        beta, t = self.knobs["beta"].value, self.knobs["t"].value
        self.draw(self._charts(), steps=arithmetic(self.values, beta, t), conventions=conventions(beta))

    def _connect(self) -> None:
        self.stream.observe(self.on_stream, "value")
        for name in ("noise", "first"):
            self.knobs[name].observe(self.on_stream, "value")
        for name in ("beta", "t"):
            self.knobs[name].observe(self.on_knob, "value")
        self.knobs["typed"].observe(self.on_typed, "value")
        open_runs.watch(self.on_runs)

    def _layout(self) -> Any:
        menu = classed(ipywidgets.VBox([self.stream, classed(ipywidgets.HTML(_RUNS), "lab-note")]), "lab-knob")
        column = knob_column(
            [knob_group([menu, *(self.knobs[name] for name in ("typed", "beta", "t", "noise", "first"))])]
        )
        figures = self.figures
        return body(
            column,
            [
                section("What the averages make of it", parts=[self.source, figures["averages"]]),
                section("This step, in full", parts=[self.conventions, self.steps]),
                section("Why it starts too low", _WHY, parts=[grid([figures["weights"], figures["factor"]])]),
            ],
        )


_LABELS = {
    "averages": "The values and their three moving averages",
    "weights": "Weight of every past value in the three averages",
    "factor": "The factor 1 - beta^t over the steps",
}
_RUNS = "A training panel in the same notebook offers its run’s loss here, once it has a step."
_WHY = (
    "From zero, the values’ weights sum to only 1 − βᵗ, and the zero at the start has the rest: divided by that sum, "
    "they sum to 1 again. Starting from the first value instead gives that one far too much weight, which an unlucky "
    "first value shows."
)
