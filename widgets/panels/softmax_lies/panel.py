"""Panel "When softmax lies": four heads trained in turn on canvases of no, one and several digits."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets

from lab.config import Config
from lab.experiments.heads.comparison import RECIPE, TEST, Comparison
from lab.progress import Progress
from widgets.charts.style import Figure
from widgets.export.provenance import Settings
from widgets.export.section_words import Words
from widgets.export.table import Table, of_figure
from widgets.figure.live_figure import LiveFigure
from widgets.page.layout import body, classed, grid, knob_column, knob_group, section
from widgets.panel.panel import handler
from widgets.panels.softmax_lies import charts, words
from widgets.panels.softmax_lies.knobs import RECIPE_KNOBS, Thresholds, recipe_knobs
from widgets.panels.softmax_lies.learning import Learning, whole_curve
from widgets.run.control_bar import Buttons
from widgets.run.run_panel import RunPanel

TRAINING = ("Training", "These act at the next Start.")
THRESHOLDS = (
    "Thresholds",
    "Each is tuned on the validation canvases when its head has finished. Move one to see what it trades.",
)
LEARNING = ("How the heads learn", "")
UNSEEN = (
    "What each says of unseen canvases",
    "Test canvases, made of digits that no head has seen. Exact: all the digits that are there are named, and no "
    "other.",
)
PICTURES = ("Picture by picture", "What is on the canvas in bold; then what each head names, with its score.")
"""Sections of the page: heading and help."""


class SoftmaxLiesPanel(RunPanel[Comparison]):
    """Panel that trains the same small net with four heads and compares their predictions.

    Attributes:
        comparison: the comparison that is shown; a new one at each Start after an end, and at each Reset.
        knobs: "size", "epochs", "lr", "seed", "scraps" -> KnobBox; they act at the next Start.
        thresholds: head -> KnobBox; they act at once, and go to the tuned value when their head has finished.
        buttons: "start", "pause", "stop", "reset", "defaults" -> Button; ``tuned`` and ``others`` are more of them.
        menus: "kind", "answers" -> Dropdown, of the pictures that are shown.
        figures: "learning", "exact", "errors" -> LiveFigure.
        results, gallery: HTML, the table, and the pictures with the heads' answers.

    Raises:
        ConfigError: for a change that is not a valid knob.
    """

    TITLE = "When softmax lies"
    NOTICE = (
        "The same small net is trained with four heads on canvases of no, one or several digits: which head tells the "
        "truth about empty canvases, and about two or three digits? The lecture calls a none-of-the-above class and "
        "not-K classes dumb: do the numbers agree?"
    )

    def __init__(
        self,
        config: Config = RECIPE,
        *,
        scraps: int = 0,
        test: int = TEST,
        clock: Callable[[], float] = time.monotonic,
        watch_page: bool | None = None,
        **changes: Any,
    ) -> None:
        self._config, self._test = config.replace(**changes), test
        self.knobs = recipe_knobs(self._config, scraps)
        self._begun_with = {name: knob.value for name, knob in self.knobs.items()}
        self.thresholds = Thresholds()
        self.tuned = ipywidgets.Button(description="Tuned thresholds", tooltip="As tuned on the validation canvases")
        self.others = ipywidgets.Button(description="Other pictures", tooltip="The next ones of this kind")
        self.menus = {"kind": _menu("Canvases with", words.KINDS), "answers": _menu("where", words.ANSWERS)}
        self.results, self.gallery = ipywidgets.HTML(), ipywidgets.HTML()
        self._learning = Learning()
        self._answered: tuple[object, ...] = ()
        self._first = 0
        buttons = Buttons(("start", "pause", "stop", "reset", "defaults"))
        super().__init__(self.new_run(), buttons, clock=clock, watch_page=watch_page)
        bars = self._bars(self.run.measures())
        figures = {"learning": self._learning.figure} | {
            name: LiveFigure(figure, label=charts.LABELS[name]) for name, figure in bars.items()
        }
        self.show_parts(figures, self._layout(figures))
        self._connect()
        self.update()

    @property
    def comparison(self) -> Comparison:
        """Comparison of heads that is shown."""
        return self.run

    @handler
    def on_defaults(self, _: object = None) -> None:
        """Reset every knob to its value when the panel was made."""
        for name, value in self._begun_with.items():
            self.knobs[name].value = value

    @handler
    def on_threshold(self, _: object = None) -> None:
        """Redraw the predictions for another threshold; the nets stay the same."""
        self._show()

    @handler
    def on_tuned(self, _: object = None) -> None:
        """Set every threshold back to the tuned one."""
        self.thresholds.tune({key: result.threshold for key, result in self.run.results.items()})

    @handler
    def on_pictures(self, _: object = None) -> None:
        """Show pictures of another kind."""
        self._first = 0
        self._show_gallery()

    @handler
    def on_others(self, _: object = None) -> None:
        """Show the next pictures of this kind, the first ones again after the last."""
        self._first += words.SHOWN
        self._show_gallery()

    def settings(self) -> Settings:
        """Return the settings that the heads were trained with."""
        return {**super().settings(), self.knobs["scraps"].spec.label: str(self.run.scraps)}

    def chart_words(self) -> Mapping[str, Words]:
        """Return chart name -> heading and help of its section."""
        unseen = Words.of_section(*UNSEEN)
        return {"learning": Words.of_section(*LEARNING), "exact": unseen, "errors": unseen}

    def table(self, name: str) -> Callable[[], Table]:
        """Return a function that reads a chart's columns; for learning curves, every step of the records."""
        if name != "learning":
            return super().table(name)
        sessions = dict(self.run.sessions)
        return lambda: of_figure(charts.learning({key: whole_curve(session) for key, session in sessions.items()}))

    def update(self) -> None:
        """Show the heads' progress and results so far."""
        super().update()
        heads = tuple(self.run.results)
        answered = (self.run.shown is not None, *heads)
        if answered != self._answered:
            new = [key for key in heads if key not in self._answered]
            self._answered = answered
            self.thresholds.tune({key: self.run.results[key].threshold for key in new})
            self._show()

    def show_status(self, state: str, progress: Progress) -> None:
        """Show the comparison's state and progress."""
        super().show_status(state, progress)
        with self.progress.hold_sync():
            self.progress.max, self.progress.value = 1000, round(1000 * self.run.done)
            self.progress.description = f"{self.run.done:.0%}"

    def about(self) -> str:
        """Return the head in training, and the training time of all heads so far, as markup."""
        return words.head_line(self.run)

    def pull(self) -> None:
        """Draw the learning curves' new rows."""
        self._learning.pull(self.run.sessions, self.run.key)

    def new_run(self) -> Comparison:
        """Return a new comparison, ready to start, with the knobs' current settings."""
        return Comparison(self._recipe(), self.knobs["scraps"].value, self._test)

    def changed(self) -> bool:
        """Return whether a knob has moved since the comparison was made."""
        return (self._recipe(), self.knobs["scraps"].value) != (self.run.config, self.run.scraps)

    def empty(self) -> None:
        """Empty the charts and tables."""
        self.thresholds.clear()
        self._learning.clear()
        self._answered, self._first = (), 0

    def _recipe(self) -> Config:
        return self._config.replace(**{name: self.knobs[name].value for name in RECIPE_KNOBS})

    def _bars(self, measures: charts.Measures) -> dict[str, Figure]:
        return {"exact": charts.exact_sets(measures), "errors": charts.errors(measures)}

    def _show(self) -> None:
        """Draw the heads' predictions at the current thresholds."""
        at = self.thresholds.values_now()
        measures = self.run.measures(at)
        self.draw(self._bars(measures), results=words.results(measures, at))
        self._show_gallery()

    def _show_gallery(self) -> None:
        says = words.answers(self.run, self.thresholds.values_now())
        which = words.choose(self.run, says, self.menus["kind"].value, self.menus["answers"].value)
        if self._first >= len(which):
            self._first = 0
        self.gallery.value = words.gallery(self.run, says, which[self._first : self._first + words.SHOWN])

    def _layout(self, figures: Mapping[str, LiveFigure]) -> Any:
        """Return everything under the buttons."""
        unseen = grid([figures["exact"], figures["errors"]])
        return body(
            knob_column(
                [
                    section(*TRAINING, parts=[knob_group(self.knobs.values())]),
                    section(*THRESHOLDS, parts=[knob_group(self.thresholds.values()), _row(self.tuned)]),
                ]
            ),
            [
                section(*LEARNING, parts=[figures["learning"]]),
                section(*UNSEEN, parts=[unseen, self.results]),
                section(*PICTURES, menus=[*self.menus.values(), _row(self.others)], parts=[self.gallery]),
            ],
        )

    def _connect(self) -> None:
        self.tuned.on_click(self.on_tuned)
        self.others.on_click(self.on_others)
        for menu in self.menus.values():
            menu.observe(self.on_pictures, "value")
        for knob in self.thresholds.values():
            knob.observe(self.on_threshold, "value")


def _menu(label: str, options: Mapping[str, str]) -> Any:
    return ipywidgets.Dropdown(description=label, options=[(word, value) for value, word in options.items()])


def _row(button: Any) -> Any:
    return classed(ipywidgets.HBox([button]), "lab-buttons")
