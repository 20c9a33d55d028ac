"""How much of a result is chance (TARGETS 6.5, 6.9; SPEC X4)."""

from lab.config import Config
from lab.experiments.experiment import Check, Choice, Experiment
from lab.experiments.lesson import run

WIDE, TIGHT = "torch default, lr 0.5", "GeneralRelu, lr 0.9"

EXPERIMENT = Experiment(
    id="seeds",
    order=90,
    title="How much is chance?",
    question="The same settings again, with other first weights and another order of the images: how far apart do "
    "runs end?",
    setting="Two of the lesson's recipes, one epoch each, twenty seeds. A seed fixes the first weights and the order "
    "of the images, and nothing else.",
    source="fastai course-v3, part 2, lesson 10, notebook 06_cuda_cnn_hooks_init: runs 6.5 and 6.9",
    base=Config(epochs=1),
    variants=(run("6.5", WIDE), run("6.9", TIGHT)),
    seeds=20,
    prediction=Choice(
        "With torch's init and learning rate 0.5, how far is the best of twenty runs from the worst, in accuracy?",
        ("less than .05", ".05 to .2", ".2 to .5", "more than .5"), "more than .5",
    ),
    charts={"accuracy": "How wide is the band, and where do single runs leave it?", "loss": "When do the runs part?"},
    checks=(
        Check("GeneralRelu reads at least 90 % right", "valid_accuracy", TIGHT, low=0.9),
        Check("torch's init stays behind it", "valid_accuracy", WIDE, high=-0.05, than=TIGHT),
    ),
    explain="With torch's init the runs end anywhere between .108 and .892, a median of .65: how soon the loss begins "
    "to fall is a matter of the first weights, and an epoch is too short to make up for it. With GeneralRelu and "
    "Kaiming's init they end between .926 and .961, a median of .955. The lesson's notebook has two recordings of "
    "each: .833 and .319 of the first, .956 and .957 of the second. A comparison of single runs of the first recipe "
    "says nothing about any knob. The spread belongs to the recipe, so look at it before you believe a difference.",
    quick={"size": 8000, "batch_size": 64},
)  # fmt: skip
