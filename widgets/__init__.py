"""The panels by name: ``from widgets import TrainingPanel``. Each is imported when it is first asked for."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from widgets.panels.activations.panel import ActivationsPanel
    from widgets.panels.challenge.panel import ChallengePanel
    from widgets.panels.cross_entropy.panel import CrossEntropyPanel
    from widgets.panels.experiment.panel import ExperimentPanel
    from widgets.panels.kept.panel import KeptRunsPanel
    from widgets.panels.moving_average.panel import MovingAveragePanel
    from widgets.panels.softmax.panel import SoftmaxPanel
    from widgets.panels.softmax_lies.panel import SoftmaxLiesPanel
    from widgets.panels.spread.panel import SpreadPanel
    from widgets.panels.training.panel import TrainingPanel

__all__ = [
    "ActivationsPanel",
    "ChallengePanel",
    "CrossEntropyPanel",
    "ExperimentPanel",
    "KeptRunsPanel",
    "MovingAveragePanel",
    "SoftmaxLiesPanel",
    "SoftmaxPanel",
    "SpreadPanel",
    "TrainingPanel",
]

FOLDERS = {
    "ActivationsPanel": "activations",
    "ChallengePanel": "challenge",
    "CrossEntropyPanel": "cross_entropy",
    "ExperimentPanel": "experiment",
    "KeptRunsPanel": "kept",
    "MovingAveragePanel": "moving_average",
    "SoftmaxLiesPanel": "softmax_lies",
    "SoftmaxPanel": "softmax",
    "SpreadPanel": "spread",
    "TrainingPanel": "training",
}
"""Panel -> its folder in widgets/panels."""


def __getattr__(name: str) -> Any:
    """Return the panel called ``name``.

    Raises:
        AttributeError: there is no such panel.
    """
    if name not in FOLDERS:
        raise AttributeError(f"widgets has no {name!r}; its panels are {', '.join(FOLDERS)}")
    return getattr(importlib.import_module(f"widgets.panels.{FOLDERS[name]}.panel"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *FOLDERS])
