"""Scrubber: show any recorded step of a run, by slider or by playback."""

import time
from collections.abc import Callable, Mapping

import ipywidgets
import numpy as np

from lab.knob import Knob
from lab.record import Record
from widgets.charts.scrub import nearest, step_histograms
from widgets.charts.view import View
from widgets.export.section_words import Words
from widgets.export.table import Table
from widgets.figure.live_figure import LiveFigure
from widgets.inputs.knob_box import KnobBox
from widgets.markup.glossary import meanings
from widgets.page.fold import Fold
from widgets.page.layout import classed, grid
from widgets.panel.panel import Panel, handler
from widgets.run.scrubber.branching import BranchControls
from widgets.run.scrubber.words import BUTTONS, PAUSE, step_tables

LOOK_EVERY = 0.25
"""Seconds between two reads of a running run's record."""

STRIDES = (1, 5, 20, 100)
"""Choices of steps from one playback frame to the next. At most ten frames a second (panel.PERIOD)."""

FAR = 10**9
"""Upper end of the slider before there is a step; until then it is disabled. Its End key goes to the end it had when
the page first drew it, or to its current end if that is nearer."""

LABEL = "Histogram of each layer's outputs at one step"
TERMS = ("histogram", "layer", "output")
"""What a screen reader calls the chart, and its words, which a "?" explains."""


