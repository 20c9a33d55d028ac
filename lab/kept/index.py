"""The list of runs, in SQLite, so that a thousand are listed without opening a thousand files.

It holds nothing that the files do not (but for the new name of a run that is being written), so it may be
lost: :mod:`lab.kept.library` makes it again from them.
"""

import hashlib
import json
import math
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from lab.config import KNOBS, Config
from lab.kept.run import KeptError, KeptRun, to_json

VERSION = 1
NAME = "index.sqlite"
TORN = NAME + ".torn"
NAMES = frozenset({NAME, TORN, NAME + "-journal", NAME + "-wal", NAME + "-shm"})
BUSY_SECONDS = 10.0

FIELDS = tuple(KeptRun.__dataclass_fields__)
_FIGURES = ("loss", "valid_loss", "accuracy")
_CREATE = f"CREATE TABLE IF NOT EXISTS runs ({', '.join(FIELDS)}, signature, PRIMARY KEY (id))"
_INSERT = f"INSERT INTO runs VALUES ({', '.join('?' * (len(FIELDS) + 1))}) ON CONFLICT (id) DO UPDATE SET "
_ALL = ", ".join(f"{name} = excluded.{name}" for name in (*FIELDS, "signature"))
_UNNAMED = ", ".join(f"{name} = excluded.{name}" for name in (*FIELDS, "signature") if name not in ("name", "note"))

KNOBS_HASH = hashlib.sha256(repr(KNOBS).encode()).hexdigest()[:16]
"""Of the settings and their ranges, by which the settings of a row were checked."""

T = TypeVar("T")


class Index:
    """The index of one folder. Safe from any thread and beside other processes."""

    def __init__(self, folder: Path) -> None:
        """Raises KeptError where the index is of a newer version; it is only read for that."""
        self.folder = folder
        self.path = folder / NAME
        self._memory: sqlite3.Connection | None = None
        self._memory_lock = threading.RLock()
        if self.path.is_file():
            with suppress(sqlite3.DatabaseError), _closing(f"{self.path.absolute().as_uri()}?mode=ro") as db:
                self._refuse_newer(db)

    def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """``work``'s result on the folder's index; on one in memory where that cannot be written to.

        A torn index is moved aside, and ``work`` begins again on a new one.

        Raises:
            KeptError: the index is of a newer version.
        """
        for _ in range(2):
            try:
                with _closing(self.path.absolute().as_uri() + "?mode=rwc") as db:
                    self._prepare(db)
                    return work(db)
            except sqlite3.OperationalError:
                break
            except sqlite3.DatabaseError:
                with suppress(OSError):
                    os.replace(self.path, self.folder / TORN)
                    self.path.with_name(NAME + "-journal").unlink()
        with self._memory_lock:
            if self._memory is None:
                self._memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                self._prepare(self._memory)
            return work(self._memory)

    def _prepare(self, db: sqlite3.Connection) -> None:
        version = self._refuse_newer(db)
        if version < VERSION:
            with transaction(db):
                db.execute(_CREATE)
                db.execute(f"PRAGMA user_version = {VERSION}")

    def _refuse_newer(self, db: sqlite3.Connection) -> int:
        version: int = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise KeptError(
                f"The runs in {self.folder} were kept by a newer version of the lab (format {version}, not {VERSION}). "
                "They were left untouched: use that version, or another folder."
            )
        return version


@contextmanager
def _closing(uri: str) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(uri, timeout=BUSY_SECONDS, isolation_level=None, uri=True)
    try:
        yield db
    finally:
        db.close()


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; other processes wait meanwhile."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def rows(db: sqlite3.Connection) -> dict[str, tuple[KeptRun, str]]:
    """Every run by its id, with its file's signature when it was last looked at; newest first."""
    found = db.execute("SELECT * FROM runs ORDER BY started DESC, id DESC")
    runs = {}
    for *values, signature in found:
        knobs, _, signature = signature.partition(" ")
        # Written by a version of the lab with other settings: its file is looked at instead.
        if knobs == KNOBS_HASH:
            runs[values[0]] = _run(tuple(values)), signature
    return runs


def labels(db: sqlite3.Connection, id: str) -> tuple[str, str] | None:
    """The name and note of a run, if it is there."""
    found: tuple[str, str] | None = db.execute("SELECT name, note FROM runs WHERE id = ?", (id,)).fetchone()
    return found


def is_taken(db: sqlite3.Connection, name: str) -> bool:
    """Whether a run has that name."""
    return db.execute("SELECT 1 FROM runs WHERE name = ?", (name,)).fetchone() is not None


def put(db: sqlite3.Connection, run: KeptRun, signature: str, *, named: bool) -> None:
    """Add a run or bring it up to date; the name and note of one that is there are kept unless ``named``."""
    values = run.to_dict()
    for name in ("config", "versions"):
        values[name] = to_json(values[name])
    row = [None if name in _FIGURES and math.isnan(values[name]) else values[name] for name in FIELDS]
    db.execute(_INSERT + (_ALL if named else _UNNAMED), (*row, f"{KNOBS_HASH} {signature}"))


def label(db: sqlite3.Connection, id: str, name: str, note: str) -> None:
    """Another name and note for a run that is being written; its writer reads them at its next flush."""
    db.execute("UPDATE runs SET name = ?, note = ? WHERE id = ?", (name, note, id))


def drop(db: sqlite3.Connection, id: str) -> None:
    """Forget a run."""
    db.execute("DELETE FROM runs WHERE id = ?", (id,))


@lru_cache(maxsize=4096)
def _run(row: tuple[Any, ...]) -> KeptRun:
    values = dict(zip(FIELDS, row, strict=True))
    # Its settings were checked when it was put here, by the same rules; a thousand checks would take long.
    config = object.__new__(Config)
    settings = json.loads(values["config"])
    config.__dict__.update({name: tuple(it) if isinstance(it, list) else it for name, it in settings.items()})
    values["config"], values["versions"] = config, json.loads(values["versions"])
    for name in ("started", "updated"):
        values[name] = datetime.fromisoformat(values[name])
    for name in _FIGURES:
        values[name] = math.nan if values[name] is None else values[name]
    return KeptRun(**values)
