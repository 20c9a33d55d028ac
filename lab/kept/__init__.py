"""Runs that outlive the kernel, the page and the server: kept by themselves, one file each."""

from lab.kept.folder import RUNS
from lab.kept.keeper import Keeper
from lab.kept.library import Library
from lab.kept.run import KeptError, KeptRun

__all__ = ["RUNS", "Keeper", "KeptError", "KeptRun", "Library"]
