"""The record of a run: its columns, histograms, marks and validations, as plain numpy."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 40
"""Histogram bins, as in lesson 10's notebook 06."""

COUNTS = BINS + 3
"""Columns of a histogram row: below the range, the bins, above the range, nan."""

SCALARS = ("loss", "accuracy", "lr", "momentum", "seconds", "loss_average", "loss_weight", "accuracy_average")
"""Per step: training loss (nats) and accuracy (0..1) of the batch; lr and momentum that the step
used; seconds of training so far, pauses left out; the loss's moving average from zero, the
weight 1 - beta^t that de-biases it, and the accuracy's average, with the same weight."""

NEAR_ZERO = ("near_relu", "near_general", "near_abs", "near_below")
"""Near-zero fractions: the course's for ReLU (the first 2 of 40 bins over 0..10), the course's for
GeneralRelu (bins 19 to 21 of 40 over -7..7), abs(x) < t, and x <= t. The first two are fractions
of the values inside their range, the others of all values."""

LAYER = ("mean", "std", *NEAR_ZERO)
"""Per probed layer and step; std is torch's (unbiased), as in the course."""

NORM = (
    "min_var", "max_mult", "batch_mean", "batch_var",
    "running_mean", "running_var", "debiased_mean", "debiased_var", "debias",
)  # fmt: skip
"""Per norm and step: the smallest variance and the largest 1/sqrt(var + eps) that the step used;
then, averaged over channels and nan where a norm keeps no running statistics: the batch's own
statistics, the moving averages as kept, the same de-biased, and the factor 1 - (1 - momentum)^t."""

GRADIENT = ("grad_mean", "grad_std", "grad_zero", "update_ratio")
"""Per probed layer and step, of the layer's weight (no bias): the gradient's mean, std (unbiased) and share of
exact zeros (0..1); |update| / |weight|, Euclidean norms: how far the optimiser moved the weight in this
step, over the weight before it. nan for a layer without a weight or, all but the last, without a gradient."""

OUTPUT_GRADIENT = ("out_grad_mean", "out_grad_std")
"""Per probed layer and step, where it is asked for: mean and std (unbiased) of the loss's gradient by the layer's
output, after its norm. The loss is a mean over the batch: so are these smaller, the larger the batch."""


class Mark(NamedTuple):
    """A knob's change during training: the first step that it affected, the field, the value before and after."""

    step: int
    field: str
    old: object
    new: object


class Validation(NamedTuple):
    """An epoch's figures. ``step`` is its last step, or the run's, if that ended within it; ``epoch`` counts from 0.

    The train figures are averages over the epoch's images while the weights moved, as the
    course's ``AvgStats`` prints them.
    """

    step: int
    epoch: int
    loss: float
    accuracy: float
    train_loss: float
    train_accuracy: float


class Outputs(NamedTuple):
    """The net's outputs for three pictures after ``step``: a digit, two digits overlaid, a blank.

    Attributes:
        step: the last step taken before, -1 for the untrained net.
        logits: (3, classes) float32.
        pictures: (3, 28, 28) float32, 0 to 1.
        names: of the pictures.
        classes: names of the logits' classes.
    """

    step: int
    logits: NDArray[np.float32]
    pictures: NDArray[np.float32]
    names: tuple[str, str, str]
    classes: tuple[str, ...] = tuple("0123456789")


class Mistakes(NamedTuple):
    """What the net answered in a validation: how often each class for each, and the worst mistakes.

    Attributes:
        step, epoch: as the Validation's.
        counts: (classes, classes) int64: rows are true classes, columns answers.
        classes: their names.
        truths: (k,) int64, true classes of the k worst mistakes: the wrong answers with the largest loss, worst first.
        logits: (k, classes) float32.
        losses: (k,) float32, cross-entropies in nats; inf where the net's output was no number.
        pictures: (k, height, width) uint8, 0 to 255; (k, 0, 0) where the input is no picture.
    """

    step: int
    epoch: int
    counts: NDArray[np.int64]
    classes: tuple[str, ...]
    truths: NDArray[np.int64]
    logits: NDArray[np.float32]
    losses: NDArray[np.float32]
    pictures: NDArray[np.uint8]


class Origin(NamedTuple):
    """The run from which another one goes on.

    Attributes:
        name: of that run.
        step: the first one that the new run does not share with it.
        kind: "branch" or "prolonged".
    """

    name: str
    step: int
    kind: str = "branch"


