"""The remote control of a running fit: a callback, the only thing that acts on the loop from outside."""

import threading
import time
from collections.abc import Callable, Sequence

from lab.config import LIVE, Config
from lab.record import Mark
from lab.training.callbacks import Callback, CancelFit
from lab.training.learner import Learner


class RemoteControl(Callback):
    """Takes orders from any thread and carries them out at the start of the next batch.

    Attributes:
        config: the knobs as ordered; the learner has them from its next batch.
    """

    order = -10

    def __init__(
        self, config: Config, on_mark: Callable[[Mark], None], on_pause: Callable[[Learner], None],
        on_state: Callable[[bool], None], replayed: Sequence[Mark] = (), until: int = 0,
    ) -> None:  # fmt: skip
        """Call the three functions in the fit's thread.

        Args:
            config: the knobs at the start.
            on_mark: called with the mark of each live change.
            on_pause: called before standing still, to bring the record up to date.
            on_state: called with True at a pause, False at a resume.
            replayed: changes to make again before step ``until``; orders wait until then, except to stop.
            until: the step at which ``config`` counts.
        """
        self.config = config
        self._on_mark = on_mark
        self._on_pause = on_pause
        self._on_state = on_state
        self._idle = 0.0
        self._paused_since: float | None = None
        self._wake = threading.Condition()
        self._hold = False
        self._stop = False
        self._budget: int | None = None
        self._replayed, self._until = tuple(replayed), until
        self._jobs: list[Callable[[Learner, Config], None]] = []

    def change(self, config: Config) -> None:
        """Take over the live knobs of ``config``; many calls before the next batch act as one."""
        self.config = config

    def pause(self) -> None:
        """Pause at the next batch, a validation's too."""
        with self._wake:
            self._hold = True

    def resume(self) -> None:
        """Go on, without a limit of steps."""
        with self._wake:
            self._hold, self._budget = False, None
            self._wake.notify_all()

    def allow(self, steps: int) -> None:
        """Train ``steps`` more batches, then pause. No-op while running without a limit."""
        with self._wake:
            if self._budget is None and not self._hold:
                return
            self._hold = False
            self._budget = (self._budget or 0) + steps
            self._wake.notify_all()

    def start_with(self, steps: int | None) -> None:
        """Set how many batches to train before a pause, None for no limit; call it before the fit."""
        self._budget = steps

    def stop(self) -> None:
        """Cancel the fit at the next batch, a validation's too."""
        with self._wake:
            self._stop = True
            self._wake.notify_all()

    def do(self, job: Callable[[Learner, Config], None]) -> None:
        """Call ``job(learner, config as ordered)`` in the fit's thread before the next batch, in a pause at once.

        It must raise nothing and leave the learner as it is. Its time is none of training. Of a fit that ends before,
        no job is done.
        """
        with self._wake:
            self._jobs.append(job)
            self._wake.notify_all()

    def before_batch(self, learner: Learner) -> None:
        if self._jobs:
            self._do_jobs(learner)
        self._stand_still(learner)
        if self._stop:
            raise CancelFit
        if not learner.training:
            return
        with self._wake:
            if self._budget is not None:
                self._budget -= 1
        ordered = self.config if learner.step >= self._until else self._replay(learner)
        if ordered is not learner.config:
            self._apply(learner, ordered)

    def cleanup_fit(self, learner: Learner) -> None:
        self._jobs.clear()  # one may refer to the learner, which refers to its callbacks

    def _stand_still(self, learner: Learner) -> None:
        if not self._waiting(learner):
            return
        self._on_pause(learner)
        self._paused_since = time.perf_counter()
        self._on_state(True)
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._jobs or not self._waiting(learner))
                if not self._jobs:
                    self._count_idle()
                    break
            self._do_jobs(learner)
        self._on_state(False)

    def _do_jobs(self, learner: Learner) -> None:
        """Do what was asked for, without the lock: it may take seconds, and whoever shows the run asks for its time."""
        paused = self._paused_since is not None
        if not paused:
            self._paused_since = time.perf_counter()
        while self._jobs:
            self._jobs.pop(0)(learner, self.config)
        if not paused:
            self._count_idle()

    def _count_idle(self) -> None:
        with self._wake:
            self._idle, self._paused_since = self.idle_seconds, None

    @property
    def idle_seconds(self) -> float:
        """Seconds that the fit has been paused, this pause included."""
        with self._wake:  # or a pause that ends just now could be counted twice
            since = self._paused_since
            return self._idle + (time.perf_counter() - since if since is not None else 0.0)

    def _waiting(self, learner: Learner) -> bool:
        # A used-up budget does not hold up the validation that belongs to its last step.
        held = self._hold and learner.step >= self._until
        return not self._stop and (held or (self._budget == 0 and learner.training))

    def _replay(self, learner: Learner) -> Config:
        changes = {mark.field: mark.new for mark in self._replayed if mark.step == learner.step}
        return learner.config.change_live(**changes) if changes else learner.config

    def _apply(self, learner: Learner, ordered: Config) -> None:
        for name in sorted(LIVE):
            old, new = getattr(learner.config, name), getattr(ordered, name)
            if old != new:
                self._on_mark(Mark(learner.step, name, old, new))
        learner.set_live(ordered)
