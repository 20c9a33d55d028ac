"""The words of the training page: what each means in one or two sentences, and how a page shows it.

Meanings say what a thing is, not what comes of it: pages ask before they tell. Sources are named where a word has one.
"""

import html
from collections.abc import Iterable
from dataclasses import dataclass

from lab.config import KNOBS

_LESSON = "fastai, part 2 (2019), lesson"


@dataclass(frozen=True)
class Term:
    """A word of the field.

    Attributes:
        name: the word, as the list shows it.
        meaning: one or two sentences.
        source: the lesson or paper that it comes from; may be empty.
        forms: what else a page calls it; the list shows them beside it.
    """

    name: str
    meaning: str
    source: str = ""
    forms: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The meaning with its source, as plain text."""
        return f"{self.meaning} ({self.source})" if self.source else self.meaning


GROUPS: dict[str, tuple[Term, ...]] = {
    "Training": (
        Term("batch", "The images that are taken together for one step."),
        Term("step", "One batch forward, its gradient backward, one move of the weights. Steps count from 0."),
        Term("epoch", "Once through all training images."),
        Term("loss", "How far the net's answers are from the right ones, as one number; training tries to lower it."),
        Term(
            "cross-entropy",
            "Minus the logarithm of the probability that the net gives the right class, averaged over images. In nats: "
            "with the natural logarithm.",
            f"{_LESSON} 9",
            ("nats",),
        ),
        Term("accuracy", "Share of the images whose largest output is that of the right class."),
        Term(
            "confusion matrix",
            "How many images of each class (a row) the net answered with each class (a column). Right answers lie on "
            "the diagonal.",
        ),
        Term("validation", "After each epoch the net answers images that it is never trained on, and learns nothing."),
        Term(
            "learning rate",
            "What a step multiplies the gradient by: how far it moves the weights.",
            f"{_LESSON} 9",
            ("lr",),
        ),
        Term("momentum", "Share of the last step that is added to the next one.", f"{_LESSON} 11"),
        Term(
            "schedule",
            "A plan by which learning rate or momentum changes during a run, such as one-cycle: up, then down.",
            "L. N. Smith 2018, arXiv:1803.09820",
            ("one-cycle",),
        ),
        Term("optimiser", "The rule that turns gradients into steps, such as SGD or Adam.", f"{_LESSON} 11"),
        Term(
            "weight decay",
            "A pull towards 0: this times each weight joins its gradient; AdamW takes it off the weight.",
        ),
        Term("seed", "The number that fixes all chance in a run: its first weights and the order of its images."),
        Term("diverged", "The loss was no longer a finite number, and the run ended at that step."),
    ),
    "The net": (
        Term("layer", "A convolution or a linear layer, with its activation and its norm, if it has them."),
        Term("output", "The numbers that a layer passes on: here those after its norm."),
        Term("channel", "One part of a layer's output, made by one filter."),
        Term("filter", "The weights by which a convolution makes one channel, the same at every position."),
        Term("kernel", "The part of a filter that reads one channel of the layer before."),
        Term("map", "A channel's output for one picture, drawn as a picture itself: one value for each position."),
        Term(
            "weights", "The numbers that training changes; parameters are these and the biases.", forms=("parameters",)
        ),
        Term(
            "activation",
            "What follows a layer's sum. ReLU makes negative values 0; with a leaky slope they keep a share. "
            "GeneralRelu also shifts (sub) and caps (maxv).",
            f"{_LESSON} 10",
            ("ReLU", "GeneralRelu", "leaky slope"),
        ),
        Term(
            "init",
            "How the weights are drawn before the first step.",
            "K. He et al. 2015, arXiv:1502.01852; LSUV: D. Mishkin, J. Matas, arXiv:1511.06422",
        ),
        Term(
            "norm",
            "Subtracts a mean and divides by a standard deviation, then multiplies and adds what it has learned.",
            "S. Ioffe, C. Szegedy 2015, arXiv:1502.03167",
        ),
        Term("epsilon", "ε, added to a variance before a norm divides by its root.", forms=("ε",)),
        Term(
            "multiplier",
            "What a norm multiplies a channel by: 1/√(variance + ε). The chart shows the norm's largest.",
            f"{_LESSON} 10",
        ),
    ),
    "Inside the layers": (
        Term("mean", "The average of all values of a layer in one batch."),
        Term(
            "standard deviation",
            "Root of the mean squared distance from the mean: how widely the values spread.",
            forms=("std", "spread"),
        ),
        Term("variance", "The square of the standard deviation."),
        Term(
            "near-zero share",
            "Share of a layer's outputs that count as near zero. Of four definitions a menu in Layers chooses one.",
            f"{_LESSON} 10",
            ("near zero",),
        ),
        Term("0 ≤ x < 0.5", "Near zero in the lesson for plain ReLU: bins 0–1 of 40 over 0..10.", f"{_LESSON} 10"),
        Term(
            "−0.35 ≤ x < 0.7", "Near zero in the lesson for GeneralRelu: bins 19–21 of 40 over −7..7.", f"{_LESSON} 10"
        ),
        Term("|x| < t", "Near zero on both sides, up to the knob Near-zero t."),
        Term("x ≤ t", "Near zero or below: also every negative value. t is the knob Near-zero t."),
        Term(
            "silent",
            "Said of a layer of whose values 60 % or more were near zero over a run's last 100 recorded steps.",
        ),
        Term(
            "dead channel",
            "A channel of whose activations, before a norm, more than 99 % were near zero, |x| < t, over the last 100 "
            "steps.",
        ),
        Term(
            "histogram",
            "Counts of values in 40 bins: a column for each step, upward by value, lighter where more values lie.",
            f"{_LESSON} 10",
        ),
    ),
    "Backward": (
        Term(
            "gradient",
            "How much the loss rises when a weight, or an output, rises a little. A step goes against it.",
            f"{_LESSON} 8",
        ),
        Term(
            "exact zeros",
            "Weights whose gradient is 0: this batch says nothing about them.",
            forms=("exactly 0",),
        ),
        Term(
            "update/weight ratio",
            "How far a step moved a layer's weights over how large they are: |update| / |weight|, both root sums of "
            "squares.",
            "A. Karpathy, CS231n",
            ("update over weight",),
        ),
    ),
    "Answers and averages": (
        Term("logits", "The net's outputs, one for each class, before softmax or sigmoid."),
        Term(
            "softmax",
            "Turns logits into shares that sum to 1: e to the power of each, over the sum of all.",
            f"{_LESSON} 10",
        ),
        Term(
            "sigmoid",
            "Turns each logit by itself into a number from 0 to 1: 1 / (1 + e to the power of −logit).",
            f"{_LESSON} 10",
        ),
        Term(
            "moving average",
            "Each step keeps the share β of the average so far and adds 1 − β of the new value.",
            f"{_LESSON} 10",
            ("average",),
        ),
        Term(
            "de-biased average",
            "A moving average from zero, divided by 1 − βᵗ: the weight that its t values have together.",
            "D. P. Kingma, J. Ba 2015, arXiv:1412.6980",
            ("de-biased",),
        ),
        Term(
            "running statistics",
            "A norm's moving averages of mean and variance, kept for validation.",
        ),
    ),
    "A run": (
        Term("mark", "The line in every chart at the step from which a moved knob acts."),
        Term(
            "snapshot",
            "All that a run's next batch depends on, kept about every 200 steps so that it can go on from there.",
        ),
        Term(
            "branch", "A second run with the weights and batches of the first up to a step, and other knobs from there."
        ),
        Term("prolong", "Train a finished run for more epochs."),
        Term(
            "far points",
            "A diverging run's last values where they lie far outside of the rest: marked at the chart's edge.",
        ),
    ),
}
"""Heading -> terms, in the order of the list."""

GLOSSARY: dict[str, Term] = {term.name: term for terms in GROUPS.values() for term in terms}
"""Every term by its name."""


def term(name: str, shown: str = "") -> str:
    """Return a word (``shown`` in place of its name) that tells its meaning on hover and focus, as markup.

    Raises:
        KeyError: for a word that the glossary lacks.
    """
    meaning = html.escape(GLOSSARY[name].text)
    # As attributes: what is exported of a text has the word only.
    return (
        f'<dfn class="lab-term" tabindex="0" data-tip="{meaning}" aria-description="{meaning}">'
        f"{html.escape(shown or name)}</dfn>"
    )


def meanings(names: Iterable[str]) -> list[list[str]]:
    """Return [word, meaning] of each name, without sources, ready for a page's widget.

    Raises:
        KeyError: for a word that the glossary lacks.
    """
    return [[name, GLOSSARY[name].meaning] for name in names]


def question_mark(names: Iterable[str], about: str) -> str:
    """Return a "?" that shows the meanings of several words on hover and focus, as markup.

    Args:
        names: of the words.
        about: where the words stand, for screen readers.

    Raises:
        KeyError: for a word that the glossary lacks.
    """
    lines = "".join(f"<p><b>{html.escape(name)}</b>: {html.escape(meaning)}</p>" for name, meaning in meanings(names))
    label = f"What the words mean: {html.escape(about)}"
    ask = f'<span class="lab-words" tabindex="0" role="button" aria-label="{label}">?</span>'
    return f'{ask}<div class="lab-tip">{lines}</div>'


def word_list() -> str:
    """Return the whole glossary, and what each choice of a knob does, as markup."""
    groups = {
        title: [(f"{each.name} ({', '.join(each.forms)})" if each.forms else each.name, each.text) for each in terms]
        for title, terms in GROUPS.items()
    }
    groups |= {
        knob.label: [(knob.text(value), note) for value, note in knob.notes.items()]
        for knob in KNOBS.values()
        if knob.notes
    }
    parts = (
        f"<section><h3>{html.escape(title)}</h3><dl>"
        + "".join(f"<div><dt>{html.escape(name)}</dt> <dd>{html.escape(words)}</dd></div>" for name, words in rows)
        + "</dl></section>"
        for title, rows in groups.items()
    )
    return (
        f'<div class="lab-glossary" tabindex="0" role="region" aria-label="All words"><div>{"".join(parts)}</div></div>'
    )