@dataclass(frozen=True)
class Layout:
    """The columns of a run's record: its layers, those with norms, the histograms' ranges.

    ``weight_ranges`` has one for each layer; left out, -1 to 1. ``output_gradients``: whether they are measured.
    ``loss``, ``metric`` and ``own`` are as in Record.
    """

    layers: tuple[str, ...] = ()
    norms: tuple[str, ...] = ()
    range: tuple[float, float] = (0.0, 10.0)
    steps_per_epoch: int = 1
    weight_ranges: tuple[tuple[float, float], ...] = ()
    output_gradients: bool = False
    loss: str = "cross-entropy"
    metric: str = "accuracy"
    own: str = ""

    def __post_init__(self) -> None:
        if not self.weight_ranges:
            object.__setattr__(self, "weight_ranges", ((-1.0, 1.0),) * len(self.layers))

    @property
    def device_columns(self) -> tuple[str, ...]:
        """The columns that the probes write on the device, in their order."""
        per_layer = tuple(f"{name}/{layer}" for layer in self.layers for name in LAYER)
        per_norm = tuple(f"{name}/{norm}" for norm in self.norms for name in NORM)
        per_weight = tuple(f"{name}/{layer}" for layer in self.layers for name in GRADIENT)
        per_output = tuple(f"{name}/{layer}" for layer in self.layers for name in OUTPUT_GRADIENT)
        more = per_output if self.output_gradients else ()
        return ("loss", "accuracy", *per_layer, *per_norm, *per_weight, *more)

    @property
    def weight_columns(self) -> slice:
        """The place of record.GRADIENT of all layers in a row; behind it come those of the outputs, if any."""
        begin = 2 + len(self.layers) * len(LAYER) + len(self.norms) * len(NORM)
        return slice(begin, begin + len(self.layers) * len(GRADIENT))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the record: the device's, then the host's."""
        return (*self.device_columns, *(name for name in SCALARS if name not in ("loss", "accuracy")))


@dataclass(frozen=True)
class Record:
    """A slice of a run's record. Scalar rows and histograms are thinned apart: each has steps of its own.

    Attributes:
        steps: (n,) int64, the batches' numbers from 0.
        columns: name -> (n,) float32; see SCALARS, LAYER ("mean/conv1"), NORM, GRADIENT and
            OUTPUT_GRADIENT.
        hist_steps: (m,) int64.
        hists: (m, layers, COUNTS) int32: below, 40 bins, above, nan.
        weight_hists: (m, layers, COUNTS) int32, of each layer's weight after the step; (0, ...) where it was not
            recorded, as in files of earlier versions.
        layers: names of the layers that are measured, in the net's order; () until the run has started.
        norms: those of them that have a norm.
        bins: of a histogram, equally wide.
        range: lower edge of the first bin, upper edge of the last, in ``hists``.
        weight_ranges: the same in ``weight_hists``, for each layer.
        steps_per_epoch: batches in an epoch, the smaller last one included.
        stride, hist_stride: rows kept are those whose step is a multiple; 1 until thinned.
        marks, validations: all of the run's, whatever the slice.
        outputs, mistakes: the latest, if any.
        origin: the run whose rows these are before its step, if any.
        loss: its name; "cross-entropy" is in nats.
        metric: name of what stands in the columns "accuracy" and in the validations: "accuracy" (0..1), or another
            score of a person's own; "" for none, whose values are nan.
        own: a net and data of a person's own in words; "" for the lab's.
    """

    steps: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    columns: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    hist_steps: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    hists: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 0, COUNTS), np.int32))
    weight_hists: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 0, COUNTS), np.int32))
    layers: tuple[str, ...] = ()
    norms: tuple[str, ...] = ()
    bins: int = BINS
    range: tuple[float, float] = (0.0, 10.0)
    weight_ranges: tuple[tuple[float, float], ...] = ()
    steps_per_epoch: int = 1
    stride: int = 1
    hist_stride: int = 1
    marks: tuple[Mark, ...] = ()
    validations: tuple[Validation, ...] = ()
    outputs: Outputs | None = None
    mistakes: Mistakes | None = None
    origin: Origin | None = None
    loss: str = "cross-entropy"
    metric: str = "accuracy"
    own: str = ""
