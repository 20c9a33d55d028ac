"""A blackboard panel: a function from the values of its inputs to charts and words, declared as data.

A subclass names its inputs, examples, sections and charts, and computes what they show. Everything else is made from
these: constructor keywords, widgets, layout, callbacks, example buttons, captions, link, line of code, error line and
export. ``widgets/panels/activations/panel.py`` is a short one to start from.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode

import ipywidgets

from lab.knob import ConfigError, Knob
from widgets.charts.style import Figure
from widgets.export.section_words import Words
from widgets.figure.live_figure import LiveFigure
from widgets.figure.requests import Drag
from widgets.inputs.knob_box import KnobBox
from widgets.inputs.number_knobs import NumberList
from widgets.markup.config_text import setting_text
from widgets.markup.link_text import code_line, problems_line, read_settings
from widgets.page.fold import Fold
from widgets.page.layout import body, classed, grid, knob_column, knob_group, section
from widgets.panel.panel import Panel, handler, under_voila
from widgets.panel.share_link import ShareLink

DRAG = "drag"
"""Member of the set of changed inputs when a point of a chart was dragged."""


class Values(dict[str, Any]):
    """Input name -> value; ``values.beta`` is ``values["beta"]``."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True)
class Input:
    """One input of a board.

    Attributes:
        spec: its label, help, range, slider or choices.
        value: the default; of a number its type (int or float) is that of every value.
        widget: makes the widget from (spec, default, name). A widget has ``value`` (a trait), ``error``, ``spec`` and
            ``checked(raw)``, which returns a valid value or raises ConfigError.
        name: what a refusal calls it; its key in INPUTS if empty.
    """

    spec: Knob
    value: Any
    widget: Callable[[Knob, Any, str], Any] = lambda spec, value, name: KnobBox(spec, value, name=name)
    name: str = ""


@dataclass(frozen=True)
class Example:
    """A button that sets inputs: its word, its tooltip, and input -> value."""

    word: str
    help: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Inputs under one heading in the column beside the sections; ``folded`` hides them until they are asked for."""

    title: str
    parts: Sequence[str]
    words: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph (both markup) and what stands under them.

    Attributes:
        show: names of inputs, charts and words from top to bottom; a tuple of names stands side by side.
        beside: the inputs in the column left of this section and of those after it that have none.
        stays: whether it stays in sight on a narrow page, above everything else.
    """

    title: str
    words: str = ""
    show: Sequence[str | tuple[str, ...]] = ()
    beside: Sequence[Group] = ()
    stays: bool = False


