"""When softmax lies: four heads trained in turn on canvases of no, one and several digits."""

import time
from collections.abc import Callable
from typing import Any

import ipywidgets

import lab.warm
from lab.concepts.comparison import RECIPE, TEST, Comparison
from lab.concepts.heads import HEADS
from lab.config import Config
from lab.session import ENDED
from widgets import softmax_lies_words as words
from widgets.charts import softmax_lies as charts
from widgets.charts.style import Figure
from widgets.control_bar import Buttons, control_bar
from widgets.live_figure import LiveFigure
from widgets.panel import Panel, end, handler
from widgets.softmax_lies_knobs import RECIPE_KNOBS, Thresholds, recipe_knobs
from widgets.softmax_lies_layout import LABELS, PictureMenus, lies_body
from widgets.softmax_lies_learning import Learning
from widgets.training_status import state_line, status_line

_LIVE = frozenset({"running", "paused"})


class SoftmaxLiesPanel(Panel):
    """Train the same small net with four heads, and see which of them tells the truth.

    Attributes:
        comparison: what is shown; a new one at each Start after an end, and at each Reset.
        knobs: "size", "epochs", "lr", "seed", "scraps" -> KnobBox; they act at the next Start.
        thresholds: head -> KnobBox; they act at once, and go to the tuned value when their head has finished.
        buttons: "start", "pause", "stop", "reset", "defaults" -> Button; ``tuned`` and ``others`` are more of them.
        menus: "kind", "answers" -> Dropdown, of the pictures that are shown.
        figures: "learning", "exact", "errors" -> LiveFigure.
        results, gallery: HTML, the table, and the pictures with the heads' answers.

    Raises:
        ConfigError: for a change that is not a valid knob.
    """

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
        self.comparison = self._new()
        self.buttons = Buttons(("start", "pause", "stop", "reset", "defaults"))
        self.tuned = ipywidgets.Button(description="Tuned thresholds", tooltip="As tuned on the validation canvases")
        self.others = ipywidgets.Button(description="Other pictures", tooltip="The next ones of this kind")
        self.menus = PictureMenus()
        self.state_line, self.status = ipywidgets.HTML(), ipywidgets.HTML()
        self.progress = ipywidgets.IntProgress(value=0, max=1000)
        self.results, self.gallery = ipywidgets.HTML(), ipywidgets.HTML()
        self._warmed = False
        self._learning = Learning()
        self._drawn_to_the_end = False
        self._answered: tuple[object, ...] = ()
        self._first, self._held_for_page = 0, False
        super().__init__(clock=clock, watch_page=watch_page)
        bars = self._bars(self.comparison.measures())
        self.figures = {"learning": self._learning.figure} | {
            name: LiveFigure(figure, label=LABELS[name]) for name, figure in bars.items()
        }
        bar = control_bar(self.buttons, self.state_line, self.progress, self.status)
        parts = lies_body(
            self.knobs, self.thresholds, self.tuned, self.figures, self.results, self.menus, self.others, self.gallery
        )
        self.children = [self.style_sheet, bar, self.error_line, parts]
        self._connect()
        self.update()

    @handler
    def on_start(self, _: object = None) -> None:
        """Start; after an end, anew with the knobs as they are. Go on when paused."""
        if self.comparison.state not in _LIVE:
            self._renew()
        self.comparison.start()
        self._follow()

    @handler
    def on_pause(self, _: object = None) -> None:
        """Pause, or go on when paused."""
        if self.comparison.state == "paused":
            self.comparison.start()
        else:
            self.comparison.pause()
        self._follow()

    @handler
    def on_stop(self, _: object = None) -> None:
        """End it; what the heads that have finished say stays."""
        self.comparison.stop()
        self._follow()

    @handler
    def on_reset(self, _: object = None) -> None:
        """End it and empty the charts; the knobs stay where they are."""
        self._renew()
        self._follow()

    @handler
    def on_defaults(self, _: object = None) -> None:
        """Put every knob back to where the panel began."""
        for name, value in self._begun_with.items():
            self.knobs[name].value = value

    @handler
    def on_threshold(self, _: object = None) -> None:
        """Another threshold: other answers of the same nets."""
        self._show()

    @handler
    def on_tuned(self, _: object = None) -> None:
        """Every threshold back to the tuned one."""
        self.thresholds.tune({key: result.threshold for key, result in self.comparison.results.items()})

    @handler
    def on_pictures(self, _: object = None) -> None:
        """Pictures of another kind."""
        self._first = 0
        self._show_gallery()

    @handler
    def on_others(self, _: object = None) -> None:
        """The next pictures of this kind, from the start again after the last."""
        self._first += words.SHOWN
        self._show_gallery()

    @property
    def live(self) -> bool:
        """Whether a head may still learn something."""
        return self.comparison.state in _LIVE

    @property
    def run_error(self) -> str:
        """Which head's training diverged or failed, and why."""
        error = self.comparison.session.error
        return f"{HEADS[self.comparison.key].name}: {error}" if error else ""

    def update(self) -> None:
        """Show what the heads have learned so far."""
        comparison = self.comparison
        comparison.advance()
        state, progress = comparison.state, comparison.session.progress
        self.buttons.follow(state)
        self.state_line.value = state_line(state, progress)
        updated = time.strftime("%H:%M:%S") if self.live else ""
        self.status.value = words.head_line(comparison) + status_line(progress, updated)
        self.progress.value, self.progress.description = round(1000 * comparison.done), f"{comparison.done:.0%}"
        self._learning.pull(comparison.sessions, comparison.key)
        if state in ENDED and not self._drawn_to_the_end:
            # A diverged run's record was cut, maybe after its last rows had been drawn.
            self._learning.redraw(comparison.session)
            self._drawn_to_the_end = True
        heads = tuple(comparison.results)
        answered = (comparison.shown is not None, *heads)
        if answered != self._answered:
            new = [key for key in heads if key not in self._answered]
            self._answered = answered
            self.thresholds.tune({key: comparison.results[key].threshold for key in new})
            self._show()

    def on_away(self) -> None:
        """Pause, since nobody looks."""
        if self.comparison.state == "running":
            self._held_for_page = True
            self.comparison.pause()

    def on_back(self) -> None:
        """Go on, if it was the page's silence that paused it."""
        if self._held_for_page:
            self._held_for_page = False
            self.comparison.start()

    def on_gone(self) -> None:
        """Stop and free the device's memory; the results stay."""
        end(self.comparison)

    def close(self) -> None:
        """End the training and take the panel off the page."""
        super().close()
        self.comparison.close()

    def _new(self) -> Comparison:
        chosen = {name: self.knobs[name].value for name in RECIPE_KNOBS}
        return Comparison(self._config.replace(**chosen), self.knobs["scraps"].value, self._test)

    def _renew(self) -> None:
        """A comparison that is ready, with the knobs as they are, and empty charts."""
        old, self.comparison = self.comparison, self._new()
        end(old)
        self._forget()

    def _forget(self) -> None:
        """Nothing of the comparison has been shown yet."""
        self.thresholds.forget()
        self._learning.forget()
        self._answered, self._first, self._held_for_page, self._drawn_to_the_end = (), 0, False, False

    def _follow(self) -> None:
        self.update()
        if self.live:
            self.wake()

    def _bars(self, measures: charts.Measures) -> dict[str, Figure]:
        return {"exact": charts.exact_sets(measures), "errors": charts.errors(measures)}

    def _show(self) -> None:
        """Draw what the heads say, at the thresholds as they are."""
        at = self.thresholds.now()
        measures = self.comparison.measures(at)
        self.draw(self._bars(measures), results=words.results(measures, at))
        self._show_gallery()

    def _show_gallery(self) -> None:
        says = words.answers(self.comparison, self.thresholds.now())
        which = words.choose(self.comparison, says, self.menus["kind"].value, self.menus["answers"].value)
        if self._first >= len(which):
            self._first = 0
        self.gallery.value = words.gallery(self.comparison, says, which[self._first : self._first + words.SHOWN])

    def _connect(self) -> None:
        for name, button in self.buttons.items():
            button.on_click(getattr(self, f"on_{name}"))
        self.tuned.on_click(self.on_tuned)
        self.others.on_click(self.on_others)
        for menu in self.menus.values():
            menu.observe(self.on_pictures, "value")
        for knob in self.thresholds.values():
            knob.observe(self.on_threshold, "value")
        for figure in self.figures.values():
            figure.on_ready(self._on_page)

    def _on_page(self) -> None:
        """The page is painted: the time to load torch, so that the first Start need not wait for it."""
        if not self._warmed:
            self._warmed = True
            lab.warm.warm(self._config)
