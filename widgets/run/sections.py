"""The sections and menus of a panel over a run: the training lab's, and those of kept runs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import ipywidgets

from widgets import charts
from widgets.export.section_words import Words
from widgets.markup.glossary import question_mark, term, word_list
from widgets.page.layout import classed, grid, section, small_multiples
from widgets.page.muted import Muted

LAYERS = "Inside the layers"
BACKWARD = "Backward"
ANY_STEP = "Any step"
MISTAKES = "What it mistakes for what"

OVERVIEW = ("loss", "mean", "std", "near_zero", "outputs_digit", "loss_averages")
"""Figures that the training lab shows at once, small; each is in a tab of its section, too."""


NET_TERMS = (
    "layer",
    "output",
    "channel",
    "filter",
    "kernel",
    "map",
    "dead channel",
    "weights",
    "norm",
    "softmax",
    "sigmoid",
)
"""Words of the drawn net, which a "?" beside it explains."""


class Section(NamedTuple):
    """A section of a panel over a run.

    Attributes:
        title, words: heading and help, both markup.
        menus, figures: by name.
        tab: short title, where sections are tabs.
    """

    title: str
    words: str
    menus: tuple[str, ...]
    figures: tuple[str, ...]
    tab: str


SECTIONS = (
    Section("How training goes", "", ("x",), ("loss", "accuracy", "rates"), "Training"),
    Section(
        LAYERS,
        f"Each {term('layer')}'s {term('output')}, after its {term('norm')}, at every {term('step')}. What counts as "
        f"{term('near-zero share', 'near zero')} follows the {term('activation')} until you choose: choose one "
        "definition to compare runs.",
        ("near_zero", "layer"),
        ("mean", "std", "near_zero", "histogram"),
        "Layers",
    ),
    Section(
        BACKWARD,
        f"The {term('gradient')} of each {term('layer')}'s {term('weights')}, and how far each {term('step')} moved "
        f"them. Which layer learns least: the one nearest to the input? Raise the {term('learning rate')}: does every "
        f"line of {term('update/weight ratio', 'update over weight')} rise with it? A rule of thumb is about a "
        "thousandth.",
        ("layer",),
        (
            "gradient_mean",
            "gradient_std",
            "gradient_zero",
            "update_ratio",
            "output_gradient_mean",
            "output_gradient_std",
            "weights",
        ),
        "Backward",
    ),
    Section(
        "Softmax v sigmoid",
        f"The net's own answers now. {term('softmax', 'Softmax')} must share out 100 % among the classes, so it names "
        f"a digit even on a blank picture. {term('sigmoid', 'Sigmoid')} judges each class by itself and can say none, "
        f"or two; but this net was trained with softmax, which cannot see what is added to all "
        f"{term('logits', 'outputs')} alike, so its sigmoids name too many. The dashboard When softmax lies trains "
        "each for itself.",
        ("digit", "other"),
        ("outputs_digit", "outputs_pair", "outputs_blank"),
        "Answers",
    ),
    Section(
        MISTAKES,
        f"The answers to the {term('validation')} images after each {term('epoch')}. Which two classes does it mix up "
        "most, and is it as often one way as the other? Look at the pictures: what would you have answered, and how "
        "sure?",
        (),
        ("confusion",),
        "Mistakes",
    ),
    Section(
        "Moving averages",
        f"An {term('moving average', 'average')} that starts from zero is too small at first; dividing it by 1 − βᵗ "
        f"takes the {term('de-biased average', 'bias')} away.",
        ("norm",),
        ("loss_averages", "mean_averages", "variance_averages", "debias_factors"),
        "Averages",
    ),
    Section(
        "Why a norm blows up",
        f"A {term('norm')} {term('multiplier', 'multiplies')} by 1/√(var+ε): where a {term('channel')}'s "
        f"{term('variance')} is tiny, by hundreds (try {term('batch')} size 2). A larger {term('epsilon')} caps it.",
        (),
        ("blow_up",),
        "Norms",
    ),
)


_WHOSE = defaultdict(
    str,
    near_relu=" (the course for ReLU: bins 0–1 of 40 over 0..10)",
    near_general=" (the course for GeneralRelu: bins 19–21 of 40 over −7..7)",
)


class Menus(dict[str, Any]):
    """Menus by name. Callbacks run only for a person's choice, not for a value set from code."""

    def __init__(self) -> None:
        digits = [(str(digit), digit) for digit in range(10)]
        super().__init__(
            x=_menu("x-axis", [(name, name) for name in charts.X_AXES], "steps"),
            near_zero=_menu(
                "Near zero is",
                [(f"{words}{_WHOSE[name]}", name) for name, words in charts.NEAR_ZERO.items()],
                "near_relu",
            ),
            layer=_menu("Histogram of", [("last layer", "")], ""),
            norm=_menu("Norm of", [("first norm", "")], ""),
            digit=_menu("Picture of", digits, 3),
            other=_menu("laid over it", digits, 8),
        )
        self._muted = Muted()

    def show(self, name: str, value: Any) -> None:
        """Set a menu to ``value`` without calling its callback."""
        with self._muted:
            self[name].value = value

    def offer(self, name: str, first: str, rest: Iterable[str]) -> None:
        """Offer ``first``, whose value is "", then each of ``rest``; the current choice stays if still offered."""
        options = ((first, ""), *((value, value) for value in rest))
        if tuple(self[name].options) != options:
            kept = self[name].value if self[name].value in dict(options).values() else ""
            with self._muted:
                self[name].options, self[name].value = options, kept

    def name_classes(self, classes: Sequence[str]) -> None:
        """Label the menus of input images with the names of their classes."""
        options = tuple((name, index) for index, name in enumerate(classes))
        for menu in ("digit", "other"):
            if tuple(self[menu].options) != options:
                kept = self[menu].value
                with self._muted:
                    self[menu].options, self[menu].value = options, min(kept, len(options) - 1)

    def on_choice(self, name: str, callback: Callable[[str, Any], None]) -> None:
        """Register ``callback(name, value)``, called after a person's choice."""
        self[name].observe(lambda _: None if self._muted else callback(name, self[name].value), "value")


