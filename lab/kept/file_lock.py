"""The lock that a run's writer holds on its file; the system releases it when the process dies."""

import os
import sys
import time
from typing import IO

if sys.platform != "win32":
    import fcntl

SILENT_SECONDS = 30.0
"""Where there are no locks, a file that has not been touched for this long has lost its writer."""


def lock(file: IO[bytes]) -> bool:
    """Lock ``file`` until it is closed; return False where the system or the file system has no locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def is_held(file: IO[bytes]) -> bool:
    """Return whether a living process, this one too, has locked ``file`` (or touched it lately, without locks)."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            pass
        else:
            fcntl.flock(file, fcntl.LOCK_UN)
            return False
    return time.time() - os.fstat(file.fileno()).st_mtime < SILENT_SECONDS
