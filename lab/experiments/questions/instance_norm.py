"""InstanceNorm on a map of one pixel, with both variances (TARGETS 7.7, SPEC N5)."""

from lab.config import Config
from lab.experiments.experiment import Check, Choice, Experiment, Variant

FIVE, FOUR = (8, 16, 32, 64, 64), (8, 16, 32, 64)
UNBIASED, BIASED = "n - 1, one pixel", "n, one pixel"
MORE, EVERY = "n, 2 × 2, averaged", "n, 2 × 2, every pixel"

EXPERIMENT = Experiment(
    id="instance-norm",
    order=60,
    title="InstanceNorm on one pixel",
    question="Can a net with InstanceNorm read digits, and does it matter which variance it takes?",
    setting="Each channel of each image is normalised by itself, with the variance that divides by n - 1 (the "
    "course's) or by n. Five conv blocks end in a map of one pixel, four in one of 2 × 2; the last layer reads each "
    "map's average or, in the fourth net, every pixel. Batch size 64, learning rate 0.1, epsilon 1, 10,000 images "
    "once.",
    source="fastai course-v3, part 2, lesson 10, notebook 07_batchnorm: run 7.7",
    base=Config(epochs=1, lr=0.1, size=10_000, norm="instance_biased", norm_eps=1.0),
    variants=(
        Variant(UNBIASED, {"norm": "instance", "widths": FIVE}),
        Variant(BIASED, {"widths": FIVE}),
        Variant(MORE, {"widths": FOUR}),
        Variant(EVERY, {"widths": FOUR, "pool": "flatten"}),
    ),
    prediction=Choice(
        "Which of the four learn to read?",
        ("all but the first", "the two with a map of 2 × 2", "only the fourth", "none"), "only the fourth",
    ),
    charts={
        "loss": "How far does each curve fall?",
        "std": "What spread does each last layer have?",
    },
    checks=(
        Check("n - 1 on one pixel is nan at once", "diverged_at", UNBIASED, high=0, share=1),
        Check("n on one pixel stays finite", "diverged", BIASED, high=0, share=1),
        Check("and says one digit of every picture", "learned", BIASED, high=0),
        Check("so does an averaged map of 2 × 2", "learned", MORE, high=0),
        Check("one that is read pixel by pixel learns", "valid_accuracy", EVERY, low=0.8, quick=False),
    ),
    explain="A single pixel has no variance with n - 1: 0/0, nan in step 0 of all 5 seeds, at any learning rate. With "
    "n it is 0, so the map becomes 0 and only the shift is left, the same for every picture. An averaged map of 2 × "
    "2 is no better: InstanceNorm makes each channel's average 0 in every image, and the average is just what the "
    "last layer reads. Read pixel by pixel the same net had .90 right, so it is the averages that are lost, not the "
    "pictures. The lecture says as much: it takes away the differences between channels, so what should it classify "
    "by?",
    quick={"size": 2000},
)  # fmt: skip
