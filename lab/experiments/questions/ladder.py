"""The ladder: the same training with one part fewer from a library each time (SPEC L1)."""

from lab.config import Config
from lab.experiments.experiment import Check, Experiment, Number, Variant

LINEAR, HIDDEN = "logistic regression", "784-50-10"

EXPERIMENT = Experiment(
    id="ladder",
    order=92,
    title="The ladder",
    question="How far does a single matrix product get, and how much does one hidden layer add?",
    setting="Logistic regression is a product with a 784 × 10 matrix and a softmax; 784-50-10 has two products with a "
    "ReLU between. Plain SGD, batch size 64, three epochs, learning rate 0.02 for the first net and 0.1 for the "
    "second. Under Why stands the same training six times, each with one part fewer from a library, down to the "
    "product; python -m lab.nn.ladder trains all six.",
    source="fastai machine learning 1, lesson 9 (lesson4-mnist_sgd)",
    base=Config(norm="none", init="default", epochs=3),
    variants=(
        Variant(LINEAR, {"model": "logistic", "lr": 0.02}),
        Variant(HIDDEN, {"model": "mlp", "lr": 0.1}),
    ),
    prediction=Number(
        "What share of the digits does logistic regression read right?", "valid_accuracy", LINEAR, 0.1, 1, 0.03
    ),
    charts={
        "accuracy": "After how many steps does each curve flatten?",
        "loss": "How far apart do the two curves end?",
    },
    checks=(
        Check("logistic regression reads 91 to 92.5 % right", "valid_accuracy", LINEAR, low=0.91, high=0.925,
              quick=False),
        Check("with a hidden layer it is 95 to 97.5 %", "valid_accuracy", HIDDEN, low=0.95, high=0.975, quick=False),
        Check("logistic regression learns", "valid_accuracy", LINEAR, low=0.8),
        Check("the hidden layer does not fall far behind", "valid_accuracy", HIDDEN, low=-0.02, than=LINEAR),
    ),
    code=("from_parts", "own_module", "Net", "own_layers", "own_loop", "own_optimiser", "own_product", "fit",
          "parameters", "forward", "log_softmax", "negative_log_likelihood", "product"),
    explain="A 784 × 10 matrix has a picture of its own for each digit and asks how well a drawing agrees with it: "
    ".9185 to .921 right here, 91 to 92.4 % in the lesson. The hidden layer first asks for fifty parts of digits, "
    "which may be combined in more than one way: .964 to .968, and the lesson has 96 % with a hundred. No part of this "
    "needs a library but the gradient: the six rungs are one computation, as is the lab's run. Only the order in which "
    "numbers are added differs: over 2,346 steps no loss of logistic regression was more than 2.4e-7 from the rung "
    "before's, while with a hundred hidden units such differences grew to .018 in one batch's loss, and .0003 in "
    "accuracy. What the library's parts bring is speed: the product by broadcasting writes down every single product "
    "before it adds them up, and took eleven times as long there.",
    quick={"size": 8000, "epochs": 1},
)  # fmt: skip
