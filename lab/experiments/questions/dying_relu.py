"""Which layer dies at a large learning rate, and what keeps it alive (TARGETS 6.8, 6.9)."""

from lab.config import Config
from lab.experiments.experiment import Check, Experiment, Sketch
from lab.experiments.lesson import run

RELU, GENERAL, NORM = "plain ReLU", "GeneralRelu", "plain ReLU, BatchNorm"

EXPERIMENT = Experiment(
    id="dying-relu",
    order=20,
    title="A large learning rate",
    question="What becomes of the last layer when the learning rate is large?",
    setting="Four conv blocks, Kaiming init, learning rate 0.9, one epoch. One net has plain ReLU, one an activation "
    "with a leak, a shift and a cap, one BatchNorm after plain ReLU.",
    source="fastai course-v3, part 2, lesson 10, notebook 06_cuda_cnn_hooks_init: runs 6.8 and 6.9",
    base=Config(epochs=1),
    variants=(run("6.8", RELU), run("6.9", GENERAL), run("6.8", NORM, norm="batch")),
    prediction=Sketch(
        "Draw the share of the last layer's values near zero, with plain ReLU.", "near_zero/last", RELU, 0, 1
    ),
    charts={
        "near_zero": "Does a layer fall silent, and if so, does it come back?",
        "std": "What does the spread of each layer do meanwhile?",
        "histogram": "Where do the values go?",
    },
    checks=(
        Check("with plain ReLU most of the last layer is near zero", "last_near_zero", RELU, low=0.6),
        Check("with GeneralRelu little of it is", "last_near_zero", GENERAL, high=0.3),
        Check("GeneralRelu learns", "valid_accuracy", GENERAL, low=0.9),
        Check("BatchNorm learns", "valid_accuracy", NORM, low=0.85),
    ),
    explain="A large step can push a channel's inputs below zero for every image: plain ReLU then gives 0, its "
    "gradient is 0, and nothing brings the channel back. Here .84 to .92 of the last layer was near zero over the "
    "second half (5 seeds); the lecture saw more than .90. What is left often learns all the same, to anything from "
    ".62 to .93, and the fifth seed became nan. A leak lets the gradient through, a shift centres the values and a "
    "cap bounds them: .12 to .15 near zero, .929 to .960 right. BatchNorm after plain ReLU gives every channel its "
    "spread back: .89 to .93 right.",
    quick={"size": 8000, "batch_size": 64},
)
