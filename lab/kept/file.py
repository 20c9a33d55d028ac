"""The file of one run: a .npz that ``numpy.load`` opens too, with the run's settings and results as JSON in it.

A file is written beside its place and then moved there, so that it is whole or not there at all.
"""

import json
import os
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from lab.config import ConfigError
from lab.kept import file_lock
from lab.kept.run import KeptError, KeptRun, to_json
from lab.record import Mark, Mistakes, Origin, Outputs, Record, Validation

VERSION = 1
"""Of the format. A file of a newer one is left as it is."""

SUFFIX = ".npz"
TEMPORARY = ".tmp"
META = "run.json"
FACTS = ("layers", "norms", "bins", "range", "steps_per_epoch", "stride", "hist_stride")

WORDS = ("loss", "metric", "own")
"""Further facts, which files of earlier versions do not have."""


MISTAKES = ("counts", "truths", "logits", "losses", "pictures")
"""Arrays of record.Mistakes."""


def write(path: Path, run: KeptRun, record: Record, *, hold: bool = False) -> IO[bytes] | None:
    """Write ``run`` and its ``record`` to ``path``, replacing what was there.

    Returns the file, locked, when ``hold`` is asked for and locks there are: close it to let go.

    Raises:
        OSError: the disk is full, the folder cannot be written to; what was there is as it was.
    """
    outputs = record.outputs
    facts: dict[str, Any] = {name: getattr(record, name) for name in FACTS}
    facts["weight_ranges"] = record.weight_ranges
    facts["columns"] = list(record.columns)
    facts["marks"] = [[mark.step, mark.field, _packed(mark.old), _packed(mark.new)] for mark in record.marks]
    facts["validations"] = [[_packed(value) for value in row] for row in record.validations]
    facts["outputs"] = outputs and {"step": int(outputs.step), "names": outputs.names, "classes": outputs.classes}
    facts["origin"] = record.origin
    facts |= {name: getattr(record, name) for name in WORDS}
    mistakes = record.mistakes
    facts["mistakes"] = mistakes and {name: getattr(mistakes, name) for name in ("step", "epoch", "classes")}
    columns = list(record.columns.values())
    arrays: dict[str, NDArray[Any]] = {
        "steps": record.steps,
        "columns": np.stack(columns) if columns else np.empty((0, len(record.steps)), np.float32),
        "hist_steps": record.hist_steps,
        "hists": record.hists,
        "weight_hists": record.weight_hists,
    }
    if outputs is not None:
        arrays |= {"logits": outputs.logits, "pictures": outputs.pictures}
    if mistakes is not None:
        arrays |= {f"mistakes_{name}": getattr(mistakes, name) for name in MISTAKES}

    def fill(archive: zipfile.ZipFile) -> None:
        archive.writestr(META, to_json({"version": VERSION, "run": run.to_dict(), "record": facts}))
        for name, array in arrays.items():
            # Counts shrink, the digits of float32 do not; while the run goes on, the time is worth more.
            small = name in ("hists", "weight_hists") and not hold
            entry = name + ".npy" if small else zipfile.ZipInfo(name + ".npy")
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(cast(Any, member), np.ascontiguousarray(array), allow_pickle=False)

    return _put(path, fill, hold)


def look(path: Path) -> KeptRun:
    """Return the run at ``path`` without its record; "interrupted" if it was running and its writer is gone.

    Raises:
        KeptError: the file is torn, foreign, or of a newer version, or has settings that this one does not know.
        OSError: it cannot be read.
    """
    while True:
        with _opened(path) as (file, archive):
            stat = os.fstat(file.fileno())
            held = file_lock.is_held(file)
            run = _run(path, _meta(path, archive))
        if run.outcome != "running" or held:
            return run
        # Its writer may just have put a newer file there, and let go of this one.
        if path.stat().st_ino == stat.st_ino:
            return replace(run, outcome="interrupted")


