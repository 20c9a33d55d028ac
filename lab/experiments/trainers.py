"""Train one run after the other: in this process, or in a child process of its own.

Two sessions in one process share Python's lock: at batch size 2 they make 549 steps/s together where one alone makes
696, and two processes 1,175 (2 cores, torch 2.13.0, one thread each). A page, which reads the record while it grows,
trains in its own process, one run at a time; the command line uses a process for each core.
"""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from lab.config import Config
from lab.kept import Library, RunWriter
from lab.progress import Progress
from lab.record import Record
from lab.session import ENDED, Session

log = logging.getLogger(__name__)

FLUSH_SECONDS = 10.0
"""Longest wait for a run's end to be written: a disk may hang."""

LOOK_SECONDS = 0.1
"""How often a child tells how far it is, and sees what it is asked."""


class Trained(NamedTuple):
    """A run that has ended.

    Attributes:
        state: as a Session's.
        error: why it failed or where it diverged.
        record: all of it.
        device: in words.
        kept: the id under which it is kept; empty if it is not.
        notice: why it is not kept, or only in part; empty otherwise.
    """

    state: str
    error: str
    record: Record
    device: str
    kept: str = ""
    notice: str = ""


class Trainer(Protocol):
    """The interface of what a Queue trains with: ``begin`` a run, then ``end`` waits for it; the next may begin then.

    ``pause``, ``resume`` and ``stop`` are about the run that goes on, if one does; any thread may call them.
    """

    def begin(self, config: Config, name: str, tags: Mapping[str, str]) -> None: ...
    def end(self) -> Trained: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...

    @property
    def progress(self) -> Progress: ...
    @property
    def session(self) -> Session | None: ...


class LocalTrainer:
    """Trains in this process.

    Args:
        library: where runs are kept; None to keep none.

    Attributes:
        session: of the run that goes on, or the last one; None before the first.
    """

    def __init__(self, library: Library | None = None, make_session: Callable[[Config], Session] = Session) -> None:
        self.session: Session | None = None
        self._library = library
        self._make_session = make_session
        self._writer: RunWriter | None = None

    def begin(self, config: Config, name: str, tags: Mapping[str, str]) -> None:
        """Start a run of ``config``, kept under ``name`` and ``tags``."""
        self.session = session = self._make_session(config)
        self._writer = self._library.keep(session, name, tags=tags) if self._library else None
        session.start()

    @property
    def progress(self) -> Progress:
        """That of the run that goes on."""
        return self.session.progress if self.session else Progress()

    def ended(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for the run's end; return whether it has ended."""
        assert self.session is not None
        return self.session.wait(timeout)

    def end(self) -> Trained:
        """Wait for the run's end, and free its net."""
        session, writer = self.session, self._writer
        assert session is not None, "begin() comes first"
        session.wait()
        record = session.since(-1)
        if writer:
            writer.close(FLUSH_SECONDS)
        session.close()
        kept = writer.id if writer and not writer.error else ""
        notice = writer.error if writer else ""
        return Trained(session.state, session.error, record, session.progress.device, kept, notice)

    def pause(self) -> None:
        """Pause at the next batch."""
        if self.session:
            self.session.pause()

    def resume(self) -> None:
        """Resume after a pause."""
        if self.session and self.session.state not in ENDED:
            self.session.start()

    def stop(self) -> None:
        """Stop at the next batch."""
        if self.session:
            self.session.stop()

    def close(self) -> None:
        """Stop, and free what the run holds."""
        if self.session:
            self.session.close()


class ChildTrainer:
    """Trains in a child process with one thread of arithmetic.

    A child that dies fails its run, and the next run has another child.

    Args:
        library: as :class:`LocalTrainer`'s.
    """

    session = None

    def __init__(self, library: Library | None = None) -> None:
        self._folder = library.folder if library else None
        self._lock = threading.Lock()
        self._process: Any = None
        self._pipe: Connection | None = None
        self._progress = Progress()

    @property
    def progress(self) -> Progress:
        """What the child told last."""
        return self._progress

    def begin(self, config: Config, name: str, tags: Mapping[str, str]) -> None:
        """Start a run in the child, which is started first if there is none."""
        self._progress = Progress(epochs=config.epochs)
        with self._lock:
            if self._process is None or not self._process.is_alive():
                context = multiprocessing.get_context("spawn")
                self._pipe, theirs = context.Pipe()
                self._process = context.Process(target=serve, args=(theirs, self._folder), daemon=True)
                self._process.start()
                theirs.close()
        self._tell("begin", (config, name, dict(tags)))

    def end(self) -> Trained:
        """Wait for the run's end; a child that dies gives a failed run."""
        assert self._pipe is not None and self._process is not None, "begin() comes first"
        try:
            while isinstance(told := self._pipe.recv(), Progress):
                self._progress = told
        except (EOFError, OSError):
            self._process.join()
            why = f"The process that trained it ended (exit code {self._process.exitcode})."
            return Trained("failed", why, Record(), "")
        if isinstance(told, str):
            return Trained("failed", told, Record(), "")
        assert isinstance(told, Trained)
        return told

    def pause(self) -> None:
        """Pause at the next batch."""
        self._tell("pause")

    def resume(self) -> None:
        """Resume after a pause."""
        self._tell("resume")

    def stop(self) -> None:
        """Stop at the next batch."""
        self._tell("stop")

    def close(self) -> None:
        """End the child once it has written what it trained."""
        if self._process is None or self._pipe is None:
            return
        self._tell("close")
        # Closed before it is joined: a child that still has much to say would wait for a reader.
        self._pipe.close()
        self._process.join(2 * FLUSH_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _tell(self, order: str, what: object = None) -> None:
        with self._lock:
            if self._pipe is not None:
                # A child that has died is told by end().
                with suppress(OSError):
                    self._pipe.send((order, what))


def serve(pipe: Connection, folder: Path | None) -> None:
    """Train what the parent asks for, in a process of its own, until it closes the pipe or is gone."""
    # The terminal's Ctrl-C reaches children too; the parent says what is to happen.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_WAIT_POLICY"] = "passive"  # before torch: threads that spin take the other children's cores
    import torch

    torch.set_num_threads(1)
    trainer = LocalTrainer(Library(folder) if folder else None)
    with suppress(EOFError, OSError):
        training, closing = False, False
        while training or not closing:
            while pipe.poll(0 if training or closing else None):
                order, what = pipe.recv()
                if order == "begin":
                    try:
                        trainer.begin(*what)
                        training = True
                    except Exception as error:
                        log.exception("the run could not begin")
                        pipe.send(f"{type(error).__name__}: {error}")
                elif order == "close":
                    closing = True
                    trainer.stop()
                else:
                    getattr(trainer, order)()
                if not training:
                    break
            if training:
                if trainer.ended(LOOK_SECONDS):
                    training = False
                    pipe.send(trainer.end())
                else:
                    pipe.send(trainer.progress)
        pipe.close()
        return
    # The parent is gone: what was trained is kept as far as it came.
    trainer.stop()
    if trainer.session:
        trainer.end()
