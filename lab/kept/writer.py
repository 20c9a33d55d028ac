"""Write a run to the library while it trains."""

import atexit
import logging
import os
import platform
import secrets
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import metadata
from itertools import chain, count
from math import nan
from typing import IO, TYPE_CHECKING

from lab import branching
from lab.config import KNOBS, Config
from lab.kept import file
from lab.kept.label import Label
from lab.kept.run import KeptError, KeptRun, writable
from lab.record import Mark, Origin, Record
from lab.session import ENDED, Session

if TYPE_CHECKING:
    from lab.kept.library import Library

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
SHOWN_SETTINGS = 4
MOST_OF_A_NAME = 60


class RunWriter:
    """Writes a session's run to a library, from a thread of its own, until the run has ended.

    A flush replaces the run's file, if anything has changed. One that fails leaves the file as it is; the run
    goes on, and the next flush tries again.

    A session that was stopped before it was started has no run to keep.

    Attributes:
        id: of the run; in the list from the first flush on.
        error: why the last flush failed, a line for a person; empty when it did not.
        settled: whether the run has ended and its end is written, or the first attempt failed (see ``error``).
    """

    def __init__(self, library: "Library", session: Session, name: str, every: float, tags: Mapping[str, str]) -> None:
        """See :meth:`lab.kept.library.Library.keep`."""
        now = datetime.now(UTC)
        self.id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
        self.error = ""
        self.settled = False
        self._library = library
        self._path = library.folder / (self.id + file.SUFFIX)
        self._label = Label(writable(" ".join(name.split())), "")
        self._every = every
        self._tags = {name: writable(text) for name, text in tags.items()}
        self._closing = False
        self._session = session
        self._config = session.config
        self._started: datetime | None = None
        self._kept: object = None  # what the last flush wrote, to see whether there is more
        self._last = -1
        self._held: IO[bytes] | None = None
        self._thread = threading.Thread(target=self._follow, name="lab-writer", daemon=True)
        # A kernel that is shut down in mid-run loses nothing either.
        atexit.register(self.close, FLUSH_SECONDS)
        self._thread.start()

    @property
    def name(self) -> str:
        """The run's name at the last flush; empty before the first, unless it was given."""
        return self._label.name

    def close(self, timeout: float | None = None) -> None:
        """Write once more, at most ``timeout`` seconds; a run that goes on is listed as interrupted from then on."""
        self._closing = True
        self._session.wake()
        self._thread.join(timeout)

    def _follow(self) -> None:
        session = self._session
        try:
            session.wait_for(lambda: self._closing or session.state != "ready")
            while True:
                closing, ended = self._closing, session.state in ENDED
                self._flush(session)
                if closing or (ended and not self.error):
                    return
                self.settled = ended

                def due(ended: bool = ended) -> bool:
                    return self._closing or (session.state in ENDED and not ended)

                session.wait_for(due, self._every)
        finally:
            self.settled = True
            if self._held is not None:
                self._held.close()
            atexit.unregister(self.close)

    def _flush(self, session: Session) -> None:
        """Write what is new, if the run has begun."""
        state = session.state
        if self._started is None:
            self._config = session.config
            if state == "ready" or (state == "stopped" and not session.progress.step):
                return
            self._started = datetime.now(UTC) - timedelta(seconds=session.progress.seconds)
        try:
            if self._kept is None:
                self._library.sweep()
            self._write(session, state)
        except (OSError, KeptError) as error:
            self.error = self._in_words(error)
        except Exception as error:
            if not self.error:
                log.exception("a run could not be kept")
            self.error = self._in_words(error)
        else:
            self.error = ""

    def _in_words(self, error: Exception) -> str:
        why = f"{type(error).__name__}: {error}"
        if isinstance(error, KeptError):
            why = str(error)
        elif isinstance(error, OSError) and error.strerror:
            why = error.strerror
        upto = f"kept only up to step {self._last}" if self._kept else "not kept"
        again = "" if self._closing else f" Tried again every {self._every:g} s; training is not disturbed."
        return f"This run is {upto}: {why} ({self._library.folder}).{again}"

    def _write(self, session: Session, state: str) -> None:
        assert self._started is not None
        # A person may have given the run another name in any process meanwhile.
        self._label = self._library.label(self.id) or self._first_label()
        tail = session.since(self._last)
        facts = state, session.error, tail.marks, tail.validations, self._label
        if facts == self._kept and not tail.steps.size:
            if self._held is None and state not in ENDED:
                os.utime(self._path)  # where there are no locks, this says that the writer lives
            return
        record = session.since(-1)
        progress = session.progress
        validation = record.validations[-1] if record.validations else None
        run = KeptRun(
            id=self.id,
            name=self._label.name,
            note=self._label.note,
            config=_as_begun(self._config, record.marks),
            outcome=state if state in ENDED else "running",
            error=writable(session.error),
            started=self._started,
            updated=datetime.now(UTC),
            steps=progress.step,
            seconds=progress.seconds,
            device=progress.device,
            versions=versions(),
            loss=_last(record),
            valid_loss=float(validation.loss) if validation else nan,
            accuracy=float(validation.accuracy) if validation and record.metric == "accuracy" else nan,
            tags=self._tags,
        )
        self._put(run, record)
        session.name = self._label.name
        self._kept = facts
        self._last = int(record.steps[-1]) if record.steps.size else -1

    def _put(self, run: KeptRun, record: Record) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        before = self._held
        self._held = file.write(self._path, run, record, hold=run.outcome == "running")
        if before is not None:
            before.close()

    def _first_label(self) -> Label:
        """Return the label as given, or with a name made of the settings that no other run has."""
        if self._label.name:
            return self._label
        own = self._session.own
        wanted = default_name(self._config, self._moment(), self._session.history.origin, own.name if own else "")
        taken = {run.name for run in self._library.runs()}
        numbered = (f"{wanted} ({number})" for number in count(2))
        return Label(next(name for name in chain([wanted], numbered) if name not in taken), "")

    def _moment(self) -> datetime:
        return (self._started or datetime.now(UTC)).astimezone()


