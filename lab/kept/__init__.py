"""Runs that outlive the kernel, the page and the server: kept by themselves, one file each."""

from lab.kept.folder import RUNS
from lab.kept.library import Library
from lab.kept.run import KeptError, KeptRun
from lab.kept.writer import RunWriter

__all__ = ["RUNS", "KeptError", "KeptRun", "Library", "RunWriter"]
