"""The name and note that a person gave a run: a small JSON file beside the run's record.

Apart from the record, so that a run can be renamed while another process is writing it.
"""

import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from lab.kept.run import KeptError, to_json

VERSION = 1
SUFFIX = ".label.json"


class Label(NamedTuple):
    """A run's name and note."""

    name: str
    note: str


def path_of(folder: Path, id: str) -> Path:
    """Return the label file of run ``id``, which exists only if the run was given a name or a note."""
    return folder / (id + SUFFIX)


def read(path: Path) -> Label | None:
    """Return the label at ``path``, None if there is no such file.

    Raises:
        KeptError: the file is torn, or of a newer version.
        OSError: it cannot be read.
    """
    try:
        stored = json.loads(path.read_bytes())
        if stored["version"] > VERSION:
            raise KeptError(f"{path.name} was written by a newer version of the lab (format {stored['version']})")
        name, note = stored["name"], stored["note"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise KeptError(f"{path.name} is torn, or is not a run's name and note") from error
    if not (isinstance(name, str) and isinstance(note, str)):
        raise KeptError(f"{path.name} has a name or a note that is no text")
    return Label(name, note)


def write(path: Path, label: Label) -> None:
    """Put ``label`` at ``path``, whole or not at all.

    Raises:
        OSError: the disk is full, or the folder cannot be written to; what was there is as it was.
    """
    temporary = path.with_name(f".{path.stem}-{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(to_json({"version": VERSION, "name": label.name, "note": label.note}))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