def default_name(config: Config, moment: datetime, origin: Origin | None = None, net: str = "") -> str:
    """Return a name from the changed settings and the time: ``Learning rate 0.9, Epochs 1 · 2026-11-21 17:20``.

    A ``net`` of one's own comes first.

    A run that goes on from another one is named after it: ``Branch at step 1,200 of … · 2026-11-21 17:25``.
    """
    if origin is not None:
        # Of its name the settings only: the times of a chain of branches would make it ever longer.
        words = branching.origin_words(origin._replace(name=shortened(origin.name.split(" · ")[0])))
        return f"{words[0].upper()}{words[1:]} · {moment:%Y-%m-%d %H:%M}"
    changed = [
        f"{KNOBS[name].label} {KNOBS[name].text(value)}" for name, value in config.changed().items() if name != "device"
    ]
    more = len(changed) - SHOWN_SETTINGS
    if more > 0:
        seed = f"{KNOBS['seed'].label} {config.seed}"
        if seed in changed[SHOWN_SETTINGS:]:  # often the one thing in which runs differ
            changed.remove(seed)
            changed.insert(SHOWN_SETTINGS - 1, seed)
    shown = changed[:SHOWN_SETTINGS] + ([f"{more} more"] if more > 0 else [])
    if net:
        shown = [net, *shown]
    return f"{', '.join(shown) or 'Defaults'} · {moment:%Y-%m-%d %H:%M}"


def shortened(text: str) -> str:
    """Return at most MOST_OF_A_NAME characters of ``text``."""
    return text if len(text) <= MOST_OF_A_NAME else text[: MOST_OF_A_NAME - 1].rstrip() + "…"


@cache
def versions() -> dict[str, str]:
    """Return the versions of the packages that a run's numbers depend on; "" for one that is not installed."""
    found = {"foundations-lab": "", "torch": "", "numpy": ""}
    for name in found:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {**found, "python": platform.python_version()}


def _last(record: Record) -> float:
    losses = record.columns.get("loss")
    return float(losses[-1]) if losses is not None and losses.size else nan


def _as_begun(config: Config, marks: tuple[Mark, ...]) -> Config:
    """Return ``config`` as it was at the start, before the changes during training."""
    return config.replace(**{mark.field: mark.old for mark in reversed(marks)})