class Board(Panel):
    """A blackboard panel.

    Args:
        values: of the inputs in their order, or by their names; defaults otherwise.

    Attributes:
        values: the values that are shown.
        knobs: input -> its widget. examples: name -> Button.
        figures: chart -> LiveFigure. words: name -> HTML, the markup.
        link: ShareLink to these values.

    Raises:
        ConfigError: for a value that an input does not take.
        TypeError: for a keyword that is no input, or too many values.
    """

    INPUTS: ClassVar[Mapping[str, Input]] = {}
    EXAMPLES: ClassVar[Mapping[str, Example]] = {}
    SECTIONS: ClassVar[Sequence[Section]] = ()
    LABELS: ClassVar[Mapping[str, str]] = {}
    """Chart -> its accessible name; :meth:`compute` makes just these charts."""

    def __init__(
        self, *values: Any, clock: Callable[[], float] = time.monotonic, watch_page: bool | None = None, **named: Any
    ) -> None:
        if len(values) > len(self.INPUTS):
            raise TypeError(f"{type(self).__name__} takes at most {len(self.INPUTS)} values: {', '.join(self.INPUTS)}")
        given = dict(zip(self.INPUTS, values, strict=False)) | named
        if unknown := [name for name in named if name not in self.INPUTS]:
            raise TypeError(f"{type(self).__name__} has no {unknown[0]!r}; its inputs are {', '.join(self.INPUTS)}")
        self.values = Values()
        self.knobs = {
            name: spec.widget(spec.spec, spec.value, spec.name or spec.spec.label) for name, spec in self.INPUTS.items()
        }
        self._defaults = {name: knob.value for name, knob in self.knobs.items()}
        self.examples = {
            name: ipywidgets.Button(description=example.word, tooltip=example.help)
            for name, example in self.EXAMPLES.items()
        }
        self.link = ShareLink(served=under_voila())
        self._link_problems = ""
        super().__init__(clock=clock, watch_page=watch_page)
        self.start()
        self._settle(frozenset())
        self._enter(given)
        made: dict[str, Any] = dict(self.compute(self.values, frozenset(self.INPUTS)))
        charts = {name: made.pop(name) for name in self.LABELS}
        self.figures = {name: LiveFigure(figure, label=self.LABELS[name]) for name, figure in charts.items()}
        self.words = {name: ipywidgets.HTML(markup) for name, markup in made.items()}
        self.children = [self.style_sheet, self.error_line, *self._layout()]
        self._share()
        self._connect()

    def start(self) -> None:
        """Set up what :meth:`together` and :meth:`compute` need; the inputs exist, with their defaults."""

    def together(self, values: Values, changed: frozenset[str]) -> Mapping[str, Any]:
        """Return values that go together, given those that were ``changed``; by default as they are.

        Raises:
            ConfigError: they do not; the inputs go back to the values before.
        """
        return values

    def compute(self, values: Values, changed: frozenset[str]) -> Iterable[tuple[str, Figure | str]]:
        """Yield (name, figure or markup) of all that depends on an input in ``changed``, most urgent first.

        Each is on its way to the page before the next one is computed.
        """
        raise NotImplementedError

    def shared(self, values: Values) -> Mapping[str, Any]:
        """Return the inputs that a link and the line of code name where they differ from the defaults."""
        return values

    def drag(self, drag: Drag, values: Values) -> Mapping[str, Any]:
        """Return the inputs that a dragged point changes."""
        return {}

    @handler
    def on_input(self, name: str) -> None:
        """Show what an input's new value makes."""
        self.refresh({name})

    @handler
    def on_example(self, name: str) -> None:
        """Set the inputs of an example."""
        self.set(self.EXAMPLES[name].values)

    @handler
    def on_drag(self, drag: Drag) -> None:
        """Take a dragged point's place."""
        changes = self.drag(drag, self.values)
        if changes:
            self.set(changes, DRAG)

    @handler
    def on_link(self, query: str) -> None:
        """Set the inputs that the page's address names, and say what of it cannot be set."""
        panel = type(self).__name__
        texts, problems = read_settings(query, dict.fromkeys(("panel", *self.INPUTS), str))
        if texts.pop("panel", panel) != panel:
            return  # another panel's on the same page
        if entered := self._enter(texts, problems):
            self._show(entered)
        self._link_problems = problems_line(problems)

    def set(self, values: Mapping[str, Any], *also: str) -> None:
        """Set inputs from code and show what they make; ``also`` counts as changed.

        Raises:
            ConfigError: for a value that an input does not take, or values that do not go together.
        """
        valid = {name: self.knobs[name].checked(value) for name, value in values.items()}  # all of them, or none is set
        with self._muted:
            self._put(valid)
        self.refresh({*valid, *also})

    def refresh(self, names: Iterable[str]) -> None:
        """Show what changes when these inputs have changed."""
        changed = frozenset(names)
        try:
            changed = self._settle(changed)
        except ConfigError as refusal:
            with self._muted:
                self._put(self.values)
            if len(changed) > 1:
                raise
            (name,) = changed
            self.knobs[name].error = str(refusal)
            return
        self._show(changed)

    def chart_words(self) -> Mapping[str, Words]:
        """Chart -> the heading and the help of the section that it stands in, without markup."""
        return {
            name: Words.of_section(part.title or self.LABELS[name], part.words)
            for part in self.SECTIONS
            for item in part.show
            for name in ((item,) if isinstance(item, str) else item)
            if name in self.LABELS
        }

    @property
    def run_error(self) -> str:
        """What of the page's link cannot be set."""
        return self._link_problems

    def _show(self, changed: frozenset[str]) -> None:
        for name, made in self.compute(self.values, changed):
            if isinstance(made, str):
                self.words[name].value = made
            else:
                self.draw({name: made})
        self._share()

    def _enter(self, settings: Mapping[str, Any], problems: list[str] | None = None) -> frozenset[str]:
        """Set inputs one after the other, in their order; return what has changed.

        An input's range may follow from the ones before it. What is refused goes to ``problems``, if given.

        Raises:
            ConfigError: for a value that is refused, without ``problems``.
        """
        changed: frozenset[str] = frozenset()
        for name in filter(settings.__contains__, self.INPUTS):
            try:
                with self._muted:
                    self.knobs[name].value = self.knobs[name].checked(settings[name])  # the trait lets None pass
                changed |= self._settle(frozenset([name]))
            except ConfigError as refusal:
                if problems is None:
                    raise
                with self._muted:
                    self._put(self.values)
                problems.append(str(refusal))
        return changed

    def _settle(self, changed: frozenset[str]) -> frozenset[str]:
        """Make the inputs' values go together and take them; return ``changed`` and what else has changed."""
        with self._muted:
            values = Values((name, knob.value) for name, knob in self.knobs.items())
            agreed = self.together(values, changed)
            self._put({name: value for name, value in agreed.items() if value != values[name]})
        before, self.values = self.values, Values((name, knob.value) for name, knob in self.knobs.items())
        return changed | {name for name, value in self.values.items() if name in before and value != before[name]}

    def _put(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            knob = self.knobs[name]
            if knob.value != value:
                knob.value = value
            if knob.error:
                knob.error = ""

    def _share(self) -> None:
        """Make link and code of the values that are not the defaults."""
        panel = type(self).__name__
        changed = {name: value for name, value in self.shared(self.values).items() if value != self._defaults[name]}
        texts = {name: setting_text(value) for name, value in changed.items()}
        self.link.query = urlencode({"panel": panel} | texts) if texts else ""
        self.link.code = code_line(panel, changed)

    def _connect(self) -> None:
        for name, knob in self.knobs.items():
            knob.observe(partial(self._entered, name), "value")
        for name, button in self.examples.items():
            button.on_click(lambda _, name=name: self.on_example(name))
        for figure in self.figures.values():
            if type(self).drag is not Board.drag:
                figure.on_drag(self.on_drag)
        self.link.on_query(self.on_link)

    def _entered(self, name: str, _: object) -> None:
        if not self._muted:
            self.on_input(name)

    def _layout(self) -> Iterator[Any]:
        buttons = classed(ipywidgets.HBox([*self.examples.values(), self.link]), "lab-buttons")
        column: list[Any] = [buttons]
        sections: list[Any] = []
        for part in self.SECTIONS:
            if part.beside and sections:
                yield body(knob_column(column), sections)
                column, sections = [], []
            column += [made for group in part.beside for made in self._group(group)]
            parts = [self._side_by_side(item) for item in part.show]
            made = section(part.title, part.words, parts=parts) if part.title else _column(parts)
            sections.append(classed(made, "lab-first") if part.stays else made)
        yield body(knob_column(column), sections)

    def _group(self, group: Group) -> list[Any]:
        """Return the group's widgets, knobs in as many columns as fit."""
        parts = [self._part(name) for name in group.parts]
        knobs = [part for part in parts if isinstance(part, KnobBox)]
        inside = [*([knob_group(knobs)] if knobs else []), *(part for part in parts if part not in knobs)]
        if group.folded:
            words = [ipywidgets.HTML(f"<p>{group.words}</p>")] if group.words else []
            return [Fold(group.title, ipywidgets.VBox([*words, *inside]))]
        return [section(group.title, group.words, parts=inside)] if group.title else inside

    def _side_by_side(self, item: str | tuple[str, ...]) -> Any:
        if not isinstance(item, str):
            return grid(map(self._part, item))
        part = self._part(item)
        # One number, or a menu, is no wider here than in the column.
        return knob_group([part]) if isinstance(part, KnobBox) and not isinstance(part, NumberList) else part

    def _part(self, name: str) -> Any:
        for parts in (self.knobs, self.figures, self.words):
            if name in parts:
                return parts[name]
        return getattr(self, name)


def _column(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else classed(ipywidgets.VBox(parts), "lab-section")
