"""Is a run's writer alive? It holds a lock on the run's file, which the system lets go of when the process dies."""

import os
import sys
import time
from typing import IO

if sys.platform != "win32":
    import fcntl

SILENT_SECONDS = 30.0
"""Without such locks: a file that has not been touched for so long has lost its writer."""


def lock(file: IO[bytes]) -> bool:
    """Hold ``file`` until it is closed; False where the system or the file system has no locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def is_held(file: IO[bytes]) -> bool:
    """Whether a living process, this one too, has locked ``file`` (or touched it lately, without locks)."""
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
