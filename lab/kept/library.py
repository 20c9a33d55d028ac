"""A folder of kept runs: list, open, name, delete."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection

from lab.kept import file, index
from lab.kept.folder import RUNS, default_folder
from lab.kept.run import KeptError, KeptRun, writable
from lab.kept.search import matches
from lab.kept.writer import FLUSH_SECONDS, RunWriter
from lab.record import Record
from lab.session import Session

DELETED = "deleted"
DELETED_DAYS = 30
"""So long a deleted run can be brought back; after that, it goes when the next run is kept."""

ABANDONED_SECONDS = 3600.0
"""A file that was being written for so long has lost its writer."""

LONGEST_NAME = 200


class Library:
    """The runs of a folder. Safe from any thread and beside other processes that write to it.

    The files are what counts. The index beside them only makes the list quick: whatever it lacks
    is read from the files, whenever runs are listed.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        """The library in ``folder``, by default :func:`lab.kept.folder.default_folder`; made by the first run kept.

        Raises:
            KeptError: it is of a newer version, or cannot be reached.
        """
        try:
            self.folder = default_folder() if folder is None else Path(folder).expanduser()
        except RuntimeError as error:  # the system knows no home of whoever runs this
            raise KeptError(f"No folder for kept runs: {error} Name one in {RUNS}.") from error
        with self._telling():
            self.index = index.Index(self.folder)
        # Files that are no runs: why, and the signature with which they were looked at.
        self._bad: dict[str, tuple[str, str]] = {}

    def runs(self, search: str = "") -> list[KeptRun]:
        """The runs that ``search`` finds (see :func:`lab.kept.search.matches`), newest first.

        Raises:
            KeptError: the folder cannot be read.
        """
        return [run for run in self._all().values() if matches(run, search)]

    def problems(self) -> list[str]:
        """A line for each file that is torn, foreign or of a newer version; such files stay where they are.

        Raises:
            KeptError: the folder cannot be read.
        """
        self._all()
        with self._telling():
            if self.folder.exists() and not self.folder.is_dir():
                return [f"{self.folder} is a file, not a folder"]
            foreign = [f"{name} is not a kept run" for name in self._foreign()]
        return sorted([*foreign, *(why for why, _ in list(self._bad.values()))])

    def get(self, id: str) -> KeptRun:
        """One run.

        Raises:
            KeptError: there is none of that id.
        """
        run = self._all().get(id)
        if run is None:
            raise self._unknown(id)
        return run

    def open(self, id: str) -> Record:
        """A run's record, as ``Session.since(-1)`` gave it at its last flush.

        Raises:
            KeptError: there is none of that id, or its file is torn.
        """
        with self._telling(id):
            return file.read(self._path(id))

    def rename(self, id: str, name: str) -> None:
        """Raises KeptError for an empty name, an unknown run, or a folder that cannot be written to."""
        name = writable(" ".join(name.split()))
        if not name or len(name) > LONGEST_NAME:
            raise KeptError(f"A name needs 1 to {LONGEST_NAME} characters, not {len(name)}.")
        self._label(id, name=name)

    def set_note(self, id: str, note: str) -> None:
        """Raises KeptError for an unknown run, or a folder that cannot be written to."""
        self._label(id, note=writable(note.strip()))

    def delete(self, id: str) -> None:
        """Out of the list; :meth:`undo` brings it back within 30 days.

        Raises:
            KeptError: there is none of that id, it is running, or the folder cannot be written to.
        """
        if self.get(id).outcome == "running":
            raise KeptError("This run is still going on: stop it first, then delete it.")
        bin = self.folder / DELETED
        with self._telling(id):
            bin.mkdir(exist_ok=True)
            # The moment in front, so that the names' order is that of the deletions.
            os.replace(self._path(id), bin / f"{time.time_ns():020d}-{id}{file.SUFFIX}")
        self.index.do(lambda db: index.drop(db, id))

    def undo(self) -> KeptRun | None:
        """Bring back the run that was deleted last, then the one before; None when there is none.

        Raises:
            KeptError: the folder cannot be written to.
        """
        for path in sorted((self.folder / DELETED).glob("*-*" + file.SUFFIX), reverse=True):
            id = path.stem.partition("-")[2]
            if self._path(id).exists():
                continue
            with self._telling(id):
                os.replace(path, self._path(id))
            return self.get(id)
        return None

    def keep(self, session: Session, name: str = "", *, every: float = FLUSH_SECONDS) -> RunWriter:
        """Keep ``session``'s run from its start (or from now) to its end, with a flush ``every`` so many seconds.

        Never raises for a folder that cannot be written to: :attr:`RunWriter.error` tells.
        """
        return RunWriter(self, session, name, every)

    def sweep(self) -> None:
        """Remove what was deleted long ago, and what a crash left half-written."""
        now = time.time()
        for path in self.folder.glob(f".*{file.TEMPORARY}"):
            with suppress(OSError):
                if now - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()
        for path in (self.folder / DELETED).glob("*-*" + file.SUFFIX):
            moment = path.name.partition("-")[0]
            if moment.isdigit() and now - int(moment) / 1e9 > DELETED_DAYS * 86_400:
                with suppress(OSError):
                    path.unlink()

    def _all(self) -> dict[str, KeptRun]:
        """Every run by its id, newest first, the index brought up to date."""
        with self._telling():
            return self.index.do(self._refreshed) if self.folder.is_dir() else {}

    def _refreshed(self, db: Connection) -> dict[str, KeptRun]:
        # The index first: a run that is added between the two looks is not taken for one whose file is gone.
        known = index.rows(db)
        found = self._files()
        gone = [id for id in known if id not in found]
        fresh: dict[str, tuple[KeptRun, bool, str]] = {}
        bad: dict[str, tuple[str, str]] = {}
        for id, signature in found.items():
            run, seen = known.get(id, (None, ""))
            if run is not None and seen == signature and run.outcome != "running":
                continue
            why, seen_bad = self._bad.get(id, ("", ""))
            if seen_bad == signature:
                bad[id] = why, signature
                gone += [id] if id in known else []
                continue
            try:
                fresh[id] = file.look(self._path(id))
            except FileNotFoundError:
                continue  # moved away in between
            except OSError as error:
                bad[id] = f"{id}{file.SUFFIX} cannot be read: {error.strerror or error}", ""
            except KeptError as error:
                bad[id] = str(error), signature
                gone += [id] if id in known else []
        self._bad = bad
        if gone or any(self._differs(known.get(id), new) for id, new in fresh.items()):
            with index.transaction(db):
                for id in gone:
                    index.drop(db, id)
                for id, (run, live, signature) in fresh.items():
                    # Of a run that was going on, the name in the index counts: its writer may not have read it yet.
                    before, seen = known.get(id, (None, ""))
                    renamed = before is None or (before.outcome != "running" and seen != signature)
                    index.put(db, run, signature, named=renamed and not live)
            known = index.rows(db)
        return {id: run for id, (run, _) in known.items()}

    @staticmethod
    def _differs(known: tuple[KeptRun, str] | None, new: tuple[KeptRun, bool, str]) -> bool:
        return known is None or (known[0].outcome, known[1]) != (new[0].outcome, new[2])

    def _files(self) -> dict[str, str]:
        found = {}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(file.SUFFIX) and not entry.name.startswith("."):
                    with suppress(OSError):
                        found[entry.name.removesuffix(file.SUFFIX)] = file.signature(os.stat(entry.path))
        return found

    def _foreign(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        own = index.NAMES | {DELETED}
        names = (name for name in os.listdir(self.folder) if name not in own and not name.startswith("."))
        return [name for name in names if not name.endswith(file.SUFFIX)]

    def _label(self, id: str, **words: str) -> None:
        self.get(id)

        def work(db: Connection) -> None:
            with index.transaction(db):
                run, live, _ = file.look(self._path(id))
                name, note = index.labels(db, id) or (run.name, run.note)
                name, note = words.get("name", name), words.get("note", note)
                if live:
                    index.label(db, id, name, note)
                    return
                file.relabel(self._path(id), name, note)
                signature = file.signature(self._path(id).stat())
                index.put(db, replace(run, name=name, note=note), signature, named=True)

        with self._telling(id):
            self.index.do(work)

    def _path(self, id: str) -> Path:
        return self.folder / (id + file.SUFFIX)

    def _unknown(self, id: str) -> KeptError:
        return KeptError(f"There is no kept run {id!r} in {self.folder}.")

    @contextmanager
    def _telling(self, id: str = "") -> Iterator[None]:
        """What the system refuses, in words; a file that is not there is that of run ``id``."""
        try:
            yield
        except OSError as error:
            if id and isinstance(error, FileNotFoundError):
                raise self._unknown(id) from error
            raise KeptError(f"{self.folder}: {error.strerror or error}") from error
