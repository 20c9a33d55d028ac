"""Texts about kept runs: a card's lines, the tables of a comparison, and the facts of one run."""

import html
import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from lab.config import DEFAULTS, KNOBS, Config
from lab.kept import KeptRun
from lab.kept.writer import default_name
from lab.record import Mark, Validation
from widgets.charts.compare import MOST, Compared
from widgets.markup.config_text import changes_text, value_text
from widgets.markup.link_text import code_of, query_of
from widgets.markup.tables import number, table
from widgets.panels.kept.selection import Opened
from widgets.run.status import STATES, duration

OUTCOMES = {state: (sign, word) for state, (sign, word, _) in STATES.items()} | {
    "running": ("▶", "Running"),
    "interrupted": ("✂", "Interrupted"),
}
"""Outcome -> symbol and word."""

_SVG_DASHES = {
    "solid": "none", "dot": "2 3", "dash": "7 5", "longdash": "12 5", "dashdot": "7 4 2 4", "longdashdot": "12 4 2 4"
}  # fmt: skip


def outcome(run: KeptRun) -> str:
    """Return the run's outcome, with a symbol."""
    sign, word = OUTCOMES.get(run.outcome, ("", run.outcome))
    return f"{sign} {word}".strip()


def when(moment: datetime, now: datetime | None = None) -> str:
    """Return a time in this machine's time zone, with the date unless it is today."""
    local, today = moment.astimezone(), (now or datetime.now().astimezone())
    clock = f"{local:%H:%M}"
    if local.date() == today.date():
        return clock
    year = f" {local.year}" if local.year != today.year else ""
    return f"{local.day} {local:%b}{year}, {clock}"


def svg_dash(line: Compared) -> str:
    """Return a chart line's dash as an SVG stroke-dasharray, for a sample 3 px wide."""
    return _SVG_DASHES.get(line.dash, line.dash.replace("px", ""))


def card(run: KeptRun, line: Compared | None) -> dict[str, Any]:
    """Return a row of RunList; ``line`` is the run's line on the charts, if it is compared."""
    figures = [f"{run.steps:,} steps"]
    if not math.isnan(run.accuracy):
        figures.append(f"accuracy {run.accuracy:.2%}")
    lines = [f"{outcome(run)} · {when(run.started)}", " · ".join(figures)]
    if default_name(run.config, run.started.astimezone()) not in run.name:
        lines.append(changes_text(run.config))
    if run.note:
        lines.append(run.note)
    return {"id": run.id, "name": run.name, "lines": lines} | (
        {"colour": line.colour, "dash": svg_dash(line)} if line else {"colour": "", "dash": "none"}
    )


def setting(name: str, config: Config, marks: Sequence[Mark]) -> str:
    """Return a knob's value in a run; the first and last value, and when it changed, if it was changed."""
    moves = [mark for mark in marks if mark.field == name]
    if not moves:
        return value_text(KNOBS[name], getattr(config, name))
    moment = f"at step {moves[0].step:,}" if len(moves) == 1 else f"in {len(moves):,} moves"
    return f"{value_text(KNOBS[name], moves[0].old)} → {value_text(KNOBS[name], moves[-1].new)} {moment}"


def differing(opened: Sequence[Opened]) -> str:
    """Return a table of only those settings that differ between the runs, or a line that none does."""
    rows = []
    for name, knob in KNOBS.items():
        values = [setting(name, one.run.config, one.record.marks) for one in opened]
        if len(set(values)) > 1:
            rows.append([knob.label, *map(html.escape, values)])
    if not rows:
        return "<p>These runs have the same settings.</p>"
    return table(["Setting", *map(head, opened)], rows, "Settings that differ")


def finals(opened: Sequence[Opened]) -> str:
    """Return a table of the runs' outcomes and final results, side by side."""
    facts: dict[str, Callable[[Opened], str]] = {
        "Outcome": lambda one: html.escape(outcome(one.run)),
        "Steps": lambda one: f"{one.run.steps:,}",
        "Validation accuracy": lambda one: _figure(one.run.accuracy, "%"),
        "Best validation accuracy": lambda one: _figure(
            max((row.accuracy for row in _right_answers(one)), default=math.nan), "%"
        ),
        "Validation loss": lambda one: _figure(one.run.valid_loss),
        "Training loss of the last batch": lambda one: _figure(one.run.loss),
        "Trained for": lambda one: _time(one.run.seconds),
        "Device": lambda one: html.escape(one.run.device or "–"),
        "Started": lambda one: html.escape(when(one.run.started)),
    }
    rows = [[name, *map(fact, opened)] for name, fact in facts.items()]
    return table(["Figure", *map(head, opened)], rows, "Final figures", numbers=True)


def _right_answers(one: Opened) -> Sequence[Validation]:
    """Return the validations whose score is an accuracy."""
    return one.record.validations if one.record.metric == "accuracy" else ()


def head(one: Opened) -> str:
    """Return a run's column heading: its name, with a sample of its line."""
    return (
        f'<svg class="lab-sample" aria-hidden="true"><line x1="0" y1="5" x2="34" y2="5" stroke-width="3" '
        f'stroke="{one.line.colour}" stroke-dasharray="{svg_dash(one.line)}"/></svg> {html.escape(one.line.name)}'
    )


