"""A run in a background thread: start, pause, step, stop, change knobs, read the record.

Imports no torch: the worker thread does, so that a page can paint while it loads.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lab import branching
from lab.config import DEFAULTS, Config, ConfigError
from lab.own import Own
from lab.progress import Pace, Progress
from lab.record import Outputs, Record
from lab.telemetry.history import History
from lab.training.callbacks import Callback
from lab.training.lr_search import FindLrError, LrSearch, LrSearches, run_search

if TYPE_CHECKING:
    import torch

    from lab.concepts.lr_curve import LrCurve
    from lab.telemetry.maps import Channel, LayerMaps, MapProbe
    from lab.telemetry.recorder import Recorder
    from lab.telemetry.snapshots import Snapshots
    from lab.training.learner import Learner
    from lab.training.remote import RemoteControl
    from lab.training.task import Task

log = logging.getLogger(__name__)

ENDED = frozenset({"finished", "stopped", "diverged", "failed"})


class Recording(Protocol):
    """The interface that charts read: a Session, or a kept record."""

    def since(self, step: int) -> Record: ...


class Run(Protocol):
    """The interface that panels control: a Session, or several sessions trained as one."""

    @property
    def config(self) -> Config: ...
    @property
    def state(self) -> str: ...
    @property
    def error(self) -> str: ...
    @property
    def progress(self) -> Progress: ...

    def start(self) -> None: ...
    def pause(self) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class Session:
    """A training run in a thread of its own. Every method may be called from any thread.

    ``state`` goes ready -> running <-> paused -> finished, stopped, diverged or failed. An ended
    session keeps its record and does not start again: a new run is a new Session, also one that goes on
    from this one (:meth:`branch`, :meth:`prolong`).

    Two sessions in one process train as each would alone: each owns its generators.

    Attributes:
        history: the record as it is kept; :meth:`since` is the way to read it.
        error: for a person, why the run failed or where it diverged; empty otherwise.
        notice: for a person, what is not as the settings ask; empty otherwise.
        own: a person's own net and data, if any.
        name: what the run is called where another one came from it; set by whoever keeps it.
    """

    def __init__(
        self,
        config: Config = DEFAULTS,
        task: "Callable[[Config, torch.device], Task] | None" = None,
        callbacks: Iterable[Callback] = (),
        *,
        own: Own | None = None,
        **parts: Any,
    ) -> None:
        """Prepare a run; :meth:`start` begins it.

        Args:
            config: its knobs.
            task: makes the data, loss and metric on a device; by default the lesson's classification.
            callbacks: more of them for the training loop; they are called in the worker's thread.
            own: a net and data of a person's own, in place of ``task``.
            parts: those of ``own``, as lab.own.Own takes them: model, data, loss, metric. ``config`` is then configured
                for them: live knobs at their default begin as the net has them.

        Raises:
            ConfigError, lab.data.DataError, lab.nn.own.NetError: for parts that do not fit, as far as is known.
        """
        self.history = History()
        self.error = self.notice = self.name = ""
        self.own = own or (Own(**parts) if parts else None)
        self._config = self.own.configured(config) if self.own and parts else config
        self._task_and_callbacks = task, tuple(callbacks)
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._state = "ready"
        self._thread: threading.Thread | None = None
        # Orders given before the worker has built its remote control.
        self._orders: list[Callable[[RemoteControl], None]] = []
        self._remote: RemoteControl | None = None
        self._recorder: Recorder | None = None
        self._learner: Learner | None = None
        self._maps: MapProbe | None = None
        self._snapshots: Snapshots | None = None
        self._beginning: branching.Beginning | None = None  # until the run has begun
        self._device = ""
        self._pictures = (3, 8)  # the digit asked about, and the one laid over it
        self._drawing: NDArray[np.float32] | None = None  # asked about in the digit's place
        self._last: Progress | None = None  # where a closed run stood
        self._closing = False
        self._searches = LrSearches()
        self._began = self._ended_after = 0.0
        self._pace = Pace()

    @property
    def state(self) -> str:
        """The state: ready, running, paused, finished, stopped, diverged or failed."""
        with self._lock:
            return self._state

    @property
    def config(self) -> Config:
        """The settings now, with the changes made during training."""
        with self._lock:
            return self._config

    def start(self) -> None:
        """Start or resume; cancels a pause or step that has not happened yet. No-op when ended."""
        with self._lock:
            if self._state == "ready":
                self._launch(None)
            else:
                self.resume()

    def replay(self) -> None:
        """Train a :meth:`branch` up to its step, and pause there. No-op once started."""
        with self._lock:
            self._launch(0)

    def branch(self, step: int, **changes: Any) -> Self:
        """Return a new session that goes on from ``step`` of this one, with ``changes`` to live knobs.

        It is not started. Once it is, it takes the nearest snapshot at or before ``step``, trains again what lies
        between, with this run's batches and changes, and from ``step`` on goes its own way: without changes, and where
        this run had none after ``step``, it equals this run (on the CPU bit for bit). Its record begins with this run's
        rows, and its config at the start and its marks replay it, as those of any run; ``Record.origin`` says what it
        came from. This run may be training or ended, and goes on undisturbed.

        Args:
            step: 0 to the last recorded step; the first one that the changes affect.

        Raises:
            ConfigError: for a step beyond the record, a knob that is not live, or a value out of range.
            branching.BranchError: where the snapshots are freed (:meth:`close`), or a callback holds state.
        """
        with self._lock:
            begins = branching.branch(self._parent, step, changes)
            return self._child(begins)

    def prolong(self, epochs: int) -> Self:
        """Return a new session that adds ``epochs`` to this finished one, as :meth:`branch` does from its end.

        Schedules run once more, over the new epochs; with constant ones the two runs together equal one that had all
        these epochs from its start.

        Raises:
            ConfigError: for a number of epochs that is out of range.
            branching.BranchError: where the run has not finished, or as for :meth:`branch`.
        """
        with self._lock:
            begins = branching.prolonged(self._parent, epochs)
            return self._child(begins)

    def why_no_branch(self, step: int) -> str:
        """Return why :meth:`branch` would refuse ``step``, for a person; empty where it would not."""
        with self._lock:
            return branching.why_not(lambda: branching.snapshot_for(self._parent, step))

    def why_no_prolonging(self) -> str:
        """Return why :meth:`prolong` would refuse one epoch more, for a person; empty where it would not."""
        with self._lock:
            return branching.why_not(lambda: branching.snapshot_at_end(self._parent))

    @property
    def _parent(self) -> branching.Parent:
        callbacks = self._task_and_callbacks[1]
        return branching.Parent(self._state, self.history, self._snapshots, self._config, callbacks, self.name)

    def _child(self, begins: branching.Beginning) -> Self:
        task, callbacks = self._task_and_callbacks
        child = type(self)(begins.target, task, callbacks, own=self.own)
        child.history, child._beginning, child._pictures = begins.history, begins, self._pictures
        child._drawing = self._drawing
        return child

    def pause(self) -> None:
        """Pause at the next batch."""
        self._order(lambda remote: remote.pause())

    def resume(self) -> None:
        """Resume after a pause."""
        self._order(lambda remote: remote.resume())

    def step(self, n: int = 1) -> None:
        """Train ``n`` batches, and validate where an epoch ends, then pause. No-op while running.

        Raises:
            ConfigError: when ``n`` is not a whole number of at least 1.
        """
        if not isinstance(n, int) or n < 1:
            raise ConfigError("steps", n, "a whole number of at least 1")
        with self._lock:
            if self._state == "ready":
                self._launch(n)
            else:
                self._order(lambda remote: remote.allow(n))

    def stop(self) -> None:
        """Stop at the next batch and keep the record; before the start at once. Ends a search for a learning rate."""
        with self._lock:
            self._searches.cancel("The search ended with its run, which was stopped.")
            if self._state == "ready":
                self._end("stopped")
            else:
                self._order(lambda remote: remote.stop())

    def change(self, **live: Any) -> None:
        """Change live knobs from the next batch on; before the start any knob. No-op when ended.

        Raises:
            ConfigError: for an unknown field, one that is not live, or a value out of range.
        """
        with self._lock:
            if self._state in ENDED:
                return
            if self._state == "ready" and self._beginning is None:
                self._config = self._config.replace(**live)
                return
            if self._state == "ready":
                self._config = self._config.change_live(**live)
                return
            self._config = changed = self._config.change_live(**live)
            self._order(lambda remote: remote.change(changed))

    def watch(self, digit: int | None = None, other: int | None = None, picture: ArrayLike | None = None) -> None:
        """Choose the pictures of ``Record.outputs`` and :meth:`maps`: a digit, and one to lay over it.

        Args:
            digit: the class whose example the net is asked about.
            other: the class whose example is laid over it.
            picture: (28, 28), 0 to 1, to ask about in place of the digit's example, until a digit is chosen without
                one. It is asked about as it is: lab.concepts.drawing.as_mnist prepares a drawn digit.

        Raises:
            ConfigError: for a digit outside 0 to 9, or another shape or range of the picture.
        """
        for name, value in (("digit", digit), ("other", other)):
            if value is not None and value not in range(10):
                raise ConfigError(name, value, "a whole number from 0 to 9")
        drawn = None if picture is None else _checked_picture(picture)
        with self._lock:
            old_digit, old_other = self._pictures
            self._pictures = old_digit if digit is None else digit, old_other if other is None else other
            if digit is not None or drawn is not None:
                self._drawing = drawn

    def find_lr(self) -> "LrCurve":
        """Sweep the learning rate on a copy of the net, as it is now; return loss over lr, with suggestions.

        Before the start it is the net that the run would begin with, after the end the one that it ended with. The run
        itself is as before, bit for bit, and waits for the sweep (at most 100 batches) if it goes on.

        Raises:
            FindLrError: why there is no curve; FindLrCancelled after :meth:`stop` or :meth:`close`.
        """
        search = self.search_lr()
        try:
            return search.result()
        finally:
            search.cancel()  # no-op but after an interrupt

    def search_lr(self) -> LrSearch:
        """Begin :meth:`find_lr` and return at once: the search is awaited, or cancelled, by what is returned.

        Raises:
            FindLrError: when the run has ended and its net is no longer there.
        """
        with self._lock:
            ended, learner, config = self._state in ENDED, self._learner, self._config
            if ended and learner is None:
                raise FindLrError("There is no net to search with: this run has ended, and its net is freed.")
            search = self._searches.new()
            if self._thread is threading.current_thread() and not ended:
                assert learner is not None and self._remote is not None
                run_search(search, learner, self._remote.config)
            elif not ended and self._state != "ready":
                self._order(lambda remote: remote.do(lambda learner, config: run_search(search, learner, config)))
            else:
                at = (lambda: learner) if learner else self._untrained
                self._searches.run_apart(search, at, config, lambda: _release(config.device))
        return search

    def _untrained(self) -> "Learner":
        """Return the net as the run would begin with it, with its optimiser and batches."""
        from lab.assembly import assemble

        task = self._task_and_callbacks[0]
        return assemble(self._config, History(), lambda: 0.0, lambda _: None, task, own=self.own).learner

    def since(self, step: int) -> Record:
        """Return the record after ``step`` (-1 for all of it)."""
        record = self.history.since(step)
        with self._lock:
            if self._learner is None:
                return record
            return replace(record, outputs=self._answers())

    def _answers(self) -> Outputs | None:
        """Return the net's latest answers to the watched pictures; with the lock held, and a net."""
        from lab.telemetry.maps import with_drawing

        assert self._recorder is not None and self._learner is not None and self._maps is not None
        outputs = self._recorder.pick(self._learner, *self._pictures)
        if self._drawing is not None:
            self._maps.want_again()
        return with_drawing(outputs, self._maps.latest, self._drawing)

    def maps(self, channel: "Channel | None" = None) -> "LayerMaps | None":
        """Return each layer's maps of the watched picture and its dead channels, the newest there are, if any.

        ``channel``: (layer, number from 0) whose kernels are asked for, too.

        Whoever asks is served for two seconds, at most twice a second, so ask again; while nobody does they cost
        nothing. None until the net is built, and once it is freed (:meth:`close`).
        """
        with self._lock:
            maps, learner, remote = self._maps, self._learner, self._remote
            if maps is None or learner is None or remote is None:
                return None
            maps.want(self._pictures[0], self._drawing, channel)
            if self._state in ENDED and self._state != "failed" and self._searches.over:
                maps.look(learner, learner.step)  # no thread uses the net any more
            elif self._state == "paused":
                remote.do(lambda learner, _: maps.look(learner, learner.step))
            return maps.latest

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end of the run, at most ``timeout`` seconds; return whether it has ended.

        Raises:
            RuntimeError: without a timeout, when nobody has started it: it would wait for ever.
        """
        if timeout is None and self.state == "ready":
            raise RuntimeError("This session was not started, so it has no end to wait for: call start() first.")
        return self.wait_for(lambda: self._state in ENDED, timeout)

    def wait_for(self, condition: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until ``condition()`` is true, checked at each change of state; return its last value."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def wake(self) -> None:
        """Have every :meth:`wait_for` check its condition again: something else than the state has changed."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Stop, and free the net and the device's memory; the record stays.

        From a callback of the run itself, the memory is freed once the run has ended.
        """
        self.stop()
        if self._thread is threading.current_thread():
            self._closing = True
            return
        if self._thread is not None:
            self._thread.join()
        self._searches.join()
        self._free()

    def _free(self) -> None:
        with self._lock:
            # Callbacks that refer to whoever holds this session: the two would wait for Python's cycle collector.
            self._task_and_callbacks = None, ()
            self._snapshots = self._beginning = None
            if self._learner is None or self._recorder is None:
                return
            self._last = self.progress
            self.history.show(self._answers())
            self._recorder = self._learner = self._remote = self._maps = None
            _release(self._config.device)

    @property
    def progress(self) -> Progress:
        """The run's progress now."""
        with self._lock:
            learner, ended = self._learner, self._state in ENDED
            seconds = self._ended_after if ended else self._seconds()
            if learner is None:
                return self._last or Progress.before(self._config, seconds, self._device)
            rate = self._pace.at(seconds, learner.step) if self._state == "running" else 0.0
            return Progress.of(learner, seconds, rate, not learner.training and not ended, self._device)

    def _seconds(self) -> float:
        if not self._began:
            return 0.0
        idle = self._remote.idle_seconds if self._remote else 0.0
        return time.perf_counter() - self._began - idle

    def _launch(self, steps: int | None) -> None:
        if self._state != "ready":
            return
        self._state = "running"
        self._changed.notify_all()
        # A branch's steps are counted from the step at which it begins.
        again = self._beginning.replayed if self._beginning is not None else 0
        self._orders.append(lambda remote: remote.start_with(None if steps is None else steps + again))
        self._thread = threading.Thread(target=self._work, name="lab-session", daemon=True)
        self._thread.start()

    def _order(self, order: "Callable[[RemoteControl], None]") -> None:
        with self._lock:
            if self._state in ENDED or self._thread is None:
                return
            if self._remote is None:
                self._orders.append(order)
            else:
                order(self._remote)

    def _end(self, state: str, error: str = "") -> None:
        with self._changed:
            self._ended_after = self._seconds()
            self._state, self.error = state, error
            self._changed.notify_all()

    def _set_paused(self, paused: bool) -> None:
        with self._changed:
            self._state = "paused" if paused else "running"
            self._pace.restart()
            self._changed.notify_all()

    def _work(self) -> None:
        """Run in the worker thread, from the import of torch to the end."""
        try:
            from lab.assembly import assemble

            begins = self._beginning
            parts = self._task_and_callbacks
            run = assemble(self._config, self.history, self._seconds, self._set_paused, *parts, begins, self.own)
            with self._lock:
                self._device, self._learner, self._recorder = run.device, run.learner, run.recorder
                self._remote, self.notice = run.remote, run.notice
                self._maps = run.maps
                self._snapshots, self._beginning = run.snapshots, None
                for order in self._orders:
                    order(run.remote)
                self._began = time.perf_counter() - (begins.snapshot.seconds if begins else 0.0)
            self._end(*run.train())
        except BaseException as error:
            # SystemExit too: whoever waits for the run's end must see it.
            log.exception("the run failed")
            self._end("failed", f"{type(error).__name__}: {error}")
        self._searches.run_all(self._learner, self.config, self.error)  # asked for since the last batch
        if self._closing:
            self._free()


def _release(device: str) -> None:
    """Return memory that no run uses any more to the system."""
    from lab.assembly import release

    release(device)


def _checked_picture(picture: ArrayLike) -> NDArray[np.float32]:
    """Return a copy of ``picture`` as float32.

    Raises:
        ConfigError: unless it is 28 x 28 numbers from 0 to 1.
    """
    allowed = "28 x 28 numbers from 0 to 1"
    try:
        made = np.array(picture, np.float32)
    except (TypeError, ValueError) as error:
        raise ConfigError("picture", picture, allowed) from error
    if made.shape != (28, 28):
        raise ConfigError("picture", f"shape {made.shape}", allowed)
    wrong = made[~((made >= 0) & (made <= 1))]
    if wrong.size:
        raise ConfigError("picture", f"{wrong[0]:g} in it", allowed)
    return made
