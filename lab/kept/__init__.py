"""The library of kept runs: each run is saved to a file of its own while it trains."""

from lab.kept.folder import RUNS
from lab.kept.library import Library
from lab.kept.run import KeptError, KeptRun
from lab.kept.writer import RunWriter

__all__ = ["RUNS", "KeptError", "KeptRun", "Library", "RunWriter"]
