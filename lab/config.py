"""The settings of a run: every knob with its default, range, unit and help.

Sliders, validation messages, share links, captions and the command line are all made from
the fields of :class:`Config`, so a knob is added here and nowhere else, and a menu's choices in
:mod:`lab.choices`. Imports no torch, so that a page can paint its knobs before torch is in.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from lab import schedules
from lab.choices import (
    DATASET_NOTES,
    DATASETS,
    DEVICE_NOTES,
    DEVICES,
    GRADIENT_NOTES,
    GRADIENTS,
    INIT_NOTES,
    INITS,
    MODEL_NOTES,
    MODELS,
    MOVING_AVERAGE_NORMS,
    NORM_NOTES,
    NORMS,
    OPTIMIZER_NOTES,
    OPTIMIZERS,
    POOL_NOTES,
    POOLS,
)
from lab.knob import ConfigError, Knob, checked
from lab.typed_numbers import read_number

__all__ = [
    "DATASETS", "DEFAULTS", "DEVICES", "GRADIENTS", "INITS", "KNOBS", "LIVE", "MODELS", "MOVING_AVERAGE_NORMS", "NORMS",
    "OPTIMIZERS", "POOLS", "Config", "ConfigError", "Knob", "check",
]  # fmt: skip

TRAIN_IMAGES = 50_000
"""Images in the lesson's training split; its validation split is the file's last 10,000."""


def _widths(name: str, value: Any) -> tuple[int, ...]:
    """Return the filters of each conv block, from a series of numbers or a text with commas."""
    parts = re.split(r"[\s,;]+", value.strip().strip("()[]")) if isinstance(value, str) else value
    refusal = ConfigError(name, value, "1 to 8 whole numbers from 1 to 512, such as 8,16,32,32")
    try:
        numbers = [read_number(part, whole=True) if isinstance(part, str) else float(part) for part in parts]
    except (OverflowError, TypeError, ValueError):
        raise refusal from None
    if not 1 <= len(numbers) <= 8 or any(n not in range(1, 513) for n in numbers):
        raise refusal
    return tuple(int(n) for n in numbers)


def _schedule(name: str, value: Any) -> str:
    """Return a schedule's text if it can be read."""
    try:
        schedules.parse(value)
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError(name, value, f"a schedule: {error}") from None
    return str(value)


_SCHEDULE = {"parse": _schedule, "suggestions": tuple(schedules.PRESETS)}


def _knob(default: Any, label: str, help: str, group: str, **rest: Any) -> Any:
    return field(default=default, metadata={"knob": Knob(label, help, group, **rest)})


MAIN, NET, OPTIM, DATA, VIEW = "Main knobs", "Network", "Optimiser", "Data and run", "Measuring"


