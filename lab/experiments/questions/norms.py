"""Every norm on the same net, and LayerNorm at a larger learning rate (TARGETS 7.6, SPEC N1)."""

from lab.config import NORMS, Config
from lab.experiments.experiment import Check, Choice, Experiment, Variant

LAYER_HIGH = "LayerNorm, lr 0.8"

EXPERIMENT = Experiment(
    id="norms",
    order=50,
    title="Seven norms",
    question="Which norms let this net learn?",
    setting="Four conv blocks, batch size 64, learning rate 0.1, one epoch; only the norm differs. One more run has "
    "LayerNorm at learning rate 0.8.",
    source="fastai course-v3, part 2, lesson 10, notebook 07_batchnorm: runs 7.1 to 7.7",
    base=Config(epochs=1, lr=0.1, size=20_000),
    variants=(
        *(Variant(label.replace(" (from scratch)", ""), {"norm": norm}) for norm, label in NORMS.items()),
        Variant(LAYER_HIGH, {"norm": "layer", "lr": 0.8}),
    ),
    prediction=Choice("Which one stays at chance?", ("BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm"), "InstanceNorm"),
    charts={
        "accuracy": "Which curves rise, and which first?",
        "blow_up": "Which norm multiplies most?",
    },
    checks=(
        Check("BatchNorm learns", "valid_accuracy", "BatchNorm", low=0.9),
        Check("InstanceNorm stays at chance", "valid_accuracy", "InstanceNorm", high=0.12),
    ),
    explain="TODO.",
    quick={"size": 4000},
)
