"""The lesson's runs, as the course's notebooks stored them: what ``make lesson`` repeats.

Source: fastai course-v3, nbs/dl2, notebooks 06 and 07, each stored twice (A, June 2019; B, July 2019) without a seed.
"""

from math import nan
from typing import Any

from lab.config import TRAIN_IMAGES, Config
from lab.experiments.experiment import Experiment, Recorded, Variant

COMMON: dict[str, Any] = {"batch_size": 512, "momentum": 0.0, "size": TRAIN_IMAGES}
NET_06: dict[str, Any] = {"widths": (8, 16, 32, 32), "norm": "none"}
NET_07: dict[str, Any] = {"widths": (8, 16, 32, 64, 64), "init": "kaiming_normal", "init_a": 0.1}
"""Wider; Kaiming normal for a leaky slope of .1, while the activation is plain ReLU."""

NAN = Recorded(nan, nan, nan, 0.0991)
"""A run whose loss became nan: the course's validation then shows the share of zeros."""


def _06(name: str, words: str, a: Recorded, b: Recorded, **changes: Any) -> Variant:
    return Variant(name, NET_06 | changes, (a, b), words)


def _07(name: str, words: str, a: Recorded, b: Recorded | None, **changes: Any) -> Variant:
    return Variant(name, NET_07 | changes, (a,) if b is None else (a, b), words)


# fmt: off
_RUNS = (
    _06("6.2", "plain, lr .4, 3 epochs", Recorded(.1635, .9506, .1193, .9643), Recorded(.1765, .9477, .1585, .9543),
        lr=.4, epochs=3, init="default"),
    _06("6.4", "telemetry, lr .9, 2 epochs",
        Recorded(1.1779, .5967, .3160, .9039), Recorded(.6482, .7932, .1845, .9439),
        lr=.9, epochs=2, init="default"),
    _06("6.5", "hooks, lr .5, 1 epoch", Recorded(1.8804, .3395, .5363, .8332), Recorded(2.2562, .1835, 2.0006, .3186),
        lr=.5, epochs=1, init="default"),
    _06("6.7", "Kaiming, lr .9, 2 epochs", Recorded(.2477, .9236, .1258, .9648), Recorded(.1920, .9398, .1460, .9572),
        lr=.9, epochs=2, init="kaiming_normal"),
    _06("6.8", "the same, 1 epoch", Recorded(1.2552, .5931, .2434, .9302), Recorded(1.2727, .5783, .3106, .9042),
        lr=.9, epochs=1, init="kaiming_normal"),
    _06("6.9", "GeneralRelu(.1, .4, 6), lr .9, 1 epoch",
        Recorded(.4923, .8432, .1547, .9561), Recorded(.5465, .8278, .1512, .9572),
        lr=.9, epochs=1, init="kaiming_normal", init_a=.1, leak=.1, sub=.4, maxv=6.0),
    _06("6.10", "ReLU, cosine .2 → 1 → .1, 8 epochs",
        Recorded(.0462, .9864, .0626, .9811), Recorded(.0341, .9899, .0605, .9826),
        lr=1.0, lr_schedule="cosine up-down", epochs=8, init="kaiming_normal", init_a=.1),
    _06("6.11", "the same, Kaiming uniform", Recorded(.0463, .9865, .0650, .9812), Recorded(.0342, .9898, .0630, .9822),
        lr=1.0, lr_schedule="cosine up-down", epochs=8, init="kaiming_uniform", init_a=.1),
    _07("7.1", "no norm, lr .4, 2 epochs", Recorded(.1410, .9570, .1016, .9701), Recorded(.1626, .9502, .1007, .9698),
        norm="none", lr=.4, epochs=2),
    _07("7.2", "BatchNorm from scratch, lr .9, 1 epoch",
        Recorded(.2614, .9199, .1497, .9526), Recorded(.2653, .9189, .1640, .9520), norm="batch", lr=.9, epochs=1),
    _07("7.3", "BatchNorm from scratch, lr 1, 3 epochs",
        Recorded(.0625, .9809, .1767, .9466), Recorded(.0615, .9810, .0997, .9707), norm="batch", lr=1.0, epochs=3),
    _07("7.4", "`nn.BatchNorm2d`, lr 1, 3 epochs",
        Recorded(.0530, .9840, .0634, .9817), Recorded(.0571, .9818, .0673, .9813),
        norm="torch_batch", lr=1.0, epochs=3),
    _07("7.5", "`nn.BatchNorm2d`, linear .6 → 2 → .1, 8 epochs",
        Recorded(.0090, .9983, .0476, .9860), Recorded(.0185, .9951, .0436, .9877),
        norm="torch_batch", lr=2.0, lr_schedule="linear up-down", epochs=8),
    _07("7.6", "LayerNorm, lr .8, 3 epochs", NAN, NAN, norm="layer", lr=.8, epochs=3),
    _07("7.7", "InstanceNorm, eps 1, lr .1, 3 epochs", NAN, NAN, norm="instance", norm_eps=1.0, lr=.1, epochs=3),
    _07("7.8", "`nn.BatchNorm2d`, batch 2, lr .4, 1 epoch",
        Recorded(2.3364, .1839, 3050.7, .2348), Recorded(2.3562, .1649, 2867.7, .2604),
        norm="torch_batch", batch_size=2, lr=.4, epochs=1),
    _07("7.9", "RunningBatchNorm, batch 2, lr .4, 1 epoch", Recorded(.3416, .9098, .1338, .9723), None,
        norm="running", batch_size=2, lr=.4, epochs=1),
    _07("7.10", "RunningBatchNorm, batch 32, linear 1 → .2, 1 epoch",
        Recorded(.1557, .9518, .1043, .9705), Recorded(.1573, .9521, .0924, .9818),
        norm="running", batch_size=32, lr=1.0, lr_schedule="linear decay", epochs=1),
    _07("7.11", "the same, simplified (factor and offset)", Recorded(.1563, .9518, .0709, .9787), None,
        norm="running_simple", batch_size=32, lr=1.0, lr_schedule="linear decay", epochs=1),
)
# fmt: on

LESSON = Experiment(
    id="lesson",
    title="The lesson's runs",
    question="Does the lab reproduce the course's runs?",
    setting="Every run of notebooks 06 and 07: plain SGD, all training images, batch size 512 unless it says another.",
    source="fastai course-v3, part 2, notebooks 06_cuda_cnn_hooks_init and 07_batchnorm",
    base=Config(**COMMON),
    variants=_RUNS,
)

RUNS = {variant.name: variant for variant in _RUNS}
"""Notebook and number, as "6.9" -> the run."""


def run(number: str, name: str, **changes: Any) -> Variant:
    """Return the lesson's run of this number as a variant called ``name``, with what it shares with the others.

    Its recorded figures come along unless there are ``changes`` to it.
    """
    variant = RUNS[number]
    all_changes = {**COMMON, **variant.changes, **changes}
    return Variant(name, all_changes, () if changes else variant.recorded)
