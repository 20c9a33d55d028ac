"""A folder of kept runs: list, open, name, delete."""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from lab.kept import file, label, list_cache
from lab.kept.folder import RUNS, default_folder
from lab.kept.label import Label
from lab.kept.run import KeptError, KeptRun, writable
from lab.kept.search import matches
from lab.kept.writer import FLUSH_SECONDS, RunWriter
from lab.record import Record
from lab.session import Session

DELETED = "deleted"
DELETED_DAYS = 30
"""How long a deleted run can be brought back; after that, it goes when the next run is kept."""

ABANDONED_SECONDS = 3600.0
"""Age at which a half-written file is taken to be left by a crash."""

LONGEST_NAME = 200

OLD_INDEX = "index.sqlite"
"""Earlier versions cached the list in a database of this name; it holds nothing that the files do not."""

OPENED_PER_SAVE = 1 / 20
"""Share of the runs whose files must have been opened before the list is cached again: opening one takes about
twenty times as long as writing its line."""


class Library:
    """The runs of a folder. Safe from any thread and beside other processes that write to it.

    A run is one file, ``<id>.npz``; a name or note that a person gives it later is in ``<id>.label.json`` beside it.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        """The library in ``folder``, by default :func:`lab.kept.folder.default_folder`; made by the first run kept.

        Raises:
            KeptError: the folder cannot be reached, or none is named and the system knows no home folder.
        """
        try:
            self.folder = default_folder() if folder is None else Path(folder).expanduser()
        except RuntimeError as error:
            raise KeptError(f"No folder for kept runs: {error} Name one in {RUNS}.") from error
        with self._errors_in_words(), suppress(FileNotFoundError, NotADirectoryError):
            self.folder.stat()
        self._lock = threading.Lock()
        self._listed: list_cache.Listed | None = None
        # Files that cannot be read: why, and the signature with which they were looked at.
        self._bad: dict[str, tuple[str, str]] = {}

    def runs(self, search: str = "") -> list[KeptRun]:
        """Return the runs that ``search`` finds (see :func:`lab.kept.search.matches`), newest first.

        Raises:
            KeptError: the folder cannot be read.
        """
        return [run for run in self._all().values() if matches(run, search)]

    def problems(self) -> list[str]:
        """Return a line for each file that is torn, foreign or of a newer version; such files stay where they are.

        Raises:
            KeptError: the folder cannot be read.
        """
        self._all()
        with self._errors_in_words():
            if self.folder.exists() and not self.folder.is_dir():
                return [f"{self.folder} is a file, not a folder"]
            foreign = [f"{name} is not a kept run" for name in self._foreign()]
        return sorted([*foreign, *(why for why, _ in list(self._bad.values()))])

    def get(self, id: str) -> KeptRun:
        """Return the run of this id.

        Raises:
            KeptError: there is none of that id.
        """
        run = self._all().get(id)
        if run is None:
            raise self._unknown(id)
        return run

    def open(self, id: str) -> Record:
        """Return a run's record, as ``Session.since(-1)`` gave it at its last flush.

        Raises:
            KeptError: there is none of that id, or its file is torn.
        """
        with self._errors_in_words(id):
            return file.read(self._path(id))

    def rename(self, id: str, name: str) -> None:
        """Rename a run. Raises KeptError for an empty name, an unknown run, or a folder that cannot be written to."""
        name = writable(" ".join(name.split()))
        if not name or len(name) > LONGEST_NAME:
            raise KeptError(f"A name needs 1 to {LONGEST_NAME} characters, not {len(name)}.")
        run = self.get(id)
        self._label(id, Label(name, run.note))

    def set_note(self, id: str, note: str) -> None:
        """Give a run another note. Raises KeptError for an unknown run, or a folder that cannot be written to."""
        run = self.get(id)
        self._label(id, Label(run.name, writable(note.strip())))

    def delete(self, id: str) -> None:
        """Take a run out of the list; :meth:`undo` brings it back within 30 days.

        Raises:
            KeptError: there is none of that id, it is running, or the folder cannot be written to.
        """
        if self.get(id).outcome == "running":
            raise KeptError("This run is still going on: stop it first, then delete it.")
        bin = self.folder / DELETED
        with self._errors_in_words(id):
            bin.mkdir(exist_ok=True)
            # The moment in front, so that the names' order is that of the deletions. Its label waits where it is.
            os.replace(self._path(id), bin / f"{time.time_ns():020d}-{id}{file.SUFFIX}")

    def undo(self) -> KeptRun | None:
        """Bring back the run that was deleted last, then the one before; None when there is none.

        Raises:
            KeptError: the folder cannot be written to.
        """
        for path in sorted(self._deleted(), reverse=True):
            id = _deleted_id(path)
            if self._path(id).exists():
                continue
            with self._errors_in_words(id):
                os.replace(path, self._path(id))
            return self.get(id)
        return None

    def keep(
        self, session: Session, name: str = "", *, every: float = FLUSH_SECONDS, tags: Mapping[str, str] | None = None
    ) -> RunWriter:
        """Keep ``session``'s run from its start (or from now) to its end, with a flush ``every`` so many seconds.

        ``tags`` say what the run belongs to. Never raises for a folder that cannot be written to:
        :attr:`RunWriter.error` says so.
        """
        return RunWriter(self, session, name, every, tags or {})

    def label(self, id: str) -> Label | None:
        """Return the name and note that a person gave a run; None if they gave none, or its label cannot be read."""
        try:
            return label.read(label.path_of(self.folder, id))
        except (OSError, KeptError):
            return None

    def sweep(self) -> None:
        """Remove what was deleted long ago, and what a crash left half-written."""
        now = time.time()
        for path in self.folder.glob(".*.tmp"):
            with suppress(OSError):
                if now - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()
        for path in self._deleted():
            moment = path.name.partition("-")[0]
            if moment.isdigit() and now - int(moment) / 1e9 > DELETED_DAYS * 86_400:
                with suppress(OSError):
                    path.unlink()
                    if not self._path(_deleted_id(path)).exists():
                        label.path_of(self.folder, _deleted_id(path)).unlink()

    def _all(self) -> dict[str, KeptRun]:
        """Return every run by its id, newest first, the list brought up to date."""
        with self._errors_in_words(), self._lock:
            if not self.folder.is_dir():
                return {}
            listed = self._refreshed()
        return {id: run for id, (_, run) in listed.items()}

    def _refreshed(self) -> list_cache.Listed:
        before = list_cache.load(self.folder) if self._listed is None else self._listed
        listed: list_cache.Listed = {}
        bad: dict[str, tuple[str, str]] = {}
        opened = 0
        files = self._files()
        # The known ones in their order: ten thousand need not be sorted again.
        for id in [*(id for id in before if id in files), *(id for id in files if id not in before)]:
            signature = files[id]
            seen, run = before.get(id, ("", None))
            if run is not None and seen == signature and run.outcome != "running":
                listed[id] = signature, run
                if (torn := id + label.SUFFIX) in self._bad:
                    bad[torn] = self._bad[torn]
                continue
            why, seen_bad = self._bad.get(id, ("", ""))
            if seen_bad == signature:
                bad[id] = why, signature
                continue
            try:
                run = file.look(self._path(id))
            except FileNotFoundError:
                continue  # moved away in between
            except OSError as error:
                bad[id] = f"{id}{file.SUFFIX} cannot be read: {error.strerror or error}", ""
                if id in before:
                    listed[id] = before[id]
                continue
            except KeptError as error:
                bad[id] = str(error), signature
                continue
            opened += run.outcome != "running"
            listed[id] = signature, self._labelled(run, bad)
        if not listed.keys() <= before.keys():
            listed = dict(sorted(listed.items(), key=lambda item: (item[1][1].started, item[0]), reverse=True))
        self._listed, self._bad = listed, bad
        if opened > OPENED_PER_SAVE * len(listed):
            list_cache.save(self.folder, listed)
        return listed

    def _labelled(self, run: KeptRun, bad: dict[str, tuple[str, str]]) -> KeptRun:
        try:
            given = label.read(label.path_of(self.folder, run.id))
        except (OSError, KeptError) as error:
            bad[run.id + label.SUFFIX] = str(error), ""
            return run
        return run if given is None else replace(run, name=given.name, note=given.note)

    def _files(self) -> dict[str, str]:
        """Run's id -> the signature of its file and its label."""
        runs, labels = {}, {}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(".") or not name.endswith((file.SUFFIX, label.SUFFIX)):
                    continue
                try:
                    signature = file.signature(os.stat(entry.path))
                except OSError:
                    continue  # moved away in between
                if name.endswith(file.SUFFIX):
                    runs[name.removesuffix(file.SUFFIX)] = signature
                else:
                    labels[name.removesuffix(label.SUFFIX)] = signature
        return {id: f"{signature} {labels[id]}" if id in labels else signature for id, signature in runs.items()}

    def _foreign(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        names = (name for name in os.listdir(self.folder) if name != DELETED and not name.startswith((".", OLD_INDEX)))
        return [name for name in names if not name.endswith((file.SUFFIX, label.SUFFIX))]

    def _label(self, id: str, given: Label) -> None:
        path = label.path_of(self.folder, id)
        with self._errors_in_words(id):
            label.read(path)  # raises for one that a newer version wrote: it is left as it is
            label.write(path, given)

    def _deleted(self) -> list[Path]:
        return list((self.folder / DELETED).glob("*-*" + file.SUFFIX))

    def _path(self, id: str) -> Path:
        return self.folder / (id + file.SUFFIX)

    def _unknown(self, id: str) -> KeptError:
        return KeptError(f"There is no kept run {id!r} in {self.folder}.")

    @contextmanager
    def _errors_in_words(self, id: str = "") -> Iterator[None]:
        """Raise what the system refuses as a KeptError; a missing file means that there is no run ``id``."""
        try:
            yield
        except OSError as error:
            if id and isinstance(error, FileNotFoundError):
                raise self._unknown(id) from error
            raise KeptError(f"{self.folder}: {error.strerror or error}") from error


def _deleted_id(path: Path) -> str:
    """Return the id of a run in the bin, where the moment of its deletion precedes it."""
    return path.stem.partition("-")[2]
