"""An experiment's texts as markup: the question, what a prediction was worth, verdicts, figures, and why."""

import html
import math
from collections.abc import Iterable, Mapping, Sequence

from lab.config import KNOBS, Config
from lab.experiments.answers import Feedback
from lab.experiments.experiment import Experiment, Variant
from lab.experiments.judge import Results, Verdict, learned, of_variant, spread
from lab.experiments.measures import MEASURES, ONE_CLASS
from lab.plain_code import NORM_CLASSES, reference_source
from widgets.markup.link_text import code_of
from widgets.markup.tables import number, table

SECTIONS = {
    "predict": ("1. What do you expect?", ""),
    "run": ("2. Run it", ""),
    "compare": ("3. Compare", ""),
    "why": ("4. Why?", ""),
}
"""Section -> heading and help."""


def escape(text: str) -> str:
    """Return plain text as markup."""
    return html.escape(text, quote=False)


def question(experiment: Experiment) -> str:
    """Return the question, its setting and where it comes from."""
    return (
        f"<h2>{escape(experiment.title)}</h2><p class='lab-asked'>{escape(experiment.question)}</p>"
        f"<p>{escape(experiment.setting)}</p><p class='lab-source'>From: {escape(experiment.source)}</p>"
    )


def notice(text: str) -> str:
    """Return the sentence above a chart."""
    return f"<p class='lab-notice'>{escape(text)}</p>"


def prediction(said: Feedback) -> str:
    """Return what a prediction was worth."""
    sign = {True: "✔ ", False: "✘ ", None: ""}[said.close]
    return f"<p class='lab-said' role='status'>{sign}{escape(said.words)}</p>"


def length(experiment: Experiment, quick: bool) -> str:
    """Return how quick runs are shorter than the question's; empty for whole ones."""
    if not quick:
        return ""
    short = (f"{KNOBS[name].label.lower()} {KNOBS[name].text(value)}" for name, value in experiment.quick.items())
    return f"<p>Quick runs are shorter than the question says: {escape(', '.join(short))}.</p>"


def about_whole_runs(quick: bool) -> str:
    """Return a note that the explanation is about the whole runs; empty where those are shown."""
    return "<p>About the whole runs; quick ones may end otherwise.</p>" if quick else ""


def verdicts(here: Sequence[Verdict], measured: Sequence[Verdict], quick: bool) -> str:
    """Return a table of the checks: what the runs here say, and what was measured before.

    A quick run may be too short for what should hold: that is no failure.
    """
    rows = [
        (f"{escape(one.check.text)}", _verdict(one, quick), _verdict(before))
        for one, before in zip(here, measured, strict=True)
    ]
    yours = "your quick runs" if quick else "your runs"
    return table(("What should hold", yours, "measured before (whole runs)"), rows) if rows else ""


def _verdict(verdict: Verdict, quick: bool = False) -> str:
    if not verdict.n:
        return "–"
    if quick and not verdict.holds:
        return f"not in these short runs: {verdict.met} of {verdict.n} seeds"
    sign = "✔" if verdict.holds else "✘"
    word = "holds" if verdict.holds else "does not hold"
    return f"{sign} {word}: {verdict.met} of {verdict.n} seeds"


def figures(experiment: Experiment, measure: str, here: Results, measured: Results) -> str:
    """Return a table of a measure by variant: here, measured before, and as the course stored it."""
    rows = []
    for variant in experiment.variants:
        course = [getattr(run, COURSE[measure]) for run in variant.recorded] if measure in COURSE else []
        rows.append(
            (
                escape(variant.name),
                _spread(here, variant.name, measure),
                _spread(measured, variant.name, measure),
                ", ".join(number(value) for value in course) or "–",
            )
        )
    head = ("", "your runs", "measured before", "the course")
    label = MEASURES[measure].label
    learns = f"learned: more than {ONE_CLASS:.0%} right, which one answer to all pictures may have, and not diverged"
    return table(head, rows, f"{label[0].upper()}{label[1:]}: median (10 % to 90 %) over n seeds") + f"<p>{learns}.</p>"


