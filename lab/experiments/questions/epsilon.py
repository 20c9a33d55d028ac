"""Epsilon as a hyper-parameter at batch size 2 (SPEC N4)."""

from lab.config import Config
from lab.experiments.experiment import Check, Choice, Experiment, Variant
from lab.experiments.lesson import NET_07

EPSILONS = (1e-5, 1e-2, 0.1, 1.0)
RATES = (0.4, 0.05)


def name(eps: float, lr: float) -> str:
    """Return the variant's name."""
    return f"eps {eps:g}, lr {lr:g}"


EXPERIMENT = Experiment(
    id="epsilon",
    order=30,
    title="A larger epsilon",
    question="Does a larger epsilon rescue BatchNorm at batch size 2?",
    setting="nn.BatchNorm2d with two images a batch, 6,000 images once, at two learning rates. A norm multiplies by "
    "1/sqrt(var + eps): never by more than 1/sqrt(eps).",
    source="fastai course-v3, part 2, lesson 10: epsilon is a hyper-parameter; notebook 07_batchnorm, run 7.8",
    base=Config(norm="torch_batch", batch_size=2, epochs=1, size=6000, **NET_07),
    variants=tuple(Variant(name(eps, lr), {"norm_eps": eps, "lr": lr}) for lr in RATES for eps in EPSILONS),
    sweep="norm_eps",
    prediction=Choice(
        "Epsilon goes up to 1. Where does it help most?",
        ("at learning rate 0.4", "at learning rate 0.05", "at both alike", "at neither"),
        "at learning rate 0.05",
    ),
    charts={
        "blow_up": "How far below the cap does the largest multiplier stay?",
        "accuracy": "Which runs leave the line of chance?",
    },
    checks=(
        Check("eps 1e-5 lets a norm multiply by more than 100", "largest_multiplier", name(1e-5, 0.4), low=100),
        Check("eps 0.01 caps the multiplier at 10", "largest_multiplier", name(1e-2, 0.4), low=5, high=10.001, share=1),
        Check("at lr 0.4 eps 0.1 stays below half right", "valid_accuracy", name(0.1, 0.4), high=0.5),
        Check("at lr 0.05 eps 0.1 reads at least 80 % right", "valid_accuracy", name(0.1, 0.05), low=0.8),
        Check("there it is ahead of eps 1e-5", "valid_accuracy", name(0.1, 0.05), low=0.1, than=name(1e-5, 0.05)),
    ),
    explain="1/sqrt(eps) caps the multiplier, at 316 for 1e-5 and at 10 for 0.01, and in every run the largest one "
    "sits right at that cap. With a larger epsilon a channel that hardly varies stays small, and its noise is not "
    "blown up. At learning rate 0.05 that is most of a rescue: .32 to .44 right with 1e-5, .65 to .78 with 0.01, .89 "
    "to .92 with 0.1, .92 to .94 with 1 (5 seeds). At 0.4 it is not: .15 to .35 with anything up to 0.1, and .49 to "
    ".70 with 1. The lecture calls epsilon a fantastic hyper-parameter and tries 0.1: how much that helps depends on "
    "the learning rate.",
    quick={"size": 2000},
)