@dataclass(frozen=True)
class Config:
    """The settings of one run. Immutable, and validated when it is made.

    Raises:
        ConfigError: from the constructor, :meth:`replace`, :meth:`from_dict` and
            :meth:`from_query`, for a value outside a field's range or an unknown field.
    """

    lr: float = _knob(
        0.4, "Learning rate", "Size of each step of the optimiser.", MAIN,
        live=True, low=0, low_open=True, high=1000, slider=(1e-4, 10), step=0.05, log=True,
    )  # fmt: skip
    momentum: float = _knob(
        0.0, "Momentum", "Share of the last step that is kept; Adam's beta1.", MAIN,
        live=True, low=0, high=1, high_open=True, slider=(0, 0.99), step=0.01,
    )  # fmt: skip
    norm_eps: float = _knob(
        1e-5, "Epsilon (norm)", "Added to a norm's variance; caps its multiplier at 1/sqrt(eps); CNN only.", MAIN,
        live=True, low=1e-12, high=10, slider=(1e-8, 1), step=0.1, log=True,
    )  # fmt: skip
    norm: str = _knob(
        "batch", "Norm type", "What normalises each conv block's output; CNN only. "
        "The two forms of RunningBatchNorm train alike and differ in validation.", MAIN,
        choices=NORMS, notes=NORM_NOTES,
    )  # fmt: skip
    leak: float = _knob(
        0.0, "Leaky slope", "Slope of the activation below zero; 0 is plain ReLU. Not in logistic regression.", MAIN,
        live=True, low=0, high=1, slider=(0, 0.5), step=0.01,
    )  # fmt: skip

    model: str = _knob("cnn", "Model", "The network that is trained.", MAIN, choices=MODELS, notes=MODEL_NOTES)
    widths: tuple[int, ...] = _knob(
        (8, 16, 32, 32), "Widths", "Filters of each conv block, commas between; CNN only.", NET, unit="filters",
        low=1, high=512, parse=_widths,
    )  # fmt: skip
    pool: str = _knob(
        "average",
        "Pool",
        "What the last layer reads of each of the last maps; CNN only.",
        NET,
        choices=POOLS,
        notes=POOL_NOTES,
    )
    sub: float = _knob(
        0.0, "Activation shift (sub)", "Subtracted after the leaky ReLU to centre it; not in logistic regression.", NET,
        low=0, high=5, slider=(0, 1), step=0.05,
    )  # fmt: skip
    maxv: float = _knob(
        0.0, "Activation cap (maxv)", "Largest value that passes, 0 for no cap; not in logistic regression.", NET,
        low=0, high=1000, slider=(0, 10), step=0.5,
    )  # fmt: skip
    norm_momentum: float = _knob(
        0.1, "Norm momentum", "Weight of the newest batch in a norm's running statistics; CNN only.", NET,
        live=True, low=0, low_open=True, high=1, slider=(0.01, 1), step=0.01,
    )  # fmt: skip
    groups: int = _knob(
        4, "Groups", "Groups of channels for the CNN's GroupNorm; must divide every width.", NET,
        unit="groups", low=1, high=512, slider=(1, 32), step=1,
    )  # fmt: skip
    init: str = _knob(
        "kaiming_normal",
        "Init",
        "First weights; logistic regression keeps torch's.",
        MAIN,
        choices=INITS,
        notes=INIT_NOTES,
    )
    init_a: float = _knob(
        0.0, "Init slope (a)", "The leaky slope that Kaiming's init assumes.", NET,
        low=0, high=10, slider=(0, 1), step=0.05,
    )  # fmt: skip

    optimizer: str = _knob(
        "sgd",
        "Optimiser",
        "The rule that turns gradients into steps.",
        OPTIM,
        choices=OPTIMIZERS,
        notes=OPTIMIZER_NOTES,
    )
    weight_decay: float = _knob(
        0.0, "Weight decay", "L2: this times the weight joins its gradient; AdamW takes lr times it off the weight.",
        OPTIM,
        live=True, low=0, high=10, slider=(0, 0.1), step=0.001,
    )  # fmt: skip
    beta2: float = _knob(
        0.999, "Beta2", "Share of the old squared gradients that Adam, AdamW and RMSProp (as alpha) keep.", OPTIM,
        live=True, low=0, high=1, high_open=True, slider=(0.5, 0.999), step=0.001,
    )  # fmt: skip
    opt_eps: float = _knob(
        1e-8, "Epsilon (optimiser)", "Added to the denominator of Adam, AdamW and RMSProp.", OPTIM,
        live=True, low=1e-12, high=10, slider=(1e-10, 1), step=0.1, log=True,
    )  # fmt: skip
    lr_schedule: str = _knob(
        "constant", "lr schedule", "Preset, or phases 'fraction curve start end, …' as multiples of lr.", OPTIM,
        **_SCHEDULE,
    )  # fmt: skip
    momentum_schedule: str = _knob(
        "constant", "Momentum schedule", "Preset, or phases, as multiples of momentum.", OPTIM,
        **_SCHEDULE,
    )  # fmt: skip

    dataset: str = _knob("mnist", "Dataset", "The pictures to learn.", DATA, choices=DATASETS, notes=DATASET_NOTES)
    size: int = _knob(
        TRAIN_IMAGES, "Training images", "How many of them to use; validation takes a fifth of that.", DATA,
        unit="images", low=10, high=TRAIN_IMAGES, slider=(1000, TRAIN_IMAGES), step=1000,
    )  # fmt: skip
    batch_size: int = _knob(
        64, "Batch size", "Images in a training batch; validation uses twice that.", MAIN,
        unit="images", low=1, high=TRAIN_IMAGES, slider=(2, 1024), step=1,
    )  # fmt: skip
    epochs: int = _knob(
        3, "Epochs", "Times through the training images.", MAIN,
        unit="epochs", low=1, high=1000, slider=(1, 20), step=1,
    )  # fmt: skip
    max_steps: int = _knob(
        0, "Steps at most", "Ends the run after this many training batches, 0 for no limit; schedules span them.", DATA,
        unit="steps", low=0, high=1000 * TRAIN_IMAGES, slider=(0, 2000), step=10,
    )  # fmt: skip
    patience: int = _knob(
        0, "Patience", "Early stopping: epochs without a lower validation loss after which the run ends, 0 for never.",
        DATA, unit="epochs", low=0, high=1000, slider=(0, 10), step=1,
    )  # fmt: skip
    seed: int = _knob(
        0, "Seed", "Fixes the weights and the order of the images.", DATA,
        low=0, high=2**31 - 1, slider=(0, 100), step=1,
    )  # fmt: skip
    device: str = _knob(
        "auto",
        "Device",
        "Where it runs; auto takes CUDA where there is one.",
        DATA,
        choices=DEVICES,
        notes=DEVICE_NOTES,
    )

    beta: float = _knob(
        0.98, "Averaging beta", "Share of the past that the loss's moving average keeps.", VIEW,
        live=True, low=0, high=1, high_open=True, slider=(0, 0.999), step=0.001,
    )  # fmt: skip
    gradients: str = _knob(
        "weights", "Gradients", "Whose gradients are measured at every step; those of the outputs take longer.", VIEW,
        choices=GRADIENTS, notes=GRADIENT_NOTES,
    )  # fmt: skip
    near_zero: float = _knob(
        1e-3, "Near-zero t", "Threshold t of the definitions abs(x) < t and x <= t.", VIEW,
        low=0, high=10, slider=(1e-6, 1), step=0.1, log=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        for spec in fields(self):
            object.__setattr__(self, spec.name, _checked(spec, getattr(self, spec.name)))
        self._check_together()

    def _check_together(self) -> None:
        """Check the rules that bind two fields."""
        if self.batch_size > self.size:
            raise _refusal("batch_size", self.batch_size, f"at most the {self.size} training images")
        bad = [width for width in self.widths if width % self.groups]
        if self.norm == "group" and self.model == "cnn" and bad:
            common = math.gcd(*self.widths)
            divisors = ", ".join(str(n) for n in range(1, common + 1) if common % n == 0)
            raise _refusal("groups", self.groups, f"a divisor of every width ({divisors}) for GroupNorm")
        peak = schedules.parse(self.momentum_schedule).peak
        if self.momentum * peak >= 1:
            raise _refusal("momentum", self.momentum, f"below {1 / peak:g} with this schedule's peak of {peak:g}")
        peak, most = schedules.parse(self.lr_schedule).peak, self.__dataclass_fields__["lr"].metadata["knob"].high
        if self.lr * peak > most:
            raise _refusal("lr", self.lr, f"at most {most / peak:g} with this schedule's peak of {peak:g}")

    def steps(self, images: int | None = None) -> int:
        """Return the number of training steps of a run on ``images`` images; left out, on ``size`` of them."""
        steps = self.epochs * self.steps_per_epoch(images)
        return min(steps, self.max_steps) if self.max_steps else steps

    def steps_per_epoch(self, images: int | None = None) -> int:
        """Return the number of batches in a whole epoch; a last, smaller one counts."""
        return math.ceil((self.size if images is None else images) / self.batch_size)

    @property
    def plain_relu(self) -> bool:
        """Whether a block's output is that of a plain ReLU, never below 0. After a norm (CNN only) it is not."""
        with_norm = self.model == "cnn" and self.norm != "none"
        shifted = self.sub != 0 or self.init == "lsuv_notebook"
        return self.model != "logistic" and self.leak == 0 and not shifted and not with_norm

    @property
    def histogram_range(self) -> tuple[float, float]:
        """The range of the 40 histogram bins, as in lesson 10: 0..10 for plain ReLU, -7..7 otherwise."""
        return (0.0, 10.0) if self.plain_relu else (-7.0, 7.0)

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with ``changes``.

        Raises:
            ConfigError: for an unknown field or a value out of range.
        """
        _refuse_unknown(changes)
        return replace(self, **changes)

    def change_live(self, **changes: Any) -> Self:
        """Return a copy with ``changes`` to knobs that may change during training.

        Raises:
            ConfigError: for an unknown field, one that is not live, or a value out of range.
        """
        for name in changes:
            if name not in LIVE:
                raise ConfigError("a knob moved while it trains", name, "one of " + ", ".join(sorted(LIVE)))
        return self.replace(**changes)

    def to_dict(self) -> dict[str, Any]:
        """Return every field by name, ready for JSON (widths as a list)."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a Config from :meth:`to_dict`'s result; fields that are left out take their defaults."""
        _refuse_unknown(values)
        return cls(**values)

    def changed(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults."""
        return {spec.name: value for spec in fields(self) if (value := getattr(self, spec.name)) != spec.default}

    def to_query(self) -> str:
        """Return the changed fields as a URL query string, without the question mark."""
        return urlencode({k: ",".join(map(str, v)) if isinstance(v, tuple) else v for k, v in self.changed().items()})

    @classmethod
    def from_query(cls, query: str) -> Self:
        """Make a Config from a URL query string."""
        return cls.from_dict(dict(parse_qsl(query.lstrip("?"), keep_blank_values=True)))


KNOBS: dict[str, Knob] = {spec.name: spec.metadata["knob"] for spec in fields(Config)}
"""Every knob by field name, in the order in which they are shown."""

USUAL: dict[str, dict[str, float]] = {
    "sgd": {"lr": 0.4, "momentum": 0.0},
    "rmsprop": {"lr": 0.001, "momentum": 0.0, "beta2": 0.9},
    "adam": {"lr": 0.001, "momentum": 0.9, "beta2": 0.999},
    "adamw": {"lr": 0.001, "momentum": 0.9, "beta2": 0.999, "weight_decay": 0.01},
}
"""Optimiser -> what it is usually run with: the lesson's for SGD; G. Hinton's for RMSProp (Coursera, lecture 6e);
D. P. Kingma and J. Ba's for Adam (arXiv:1412.6980); these with torch's decay for AdamW. With SGD's learning rate Adam
does not learn."""

LIVE = frozenset(name for name, knob in KNOBS.items() if knob.live)
"""The fields that a running session can change."""


LENGTH = ("epochs", "max_steps")
"""The fields that say how long a run is: those that prolonging it changes."""


def _refuse_unknown(values: Mapping[str, Any]) -> None:
    for name in values:
        if name not in Config.__dataclass_fields__:
            raise ConfigError("field", name, "one of " + ", ".join(Config.__dataclass_fields__))


def _checked(spec: Field[Any], value: object) -> Any:
    """Return ``value`` as the field holds it; a refusal names the knob as the page does, and the field."""
    knob: Knob = spec.metadata["knob"]
    try:
        return checked(f"{knob.label} ({spec.name})", value, knob, spec.default)
    except ConfigError as refusal:
        refusal.name = spec.name
        raise


def _refusal(name: str, value: object, allowed: str) -> ConfigError:
    """Return the error for a field whose value does not go with the others."""
    refusal = ConfigError(f"{KNOBS[name].label} ({name})", value, allowed)
    refusal.name = name
    return refusal


def check(name: str, value: object) -> Any:
    """Return ``value`` as field ``name`` holds it; text is converted.

    Raises:
        ConfigError: for an unknown field or a value out of range.
    """
    _refuse_unknown({name: value})
    return _checked(Config.__dataclass_fields__[name], value)


DEFAULTS = Config()
