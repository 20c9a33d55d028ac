"""Base class of panels over a run: buttons, status text, and pausing or ending the run when its page is gone."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import ipywidgets

import lab.warm
from lab.progress import Progress
from lab.session import ENDED, Run
from widgets.export.provenance import Settings, config_settings
from widgets.figure.live_figure import LiveFigure
from widgets.panel.panel import Panel, handler
from widgets.run.control_bar import Buttons, control_bar
from widgets.run.status import progress_label, state_line, status_line

ACTIVE = frozenset({"running", "paused"})
"""States in which a run may still record something."""

WORDS_EVERY = 0.3
"""Seconds between two updates of the status line: each costs the kernel as much as a chart."""


R = TypeVar("R", bound=Run)


def stop_in_background(run: Run) -> None:
    """Stop a run without blocking: a background thread joins the run's thread, which may be importing torch."""
    run.stop()
    threading.Thread(target=run.close, name="lab-close", daemon=True).start()


class RunPanel(Panel, Generic[R]):
    """Base class of a panel that starts, pauses, stops and shows one run after the other.

    A subclass gives :meth:`new_run`, :meth:`changed`, :meth:`empty`, :meth:`pull` and ``on_defaults``,
    and calls :meth:`show_parts` once its figures are made.

    Args:
        run: the first run.
        buttons: each calls the handler of its name.

    Attributes:
        run: the run that is shown; a new one at each Start after an end, and at each Reset.
        buttons: name -> Button.
        state_line, status, progress: widgets that show what the run is doing.
        pace: seconds a step, and the batch size, when a run was last seen training; None before.
    """

    def __init__(
        self, run: R, buttons: Buttons, *, clock: Callable[[], float] = time.monotonic, watch_page: bool | None = None
    ) -> None:
        self.run = run
        self.buttons = buttons
        self.state_line, self.status = ipywidgets.HTML(), ipywidgets.HTML()
        self.progress = ipywidgets.IntProgress(value=0, max=1)
        self.pace: tuple[float, int] | None = None
        self._step, self._updated = 0, ""
        self._page_notice = ""
        self._status_state, self._status_at = "", 0.0
        self._drawn_to_the_end = self._held_for_page = self._warmed = False
        super().__init__(clock=clock, watch_page=watch_page)

    def show_parts(self, figures: dict[str, LiveFigure], parts: Any, beside: Iterable[Any] = ()) -> None:
        """Put ``parts`` under the buttons and ``beside`` next to them; connect the buttons and figures."""
        self.children = [self.style_sheet, self.make_bar(beside), self.error_line, parts]
        self.show_figures(figures)

    def make_bar(self, beside: Iterable[Any] = ()) -> Any:
        """Return the bar of buttons, state and progress, with ``beside`` next to the buttons; connect these."""
        for name, button in self.buttons.items():
            button.on_click(getattr(self, f"on_{name}"))
        return control_bar(self.buttons, self.state_line, self.progress, self.status, beside)

    def show_figures(self, figures: dict[str, LiveFigure]) -> None:
        """Take ``figures`` as the panel's, to be saved and to tell when a page shows them."""
        self.figures = figures
        for figure in figures.values():
            figure.on_ready(self._on_page)

    def new_run(self) -> R:
        """Return a new run, ready to start, with the knobs' current settings."""
        raise NotImplementedError

    def changed(self) -> bool:
        """Return whether the knobs differ from the settings of the run that is shown."""
        raise NotImplementedError

    def empty(self) -> None:
        """Empty the charts: nothing of the run has been shown yet."""

    def pull(self) -> None:
        """Show what the run has recorded since the last call."""

    def on_end(self) -> None:
        """Update what only changes when the run ends; called after its last :meth:`pull`."""

    def about(self) -> str:
        """Return the beginning of the status line, as markup."""
        return ""

    def keep(self) -> None:
        """Save the run that begins now. By default it is not saved.

        A kept run can be trained again from its Config, which says nothing of the heads and canvases of
        the panel "When softmax lies": that one keeps none.
        """

    def kept(self) -> str:
        """Return the end of the status line, as markup: the name under which the run is kept."""
        return ""

    def settings(self) -> Settings:
        """Return the run's changed settings, seed and device."""
        return config_settings(self.run.config, self.run.progress.device)

    @handler
    def on_start(self, _: object = None) -> None:
        """Start the run, or resume it if paused; after an end, start a new one from the knobs. No-op while one runs."""
        if self.run.state in ENDED:
            self.renew()
        self.begin(lambda run: run.start())

    @handler
    def on_pause(self, _: object = None) -> None:
        """Pause the run, or resume it if paused."""
        if self.run.state == "paused":
            self.run.start()
        else:
            self.run.pause()
        self.follow()

    @handler
    def on_stop(self, _: object = None) -> None:
        """End the run; its charts stay."""
        self.run.stop()
        self.follow()

    @handler
    def on_reset(self, _: object = None) -> None:
        """End the run and empty the charts; the knobs stay where they are."""
        self.renew()
        self.follow()

    @property
    def active(self) -> bool:
        """True if the run may still record something."""
        return self.run.state in ACTIVE

    @property
    def run_error(self) -> str:
        """Error text: why the run diverged or failed, or what happened to it while the page was silent."""
        return "\n".join(filter(None, (self.run.error, self._page_notice)))

    def update(self) -> None:
        """Show the run's new rows and its status."""
        state, progress = self.run.state, self.run.progress
        self.pull()
        if state in ENDED and not self._drawn_to_the_end:
            self._drawn_to_the_end = True
            self.on_end()
        self.buttons.follow(state)
        now = self._clock()
        if not state == self._status_state == "running" or now - self._status_at >= WORDS_EVERY:
            self._status_state, self._status_at = state, now
            self.show_status(state, progress)

    def show_status(self, state: str, progress: Progress) -> None:
        """Show the run's state and progress: at once unless it is running, then three times a second."""
        if progress.step not in (0, self._step):
            self._step, self._updated = progress.step, time.strftime("%H:%M:%S")
        if progress.rate:
            self.pace = 1 / progress.rate, self.run.config.batch_size
        with self.progress.hold_sync():
            self.progress.max, self.progress.value = max(progress.steps, 1), progress.step
            self.progress.description = progress_label(progress)
        self.state_line.value = state_line(state, progress)
        self.status.value = self.about() + status_line(progress, self._updated) + self.kept()

    def on_away(self) -> None:
        """Pause the run: no page shows it."""
        if self.run.state == "running":
            self._held_for_page = True
            self._page_notice = "Paused, as this page did not answer for a minute: it was asleep, or closed."
            self.run.pause()

    def on_back(self) -> None:
        """Resume the run if :meth:`on_away` paused it."""
        if self._held_for_page:
            self._held_for_page = False
            self._page_notice = "It was paused while this page did not answer, and goes on now."
            self.run.start()

    def on_gone(self) -> None:
        """Stop the run and free the device's memory; the record stays."""
        if self.run.state in ACTIVE:
            self._page_notice = "Stopped, as this page did not answer for ten minutes: it was asleep, or closed."
        stop_in_background(self.run)

    def close(self) -> None:
        """End the run and remove the panel from the page; the record stays."""
        super().close()
        self.run.close()

    def begin(self, order: Callable[[R], None]) -> None:
        """Call ``order`` with the run that is shown, or with a new one if the knobs have changed since."""
        if self.run.state == "ready" and self.changed():
            self.renew()
        self._page_notice = ""
        order(self.run)
        self.keep()
        self.follow()

    def renew(self) -> None:
        """End the run, make a new one from the knobs, and empty the charts."""
        self.show_run(self.new_run())

    def show_run(self, run: R) -> None:
        """End the run that is shown, and show ``run``."""
        old, self.run = self.run, run
        stop_in_background(old)
        self._step, self._updated, self._page_notice = 0, "", ""
        self._drawn_to_the_end = self._held_for_page = False
        self.empty()

    def follow(self) -> None:
        """Update the page now, and keep updating it while the run is active."""
        self.update()
        if self.active:
            self.wake()
            self.hurry()

    def _on_page(self) -> None:
        """Load torch once the page is painted, so that the first Start need not wait for it."""
        if not self._warmed:
            self._warmed = True
            self.warm()

    def warm(self) -> None:
        """Load in the background what the first Start will need."""
        lab.warm.warm(self.run.config)
