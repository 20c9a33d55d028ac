"""The folder in which runs are kept."""

import os
import sys
from pathlib import Path

RUNS = "FOUNDATIONS_LAB_RUNS"
"""The environment variable that names the folder of kept runs."""


def default_folder() -> Path:
    """Return ``$FOUNDATIONS_LAB_RUNS``, or foundations-lab/runs in the platform's folder for user data."""
    named = os.environ.get(RUNS)
    return Path(named).expanduser() if named else _data_home() / "foundations-lab" / "runs"


def _data_home() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    # The XDG specification: a relative path is to be ignored.
    return named if named.is_absolute() else Path.home() / ".local" / "share"
