"""The lesson's runs, as the course's notebooks stored them: what `make lesson` repeats.

Source: fastai course-v3, nbs/dl2, notebooks 06 and 07, each stored twice (A, June 2019; B, July
2019) without a seed.
"""

from dataclasses import dataclass
from math import nan
from typing import Any, NamedTuple

from lab.config import TRAIN_IMAGES, Config


class Cell(NamedTuple):
    """An epoch's figures: losses in nats, accuracies 0 to 1; train figures are running averages."""

    train_loss: float
    train_accuracy: float
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Row:
    """A run of the course.

    Attributes:
        id: notebook and number, as "6.9".
        what: the run in words.
        knobs: what differs from the common recipe of :meth:`config`.
        a, b: the course's two recordings of its last epoch; None where there is none.
    """

    id: str
    what: str
    knobs: dict[str, Any]
    a: Cell
    b: Cell | None = None

    def config(self, seed: int) -> Config:
        """The run's Config: plain SGD, all the training images, the default device."""
        return Config(**{"momentum": 0.0, "size": TRAIN_IMAGES, "seed": seed, **self.knobs})

    @property
    def recordings(self) -> tuple[Cell, ...]:
        """The course's own runs, one or two."""
        return (self.a,) if self.b is None else (self.a, self.b)


def _06(id: str, what: str, a: Cell, b: Cell, **knobs: Any) -> Row:
    """Notebook 06: no norm, batch 512."""
    return Row(id, what, {"batch_size": 512, "widths": (8, 16, 32, 32), "norm": "none", **knobs}, a, b)


def _07(id: str, what: str, a: Cell, b: Cell | None, **knobs: Any) -> Row:
    """Notebook 07: wider, Kaiming normal for a leaky slope of .1, plain ReLU."""
    kaiming = {"init": "kaiming_normal", "init_a": 0.1}
    return Row(id, what, {"batch_size": 512, "widths": (8, 16, 32, 64, 64), **kaiming, **knobs}, a, b)


NAN = Cell(nan, nan, nan, 0.0991)
"""A run whose loss became nan: the course's validation then shows the share of zeros."""

# fmt: off
ROWS = (
    _06("6.2", "plain, lr .4, 3 epochs", Cell(.1635, .9506, .1193, .9643), Cell(.1765, .9477, .1585, .9543),
        lr=.4, epochs=3, init="default"),
    _06("6.4", "telemetry, lr .9, 2 epochs", Cell(1.1779, .5967, .3160, .9039), Cell(.6482, .7932, .1845, .9439),
        lr=.9, epochs=2, init="default"),
    _06("6.5", "hooks, lr .5, 1 epoch", Cell(1.8804, .3395, .5363, .8332), Cell(2.2562, .1835, 2.0006, .3186),
        lr=.5, epochs=1, init="default"),
    _06("6.7", "Kaiming, lr .9, 2 epochs", Cell(.2477, .9236, .1258, .9648), Cell(.1920, .9398, .1460, .9572),
        lr=.9, epochs=2, init="kaiming_normal"),
    _06("6.8", "the same, 1 epoch", Cell(1.2552, .5931, .2434, .9302), Cell(1.2727, .5783, .3106, .9042),
        lr=.9, epochs=1, init="kaiming_normal"),
    _06("6.9", "GeneralRelu(.1, .4, 6), lr .9, 1 epoch",
        Cell(.4923, .8432, .1547, .9561), Cell(.5465, .8278, .1512, .9572),
        lr=.9, epochs=1, init="kaiming_normal", init_a=.1, leak=.1, sub=.4, maxv=6.0),
    _06("6.10", "ReLU, cosine .2 → 1 → .1, 8 epochs",
        Cell(.0462, .9864, .0626, .9811), Cell(.0341, .9899, .0605, .9826),
        lr=1.0, lr_schedule="cosine up-down", epochs=8, init="kaiming_normal", init_a=.1),
    _06("6.11", "the same, Kaiming uniform", Cell(.0463, .9865, .0650, .9812), Cell(.0342, .9898, .0630, .9822),
        lr=1.0, lr_schedule="cosine up-down", epochs=8, init="kaiming_uniform", init_a=.1),
    _07("7.1", "no norm, lr .4, 2 epochs", Cell(.1410, .9570, .1016, .9701), Cell(.1626, .9502, .1007, .9698),
        norm="none", lr=.4, epochs=2),
    _07("7.2", "BatchNorm from scratch, lr .9, 1 epoch",
        Cell(.2614, .9199, .1497, .9526), Cell(.2653, .9189, .1640, .9520), norm="batch", lr=.9, epochs=1),
    _07("7.3", "BatchNorm from scratch, lr 1, 3 epochs",
        Cell(.0625, .9809, .1767, .9466), Cell(.0615, .9810, .0997, .9707), norm="batch", lr=1.0, epochs=3),
    _07("7.4", "`nn.BatchNorm2d`, lr 1, 3 epochs",
        Cell(.0530, .9840, .0634, .9817), Cell(.0571, .9818, .0673, .9813), norm="torch_batch", lr=1.0, epochs=3),
    _07("7.5", "`nn.BatchNorm2d`, linear .6 → 2 → .1, 8 epochs",
        Cell(.0090, .9983, .0476, .9860), Cell(.0185, .9951, .0436, .9877),
        norm="torch_batch", lr=2.0, lr_schedule="linear up-down", epochs=8),
    _07("7.6", "LayerNorm, lr .8, 3 epochs", NAN, NAN, norm="layer", lr=.8, epochs=3),
    _07("7.7", "InstanceNorm, eps 1, lr .1, 3 epochs", NAN, NAN, norm="instance", norm_eps=1.0, lr=.1, epochs=3),
    _07("7.8", "`nn.BatchNorm2d`, batch 2, lr .4, 1 epoch",
        Cell(2.3364, .1839, 3050.7, .2348), Cell(2.3562, .1649, 2867.7, .2604),
        norm="torch_batch", batch_size=2, lr=.4, epochs=1),
    _07("7.9", "RunningBatchNorm, batch 2, lr .4, 1 epoch", Cell(.3416, .9098, .1338, .9723), None,
        norm="running", batch_size=2, lr=.4, epochs=1),
    _07("7.10", "RunningBatchNorm, batch 32, linear 1 → .2, 1 epoch",
        Cell(.1557, .9518, .1043, .9705), Cell(.1573, .9521, .0924, .9818),
        norm="running", batch_size=32, lr=1.0, lr_schedule="linear decay", epochs=1),
    _07("7.11", "the same, simplified (factor and offset)", Cell(.1563, .9518, .0709, .9787), None,
        norm="running_simple", batch_size=32, lr=1.0, lr_schedule="linear decay", epochs=1),
)
# fmt: on
