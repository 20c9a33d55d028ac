"""How a panel is laid out: knobs beside sections, each a heading, a word of help, menus and figures."""

from collections.abc import Iterable
from typing import Any

import ipywidgets


def classed(widget: Any, *names: str) -> Any:
    """``widget`` with these CSS classes, which panel.css knows."""
    for name in names:
        widget.add_class(name)
    return widget


def knob_group(knobs: Iterable[Any]) -> Any:
    """Knobs in as many columns as fit."""
    return classed(ipywidgets.VBox(list(knobs)), "lab-knob-group")


def knob_column(parts: Iterable[Any]) -> Any:
    """What stands left of the charts: groups of knobs, one under the other."""
    return classed(ipywidgets.VBox(list(parts)), "lab-knobs")


def section(title: str, words: str = "", *, menus: Iterable[Any] = (), parts: Iterable[Any] = ()) -> Any:
    """A heading, help (both markup), a row of menus, and ``parts`` one under the other."""
    head = ipywidgets.HTML(f"<h2>{title}</h2>" + (f"<p>{words}</p>" if words else ""))
    row = classed(ipywidgets.HBox(list(menus)), "lab-menus")
    return classed(ipywidgets.VBox([head, *([row] if row.children else []), *parts]), "lab-section")


def grid(figures: Iterable[Any]) -> Any:
    """Figures in as many columns as fit."""
    made = ipywidgets.Box(list(figures))
    return classed(made, "lab-grid", f"lab-grid-{len(made.children)}")


def body(knobs: Any, sections: Iterable[Any]) -> Any:
    """The knobs beside the sections, in sight while those scroll; above them where there is no room."""
    charts = classed(ipywidgets.VBox(list(sections)), "lab-charts")
    return classed(ipywidgets.HBox([classed(knobs, "lab-stays"), charts]), "lab-body")
