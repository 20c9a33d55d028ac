"""How far up the learning rate can go with BatchNorm and without (TARGETS 7.5)."""

from lab.config import Config
from lab.experiments.experiment import Check, Experiment, Number, Variant
from lab.experiments.lesson import NET_07

RATES = (0.4, 1.0, 2.0, 5.0)
NORMS = {"no norm": "none", "nn.BatchNorm2d": "torch_batch"}


def name(norm: str, lr: float) -> str:
    """Return the variant's name."""
    return f"{norm}, lr {lr:g}"


EXPERIMENT = Experiment(
    id="big-lr",
    order=80,
    title="How large a learning rate?",
    question="How large may the learning rate be with BatchNorm, and how large without?",
    setting="Five conv blocks, batch size 512, one epoch, constant learning rates. Half of the nets have "
    "nn.BatchNorm2d after every activation.",
    source="fastai course-v3, part 2, lesson 10, notebook 07_batchnorm: run 7.5",
    base=Config(batch_size=512, epochs=1, **NET_07),
    variants=tuple(Variant(name(label, lr), {"norm": norm, "lr": lr}) for label, norm in NORMS.items() for lr in RATES),
    sweep="lr",
    prediction=Number(
        "With nn.BatchNorm2d at learning rate 2: what accuracy after one epoch?", "valid_accuracy",
        name("nn.BatchNorm2d", 2.0), 0, 1, 0.05,
    ),
    charts={
        "loss": "Which curves fall, which stay, which end early?",
        "std": "Whose spread holds?",
        "update_ratio": "By how much of themselves do the weights move in a step?",
    },
    checks=(
        Check("without a norm, lr 2 does not learn", "learned", name("no norm", 2.0), high=0),
        Check("with nn.BatchNorm2d lr 2 learns", "learned", name("nn.BatchNorm2d", 2.0), low=1),
    ),
    explain="A large step throws the weights so far that values overflow or every ReLU falls silent, and without a "
    "norm nothing brings them back: .89 to .94 right at 0.4, .10 to .34 at 1, and at 2 all 5 seeds became nan. "
    "BatchNorm gives every channel its spread back at every step, whatever the scale of the weights, so that longer "
    "weights only make the next steps relatively shorter. At 2 it read .965 to .977 right, hardly better than at 1, "
    "and at 5 all seeds became nan as well. The lecture goes up to 2 on a schedule, and its notebook ends at .986 "
    "and .988 after eight epochs.",
    quick={"size": 6000, "batch_size": 64},
)  # fmt: skip
