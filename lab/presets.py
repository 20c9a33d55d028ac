"""Named settings: the experiments of the lessons, each with a question that its run answers.

After fastai's course-v3, part 2, notebooks 06 (cuda_cnn_hooks_init) and 07 (batchnorm). What must come of each
is tested over five seeds (tests/test_claims.py).
"""

from dataclasses import dataclass, field
from typing import Any

from lab.config import DEFAULTS, Config


@dataclass(frozen=True)
class Preset:
    """Settings under a name.

    Attributes:
        label: a button's word.
        question: what to look at while it trains.
        changes: Config's fields that differ from the defaults.
    """

    label: str
    question: str
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """The settings: the changes, and every other field at its default."""
        return DEFAULTS.replace(**self.changes)


_HIGH = {"norm": "none", "lr": 0.9}

PRESETS = {
    "default": Preset("Default", "The loss falls. Which layer's spread changes most meanwhile?"),
    "high_lr": Preset(
        "lr 0.9, no norm",
        "How much of the last layer will be near zero after fifty steps? Guess, then watch Near zero.",
        _HIGH,
    ),
    "general_relu": Preset(
        "lr 0.9, GeneralRelu",
        "The same learning rate, without a norm, and an activation that is leaky, shifted and capped: does the last "
        "layer stay alive?",
        {**_HIGH, "leak": 0.1, "sub": 0.4, "maxv": 6.0, "init_a": 0.1},
    ),
    "batch_two": Preset(
        "Batch size 2",
        "BatchNorm with two images a batch: what does the largest multiplier do, and what the accuracy?",
        {"batch_size": 2, "size": 6000, "epochs": 1},
    ),
    "running": Preset(
        "Batch size 2, running",
        "The same two images a batch, with averages over the last batches: which of the two learns?",
        {"batch_size": 2, "size": 6000, "epochs": 1, "norm": "running"},
    ),
    "one_cycle": Preset(
        "One-cycle",
        "The learning rate rises, then falls. Where does the loss fall fastest: at the peak, or on the way down?",
        {"lr": 1.0, "lr_schedule": "one-cycle"},
    ),
}
"""Name -> preset, in the order in which they are shown."""
