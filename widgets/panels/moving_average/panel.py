"""Moving-average board: averages from zero, from the first value, de-biased, step by step."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.concepts import moving_average as ma
from lab.knob import ConfigError, Knob
from lab.record import Record
from widgets.charts.style import Figure
from widgets.inputs.number_knobs import number_list
from widgets.panel.board import Board, Group, Input, Section, Values
from widgets.panel.panel import handler
from widgets.panels.moving_average import charts, words
from widgets.run import open_runs

LESSON = (10, 20, 15, 18, 13, 17, 12, 16, 19, 14, 15, 18, 11, 16, 17, 13, 15, 14, 18, 16, 12, 15, 17, 14, 16, 15)
"""Lesson 10's two values, then some more."""

REFRESH = 1.0
"""Seconds between two reads of a running run's loss: each redraws every figure."""

GIVEN, RUN = "given", "run "
"""Keys of streams: the record given to the panel; the prefix of a run of this kernel, before its number."""

_STREAM = Knob(
    "Stream",
    "A training panel in the same notebook offers its run’s loss here, once it has a step.",
    choices=ma.STREAMS,
)
_VALUES = Knob("Values", "Your own, with commas or spaces between; Enter takes them.")
_BETA = Knob("β", "Share of the old average that stays at each step.", low=0, high=1, slider=(0, 1), step=0.01)
_T = Knob(
    "Step t", "How many values have been seen; the arithmetic below is this step’s.",
    low=1, high=len(LESSON), slider=(1, len(LESSON)), step=1,
)  # fmt: skip
_NOISE = Knob("Noise", "Standard deviation of noise added to each value.", low=0, high=1000, slider=(0, 10), step=0.5)
_FIRST = Knob(
    "First value off by", "Added to the first value alone: an unlucky start.", low=-1000, high=1000,
    slider=(-30, 30), step=1,
)  # fmt: skip


class MovingAveragePanel(Board):
    """Board that averages a stream in three ways and shows every value's weight.

    Args:
        record: record of a run, such as ``panel.session.since(-1)``, whose loss is offered and shown at first.
        inputs: as for Board.

    Attributes:
        series: (n,) the averaged values: the stream with noise, its first value shifted.
    """

    TITLE = "The moving average"
    NOTICE = "Which of the three averages begins too low, and what puts it right?"
    INPUTS = {
        "values": Input(_VALUES, LESSON, number_list(), name="the values"),
        "stream": Input(_STREAM, "typed"),  # after the values, whose change selects them as the stream
        "beta": Input(_BETA, 0.9),
        "noise": Input(_NOISE, 0.0),
        "first": Input(_FIRST, 0.0),
        "t": Input(_T, 2),  # after all that its range depends on
    }
    SECTIONS = (
        Section(
            "What do the averages make of it?",
            show=("source", "averages"),
            beside=(Group("", ("stream", "values", "beta", "t", "noise", "first")),),
        ),
        Section("This step, in full", show=("conventions", "steps")),
        Section("How much does each value count?", words.WEIGHTS, show=(("weights", "factor"),)),
    )
    LABELS = {
        "averages": "The values and their three moving averages",
        "weights": "Weight of every past value in the three averages",
        "factor": "The factor 1 - beta^t over the steps",
    }

    def __init__(self, record: Record | None = None, **inputs: Any) -> None:
        self._record = record
        super().__init__(**({"stream": GIVEN} if record is not None else {}) | inputs)
        open_runs.watch(self.on_runs)
        self.on_runs()

    def start(self) -> None:
        """Fill the menu of streams."""
        self._length, self._next, self._stride = 0, 0.0, 1
        self.series: NDArray[np.float64] = np.zeros(0)
        self.knobs["stream"].choose_from(self._streams())

    @property
    def active(self) -> bool:
        """True if a training panel's run may change."""
        return open_runs.any_panels()

    def update(self) -> None:
        """Offer the runs in this kernel, and follow the chosen one."""
        chosen = self.knobs["stream"].value
        with self._muted:
            self.knobs["stream"].choose_from(self._streams(chosen))
        due = self._run(chosen) and self._clock() >= self._next
        if self.knobs["stream"].value != chosen or (
            due and open_runs.length(self._run(chosen)) not in (0, self._length)
        ):
            self.refresh(["stream"])

    @handler
    def on_runs(self) -> None:
        """Update at once: a training panel was opened or closed."""
        self.update()
        if self.active:
            self.wake()

    def close(self) -> None:
        """Stop following runs, and close the panel."""
        open_runs.unwatch(self.on_runs)
        super().close()

    def together(self, values: Values, changed: frozenset[str]) -> Mapping[str, Any]:
        """Select typed values as the stream; read the stream, whose length is the range of t."""
        stream = "typed" if "values" in changed and "stream" not in changed else values["stream"]
        if not len(self.series) or changed & {"stream", "values", "noise", "first"}:
            calm, stride = self._calm(stream, values["values"])
            if not len(calm):
                raise ConfigError("the run", "no step so far", "started, so that it has a loss")
            self._stride = stride
            self.series = ma.disturbed(calm, values["noise"], values["first"])
            self.knobs["t"].stretch(len(self.series))
        return values | {"stream": stream, "t": min(values["t"], len(self.series))}

    def shared(self, values: Values) -> Mapping[str, Any]:
        """Return ``values`` without a stream that exists only in this kernel."""
        return {name: value for name, value in values.items() if name != "stream" or value in ma.STREAMS}

    def compute(self, values: Values, changed: frozenset[str]) -> Iterator[tuple[str, Figure | str]]:
        """Yield every part: each depends on β, t or the series."""
        beta, t = values["beta"], values["t"]
        yield "averages", charts.averages(self.series, beta, t)
        yield "weights", charts.weights(t, beta)
        yield "factor", charts.factor(len(self.series), beta, t)
        yield "steps", words.arithmetic(self.series, beta, t)
        yield "conventions", words.conventions(beta)
        yield "source", words.thinned(self._stride)

    def _streams(self, chosen: str = "") -> dict[str, str]:
        given = {GIVEN: "Loss of the run given"} if self._record is not None else {}
        runs = {f"{RUN}{number}": label for label, number in open_runs.offered(self._run(chosen)).items()}
        # "typed" comes first: the menu falls back to it when the chosen run has gone.
        return {"typed": ma.STREAMS["typed"]} | ma.STREAMS | given | runs

    @staticmethod
    def _run(stream: str) -> int:
        """Return the number of the training panel behind ``stream``; 0 if it is not a run's."""
        return int(stream.removeprefix(RUN)) if stream.startswith(RUN) else 0

    def _calm(self, stream: str, typed: tuple[float, ...]) -> tuple[NDArray[np.float64], int]:
        """Return the stream's values without noise, and its stride: steps of a run for each value."""
        if stream == "typed":
            return np.array(typed), 1
        if stream in ma.STREAMS:
            return ma.stream(stream), 1
        if run := self._run(stream):
            self._length, self._next = open_runs.length(run), self._clock() + REFRESH
        record = open_runs.record(run) if run else self._record
        loss = record.columns.get("loss", np.empty(0)) if record else np.empty(0)
        return loss[np.isfinite(loss)].astype(np.float64), record.stride if record else 1
