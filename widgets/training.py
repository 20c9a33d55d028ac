"""The training lab: knobs, buttons and every chart of one run."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets

import lab.warm
from lab.config import DEFAULTS, Config, ConfigError
from lab.session import ENDED, Session
from widgets import runs
from widgets.charts import View
from widgets.control_bar import Buttons, control_bar
from widgets.knobs import Knobs
from widgets.layout import body
from widgets.panel import Panel, end, handler
from widgets.training_figures import COURSE_NEAR_ZERO, TrainingFigures, course_near_zero
from widgets.training_layout import Menus, sections
from widgets.training_status import progress_label, state_line, status_line

_LIVE = frozenset({"running", "paused"})


class TrainingPanel(Panel):
    """Train a net and watch it from inside, while you turn its knobs.

    ``TrainingPanel()`` as the last line of a cell shows it; ``TrainingPanel(lr=0.9, norm="none")``
    starts from other knobs.

    Attributes:
        session: the run that is shown; a new one at each Start after an end, and at each Reset.
        knobs: ``knobs["lr"].value``, ``knobs.config()``, ``knobs.set(config)``.
        figures: name -> LiveFigure.
        buttons: "start", "pause", "step", "stop", "reset", "defaults" -> Button.
        menus: "x", "near_zero", "layer", "norm", "digit", "other" -> Dropdown.
        state_line, status, progress: what the run is doing.

    Raises:
        ConfigError: for a change that is not a valid knob.
    """

    def __init__(
        self,
        config: Config = DEFAULTS,
        *,
        clock: Callable[[], float] = time.monotonic,
        watch_page: bool | None = None,
        **changes: Any,
    ) -> None:
        config = config.replace(**changes)
        self.session = Session(config)
        self.knobs = Knobs(config)
        self.buttons = Buttons()
        self.menus = Menus()
        self.state_line, self.status = ipywidgets.HTML(), ipywidgets.HTML()
        self.progress = ipywidgets.IntProgress(value=0, max=1)
        self._charts = TrainingFigures(View(near_zero=course_near_zero(config), threshold=config.near_zero))
        self._updated = ""
        self._drawn_to_the_end = False
        self._held_for_page = False
        self._warmed = False
        super().__init__(clock=clock, watch_page=watch_page)
        self.figures = self._charts.figures
        bar = control_bar(self.buttons, self.state_line, self.progress, self.status)
        self.children = [self.style_sheet, bar, self.error_line, body(self.knobs, sections(self.figures, self.menus))]
        self._connect()
        self.menus.show("near_zero", self._charts.view.near_zero)
        self.update()
        runs.add(self)

    # ---- the run

    @handler
    def on_start(self, _: object = None) -> None:
        """Start; after an end, a new run with the knobs as they are. No-op while one runs."""
        if self.session.state in ENDED:
            self._renew()
        self._begin(lambda session: session.start())

    @handler
    def on_pause(self, _: object = None) -> None:
        """Pause, or go on when paused."""
        if self.session.state == "paused":
            self.session.resume()
        else:
            self.session.pause()
        self._follow()

    @handler
    def on_step(self, _: object = None) -> None:
        """Do exactly one batch, then stand still. No-op while it runs or after the end."""
        self._begin(lambda session: session.step())

    @handler
    def on_stop(self, _: object = None) -> None:
        """End the run; its charts stay."""
        self.session.stop()
        self._follow()

    @handler
    def on_reset(self, _: object = None) -> None:
        """End the run and empty the charts; the knobs stay where they are."""
        self._renew()
        self._follow()

    @handler
    def on_defaults(self, _: object = None) -> None:
        """Put every knob back to its default."""
        self.knobs.set(DEFAULTS)
        self._follow()

    @handler
    def on_knob(self, name: str, value: Any) -> None:
        """A knob has moved: a live one acts at once, and goes back if the run refuses it."""
        running = self.session.config
        if self.session.state in _LIVE and self.knobs[name].spec.live and value != getattr(running, name):
            try:
                self.session.change(**{name: value})
            except ConfigError:
                self.knobs[name].value = getattr(running, name)
                raise
        self._badge()

    # ---- the view

    @handler
    def on_view(self, field: str, value: Any) -> None:
        """Another x-axis, definition of near zero, layer or norm: redraw what shows it."""
        self._see(field, value)

    @handler
    def on_digits(self, _: object = None) -> None:
        """Another digit to show the net, or another one to lay over it."""
        self.session.watch(self.menus["digit"].value, self.menus["other"].value)
        self._follow()

    @property
    def live(self) -> bool:
        """Whether a run may still record something."""
        return self.session.state in _LIVE

    @property
    def run_error(self) -> str:
        """Why the run ended, if it diverged or failed."""
        return self.session.error

    def update(self) -> None:
        """Show what the session has recorded and says."""
        state, progress = self.session.state, self.session.progress
        if state in ENDED and not self._drawn_to_the_end:
            # A diverged run's record was cut, maybe after its last rows had been drawn.
            self._charts.redraw(self.session)
            self._drawn_to_the_end = True
        else:
            self._charts.pull(self.session)
        record = self._charts.record
        if len(record.steps):
            self._updated = time.strftime("%H:%M:%S")
        if record.layers:  # not known before the run has started: until then the menus keep their choice
            self._offer("layer", "last layer", record.layers)
            self._offer("norm", "first norm", record.norms)
        self.buttons.follow(state)
        self.state_line.value = state_line(state, progress)
        self.status.value = status_line(progress, self._updated)
        self.progress.max, self.progress.value = max(progress.steps, 1), progress.step
        self.progress.description = progress_label(progress)
        self._badge()

    def on_away(self) -> None:
        """Pause, since nobody looks."""
        if self.session.state == "running":
            self._held_for_page = True
            self.session.pause()

    def on_back(self) -> None:
        """Go on, if it was the page's silence that paused it."""
        if self._held_for_page:
            self._held_for_page = False
            self.session.resume()

    def on_gone(self) -> None:
        """Stop and free the device's memory; the record stays."""
        end(self.session)

    def close(self) -> None:
        """End the run and take the panel off the page; the session's record stays."""
        runs.remove(self)
        super().close()
        self.session.close()

    def _begin(self, order: Callable[[Session], None]) -> None:
        if self.session.state == "ready" and self.knobs.config() != self.session.config:
            self._renew()
        order(self.session)
        self._follow()

    def _renew(self) -> None:
        """A ready session with the knobs as they are, and empty charts."""
        config = self.knobs.config()
        end(self.session)
        self.session = Session(config)
        self.session.watch(self.menus["digit"].value, self.menus["other"].value)
        self._updated, self._drawn_to_the_end, self._held_for_page = "", False, False
        view = self._charts.view
        definition = course_near_zero(config) if view.near_zero in COURSE_NEAR_ZERO else view.near_zero
        self.menus.show("near_zero", definition)
        self._charts.view = replace(view, near_zero=definition, threshold=config.near_zero)
        self._charts.redraw(self.session)

    def _follow(self) -> None:
        self.update()
        if self.live:
            self.wake()

    def _see(self, field: str, value: Any) -> None:
        if value != getattr(self._charts.view, field):
            self._charts.show(self.session, **{field: value})

    def _offer(self, menu: str, first: str, rest: tuple[str, ...]) -> None:
        self.menus.offer(menu, first, rest)
        self._see(menu, self.menus[menu].value)

    def _badge(self) -> None:
        self.knobs.compare(self.session.config if self.live else None)

    def _connect(self) -> None:
        for name, button in self.buttons.items():
            button.on_click(getattr(self, f"on_{name}"))
        for name, menu in self.menus.items():
            if name in ("digit", "other"):
                menu.observe(self.on_digits, "value")
            else:
                menu.observe(lambda change, name=name: self.menus.chosen(name, self.on_view), "value")
        self.knobs.on_change(self.on_knob)
        for figure in self.figures.values():
            figure.on_ready(self._on_page)

    def _on_page(self) -> None:
        """The page is painted: the time to load torch, so that the first Start need not wait for it."""
        if not self._warmed:
            self._warmed = True
            lab.warm.warm(self.session.config)