def heading(opened: Sequence[Opened], any_runs: bool, served: bool) -> str:
    """Return the heading: the runs on the charts or, without a run, how to begin."""
    if not any_runs:
        lab = '<a href="training.ipynb">the training lab</a>' if served else "the training lab"
        hint = f"Start a run in {lab}: it is listed here within seconds."
        return f'<h2>Nothing to show yet</h2><p class="lab-again">{hint}</p>'
    if not opened:
        return "<h2>No run is chosen</h2><p>Choose a run in the list, or several to compare them.</p>"
    if len(opened) == 1:
        return f"<h2>{html.escape(opened[0].run.name)}</h2>"
    return (
        f"<h2>{len(opened)} runs compared</h2><p>Each run has a colour and a dash of its own. "
        "A thin dotted line in its colour marks where one of its knobs was moved. A click on its name under a chart "
        "hides it there: one that blew up leaves the others no room.</p>"
    )


def comparison(opened: Sequence[Opened]) -> str:
    """Return the tables of several runs: the settings that differ, and the outcomes."""
    return differing(opened) + finals(opened) if opened else ""


def again(config: Config, served: bool) -> str:
    """Return how to train with these settings: a link if dashboards are served, else a line of code."""
    if served:
        address = f"training.ipynb?{query}" if (query := query_of(config)) else "training.ipynb"
        return f'<p class="lab-again"><a href="{html.escape(address)}">Train again with these settings</a></p>'
    code = code_of(config).split("\n")[-1]
    return f"<p>Train again with these settings: <code>{html.escape(code)}</code></p>"


def about(one: Opened, served: bool) -> str:
    """Return one run's facts, its changed settings, and how to train with them again."""
    run = one.run
    facts = {
        "outcome": outcome(run),
        "started": when(run.started),
        "trained for": _time(run.seconds),
        "steps": f"{run.steps:,}",
        **_score(one),
        "validation loss": _figure(run.valid_loss),
        "device": run.device or "–",
    }
    line = "".join(f"<span>{name} <b>{html.escape(value)}</b></span>" for name, value in facts.items())
    error = f'<p class="lab-error">{html.escape(run.error)}</p>' if run.error else ""
    own = f"<p>{html.escape(one.record.own)}.</p>" if one.record.own else ""
    # What is not the lab's is not kept with the run: only its settings could be trained with again.
    more = own or again(run.config, served)
    return f'<div class="lab-facts">{line}</div>{error}{_own_settings(one)}{more}'


def _score(one: Opened) -> dict[str, str]:
    """Return the last validation's accuracy, or the run's own metric, by its name."""
    metric, rows = one.record.metric, one.record.validations
    if metric == "accuracy":
        return {"validation accuracy": _figure(one.run.accuracy, "%")}
    return {f"validation {html.escape(metric)}": _figure(rows[-1].accuracy if rows else math.nan)} if metric else {}


def everything(run: KeptRun) -> str:
    """Return all of a run's settings, and the versions that it ran with."""
    rows = [
        [knob.label, html.escape(value_text(KNOBS[name], getattr(run.config, name)))] for name, knob in KNOBS.items()
    ]
    rows += [[html.escape(name), html.escape(version or "–")] for name, version in run.versions.items()]
    rows += [[html.escape(name.capitalize()), html.escape(text)] for name, text in run.tags.items()]
    return table(["Setting or package", "This run"], rows)


def empty(any_runs: bool, search: str) -> str:
    """Return the text shown in place of an empty list."""
    if any_runs:
        return f"No kept run says {search.strip()!r}."
    return "No run is kept yet. Train one in the training lab: it is kept by itself."


def brought_back(runs: Sequence[KeptRun]) -> str:
    """Return the message after an Undo."""
    return f"Brought back: {'; '.join(run.name for run in runs)}." if runs else "There is nothing to bring back."


def said(text: str) -> str:
    """Return ``text`` as a line that screen readers announce."""
    return f'<span role="status">{html.escape(text)}</span>'


def ticked(runs: int, hidden: int) -> str:
    """Return the number of runs on the charts, and how many of them the list hides."""
    if not runs:
        return said(f"None ticked; up to {MOST} can be.")
    more = f", {hidden} of them not listed here" if hidden else ""
    return said(f"{runs} of up to {MOST} ticked{more}.")


def lines(texts: Sequence[str]) -> str:
    """Return one paragraph for each text."""
    return "".join(f"<p>{html.escape(text)}</p>" for text in texts)


def _own_settings(one: Opened) -> str:
    config, marks = one.run.config, one.record.marks
    moved = {mark.field for mark in marks}
    names = [name for name in KNOBS if name in config.changed() or name in moved]
    if not names:
        return "<p>All settings are the defaults.</p>"
    rows = [
        [
            KNOBS[name].label,
            html.escape(setting(name, config, marks)),
            html.escape(value_text(KNOBS[name], getattr(DEFAULTS, name))),
        ]
        for name in names
    ]
    return table(["Setting", "This run", "Default"], rows, "Settings that differ from the defaults")


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)


def _figure(value: float, unit: str = "") -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.2%}" if unit == "%" else number(value, 4)
