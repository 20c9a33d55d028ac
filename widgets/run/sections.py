"""The sections and menus of a panel over a run: the training lab's, and those of kept runs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import ipywidgets

from widgets import charts
from widgets.export.section_words import Words
from widgets.page.layout import classed, grid, section, small_multiples
from widgets.page.muted import Muted

LAYERS = "Inside the layers"
BACKWARD = "Backward"
ANY_STEP = "Any step"

OVERVIEW = ("loss", "mean", "std", "near_zero", "outputs_digit", "loss_averages")
"""Figures that the training lab shows at once, small; each is in a tab of its section, too."""


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
        "Each layer's output, after its norm, at every step. What counts as near zero follows the activation until you "
        "choose: choose one definition to compare runs.",
        ("near_zero", "layer"),
        ("mean", "std", "near_zero", "histogram"),
        "Layers",
    ),
    Section(
        BACKWARD,
        "The gradient of each layer's weights, and how far each step moved them. Which layer learns least: the one "
        "nearest to the input? Raise the learning rate: does every line of update over weight rise with it? A rule of "
        "thumb is about a thousandth.",
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
        "The net's own answers now. Softmax must share out 100 % among the classes, so it names a digit even on a "
        "blank picture. Sigmoid judges each class by itself and can say none, or two; but this net was trained with "
        "softmax, which cannot see what is added to all outputs alike, so its sigmoids name too many. The dashboard "
        "When softmax lies trains each for itself.",
        ("digit", "other"),
        ("outputs_digit", "outputs_pair", "outputs_blank"),
        "Answers",
    ),
    Section(
        "Moving averages",
        "An average that starts from zero is too small at first; dividing it by 1 − βᵗ takes the bias away.",
        ("norm",),
        ("loss_averages", "mean_averages", "variance_averages", "debias_factors"),
        "Averages",
    ),
    Section(
        "Why a norm blows up",
        "A norm multiplies by 1/√(var+ε): where a channel's variance is tiny, by hundreds (try batch size 2). "
        "A larger epsilon caps it.",
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
                    self[menu].options, self[menu].value = options, kept

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
    """Return every section of :data:`SECTIONS` as a widget, by the name of its first figure.

    Args:
        figures, menus: by name; a section leaves out a menu that is not there.
        more: heading -> a widget under that section's figures.
        with_help: whether to show the help, which is meant for training.
        small: whether the figures are drawn small, to be enlarged by a click.
    """
    together = small_multiples if small else grid
    return {
        each.figures[0]: section(
            each.title,
            each.words if with_help else "",
            menus=[menus[name] for name in each.menus if name in menus],
            parts=[
                together(figures[name] for name in each.figures),
                *([more[each.title]] if each.title in more else []),
            ],
        )
        for each in SECTIONS
    }


def section_tabs(
    figures: Mapping[str, Any], menus: Mapping[str, Any], scrubber: Any, findings: Any, above: Iterable[Any] = ()
) -> dict[str, Any]:
    """Return the tabs of the training lab, title -> widget: the overview, each section, any recorded step.

    Args:
        scrubber: what shows any step.
        findings: what happened in the run, under the overview's figures.
        above: widgets above them.
    """
    overview = ipywidgets.VBox([*above, small_multiples(figures[name] for name in OVERVIEW), findings])
    rest = sections(figures, menus, {}, small=True).values()
    tabs = {each.tab: made for each, made in zip(SECTIONS, rest, strict=True)}
    any_step = section("Inside every layer at any step", "Choose a step, or play them as a film.", parts=[scrubber])
    return {"Overview": classed(overview, "lab-overview"), **tabs, ANY_STEP: any_step}


def section_words(*, with_help: bool = True) -> dict[str, Words]:
    """Return chart name -> heading and help of its section, as plain text; see :func:`sections`."""
    return {
        name: Words.of_section(each.title, each.words if with_help else "")
        for each in SECTIONS
        for name in each.figures
    }


def _menu(label: str, options: list[tuple[str, Any]], value: Any) -> Any:
    return ipywidgets.Dropdown(description=label, options=options, value=value)
