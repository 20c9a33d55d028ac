"""What a norm does with two images a batch (TARGETS 7.8, 7.9)."""

from lab.config import Config
from lab.experiments.experiment import Check, Choice, Experiment
from lab.experiments.lesson import run

BATCH, RUNNING = "nn.BatchNorm2d", "RunningBatchNorm"

EXPERIMENT = Experiment(
    id="batch-two",
    order=10,
    title="Two images a batch",
    question="Can a net with a norm learn from two images at a time?",
    setting="Five conv blocks, batch size 2, one epoch. One net has nn.BatchNorm2d, the other RunningBatchNorm, which "
    "normalises with averages over the last batches. All else is equal.",
    source="fastai course-v3, part 2, lesson 10, notebook 07_batchnorm: runs 7.8 and 7.9",
    base=Config(epochs=1),
    variants=(run("7.8", BATCH), run("7.9", RUNNING)),
    prediction=Choice(
        "Which of the two reads more than half of the digits right after one epoch?",
        ("both", BATCH, RUNNING, "neither"),
        RUNNING,
    ),
    charts={
        "accuracy": "Does either curve leave the line of chance?",
        "blow_up": "By how much does each norm multiply at most?",
        "loss": "What does the validation loss say of the statistics that validation uses?",
    },
    checks=(
        Check("nn.BatchNorm2d reads less than half right", "valid_accuracy", BATCH, high=0.5),
        Check("RunningBatchNorm reads at least 85 % right", "valid_accuracy", RUNNING, low=0.85, quick=False),
        Check("RunningBatchNorm is ahead by at least .2", "valid_accuracy", RUNNING, low=0.2, than=BATCH),
    ),
    explain="With two images a batch some channel soon has two nearly equal values: its variance is almost 0, and "
    "dividing by the root of that multiplies noise by hundreds. The moving averages that validation uses mix such "
    "batches and fit none of them. RunningBatchNorm uses averages over the last batches already while it trains, so "
    "that one odd batch moves little. nn.BatchNorm2d read .210 to .289 of the digits right here (5 seeds), .235 and "
    ".260 in the notebook's recordings. RunningBatchNorm read .908 to .960, where the lecture says .91, the stored "
    "notebook .972, and the course's note blames a wrong de-bias in the video.",
    quick={"size": 4000},
)
