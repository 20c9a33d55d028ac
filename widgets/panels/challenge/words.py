"""A challenge's texts as markup: its rule, a board's rows, and what an entry is."""

import html

from lab.config import Config
from lab.experiments.board import Entry
from lab.experiments.challenges import Challenge, Par
from widgets.markup.config_text import changes_text
from widgets.markup.link_text import code_of, query_of
from widgets.markup.tables import table

TRAIN_HERE = "Every run is kept by itself, and one that counts comes onto the board: train one in "


def escape(text: str) -> str:
    """Return plain text as markup."""
    return html.escape(text, quote=False)


def rule(one: Challenge, served: bool) -> str:
    """Return the question, the rule, and how to take part."""
    lab = '<a href="training.ipynb">the training lab</a>' if served else "the training lab"
    return (
        f"<h2>{escape(one.title)}</h2><p class='lab-asked'>{escape(one.question)}</p>"
        f"<p>{escape(one.rule)}</p><p>{TRAIN_HERE}{lab}, then press <b>Look again</b>. Settings are ranked by the mean "
        "over the seeds that were run with them.</p>"
    )


def par(one: Challenge, par: Par) -> str:
    """Return a par line of the board."""
    name = f"<b>par: {escape(par.label)}</b><span class='lab-source'>{escape(par.source)}</span>"
    return _row("–", name, one.text(par.value))


def entry(one: Challenge, entry: Entry) -> str:
    """Return an entry's row; how it is made it does not say."""
    note = f"<span>{escape(entry.note)}</span>" if entry.note else ""
    elsewhere = "" if entry.place else f"<span class='lab-source'>not ranked: {escape(entry.machine)}</span>"
    name = f"<b>{escape(entry.name)}</b>{note}{elsewhere}"
    return _row(f"{entry.place}." if entry.place else "–", name, value(one, entry))


def value(one: Challenge, entry: Entry) -> str:
    """Return an entry's mean, how it spreads, and how many seeds it has, as markup."""
    n = f"n = {len(entry.values)}"
    spread = f"± {entry.std:.2g}, " if entry.std > 0 else ""
    return f"{one.text(entry.value)}<span class='lab-source'>{spread}{n}</span>"


def _row(place: str, name: str, figure: str) -> str:
    return (
        f"<div class='lab-board-row'><span>{place}</span><span class='lab-board-name'>{name}</span>"
        f"<span class='lab-board-value'>{figure}</span></div>"
    )


def rest(one: Challenge, more: int, short: int) -> str:
    """Return what the board leaves out; empty if nothing."""
    said = []
    if more:
        said.append(f"{more:,} more are not listed.")
    if short:
        settings = "1 setting" if short == 1 else f"{short:,} settings"
        said.append(f"{settings} of your kept runs would count, and fall short of what is asked.")
    return f"<p>{' '.join(said)}</p>" if said else ""


def opened(one: Challenge, entry: Entry) -> str:
    """Return the facts of the entry that is opened; its settings stand with the code."""
    source = "It comes with the lab." if not entry.run else "It is a run of yours: its charts are in Kept runs."
    note = f"<p>{escape(entry.note)}</p>" if entry.note else ""
    each = zip(entry.seeds, entry.values, entry.accuracies, strict=True)
    columns = 2 if entry.values == entry.accuracies else 3
    rows = [(f"seed {seed}", escape(one.text(value)), f"{accuracy:.4f}")[:columns] for seed, value, accuracy in each]
    head = ("", escape(one.label), "validation accuracy")[:columns]
    return (
        f"<h2>{escape(entry.name)}</h2>{note}{table(head, rows, numbers=True)}"
        f"<p>Validation accuracy, mean: {entry.accuracy[0]:.4f}. Measured on {escape(entry.machine)}. {source}</p>"
    )


def settings(config: Config, served: bool) -> str:
    """Return an entry's settings, and how to run it again."""
    if served:
        address = html.escape(f"training.ipynb?{query_of(config)}")
        again = f'<p><a href="{address}" target="_blank">Replay in the training lab</a></p>'
    else:
        again = f"<p>Replay: </p>{code(code_of(config))}"
    return f"<p>{escape(changes_text(config))}</p>{again}"


def code(text: str) -> str:
    """Return program text, to be read and copied."""
    return f'<pre class="lab-code" tabindex="0"><code>{html.escape(text)}</code></pre>'
