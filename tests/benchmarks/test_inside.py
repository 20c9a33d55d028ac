"""What benchmarks do inside a kernel."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.inside import LAYOUT, Gated, Recorded, find_panel
from lab.record import Record
from lab.telemetry.history import MAX_ROWS
from widgets.panels.training.panel import TrainingPanel


@pytest.fixture
def panel() -> Iterator[TrainingPanel]:
    panel = TrainingPanel()
    yield panel
    panel.close()


def test_a_made_up_record_has_the_layout_of_the_default_knobs() -> None:
    run = Recorded(100_000)
    record = run.since(-1)
    assert run.progress.step == 100_000 and record.steps[-1] == 99_998
    assert record.stride == 2 and len(record.steps) <= MAX_ROWS
    assert record.layers == LAYOUT.layers and len(record.columns) == len(LAYOUT.columns)


def test_a_gated_panel_looks_only_while_it_has_a_screen(panel: TrainingPanel) -> None:
    gated = Gated(panel)
    panel.run = run = Recorded(100)
    gated.screen = False
    assert panel.tick() is True
    assert len(panel.figures["loss"].figure["data"][0]["x"]) == 0
    gated.screen = True
    assert panel.tick() is True
    assert len(panel.figures["loss"].figure["data"][0]["x"]) == 100
    assert gated.steps_done() == 100
    run.more(10)
    assert gated.steps_done() == 110


def test_the_default_net_has_the_layout_that_is_made_up() -> None:
    from lab.config import DEFAULTS
    from lab.nn import models

    net = models.build(DEFAULTS)
    assert (tuple(net.blocks), tuple(net.norms)) == (LAYOUT.layers, LAYOUT.norms)


def test_the_panel_is_found(panel: TrainingPanel) -> None:
    assert isinstance(find_panel(), TrainingPanel)


def test_speed_is_by_the_records_own_clock(panel: TrainingPanel) -> None:
    steps = np.arange(40, 80)
    record = Record(steps=steps, columns={"seconds": np.float32(0.25) * steps.astype(np.float32)})
    stand_in = SimpleNamespace(run=SimpleNamespace(since=lambda begin: record), tick=panel.tick)
    assert Gated(stand_in).rate(39) == 4
