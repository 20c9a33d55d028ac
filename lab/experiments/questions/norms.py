"""Every norm on the same net, and LayerNorm at a larger learning rate (TARGETS 7.6, SPEC N1)."""

from lab.config import NORMS, Config
from lab.experiments.experiment import Check, Choice, Experiment, Variant
from lab.experiments.lesson import run

LAYER, INSTANCE, GROUP, TORCH = "LayerNorm", "InstanceNorm", "GroupNorm", "nn.BatchNorm2d"
HIGH, LESSON_RUN = "LayerNorm, lr 0.8", "LayerNorm, the lesson's run"

KINDS = ("none", "batch", "torch_batch", "layer", "instance", "group", "running", "running_simple")

EXPERIMENT = Experiment(
    id="norms",
    order=50,
    title="Seven norms",
    question="Which norms let this net learn?",
    setting="Four conv blocks, batch size 64, learning rate 0.1, 20,000 images once; only the norm differs. LayerNorm "
    "runs twice more: at learning rate 0.8, and as the lesson's notebook had it, with five blocks, batch size 512, "
    "learning rate 0.8 and three epochs.",
    source="fastai course-v3, part 2, lesson 10, notebook 07_batchnorm: runs 7.1 to 7.7",
    base=Config(epochs=1, lr=0.1, size=20_000),
    variants=(
        *(Variant(NORMS[norm].replace(" (from scratch)", ""), {"norm": norm}) for norm in KINDS),
        Variant(HIGH, {"norm": "layer", "lr": 0.8}),
        run("7.6", LESSON_RUN),
    ),
    prediction=Choice("Which of these stays at chance?", (TORCH, LAYER, INSTANCE, GROUP), INSTANCE),
    charts={
        "accuracy": "Which curves rise, and which first?",
        "blow_up": "Which norm multiplies most?",
        "loss": "Does any run end before its time?",
    },
    checks=(
        Check("nn.BatchNorm2d learns", "valid_accuracy", TORCH, low=0.85, quick=False),
        Check("LayerNorm learns", "valid_accuracy", LAYER, low=0.85, quick=False),
        Check("GroupNorm learns", "valid_accuracy", GROUP, low=0.85, quick=False),
        Check("InstanceNorm stays at chance", "learned", INSTANCE, high=0),
        Check("the lesson's LayerNorm becomes nan", "diverged", LESSON_RUN, low=1, share=0.6),
    ),
    explain="All but InstanceNorm learn here: .93 to .94 with nn.BatchNorm2d, .89 to .95 with LayerNorm, .88 to .94 "
    "with GroupNorm, .84 to .92 with none (5 seeds). The course's BatchNorm, which sends no gradient through its "
    "statistics, is behind: .84 to .89. InstanceNorm makes every channel of every image average 0, and the pool at "
    "the end takes that average: .11, one digit for all. The lecture shows LayerNorm failing, and its run became nan "
    "in 4 of 5 seeds here, but the norm alone is not to blame: with four blocks and small batches it learned at the "
    "same rate in all 5, .92 to .96.",
    quick={"size": 4000, "batch_size": 64, "epochs": 1},
)
