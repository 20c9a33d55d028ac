"""Run what is missing of an experiment: reuse kept runs, train the others, several at a time, and keep them."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from lab.config import Config
from lab.experiments.experiment import Experiment, Planned, plan, work
from lab.experiments.results import COMPLETE, Result, matching, needed, result_of, same
from lab.experiments.trainers import LocalTrainer, Trained, Trainer
from lab.kept import KeptError, KeptRun, Library
from lab.progress import Pace, Progress
from lab.record import Record
from lab.session import ENDED, Session

log = logging.getLogger(__name__)

Key = tuple[str, int]
"""(variant, seed)."""


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def clean(record: Record) -> bool:
    """Return whether a run went as its Config says from beginning to end.

    That is: no knob was moved, it is no branch, and net, data, loss and metric are the lab's.
    """
    labs = not record.own and (record.loss, record.metric) == (Record.loss, Record.metric)
    return labs and not record.marks and record.origin is None


class Kept:
    """Kept runs by their settings: which of them answer a planned run."""

    def __init__(self, library: Library) -> None:
        """Read the list of ``library``.

        Raises:
            KeptError: the folder cannot be read.
        """
        self._library = library
        self._by_config: dict[Config, list[KeptRun]] = {}
        for run in library.runs():
            if run.outcome in COMPLETE:
                self._by_config.setdefault(same(run.config), []).append(run)

    def find(self, config: Config) -> tuple[KeptRun, Record] | None:
        """Return the newest kept run with these settings that ended by itself and in which no knob was moved.

        Whatever versions it ran with: they are in its result.
        """
        for run in self._by_config.get(same(config), ()):
            try:
                record = self._library.open(run.id)
            except KeptError as error:
                log.warning("a kept run is not used: %s", error)
                continue
            if clean(record):
                return run, record
        return None

    def seeds(self, config: Config) -> tuple[int, ...]:
        """Return the seeds with which a run of ``config`` may be here, ascending."""
        wanted = same(config).replace(seed=0)
        return tuple(sorted(kept.seed for kept in self._by_config if kept.replace(seed=0) == wanted))


def kept_result(run: KeptRun, record: Record) -> Result:
    """Return what a kept run gave."""
    return result_of(run.config, run.outcome, record, run.device, run.versions, run.started)


class Failure(NamedTuple):
    """A run that failed, and why."""

    planned: Planned
    why: str


class Queue:
    """The runs of an experiment, trained in turn; satisfies ``lab.session.Run``. Any thread may call every method.

    A run that is kept, or among ``known``, is not trained again. A run that fails is told in :attr:`error`, and the
    others go on. Stopped and made anew, a queue goes on where the last one ended.

    Args:
        experiment: the question.
        seeds: how many, from 0 on, or which ones; by default the experiment's.
        quick: its short form.
        library: where runs are looked for and kept; None for neither.
        known: results to take where the settings are equal and every measure that is needed was taken.
        at_once: how many runs train at a time, each with a trainer of its own.
        make_trainer: makes a trainer for ``library``.

    Raises:
        ExperimentError: for seeds that cannot be run.

    Attributes:
        planned: every run, in order.
        reused: how many were not trained here.
        failures: the runs that failed.
        notices: what a person should know that is no failure: runs that could not be kept.
    """

    def __init__(
        self,
        experiment: Experiment,
        seeds: int | Sequence[int] | None = None,
        quick: bool = False,
        *,
        library: Library | None = None,
        known: Iterable[Result] = (),
        at_once: int = 1,
        make_trainer: Callable[[Library | None], Trainer] = LocalTrainer,
    ) -> None:
        self.experiment = experiment
        self.planned = plan(experiment, seeds, quick)
        self.failures: list[Failure] = []
        self.notices: list[str] = []
        self.reused = 0
        self._quick = quick
        self._library = library
        self._make_trainer = make_trainer
        self._at_once = max(at_once, 1)
        measures = needed(experiment)
        enough = [result for result in known if measures <= result.figures.keys()]
        self._results: dict[Key, Result] = dict(matching(enough, self.planned))
        self.reused += len(self._results)
        self._todo = [run for run in self.planned if run.key not in self._results]
        self._kept: Kept | None = None
        self._ids: dict[Key, str] = {}
        self._records: dict[Key, Record] = {}
        self._running: dict[Key, Trainer] = {}
        self._state = "ready"
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._threads: list[threading.Thread] = []
        self._at_work = 0
        self._done_steps, self._done_work = 0, 0.0
        self._began, self._spent = 0.0, 0.0
        self._pace = Pace()
        self._device = ""

    @property
    def config(self) -> Config:
        """The settings of the run that trains, or of the next one; at the end of the last one."""
        with self._lock:
            key = next(iter(self._running), None)
            if key is not None:
                return self._config(key)
            return (self._todo[0] if self._todo else self.planned[-1]).config

    @property
    def state(self) -> str:
        """The state: ready, running, paused, finished, stopped, or failed if any run failed."""
        with self._lock:
            return self._state

    @property
    def error(self) -> str:
        """A line for each run that failed; empty if none did."""
        with self._lock:
            return "\n".join(f"{name(failure.planned)}: {failure.why}" for failure in self.failures)

    @property
    def results(self) -> dict[Key, Result]:
        """(variant, seed) -> result, of the runs that have ended by themselves so far."""
        with self._lock:
            return dict(self._results)

    @property
    def running(self) -> dict[Key, Session | None]:
        """(variant, seed) -> session of the runs that train now; None for one in another process."""
        with self._lock:
            return {key: trainer.session for key, trainer in self._running.items()}

    def record(self, variant: str, seed: int) -> Record | None:
        """Return a run's record, whole or as far as it is; None where there is none here.

        Raises:
            KeptError: it was kept, and its file cannot be read any more.
        """
        key = variant, seed
        with self._lock:
            session = trainer.session if (trainer := self._running.get(key)) else None
            held, id = self._records.get(key), self._ids.get(key)
        if session is not None:
            return session.since(-1)
        if held is None and id and self._library:
            return self._library.open(id)
        return held

    @property
    def progress(self) -> Progress:
        """Steps over all runs, those that need no training included; epoch and batch of the first that trains."""
        with self._lock:
            total = sum(run.config.steps() for run in self.planned)
            done = sum(run.config.steps() for run in self.planned if run.key in self._results)
            now = [trainer.progress for trainer in self._running.values()]
            first = now[0] if now else Progress(epochs=self.config.epochs)
            seconds = self._seconds()
            here = self._done_steps + sum(one.step for one in now)
            rate = self._pace.at(seconds, here) if self._state == "running" else 0.0
            return first._replace(
                step=min(done + sum(one.step for one in now), total),
                steps=total,
                seconds=seconds,
                rate=rate,
                remaining=self._remaining(seconds, now),
                device=first.device or self._device,
            )

    def _seconds(self) -> float:
        return self._spent + (time.perf_counter() - self._began if self._state == "running" else 0.0)

    def _remaining(self, seconds: float, now: Sequence[Progress]) -> float:
        """Return the time left in seconds, as fast as it went so far; 0 while unknown."""
        if self._state != "running":
            return 0.0
        trained = self._done_work
        left = sum(work(run.config) for run in self._todo)
        for key, progress in zip(self._running, now, strict=True):
            costs = work(self._config(key))
            share = progress.step / progress.steps if progress.steps else 0.0
            trained += costs * share
            left += costs * (1 - share)
        return seconds * left / trained if trained else 0.0

    def start(self) -> None:
        """Start, or resume after a pause. No-op while running or ended."""
        with self._changed:
            if self._state == "ready":
                self._state = "running"
                self._began = time.perf_counter()
                n = max(min(self._at_once, len(self._todo)), 1)
                self._at_work = n
                self._threads = [
                    threading.Thread(target=self._work, name=f"lab-queue-{i}", daemon=True) for i in range(n)
                ]
                for thread in self._threads:
                    thread.start()
            elif self._state == "paused":
                self._state = "running"
                self._began = time.perf_counter()
                self._pace.restart()
                for trainer in self._running.values():
                    trainer.resume()
            self._changed.notify_all()

    def pause(self) -> None:
        """Pause at the next batch."""
        with self._changed:
            if self._state == "running":
                self._spent = self._seconds()
                self._state = "paused"
                for trainer in self._running.values():
                    trainer.pause()
                self._changed.notify_all()

    def stop(self) -> None:
        """Stop at the next batch; what has ended stays, and the runs that were stopped are not counted."""
        with self._changed:
            if self._state in ENDED:
                return
            self._spent = self._seconds()
            self._state = "stopped"
            for trainer in self._running.values():
                trainer.stop()
            self._changed.notify_all()

    def close(self) -> None:
        """Stop, and free what runs hold; results stay, and records that are kept."""
        self.stop()
        self._join()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most ``timeout`` seconds; return whether it has ended.

        Raises:
            RuntimeError: without a timeout, when nobody has started it: it would wait for ever.
        """
        with self._changed:
            if timeout is None and self._state == "ready":
                raise RuntimeError("This queue was not started, so it has no end to wait for: call start() first.")
            return self._changed.wait_for(lambda: self._state in ENDED and not self._at_work, timeout)

    def run(self) -> None:
        """Start, and wait for the end."""
        self.start()
        self.wait()

    def _join(self) -> None:
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _config(self, key: Key) -> Config:
        return next(run.config for run in self.planned if run.key == key)

    def _work(self) -> None:
        """Run in each of the queue's threads: one run after the other."""
        trainer: Trainer | None = None
        try:
            while (planned := self._next()) is not None:
                try:
                    if not self._reuse(planned):
                        trainer = trainer or self._make_trainer(self._library)
                        self._train(trainer, planned)
                except BaseException as error:
                    # SystemExit too: whoever waits for the end must see it.
                    log.exception("a run of an experiment failed")
                    self._fail(planned, f"{type(error).__name__}: {error}")
                    if trainer is not None:
                        trainer.close()
                        trainer = None
        finally:
            try:
                if trainer is not None:
                    trainer.close()
            finally:
                self._leave()

    def _leave(self) -> None:
        """The last thread that leaves tells the end."""
        with self._changed:
            self._at_work -= 1
            if not self._at_work and self._state not in ENDED:
                self._spent = self._seconds()
                self._state = "failed" if self.failures else "finished"
            self._changed.notify_all()

    def _next(self) -> Planned | None:
        """Return the next run, after a pause; None when there is none or the queue was stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._state != "paused")
            return self._todo.pop(0) if self._todo and self._state == "running" else None

    def _reuse(self, planned: Planned) -> bool:
        """Take the run from the library if it is there."""
        if self._library is None:
            return False
        try:
            with self._lock:
                if self._kept is None:
                    self._kept = Kept(self._library)
            found = self._kept.find(planned.config)
        except KeptError as error:
            self._notice(f"Kept runs are not looked at: {error}")
            return False
        if found is None:
            return False
        run, record = found
        with self._changed:
            key = planned.key
            self._results[key] = kept_result(run, record)
            self._ids[key] = run.id
            self.reused += 1
            self._changed.notify_all()
        return True

    def _train(self, trainer: Trainer, planned: Planned) -> None:
        key = planned.key
        with self._lock:
            if self._state == "stopped":
                return
            trainer.begin(planned.config, name(planned, self.experiment), tags(planned, self.experiment, self._quick))
            self._running[key] = trainer
            # Paused or stopped between _next() and here.
            if self._state == "paused":
                trainer.pause()
        try:
            trained = trainer.end()
        finally:
            with self._lock:
                del self._running[key]
        self._ended(planned, trained)

    def _ended(self, planned: Planned, trained: Trained) -> None:
        key = planned.key
        if trained.notice:
            self._notice(trained.notice)
        if trained.state == "failed":
            self._fail(planned, trained.error)
            return
        with self._changed:
            self._device = trained.device or self._device
            if trained.state in COMPLETE:
                self._results[key] = result_of(planned.config, trained.state, trained.record, trained.device)
                self._done_steps += planned.config.steps()
                self._done_work += work(planned.config)
                if trained.kept:
                    self._ids[key] = trained.kept
                else:
                    self._records[key] = trained.record
            elif self._state != "stopped":
                # Somebody stopped the session itself: it has no result, and that must be told.
                self.failures.append(Failure(planned, "it was stopped before its end"))
            self._changed.notify_all()

    def _fail(self, planned: Planned, why: str) -> None:
        with self._changed:
            self.failures.append(Failure(planned, why))
            self._changed.notify_all()

    def _notice(self, text: str) -> None:
        with self._changed:
            if text not in self.notices:
                self.notices.append(text)


def name(planned: Planned, experiment: Experiment | None = None) -> str:
    """Return what a planned run is called, with its experiment's title where it stands alone."""
    title = f"{experiment.title}: " if experiment else ""
    return f"{title}{planned.variant}, seed {planned.seed}"


def tags(planned: Planned, experiment: Experiment, quick: bool) -> Mapping[str, str]:
    """Return the tags under which a planned run is kept."""
    form = {"form": "quick"} if quick else {}
    return {"experiment": experiment.id, "variant": planned.variant, **form}