class Scrubber(Panel):
    """Slider over a run's steps, with the chosen step's histogram of every layer and its numbers.

    ``Scrubber(lambda: record)`` shows a finished run. It starts with :meth:`begin`, or under :func:`folded` when
    that is unfolded; before, and after :meth:`rest`, it reads and holds no record.

    While the run goes on the slider's end moves with it: a slider at the end follows the newest step, one
    elsewhere keeps its step.

    Args:
        record: returns the run's whole record; called four times a second while the run goes on.
        going_on: returns whether the run may still record something.
        view: returns the View, which defines near zero.
        branching: the buttons that let the run go on, if it can.

    Attributes:
        step: the knob; its value is the requested step.
        shown: the step that is shown, -1 if none: the nearest one that has histograms.
        playing, following: whether the playback runs, and whether the newest step is shown as it comes.
        record: the run's record; empty unless begun.
        buttons, stride: "play", "back", "on", "last" -> Button; the menu of steps per frame.
        figures, tables: "scrub" -> LiveFigure; the numbers, as markup.
    """

    TITLE = "Scrub back: inside every layer at any moment"
    NOTICE = "Play the steps one after the other: in which layer does the histogram change first, and how?"

    def __init__(
        self,
        record: Callable[[], Record],
        *,
        going_on: Callable[[], bool] = lambda: False,
        view: Callable[[], View] = View,
        branching: BranchControls | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._going_on, self._view = record, going_on, view
        self.branching = branching
        self.record = Record()
        self.begun = self.playing = self._grew = False
        self.following = True
        self.shown = -1
        self._looked = 0.0
        help = "The batch whose histograms and numbers are shown."
        self.step = KnobBox(Knob("Step", help, low=0, high=1, slider=(0, 1), step=1), 0, name="step")
        self.buttons = {name: ipywidgets.Button() for name in BUTTONS}
        strides = [(f"{n} step{'s' if n > 1 else ''}", n) for n in STRIDES]
        self.stride = ipywidgets.Dropdown(description="A frame moves on", options=strides)
        self.tables = ipywidgets.HTML()
        super().__init__(clock=clock, watch_page=False)
        # The outer panel already has the style sheet.
        self.style_sheet.close()
        self.remove_class("lab-panel")
        first = step_histograms(self.record, 0, View())
        self.figures = {"scrub": LiveFigure(first, label=LABEL, words=meanings(TERMS))}
        row = classed(ipywidgets.HBox(list(self.buttons.values())), "lab-buttons")
        menus = classed(ipywidgets.HBox([row, self.stride]), "lab-menus")
        numbers = classed(
            ipywidgets.VBox([self.step, menus, *([branching] if branching is not None else []), self.tables]),
            "lab-scrub",
        )
        self.children = [self.error_line, grid([numbers, self.figures["scrub"]])]
        for name, button in self.buttons.items():
            button.on_click(getattr(self, f"on_{name}"))
        self.step.observe(self.on_step, "value")
        self._stretch()
        self._show()

    @property
    def last(self) -> int:
        """Last step with histograms; 0 if there is none."""
        steps = self.record.hist_steps
        return int(steps[-1]) if len(steps) else 0

    @property
    def active(self) -> bool:
        """True if the display may change without a person's action."""
        return self.begun and (self.playing or self._going_on())

    @handler
    def begin(self) -> None:
        """Show the run's last step, and follow the run while it goes on."""
        self.begun, self.following, self.playing = True, True, False
        self._grew = self._going_on()
        self._load()
        self.wake()

    @handler
    def rest(self) -> None:
        """Free the record, and stay idle until :meth:`begin`."""
        self.begun = self.playing = False
        self.record = Record()

    @handler
    def reload(self) -> None:
        """Show another run from its last step, if begun."""
        if self.begun:
            self.begin()

    @handler
    def load(self) -> None:
        """Copy the whole record again, if begun: the run has ended, maybe before it was ever seen running."""
        if self.begun:
            self._load()

    @handler
    def redraw(self) -> None:
        """Redraw for another definition of near zero, if begun."""
        if self.begun:
            self._show()

    @handler
    def on_step(self, _: object = None) -> None:
        """Show the chosen step; a running playback continues from it."""
        if not self._muted:
            self._go(self.step.value)

    @handler
    def on_play(self, _: object = None) -> None:
        """Start the playback from here, or from the first step if this is the last; pause it if it runs."""
        self.playing = not self.playing and len(self.record.hist_steps) > 1
        if self.playing and self.shown >= self.last:
            self.step.value = 0
        self._show()
        self.wake()

    @handler
    def on_back(self, _: object = None) -> None:
        """Show the recorded step before this one."""
        self._go(self._beside(self.shown, -1))

    @handler
    def on_on(self, _: object = None) -> None:
        """Show the recorded step after this one."""
        self._go(self._beside(self.shown, 1))

    @handler
    def on_last(self, _: object = None) -> None:
        """Show the last step, and from then on the newest while the run goes on."""
        self._go(self.last)

    def catch_up(self) -> None:
        """Draw the last step while folded: the figure drawn so far may be empty, or of another run."""
        if not self.begun:
            with self._lock:
                self.following = True
                self._load()  # errors must reach the saver, so that another run's chart is not saved
                self.record = Record()

    def chart_words(self) -> Mapping[str, Words]:
        """Return the title and notice of the scrubber's chart."""
        return {"scrub": Words(self.TITLE, self.NOTICE)}

    def table(self, name: str) -> Callable[[], Table]:
        """Return the raw counts, not the logarithms that are drawn."""
        traces = self.figures[name].figure["data"]
        columns = {f"{trace['name']}: outputs": np.asarray(trace["customdata"]) for trace in traces}
        return lambda: {"value of an output": np.asarray(traces[0]["x"]), **columns} if columns else {}

    def wake(self) -> None:
        """Start the ticker if anything can change."""
        if self.active:
            super().wake()

    def update(self) -> None:
        """Read the run's new rows, and show the next playback frame."""
        if not self.begun:
            return
        going_on = self._going_on()
        if going_on:
            self._look()
        elif self._grew:  # the last rows, or fewer than before: rows after a diverged step are cut
            self._load()
        self._grew = going_on
        if self.playing:
            self._next_frame()

    def _look(self) -> None:
        if self._clock() - self._looked >= LOOK_EVERY:
            self._looked = self._clock()
            before, self.record = self.record.steps[-1:], self._read()
            if not np.array_equal(before, self.record.steps[-1:]):
                self._stretch()
                if self.following:
                    self._show()

    def _load(self) -> None:
        self.record = self._read()
        self._stretch()
        self._show()

    def _next_frame(self) -> None:
        """Show the next playback step, once the page has acknowledged the last one."""
        if self.figures["scrub"].waiting:
            self.figures["scrub"].flush()
        elif self.shown < self.last:
            self._go(self._beside(self.shown, self.stride.value))
        elif not self._going_on():
            self.playing = False
            self._show()

    def _stretch(self) -> None:
        """Extend the slider to the last step, and move it there if the newest step is followed."""
        last, stride = self.last, self.record.hist_stride
        with self._muted:
            if self.step.spec.step != stride:
                self.step.slide_over(0, max(last, 1), stride)
            self.step.stretch(last)
            if not last:
                self.step.slider.max = FAR
            if self.following:
                self.step.value = last

    def _beside(self, step: int, by: int) -> int:
        """Return the step with histograms that lies ``by`` steps from ``step``, but at least the next one that way."""
        steps = self.record.hist_steps
        if not len(steps):
            return 0
        there = nearest(steps, step + by)
        if by > 0:
            there = max(there, int(np.searchsorted(steps, step, "right")))
        else:
            there = min(there, int(np.searchsorted(steps, step)) - 1)
        return int(steps[min(max(there, 0), len(steps) - 1)])

    def _go(self, step: int) -> None:
        with self._muted:
            self.step.value = step
        self.following = step >= self.last
        self._show()

    def _show(self) -> None:
        view = self._view()
        steps = self.record.hist_steps
        self.shown = int(steps[nearest(steps, self.step.value)]) if len(steps) else -1
        if self.branching is not None:
            self.branching.show_step(self.shown)
        words = BUTTONS | (PAUSE if self.playing else {})
        for name, button in self.buttons.items():
            button.description, button.tooltip = words[name]
            button.disabled = len(steps) < 2
        figure = step_histograms(self.record, self.shown, view)
        self.draw({"scrub": figure}, tables=step_tables(self.record, self.shown, view))


def folded(scrubber: Scrubber) -> Fold:
    """Return ``scrubber`` under a heading; it works only while it is unfolded."""
    fold = Fold(scrubber.TITLE, scrubber)
    fold.button.observe(lambda change: scrubber.begin() if change["new"] else scrubber.rest(), "value")
    return fold
