"""The base class of panels over a run: buttons, status in words, and pausing or ending it when its page is gone."""

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
from widgets.run.status import state_line, status_line

ACTIVE = frozenset({"running", "paused"})
"""States in which a run may still record something."""

WORDS_EVERY = 0.3
"""Seconds between two updates of the status line: each costs the kernel as much as a chart."""


R = TypeVar("R", bound=Run)


def stop_in_background(run: Run) -> None:
    """Stop a run at once; wait for its thread in another one, since it may be importing torch."""
    run.stop()
    threading.Thread(target=run.close, name="lab-close", daemon=True).start()


class RunPanel(Panel, Generic[R]):
    """Starts, pauses, stops and shows one run after the other.

    A subclass gives :meth:`new_run`, :meth:`changed`, :meth:`empty`, :meth:`pull` and ``on_defaults``,
    and calls :meth:`show_parts` once its figures are made.

    Args:
        run: to begin with.
        buttons: each calls the handler of its name.

    Attributes:
        run: what is shown; a new one at each Start after an end, and at each Reset.
        buttons: name -> Button.
        state_line, status, progress: what the run is doing.
    """

    def __init__(
        self, run: R, buttons: Buttons, *, clock: Callable[[], float] = time.monotonic, watch_page: bool | None = None
    ) -> None:
        self.run = run
        self.buttons = buttons
        self.state_line, self.status = ipywidgets.HTML(), ipywidgets.HTML()
        self.progress = ipywidgets.IntProgress(value=0, max=1)
        self._step, self._updated = 0, ""
        self._page_notice = ""
        self._status_state, self._status_at = "", 0.0
        self._drawn_to_the_end = self._held_for_page = self._warmed = False
        super().__init__(clock=clock, watch_page=watch_page)

    def show_parts(self, figures: dict[str, LiveFigure], parts: Any, beside: Iterable[Any] = ()) -> None:
        """Put ``parts`` under the buttons, more ``beside`` them, and connect the buttons and figures."""
        self.figures = figures
        bar = control_bar(self.buttons, self.state_line, self.progress, self.status, beside)
        self.children = [self.style_sheet, bar, self.error_line, parts]
        for name, button in self.buttons.items():
            button.on_click(getattr(self, f"on_{name}"))
        for figure in figures.values():
            figure.on_ready(self._on_page)

    def new_run(self) -> R:
        """Return a run that is ready, with the knobs as they are."""
        raise NotImplementedError

    def changed(self) -> bool:
        """Return whether the knobs stand for another run than the one that is shown."""
        raise NotImplementedError

    def empty(self) -> None:
        """Empty the charts: nothing of the run has been shown yet."""

    def pull(self) -> None:
        """Show what the run has recorded since the last call."""

    def on_end(self) -> None:
        """Show what is shown once the run has ended; called after its last :meth:`pull`."""

    def about(self) -> str:
        """Return what the status line begins with, as markup."""
        return ""

    def keep(self) -> None:
        """Save the run that begins now. By default it is not saved.

        A kept run can be trained again from its Config, which says nothing of the heads and canvases of
        the panel "When softmax lies": that one keeps none.
        """

    def kept(self) -> str:
        """Return what the status line ends with, as markup: under what name the run is kept."""
        return ""

    def settings(self) -> Settings:
        """Return what the run changes of the defaults, its seed and device."""
        return config_settings(self.run.config, self.run.progress.device)

    @handler
    def on_start(self, _: object = None) -> None:
        """Start; after an end, a new run with the knobs as they are. Go on when paused; no-op while one runs."""
        if self.run.state in ENDED:
            self.renew()
        self.begin(lambda run: run.start())

    @handler
    def on_pause(self, _: object = None) -> None:
        """Pause, or go on when paused."""
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
        """Whether the run may still record something."""
        return self.run.state in ACTIVE

    @property
    def run_error(self) -> str:
        """Why the run ended, if it diverged or failed; what happened to it while the page was silent."""
        return "\n".join(filter(None, (self.run.error, self._page_notice)))

    def update(self) -> None:
        """Show what the run has recorded and says."""
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
        """Show what the run is doing: at once when it stands still, three times a second while it runs."""
        if progress.step not in (0, self._step):
            self._step, self._updated = progress.step, time.strftime("%H:%M:%S")
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
        """End the run and take the panel off the page; what was recorded stays."""
        super().close()
        self.run.close()

    def begin(self, order: Callable[[R], None]) -> None:
        """Call ``order`` on the run that is shown, or on a new one if the knobs have changed since it was made."""
        if self.run.state == "ready" and self.changed():
            self.renew()
        self._page_notice = ""
        order(self.run)
        self.keep()
        self.follow()

    def renew(self) -> None:
        """End the run, make a new one with the knobs as they are, and empty the charts."""
        old, self.run = self.run, self.new_run()
        stop_in_background(old)
        self._step, self._updated, self._page_notice = 0, "", ""
        self._drawn_to_the_end = self._held_for_page = False
        self.empty()

    def follow(self) -> None:
        """Show what there is, and go on for as long as the run is live."""
        self.update()
        if self.active:
            self.wake()
            self.hurry()

    def _on_page(self) -> None:
        """Load torch once the page is painted, so that the first Start need not wait for it."""
        if not self._warmed:
            self._warmed = True
            lab.warm.warm(self.run.config)
