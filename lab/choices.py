"""The choices of Config's menus: of each value its label, and one sentence on what it does.

A sentence says what happens, not what comes of it: that is for the person to find out.
"""

from collections.abc import Mapping

_Table = Mapping[str, tuple[str, str]]
"""Value -> label and sentence, in the order of the menu."""


def _split(table: _Table) -> tuple[dict[str, str], dict[str, str]]:
    """Return value -> label, and value -> sentence."""
    return {key: label for key, (label, _) in table.items()}, {key: words for key, (_, words) in table.items()}


NORMS, NORM_NOTES = _split(
    {
        "none": ("None", "Nothing is normalised: each block passes its activations on as they are."),
        "batch": (
            "BatchNorm (from scratch)",
            "Each channel gets mean 0 and variance 1 over the batch; validation uses running averages instead.",
        ),
        "torch_batch": ("nn.BatchNorm2d", "The same arithmetic as BatchNorm from scratch, by torch's own layer."),
        "layer": (
            "LayerNorm",
            "Each image gets mean 0 and variance 1 over all of its channels and positions together.",
        ),
        "instance": (
            "InstanceNorm",
            "Each channel of each image gets mean 0 and variance 1 over its positions, whatever the batch.",
        ),
        "instance_biased": (
            "InstanceNorm (biased)",
            "As InstanceNorm, with the variance divided by the number of positions, not by one less.",
        ),
        "group": (
            "GroupNorm",
            "Each image's channels are taken in groups; each group gets mean 0 and variance 1 by itself.",
        ),
        "running": (
            "RunningBatchNorm (de-biased)",
            "Averages over recent batches normalise in training, too; validation uses the same averages.",
        ),
        "running_simple": (
            "RunningBatchNorm (simplified)",
            "Trains by averages over recent batches; validation applies the last batch's factor and offset.",
        ),
    }
)

MOVING_AVERAGE_NORMS = frozenset({"batch", "torch_batch", "running", "running_simple"})
"""The norms that keep moving averages of what they have seen. In the course (lesson 10, notebook 07) the conv before
such a norm has no bias: the norm adds a shift of its own to every channel. With the others it keeps it."""

MODELS, MODEL_NOTES = _split(
    {
        "cnn": (
            "CNN",
            "Convolutions of stride 2, each with an activation and a norm, then an average over positions and a linear "
            "layer.",
        ),
        "logistic": ("Logistic regression", "One linear layer from the 784 pixels to the 10 classes, nothing else."),
        "mlp": (
            "784-50-10 net",
            "Two linear layers with an activation between them: 784 pixels, 50 hidden units, 10 classes.",
        ),
    }
)

INITS, INIT_NOTES = _split(
    {
        "default": ("torch default", "The weights that torch gives each layer: uniform, within 1/√(inputs) of 0."),
        "kaiming_normal": (
            "Kaiming normal",
            "Normally distributed weights, scaled by the number of inputs to keep the variance through a ReLU.",
        ),
        "kaiming_uniform": (
            "Kaiming uniform",
            "Evenly distributed weights of the same standard deviation as Kaiming normal's.",
        ),
        "lsuv_paper": (
            "LSUV (paper)",
            "Orthogonal weights, then each layer's are scaled until its output before the activation has variance 1.",
        ),
        "lsuv_notebook": (
            "LSUV (notebook 07a)",
            "Kaiming normal, then each layer's activation shift is moved for mean 0 and its weights scaled for std 1.",
        ),
        "lsuv": (
            "LSUV (Kaiming, scaled)",
            "Kaiming normal, then each layer's weights are scaled until its output on a first batch has std 1.",
        ),
    }
)

POOLS, POOL_NOTES = _split(
    {
        "average": ("Average", "The last layer reads the average of each map."),
        "max": ("Maximum", "The last layer reads the largest value of each map."),
        "flatten": ("None: every pixel", "The last layer reads every position of every map."),
    }
)

GRADIENTS, GRADIENT_NOTES = _split(
    {
        "weights": ("of weights", "Measures the loss's gradient by the weights of each layer."),
        "outputs": (
            "of weights and outputs",
            "Measures the gradient by each layer's output as well, at a longer step.",
        ),
    }
)

OPTIMIZERS, OPTIMIZER_NOTES = _split(
    {
        "sgd": (
            "SGD",
            "A weight moves against its gradient times the learning rate, plus momentum times the move before.",
        ),
        "rmsprop": ("RMSProp", "A weight moves against its gradient over the root of its average squared gradient."),
        "adam": (
            "Adam",
            "A weight moves by its average gradient over the root of its average squared gradient, both de-biased.",
        ),
        "adamw": ("AdamW", "As Adam, with weight decay taken off the weight itself in place of joining its gradient."),
    }
)

DATASETS, DATASET_NOTES = _split(
    {
        "mnist": ("MNIST", "Handwritten digits, 28 × 28 pixels, in ten classes."),
        "fashion": ("Fashion-MNIST", "Pictures of clothes, shoes and bags, 28 × 28 pixels, in ten classes."),
    }
)

DEVICES, DEVICE_NOTES = _split(
    {
        "auto": ("Auto", "Takes CUDA where there is such a GPU, the CPU elsewhere."),
        "cpu": ("CPU", "Trains on this machine's processor."),
        "cuda": ("CUDA", "Trains on an NVIDIA GPU."),
    }
)