def sections(
    figures: Mapping[str, Any],
    menus: Mapping[str, Any],
    more: Mapping[str, Any],
    *,
    with_help: bool = True,
    small: bool = False,
) -> dict[str, Any]:
    """Return every section of :data:`SECTIONS` that has figures as a widget, by the name of its first figure.

    Args:
        figures, menus: by name; a section leaves out a menu that is not there.
        more: heading -> a widget under that section's figures.
        with_help: whether to show the help, which is meant for training.
        small: whether the figures are drawn small, to be enlarged by a click.
    """

    def together(each: Section) -> Any:
        # The numbers of the matrix are to be read, and have room beside the pictures.
        arranged = small_multiples if small and each.title != MISTAKES else grid
        return arranged(figures[name] for name in each.figures if name in figures)

    return {
        each.figures[0]: section(
            each.title,
            each.words if with_help else "",
            menus=[menus[name] for name in each.menus if name in menus],
            parts=[
                together(each),
                *([more[each.title]] if each.title in more else []),
            ],
        )
        for each in SECTIONS
        if figures.keys() & set(each.figures)
    }


def section_tabs(
    figures: Mapping[str, Any],
    menus: Mapping[str, Any],
    scrubber: Any,
    findings: Any,
    mistakes: Any,
    above: Iterable[Any] = (),
) -> dict[str, Any]:
    """Return the tabs of the training lab, title -> widget: the overview, each section, any recorded step.

    Args:
        scrubber: what shows any step.
        findings: what happened in the run, under the overview's figures.
        mistakes: the worst mistakes, beside the confusion matrix.
        above: widgets above them.
    """
    # Without answers to show: the score, or what else there is of the metric.
    small = small_multiples(figures.get(name, figures["accuracy"]) for name in OVERVIEW)
    overview = ipywidgets.VBox([*above, small, findings])
    rest = sections(figures, menus, {MISTAKES: mistakes}, small=True)
    tabs = {each.tab: rest[each.figures[0]] for each in SECTIONS if each.figures[0] in rest}
    film = (
        f"Choose a {term('step')}, or play them as a film. A {term('branch')} goes on from a step, by way of the "
        f"{term('snapshot')} before it; to {term('prolong')} a finished run adds {term('epoch', 'epochs')}."
    )
    any_step = section("Inside every layer at any step", film, parts=[scrubber])
    return {"Overview": classed(overview, "lab-overview"), **tabs, ANY_STEP: any_step}


def explained(net: Any) -> Any:
    """Return the drawn net with a "?" that explains its words."""
    words = ipywidgets.HTML(question_mark(NET_TERMS, "the net"))
    return classed(ipywidgets.Box([net, words]), "lab-net")


def words_tab() -> Any:
    """Return the list of all words, and what each choice of a knob does."""
    return section("Words", parts=[ipywidgets.HTML(word_list())])


def section_words(*, with_help: bool = True) -> dict[str, Words]:
    """Return chart name -> heading and help of its section, as plain text; see :func:`sections`."""
    return {
        name: Words.of_section(each.title, each.words if with_help else "")
        for each in SECTIONS
        for name in each.figures
    }


def _menu(label: str, options: list[tuple[str, Any]], value: Any) -> Any:
    return ipywidgets.Dropdown(description=label, options=options, value=value)
