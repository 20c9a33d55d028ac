"""torch's default generator, seeded for a block and restored after it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_DEFAULT_GENERATOR = threading.Lock()


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed torch's default generator in the block, that of a CUDA ``device`` too, and restore it afterwards.

    Layers draw their first weights from the process-wide generator; the lock keeps two runs
    that start together from drawing each other's numbers.
    """
    cuda = [device] if device is not None and device.type == "cuda" else []
    with _DEFAULT_GENERATOR, torch.random.fork_rng(devices=cuda):
        # torch.manual_seed would move every CUDA generator too, which nothing here puts back.
        torch.default_generator.manual_seed(seed)
        for each in cuda:
            with torch.cuda.device(each):
                torch.cuda.manual_seed(seed)
        yield
