"""L2 in the loss and decay of the weights: the same in SGD, not in Adam (SPEC O1)."""

from lab.config import Config
from lab.experiments.experiment import Check, Choice, Experiment, Variant

SGD, SGD_L2 = "SGD", "SGD, decay 0.1"
ADAM, ADAM_L2, ADAMW = "Adam", "Adam, L2 of 0.1", "AdamW, decay 0.1"
ADAM_KNOBS = {"lr": 0.001, "momentum": 0.9}

EXPERIMENT = Experiment(
    id="weight-decay",
    order=100,
    title="Weight decay",
    question="Is a penalty on the weights in the loss the same as taking a share off the weights?",
    setting="The 784-50-10 net, batch size 64, one epoch. With L2, 0.1 times the weight is added to its gradient; "
    "with decay, 0.1 times the learning rate times the weight is taken off it. SGD runs at learning rate 0.1, Adam "
    "and AdamW at 0.001.",
    source="fastai deep learning part 1, lesson 5; I. Loshchilov and F. Hutter, arXiv:1711.05101",
    base=Config(model="mlp", norm="none", epochs=1, lr=0.1),
    variants=(
        Variant(SGD),
        Variant(SGD_L2, {"weight_decay": 0.1}),
        Variant(ADAM, {"optimizer": "adam", **ADAM_KNOBS}),
        Variant(ADAM_L2, {"optimizer": "adam", "weight_decay": 0.1, **ADAM_KNOBS}),
        Variant(ADAMW, {"optimizer": "adamw", "weight_decay": 0.1, **ADAM_KNOBS}),
    ),
    prediction=Choice(
        "Adam with 0.1 of L2, AdamW with 0.1 of decay: which of them loses more accuracy against Adam alone?",
        (ADAM_L2, ADAMW, "both alike"), ADAM_L2,
    ),
    charts={
        "accuracy": "Which curves stay behind?",
        "weights": "How far do the weights spread?",
        "update_ratio": "By how much of themselves do the weights move in a step?",
    },
    checks=(
        Check("AdamW's decay costs little", "valid_accuracy", ADAMW, low=-0.03, than=ADAM),
        Check("Adam's L2 costs more than AdamW's decay", "valid_accuracy", ADAM_L2, high=-0.02, than=ADAMW),
        Check("in SGD a decay of 0.1 costs accuracy", "valid_accuracy", SGD_L2, high=-0.02, than=SGD, quick=False),
    ),
    explain="For SGD the two are the same: a penalty's gradient takes learning rate × decay × weight off, here .01 of "
    "the weight in each step, and .75 to .88 were right in place of .92 to .95 (5 seeds). Adam divides the gradient "
    "by its own size, the penalty's part with it, so that weights which the data hardly moves lose the most: .888 to "
    ".900 right in place of .947 to .950. AdamW (the paper's) takes its share off beside that: .948 to .950, but its "
    "share is a hundredth of SGD's here, as its learning rate is. The lesson says to make giant nets and add decay "
    "until they do not overfit; an epoch is too short to overfit, so this shows what decay costs, not what it is "
    "good for.",
    quick={"size": 8000},
)  # fmt: skip
