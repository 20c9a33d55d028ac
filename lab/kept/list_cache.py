"""A cache of a folder's list of runs, so that a new process need not open every run's file.

The runs' files are the truth. A cache that is missing, torn or of another version is ignored, and replaced
when enough files have been opened; one that cannot be written costs time and nothing else.
"""

import hashlib
import json
import logging
import os
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from lab.config import DEFAULTS, KNOBS, Config
from lab.kept.run import KeptRun, to_json

log = logging.getLogger(__name__)

NAME = ".list.json"
VERSION = hashlib.sha256(repr((2, KNOBS, DEFAULTS)).encode()).hexdigest()[:16]
"""Of the format and of every knob's range and default: a run in the cache need not be checked again."""

FIELDS = tuple(KeptRun.__dataclass_fields__)

Listed = dict[str, tuple[str, KeptRun]]
"""Run's id -> the signature of its files when they were read, and the run."""


def load(folder: Path) -> Listed:
    """Return the cached list of ``folder``; empty if there is none that this version can read."""
    try:
        stored = json.loads((folder / NAME).read_bytes())
        if stored["version"] != VERSION:
            return {}
        return {values[0]: (signature, _run(values)) for signature, values in stored["runs"]}
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return {}


def save(folder: Path, listed: Listed) -> None:
    """Replace the cache of ``folder``; where that is impossible the next process reads the runs' files."""
    rows = [[signature, _values(run)] for signature, run in listed.values() if run.outcome != "running"]
    temporary = folder / f"{NAME}-{os.getpid()}-{threading.get_ident()}.tmp"
    try:
        temporary.write_text(to_json({"version": VERSION, "runs": rows}), "utf-8")
        os.replace(temporary, folder / NAME)
    except OSError as error:
        log.debug("the list of runs could not be cached: %s", error)
        with suppress(OSError):
            temporary.unlink()


def _values(run: KeptRun) -> list[Any]:
    values = run.to_dict() | {"config": run.config.changed()}
    return [values[name] for name in FIELDS]


def _run(row: list[Any]) -> KeptRun:
    values = dict(zip(FIELDS, row, strict=True))
    # Checked when its file was read, by the same rules; to check ten thousand again would take seconds.
    config = object.__new__(Config)
    config.__dict__.update(DEFAULTS.__dict__)
    config.__dict__.update({name: tuple(it) if isinstance(it, list) else it for name, it in values["config"].items()})
    values["config"] = config
    for name in ("started", "updated"):
        values[name] = datetime.fromisoformat(values[name])
    return KeptRun(**values)
