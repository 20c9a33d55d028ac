"""What weight decay does (SPEC O1)."""

from lab.config import Config
from lab.experiments.experiment import Check, Experiment, Number, Variant

EXPERIMENT = Experiment(
    id="weight-decay",
    order=100,
    title="Weight decay",
    question="How much weight decay is too much?",
    setting="The 784-50-10 net, SGD, batch size 64, learning rate 0.1, one epoch. At every step the weight times the "
    "decay is added to its gradient.",
    source="fastai deep learning part 1, lesson 5 (L2 and weight decay)",
    base=Config(model="mlp", norm="none", epochs=1, lr=0.1),
    variants=tuple(Variant(f"decay {wd:g}", {"weight_decay": wd}) for wd in (0.0, 1e-3, 1e-2, 0.1, 1.0)),
    sweep="weight_decay",
    prediction=Number("With a decay of 0.1: what accuracy?", "valid_accuracy", "decay 0.1", 0, 1, 0.05),
    charts={"loss": "Which curves stop falling, and where?", "weights": "How far do the weights spread?"},
    checks=(Check("a decay of 1 leaves nothing", "learned", "decay 1", high=0),),
    explain="TODO.",
    quick={"size": 8000},
)
