"""A made-up record, so that charts are tested without a run; and panels whose runs are tiny."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lab.record import COUNTS, OUTPUT_GRADIENT, Layout, Mark, Mistakes, Outputs, Record, Validation
from tests.widgets.tiny_runs import TINY, Make
from widgets.panels.training.panel import TrainingPanel

LAYERS = ("conv1", "conv2", "conv3")
NORMS = ("conv1", "conv2")


def made_record(steps: int = 30, begin: int = 0) -> Record:
    """Rows ``begin`` to ``steps - 1`` of a run of 30 with known, all different numbers, 10 steps an epoch."""
    rng = np.random.default_rng(7)
    layout = Layout(LAYERS, NORMS, (0.0, 10.0), 10)
    rows, hists = slice(begin, steps), slice((begin + 1) // 2, (steps + 1) // 2)
    columns = {name: rng.random(30, dtype=np.float32)[rows] + 0.01 for name in layout.columns}
    more = np.random.default_rng(9)
    columns |= {
        f"{name}/{layer}": more.random(30, dtype=np.float32)[rows] + 0.01
        for layer in LAYERS
        for name in OUTPUT_GRADIENT
    }
    columns["seconds"] = (0.5 * np.arange(30, dtype=np.float32) ** 1.5)[rows]
    return Record(
        steps=np.arange(30)[rows],
        columns=columns,
        hist_steps=np.arange(0, 30, 2)[hists],
        hists=rng.integers(0, 99, (15, len(LAYERS), COUNTS), dtype=np.int32)[hists],
        weight_hists=np.random.default_rng(8).integers(0, 99, (15, len(LAYERS), COUNTS), dtype=np.int32)[hists],
        weight_ranges=((-1.0, 1.0), (-0.5, 0.5), (-0.25, 0.25)),
        layers=LAYERS,
        norms=NORMS,
        range=layout.range,
        steps_per_epoch=10,
        marks=(Mark(4, "lr", 0.4, 0.9), Mark(20, "momentum", 0.0, 0.5)),
        validations=(Validation(9, 0, 1.5, 0.6, 1.7, 0.5), Validation(19, 1, 0.9, 0.8, 1.1, 0.7)),
        outputs=Outputs(
            29,
            rng.normal(0, 4, (3, 10)).astype(np.float32),
            rng.random((3, 28, 28), dtype=np.float32),
            ("digit 3", "digits 3 and 8", "blank"),
        ),
        mistakes=Mistakes(
            19,
            1,
            np.diag(np.arange(90, 100)) + np.eye(10, k=1, dtype=int) * 7,
            tuple("0123456789"),
            np.array([4, 2]),
            np.log([[0.002] * 4 + [0.004] + [0.001] * 4 + [0.984], [0.3] + [0.7 / 9] * 9]).astype(np.float32),
            np.array([5.5, 2.6], np.float32),
            np.random.default_rng(7).integers(0, 256, (2, 28, 28), np.uint8),
        ),
    )


def long_record(steps: int = 3000, seed: int = 7, stride: int = 1) -> Record:
    """``steps`` rows of a run with all different numbers, 1 step in ``stride`` kept: more than a chart shows."""
    rng = np.random.default_rng(seed)
    short = made_record()
    count = (steps + 1) // 2
    return replace(
        short,
        steps=np.arange(steps) * stride,
        columns={name: rng.random(steps, dtype=np.float32) + 0.01 for name in short.columns}
        | {"seconds": np.cumsum(rng.random(steps) * 0.02 * stride).astype(np.float32)},
        hist_steps=np.arange(count) * 2 * stride,
        hists=rng.integers(0, 99, (count, len(LAYERS), COUNTS), dtype=np.int32),
        weight_hists=rng.integers(0, 99, (count, len(LAYERS), COUNTS), dtype=np.int32),
        steps_per_epoch=100,
        stride=stride,
        hist_stride=2 * stride,
        marks=(Mark(1210, "lr", 0.4, 0.9),),
        validations=tuple(
            Validation(step, i, 1.5, 0.6, 1.7, 0.5) for i, step in enumerate(range(99, steps * stride, 100))
        ),
    )


@pytest.fixture
def record() -> Record:
    return made_record()


@pytest.fixture
def part() -> Callable[[int, int], Record]:
    """The same run's rows from one step up to another."""
    return lambda begin, end: made_record(end, begin)


@pytest.fixture
def empty() -> Record:
    """What a session holds before its first batch."""
    return Record()


@pytest.fixture
def make() -> Iterator[Make]:
    """Training panels with tiny runs; closed afterwards."""
    panels: list[TrainingPanel] = []

    def made(**changes: Any) -> TrainingPanel:
        panels.append(TrainingPanel(**{**TINY, **changes}))
        return panels[-1]

    yield made
    for panel in panels:
        panel.close()
