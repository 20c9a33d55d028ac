"""``python -m benchmarks.challenges``: write docs/challenge.md from what is stored of the challenges' recipes."""

import sys

from benchmarks import report
from lab.experiments.board import Boards
from lab.experiments.challenges import CHALLENGES, Challenge
from lab.experiments.results import MEASURED, load

NAME = "challenges"


def section(one: Challenge) -> str:
    """A challenge's rule, par lines, and recipes; how these are made stands in lab/experiments/challenges.py."""
    rows = [(f"par: {par.label}", one.text(par.value), "-", "-", par.source) for par in one.pars]
    for entry in Boards(None, MEASURED).standing(one).entries:
        n = len(entry.values)
        mean, std = entry.accuracy
        value = one.text(entry.value) + (f" ± {entry.std:.2g}" if entry.std > 0 else "")
        rows.append((entry.name, value, str(n), f"{mean:.4f}" + (f" ± {std:.2g}" if std > 0 else ""), entry.note))
    head = ("", one.label, "n", "validation accuracy", "")
    stored = load(MEASURED / f"{one.id}.json")
    where = dict.fromkeys(report.circumstances(result.machine) for result in stored)
    return "\n\n".join([f"## {one.title}", f"{one.question} (`{one.id}`) {one.rule}",
                        report.table(head, rows, numbers=(1, 2, 3)), *where])  # fmt: skip


def page() -> str:
    """What docs/challenge.md has between its marks."""
    return "\n\n".join(section(one) for one in CHALLENGES)


def main() -> int:
    """The exit status, 0."""
    report.publish("challenge.md", NAME, page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
