"""What every test gets: threads that do not fight over the cores; a skip for `cuda` where there is no such device."""

import os

import pytest

# Read when torch is loaded. Nets this small are no faster with more threads, and far slower on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device")
