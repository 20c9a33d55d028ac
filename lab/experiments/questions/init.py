"""What the first weights do (TARGETS 6.5, SPEC N6)."""

from lab.config import Config
from lab.experiments.experiment import Check, Experiment, Number
from lab.experiments.lesson import run

DEFAULT, NORMAL, UNIFORM = "torch default", "Kaiming normal", "Kaiming uniform"
LSUV, PAPER, NOTEBOOK = "LSUV, scaled after the ReLU", "LSUV, paper", "LSUV, notebook 07a"

EXPERIMENT = Experiment(
    id="init",
    order=40,
    title="The first weights",
    question="Does it matter with which weights a net begins?",
    setting="Four conv blocks with plain ReLU and no norm, learning rate 0.5, one epoch. Only the init differs: "
    "torch's own, Kaiming's two, and LSUV, which adjusts each layer by what it makes of a batch, in three forms: "
    "scaled after the ReLU, as in the paper, and as in notebook 07a.",
    source="fastai course-v3, part 2, lessons 9 and 10, notebooks 02b, 06 and 07a_lsuv: run 6.5; arXiv:1502.01852, "
    "1511.06422",
    base=Config(epochs=1),
    variants=(
        run("6.5", DEFAULT),
        run("6.5", NORMAL, init="kaiming_normal"),
        run("6.5", UNIFORM, init="kaiming_uniform"),
        run("6.5", LSUV, init="lsuv"),
        run("6.5", PAPER, init="lsuv_paper"),
        run("6.5", NOTEBOOK, init="lsuv_notebook"),
    ),
    prediction=Number(
        "With torch's init, before any training: what is the standard deviation of the last conv layer's output?",
        "first_std", DEFAULT, 0, 1.5, 0.1,
    ),
    charts={
        "std": "Before any training, what does each init make of the spread, layer by layer?",
        "loss": "How many steps pass before the loss moves?",
    },
    checks=(
        Check("with torch's init the last layer's spread is below .2", "first_std", DEFAULT, high=0.2, share=1),
        Check("with LSUV after the ReLU it is 1", "first_std", LSUV, low=0.9, high=1.1, share=1),
        Check("in the notebook's form, too", "first_std", NOTEBOOK, low=0.9, high=1.1, share=1),
        Check("in the paper's it is less after the ReLU", "first_std", PAPER, high=0.9),
        Check("Kaiming normal is ahead of torch's init", "valid_accuracy", NORMAL, low=0.0, than=DEFAULT),
    ),
    explain="torch's default shrinks the spread in every layer: four layers deep .024 to .032 of it were left before "
    "training (5 seeds), and the gradients are as small, so the loss stands still at first; after an epoch .13 to "
    ".86 were right, and the lesson's own two recordings are .833 and .319. Kaiming's inits are made to keep the "
    "spread through a ReLU, and gave .46 to .95: .80 to .94 right with normal draws, .79 to .92 with uniform ones. "
    "LSUV measures and scales: after the ReLU to a spread of about 1, .88 to .95 right, or before it, as in the "
    "paper, .91 to .94. Notebook 07a first moves the mean to 0 by the activation's shift: .92 to .95, the best "
    "median here.",
    quick={"size": 8000, "batch_size": 64},
)  # fmt: skip
