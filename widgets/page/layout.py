"""Layout parts of a panel: a column of knobs beside sections with heading, help, menus and figures."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import ipywidgets


def classed(widget: Any, *names: str) -> Any:
    """Add CSS classes of panel.css to a widget, and return it."""
    for name in names:
        widget.add_class(name)
    return widget


def knob_group(knobs: Iterable[Any]) -> Any:
    """Return a grid of knobs, in as many columns as fit."""
    return classed(ipywidgets.VBox(list(knobs)), "lab-knob-group")


def knob_column(parts: Iterable[Any]) -> Any:
    """Return the column left of the charts: groups of knobs, one under the other."""
    return classed(ipywidgets.VBox(list(parts)), "lab-knobs")


def section(title: str, words: str = "", *, menus: Iterable[Any] = (), parts: Iterable[Any] = ()) -> Any:
    """Return a section: a heading, help (both markup), a row of menus, and ``parts`` one under the other."""
    head = ipywidgets.HTML(f"<h2>{title}</h2>" + (f"<p>{words}</p>" if words else ""))
    choices = list(menus)
    row = [classed(ipywidgets.HBox(choices), "lab-menus")] if choices else []
    return classed(ipywidgets.VBox([head, *row, *parts]), "lab-section")


def small_multiples(figures: Iterable[Any]) -> Any:
    """Return figures drawn small, three beside each other; each is enlarged by a click (figure/js/enlarge.js)."""
    made = ipywidgets.Box(list(figures))
    rows = math.ceil(len(made.children) / 3)
    return classed(made, "lab-multiples", f"lab-rows-{rows}", "live-figures-small")


def tabs(parts: Mapping[str, Any]) -> Any:
    """Return tabs, title -> what it shows; the first is open."""
    made = ipywidgets.Tab(children=list(parts.values()), titles=list(parts))
    return classed(made, "lab-tabs")


def grid(figures: Iterable[Any]) -> Any:
    """Return a grid of figures, in as many columns as fit."""
    made = ipywidgets.Box(list(figures))
    return classed(made, "lab-grid", f"lab-grid-{len(made.children)}")


def body(knobs: Any, sections: Iterable[Any]) -> Any:
    """Return the knobs beside the sections, sticky while those scroll; above them on a narrow page."""
    charts = classed(ipywidgets.VBox(list(sections)), "lab-charts")
    return classed(ipywidgets.HBox([classed(knobs, "lab-stays"), charts]), "lab-body")


def one_screen(knobs: Any, tabs: Any) -> Any:
    """Return the knobs beside tabs that together fit a screen; above them on a narrow page."""
    return classed(ipywidgets.HBox([classed(knobs, "lab-stays"), tabs]), "lab-body", "lab-one-screen")


def close_all(widget: Any) -> None:
    """Close ``widget`` and its parts: children, layouts, styles, and widgets in its attributes.

    ipywidgets keeps every widget in a registry, and with it everything its callbacks refer to, until it is closed.
    """
    found: dict[int, Any] = {}  # widgets, and the lists and dicts that hold them
    waiting = [widget]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, ipywidgets.Widget | dict | list | tuple) or id(one) in found:
            continue
        found[id(one)] = one
        if isinstance(one, ipywidgets.Widget):
            waiting += [getattr(one, name) for name in one.keys if name in ("children", "layout", "style")]
            waiting += [value for name, value in vars(one).items() if name != "_trait_values"]
        else:
            waiting += one.values() if isinstance(one, dict) else one
    for one in found.values():
        if isinstance(one, ipywidgets.Widget):
            ipywidgets.Widget.close(one)


def show(widget: Any, shown: bool) -> None:
    """Show or hide a part of the page."""
    if shown:
        widget.remove_class("lab-folded")
    else:
        widget.add_class("lab-folded")
