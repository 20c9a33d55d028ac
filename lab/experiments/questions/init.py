"""What the first weights do (TARGETS 6.5, SPEC N6)."""

from lab.config import Config
from lab.experiments.experiment import Check, Experiment, Number
from lab.experiments.lesson import run

DEFAULT, NORMAL, UNIFORM, LSUV = "torch default", "Kaiming normal", "Kaiming uniform", "LSUV"

EXPERIMENT = Experiment(
    id="init",
    order=40,
    title="The first weights",
    question="Does it matter with which weights a net begins?",
    setting="Four conv blocks with plain ReLU and no norm, learning rate 0.5, one epoch. Only the init differs: "
    "torch's own, Kaiming's two, and LSUV, which scales each layer's weights until its output has a standard "
    "deviation of one.",
    source="fastai course-v3, part 2, lessons 9 and 10, notebooks 02b, 06 and 07a_lsuv: run 6.5; arXiv:1502.01852, "
    "1511.06422",
    base=Config(epochs=1),
    variants=(
        run("6.5", DEFAULT),
        run("6.5", NORMAL, init="kaiming_normal"),
        run("6.5", UNIFORM, init="kaiming_uniform"),
        run("6.5", LSUV, init="lsuv"),
    ),
    prediction=Number(
        "With torch's init, before any training: what is the standard deviation of the last conv layer's output?",
        "first_std", DEFAULT, 0, 1.5, 0.1,
    ),
    charts={
        "std": "Read the curves at step 0: what does each init make of the spread, layer by layer?",
        "loss": "How many steps pass before the loss moves?",
    },
    checks=(
        Check("with torch's init the last layer's spread is below .2", "first_std", DEFAULT, high=0.2, share=1),
        Check("with LSUV it is 1", "first_std", LSUV, low=0.9, high=1.1, share=1),
        Check("Kaiming normal is ahead of torch's init", "valid_accuracy", NORMAL, low=0.0, than=DEFAULT),
    ),
    explain="torch's default shrinks the spread in every layer: four layers deep .024 to .032 of it were left before "
    "training (5 seeds), and the gradients are as small, so the loss stands still at first. Kaiming's inits are made "
    "to keep it through a ReLU, and gave .46 to .95; LSUV measures and scales, and gave .99 to 1.05. After an epoch "
    "that was accuracies of .13 to .86 with torch's default, .80 to .94 with Kaiming normal, .79 to .92 with "
    "uniform, .88 to .95 with LSUV. The lesson's two recordings with torch's default are .833 and .319: one run "
    "shows nothing there. As in the paper LSUV only scales; notebook 07a also moves the mean, which this lab does "
    "not.",
    quick={"size": 8000, "batch_size": 64},
)  # fmt: skip
