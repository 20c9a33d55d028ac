"""What every test gets: threads that do not fight over the cores; kept runs in a folder that goes; a skip for `cuda`
where there is no such device."""

import atexit
import os
import shutil
import tempfile

import pytest

from lab.kept import RUNS

# Read when torch is loaded. Nets this small are no faster with more threads, and far slower on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# For the servers and kernels that tests start, too: no test touches the library of whoever runs it.
_home = tempfile.mkdtemp(prefix="foundations-lab-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ[RUNS] = os.path.join(_home, "runs")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device")
