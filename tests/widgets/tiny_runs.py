"""Tiny runs of the training panel, by its handlers."""

from collections.abc import Callable

from lab.session import ENDED
from widgets.panels.training.panel import TrainingPanel

TINY = {"size": 200, "batch_size": 50, "widths": (4, 8), "epochs": 2, "device": "cpu"}
PATIENCE = 60

Make = Callable[..., TrainingPanel]


def until(panel: TrainingPanel, *states: str) -> None:
    session = panel.session
    assert session.wait_for(lambda: session.state in states, PATIENCE), (session.state, session.error)
    panel.tick()


def finish(panel: TrainingPanel) -> None:
    panel.on_start()
    until(panel, *ENDED)


def step(panel: TrainingPanel) -> None:
    before = len(panel.session.since(-1).steps)
    panel.on_step()
    assert panel.session.wait_for(
        lambda: panel.session.state == "paused" and len(panel.session.since(-1).steps) > before, PATIENCE
    )
    panel.tick()
