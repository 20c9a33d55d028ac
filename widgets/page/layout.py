"""Layout parts of a panel: a column of knobs beside sections with heading, help, menus and figures."""

from collections.abc import Iterable
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
    row = classed(ipywidgets.HBox(list(menus)), "lab-menus")
    return classed(ipywidgets.VBox([head, *([row] if row.children else []), *parts]), "lab-section")


def grid(figures: Iterable[Any]) -> Any:
    """Return a grid of figures, in as many columns as fit."""
    made = ipywidgets.Box(list(figures))
    return classed(made, "lab-grid", f"lab-grid-{len(made.children)}")


def body(knobs: Any, sections: Iterable[Any]) -> Any:
    """Return the knobs beside the sections, sticky while those scroll; above them on a narrow page."""
    charts = classed(ipywidgets.VBox(list(sections)), "lab-charts")
    return classed(ipywidgets.HBox([classed(knobs, "lab-stays"), charts]), "lab-body")


def show(widget: Any, shown: bool) -> None:
    """Show or hide a part of the page."""
    if shown:
        widget.remove_class("lab-folded")
    else:
        widget.add_class("lab-folded")