COURSE = {
    "valid_accuracy": "accuracy", "valid_loss": "loss", "train_accuracy": "train_accuracy", "train_loss": "train_loss",
}  # fmt: skip
"""Measure -> field of the course's stored figures."""


def _spread(results: Results, variant: str, measure: str) -> str:
    mine = of_variant(results, variant)
    values = [result.figures.get(measure, math.nan) for result in mine.values()]
    spreads = spread(values)
    if not mine:
        return "–"
    k, n = learned(results, variant)
    tail = f"learned {k} of {n}" if n > 1 else ("learned" if k else "did not learn")
    if not spreads.n:
        return tail
    band = f" ({number(spreads.low)} to {number(spreads.high)})" if spreads.n > 1 else ""
    return f"{number(spreads.median)}{band}, n = {spreads.n}; {tail}"


def machine(results: Results) -> str:
    """Return where and when results were measured."""
    machines = {tuple(sorted(result.machine.items())) for result in results.values() if result.machine}
    said = []
    for one in sorted(machines)[:2]:
        parts = dict(one)
        said.append(f"{parts.get('device', '')}, torch {parts.get('torch', '?')}, {parts.get('date', '')}".strip(", "))
    return f"<p>Measured before on: {escape('; '.join(said))}.</p>" if said else ""


def why(experiment: Experiment) -> str:
    """Return the explanation."""
    return f"<p class='lab-why'>{escape(experiment.explain)}</p>" if experiment.explain else ""


def parts_code(experiment: Experiment) -> str:
    """Return the source of what the experiment names, and of the parts in which the variants differ.

    It is that of the readable reference.
    """
    differing = (name for variant in experiment.variants for name in _parts(experiment, variant))
    names = dict.fromkeys([*experiment.code, *differing])
    return "".join(f"<h3>{name}</h3>{code(reference_source(name))}" for name in names)


def _parts(experiment: Experiment, variant: Variant) -> Iterable[str]:
    config = experiment.config(variant, 0)
    differs = {name for each in experiment.variants for name in each.changes}
    if "norm" in differs or "norm_eps" in differs:
        yield from filter(None, [{**NORM_CLASSES, "torch_batch": "BatchNorm", "group": "GroupNorm"}.get(config.norm)])
    if differs & {"leak", "sub", "maxv"} and (config.leak or config.sub or config.maxv):
        yield "GeneralRelu"
    if "init" in differs and (kind := INIT_FUNCTIONS.get(config.init)):
        yield kind
    if differs & {"optimizer", "weight_decay", "momentum"}:
        yield OPTIMIZER_CLASSES[config.optimizer]


OPTIMIZER_CLASSES = {"sgd": "SGD", "rmsprop": "RMSProp", "adam": "Adam", "adamw": "AdamW"}
"""Config's optimisers -> class of the reference."""

INIT_FUNCTIONS = {name: name for name in ("kaiming_normal", "kaiming_uniform", "lsuv", "lsuv_paper", "lsuv_notebook")}
"""Config's inits -> function of the reference."""


def code(text: str) -> str:
    """Return program text, to be read and copied."""
    return f'<pre class="lab-code" tabindex="0"><code>{html.escape(text)}</code></pre>'


def knobs_link(config: Config, served: bool) -> str:
    """Return a link that opens the training lab with these settings; in a notebook, the line of code."""
    if served:
        query = html.escape(config.to_query())
        return f'<a href="training.ipynb?{query}" target="_blank">Turn the knobs yourself</a>'
    return code(code_of(config))


def card(experiment: Experiment, minutes: Mapping[bool, str]) -> str:
    """Return an experiment in a list of them: its question and how long it takes."""
    return (
        f"<h3>{escape(experiment.title)}</h3><p>{escape(experiment.question)}</p>"
        f"<p class='lab-source'>quick: {minutes[True]} · whole: {minutes[False]} a seed</p>"
    )
