"""InstanceNorm on a map of one pixel, with both variances (TARGETS 7.7, SPEC N5)."""

from lab.config import Config
from lab.experiments.experiment import Check, Choice, Experiment, Variant

FIVE, FOUR = (8,) * 5, (8,) * 4
UNBIASED_1, BIASED_1 = "unbiased, last map 1 × 1", "biased, last map 1 × 1"
UNBIASED_2, BIASED_2 = "unbiased, last map 2 × 2", "biased, last map 2 × 2"

EXPERIMENT = Experiment(
    id="instance-norm",
    order=60,
    title="InstanceNorm on one pixel",
    question="Can a net with InstanceNorm read digits, and does it matter which variance it takes?",
    setting="Each channel of each image is normalised by itself: with the variance that divides by n - 1 (the "
    "course's InstanceNorm), and with the one that divides by n (GroupNorm with a group for each channel). Five conv "
    "blocks end in a map of one pixel, four in one of 2 × 2. Batch size 64, learning rate 0.1, epsilon 1, one epoch.",
    source="fastai course-v3, part 2, lesson 10, notebook 07_batchnorm: run 7.7",
    base=Config(epochs=1, lr=0.1, size=10_000, groups=8, norm_eps=1.0),
    variants=(
        Variant(UNBIASED_1, {"norm": "instance", "widths": FIVE}),
        Variant(BIASED_1, {"norm": "group", "widths": FIVE}),
        Variant(UNBIASED_2, {"norm": "instance", "widths": FOUR}),
        Variant(BIASED_2, {"norm": "group", "widths": FOUR}),
    ),
    prediction=Choice(
        "Which of the four learn to read?",
        ("all but the first", "the two with a map of 2 × 2", "only the fourth", "none"), "none",
    ),
    charts={
        "loss": "How far does each curve fall?",
        "std": "What spread does each last layer have?",
    },
    checks=(
        Check("n - 1 on one pixel is nan at once", "diverged_at", UNBIASED_1, high=0, share=1),
        Check("n on one pixel stays finite", "diverged", BIASED_1, high=0, share=1),
        Check("and says one digit of every picture", "valid_accuracy", BIASED_1, high=0.12),
    ),
    explain="A single pixel has no variance with n - 1: 0/0, nan in step 0 of all 5 seeds, at any learning rate. With "
    "n it is 0, so the map becomes 0 and only the shift is left, the same for every picture. A larger map does not "
    "help either: each channel of each image then has mean 0, and the average pool behind it takes just that mean. "
    "All four said one digit of every picture, .09 to .11 right. The lecture: it takes away the differences between "
    "channels, so what could it classify by?",
    quick={"size": 2000},
)  # fmt: skip
