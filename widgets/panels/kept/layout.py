"""The parts of the kept runs' page that come and go."""

from collections.abc import Mapping, Sequence
from typing import Any

from widgets.panels.kept.selection import Opened
from widgets.run.figures import OUTPUTS


def arrange(
    sections: Mapping[str, Any], scrub: Any, figures: Mapping[str, Any], opened: Sequence[Opened]
) -> dict[str, Any]:
    """Show what the chosen runs have of the page; those of ``figures`` that then stand on it.

    Several runs have no answers: bars of each on three pictures say less than their charts. Their histograms have the
    whole width, one under the other.
    """
    one = opened[0] if len(opened) == 1 else None
    show(scrub, one is not None)
    layers = sections["mean"]
    (layers.add_class if len(opened) > 1 else layers.remove_class)("lab-last-wide")
    answers = one is not None and one.record.outputs is not None
    for name, part in sections.items():
        show(part, bool(opened) and (answers or name not in OUTPUTS))
    return {name: figure for name, figure in figures.items() if answers or name not in OUTPUTS}


def show(widget: Any, shown: bool) -> None:
    """Show or hide a part of the page."""
    if shown:
        widget.remove_class("lab-folded")
    else:
        widget.add_class("lab-folded")