def read(path: Path) -> Record:
    """Return the record at ``path``, as ``Session.since(-1)`` gave it.

    Raises:
        KeptError, OSError: as :func:`look`.
    """
    with _opened(path) as (_, archive):
        facts = _meta(path, archive)["record"]
        columns = dict(zip(facts["columns"], _array(archive, "columns"), strict=True))
        outputs = facts["outputs"]
        if outputs is not None:
            logits, pictures = _array(archive, "logits"), _array(archive, "pictures")
            # Files of earlier versions have no classes: they were digits.
            more = {name: tuple(outputs[name]) for name in ("names", "classes") if name in outputs}
            outputs = Outputs(outputs["step"], logits, pictures, **more)
        # Files of earlier versions have nothing of the weights.
        weights: dict[str, Any] = {}
        if "weight_ranges" in facts:
            ranges = tuple((float(low), float(high)) for low, high in facts["weight_ranges"])
            weights = {"weight_hists": _array(archive, "weight_hists"), "weight_ranges": ranges}
        # Files of earlier versions have no mistakes.
        mistakes = facts.get("mistakes")
        if mistakes is not None:
            parts = {name: _array(archive, f"mistakes_{name}") for name in MISTAKES}
            mistakes = Mistakes(mistakes["step"], mistakes["epoch"], classes=tuple(mistakes["classes"]), **parts)
        return Record(
            steps=_array(archive, "steps"),
            columns=columns,
            hist_steps=_array(archive, "hist_steps"),
            hists=_array(archive, "hists"),
            marks=tuple(Mark(step, name, _unpacked(old), _unpacked(new)) for step, name, old, new in facts["marks"]),
            validations=tuple(Validation(*row) for row in facts["validations"]),
            outputs=outputs,
            mistakes=mistakes,
            **weights,
            # Files of earlier versions have none.
            origin=Origin(*facts["origin"]) if facts.get("origin") else None,
            **{name: _unpacked(facts[name]) for name in (*FACTS, *(name for name in WORDS if name in facts))},
        )


def signature(stat: os.stat_result) -> str:
    """Return a text that changes whenever the file is written anew."""
    return f"{stat.st_ino}-{stat.st_size}-{stat.st_mtime_ns}"


def _put(path: Path, fill: Callable[[zipfile.ZipFile], None], hold: bool) -> IO[bytes] | None:
    # Hidden, and one for each who writes: what a crash leaves behind is in nobody's way.
    temporary = path.with_name(f".{path.stem}-{os.getpid()}-{threading.get_ident()}{TEMPORARY}")
    file = temporary.open("wb")
    try:
        # Locked before it can be seen, so that there is no moment in which the run looks abandoned.
        held = hold and file_lock.lock(file)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            fill(archive)
        file.flush()
        os.fsync(file.fileno())
        if not held:
            file.close()
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            temporary.unlink()
        raise
    _settle(path.parent)
    return file if held else None


def _settle(folder: Path) -> None:
    """Flush the folder's new entry to disk; some systems cannot open a folder."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], zipfile.ZipFile]]:
    """Open the file and the archive in it; raise KeptError for whatever is wrong with its contents."""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                yield file, archive
        except ConfigError as error:
            raise KeptError(f"{path.name} has settings that this version does not know: {error}") from error
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            KeyError,
            TypeError,
            ValueError,
            ArithmeticError,
            RuntimeError,
        ) as error:
            raise KeptError(f"{path.name} is torn, or is not a kept run") from error


def _meta(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    meta: dict[str, Any] = json.loads(archive.read(META))
    if meta["version"] > VERSION:
        raise KeptError(f"{path.name} was kept by a newer version of the lab (format {meta['version']}, not {VERSION})")
    return meta


def _run(path: Path, meta: dict[str, Any]) -> KeptRun:
    # The file's name counts: a copy under another name is another run.
    return KeptRun.from_dict({**meta["run"], "id": path.stem})


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name + ".npy") as member:
        array: NDArray[Any] = np.lib.format.read_array(cast(Any, member), allow_pickle=False)
    return array


def _packed(value: object) -> object:
    """Return ``value`` for JSON; :func:`_unpacked` is the inverse (no mark has a list as its value)."""
    return value.item() if isinstance(value, np.generic) else value


def _unpacked(value: object) -> Any:
    return tuple(value) if isinstance(value, list) else value
