"""Early stopping: a fit that is cancelled when validation gets no better (SPEC O5)."""

from lab.config import Config
from lab.experiments.experiment import Check, Experiment, Number, Variant

WHOLE = "all 30 epochs"
SHORT, MIDDLE, LONG = "patience 1", "patience 3", "patience 10"

EXPERIMENT = Experiment(
    id="cancel",
    order=97,
    title="Early stopping",
    question="What does it cost, and what does it save, to cancel a run when validation gets no better?",
    setting="The 784-50-10 net, SGD at learning rate 0.1, batch size 64, 5,000 images, up to 30 epochs. After each "
    "epoch a callback compares the validation losses so far; after 1, 3 or 10 epochs in a row without a lower one it "
    "raises CancelFit.",
    source="fastai course-v3, part 2, lesson 10, notebook 05b_early_stopping; L. Prechelt, Early stopping, but when? "
    "(1998)",
    base=Config(model="mlp", norm="none", lr=0.1, epochs=30, size=5000),
    variants=(
        Variant(WHOLE),
        Variant(SHORT, {"patience": 1}),
        Variant(MIDDLE, {"patience": 3}),
        Variant(LONG, {"patience": 10}),
    ),
    prediction=Number(
        "All epochs are 2,370 steps. With a patience of 1, how many does the run train?",
        "trained_steps", SHORT, 79, 2370, 150, unit="steps",
    ),
    charts={
        "loss": "When does each validation loss last reach a new low?",
        "accuracy": "Is the accuracy still rising where a run is cancelled?",
    },
    checks=(
        Check("a patience of 1 saves more than half of the steps", "trained_steps", SHORT, high=-1185, than=WHOLE),
        Check("a patience of 3 goes on for longer than one of 1", "trained_steps", MIDDLE, low=1, than=SHORT),
        Check("a patience of 1 costs accuracy", "valid_accuracy", SHORT, high=0.0, than=WHOLE),
        Check("a patience of 10 costs less than .03 of it", "valid_accuracy", LONG, low=-0.03, than=WHOLE),
    ),
    code=("EarlyStopping", "epochs_since_best", "CancelFit", "CancelEpoch", "CancelBatch"),
    explain="From one epoch to the next the validation loss jumps about, so one that is not lower says little. A "
    "patience of 1 took such a jump for the end: cancelled after two to six epochs, right after one that went badly, "
    "it read .62 to .91 right, where all epochs gave .918 to .932 (five seeds). A patience of 10 saved two to eleven "
    "epochs and cost at most .006; the training images were all but learned by heart by then, and the accuracy fell "
    "no more, so time is what is saved here. The course's notebook cancels by an exception on every level, batch, "
    "epoch and fit. As there, the weights that stay are the last epoch's: a copy of the best ones would make up for a "
    "patience that is too short.",
    quick={"size": 2350, "batch_size": 30},  # the same number of steps
)  # fmt: skip
