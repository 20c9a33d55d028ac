"""``python -m benchmarks.lesson``: does the lab reproduce the lesson? Every run of the course, several seeds each.

The runs are those of :data:`lab.experiments.lesson.LESSON`. One that was done is stored, with its settings, in
results/lesson.json: stop it whenever you like, and the same command goes on. Untimed, so the machine may do other work.
"""

import argparse
import dataclasses
import math
import statistics
import sys
from collections.abc import Iterable, Sequence

from benchmarks import report
from lab.experiments.__main__ import follow
from lab.experiments.experiment import Experiment, Recorded, Variant, plan
from lab.experiments.judge import of_variant
from lab.experiments.lesson import LESSON
from lab.experiments.measures import ONE_CLASS
from lab.experiments.queue import Queue, cores
from lab.experiments.results import Result, load, matching
from lab.experiments.trainers import ChildTrainer

NAME = "lesson"
FIGURES = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")

STUDENT_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""The .975 quantile of Student's t for 1, 2, … degrees of freedom."""


def figures(result: Result) -> Recorded:
    """A run's figures as the course prints them."""
    return Recorded(*(result.figures[name] for name in FIGURES))


def prediction_interval(values: Sequence[float]) -> tuple[float, float]:
    """Where one more run lies with 95 % probability, if runs are normally distributed: mean ± t·s·sqrt(1 + 1/n).

    Raises:
        ValueError: for fewer than two values, which have no spread.
    """
    n = len(values)
    if n < 2:
        raise ValueError(f"a spread needs at least 2 runs, got {n}")
    t = STUDENT_T[n - 2] if n - 2 < len(STUDENT_T) else 2.2
    half = t * statistics.stdev(values) * math.sqrt(1 + 1 / n)
    return statistics.mean(values) - half, statistics.mean(values) + half


def learned(ours: Iterable[Recorded]) -> list[Recorded]:
    """Those that did not become nan or fall silent."""
    return [cell for cell in ours if cell.accuracy > ONE_CLASS and not math.isnan(cell.train_loss)]


def verdict(variant: Variant, ours: Sequence[Recorded]) -> str:
    """Whether the course's recordings could be runs of ours that learned, by validation accuracy."""
    if math.isnan(variant.recorded[0].train_loss):
        return f"nan in {sum(math.isnan(cell.train_loss) for cell in ours)} of {len(ours)}"
    alive = learned(ours)
    if len(alive) < 2:
        return "no verdict on one run"
    low, high = prediction_interval([cell.accuracy for cell in alive])
    outside = [
        name for name, cell in zip("AB", variant.recorded, strict=False) if not low <= round(cell.accuracy, 4) <= high
    ]
    where = f"{' and '.join(outside)} outside" if outside else "inside"
    return f"{where} {max(low, 0):.3f} to {min(high, 1):.3f}"


def show_cell(cell: Recorded | None) -> str:
    """As the course prints it: train loss/accuracy → valid loss/accuracy."""
    return "-" if cell is None else " → ".join(f"{loss:.4g}/{accuracy:.4f}" for loss, accuracy in (cell[:2], cell[2:]))


def show_ours(ours: Sequence[Recorded]) -> str:
    """Mean ± standard deviation (n - 1) of each figure over the runs that have it."""
    shown = []
    for figure, digits in zip(zip(*ours, strict=True), (3, 4, 3, 4), strict=True):
        finite = [value for value in figure if math.isfinite(value)]
        mean = f"{statistics.mean(finite):.{digits}f}" if finite else "nan"
        shown.append(mean + (f"±{statistics.stdev(finite):.{digits}f}" if len(finite) > 1 else ""))
    return f"{shown[0]}/{shown[1]} → {shown[2]}/**{shown[3]}**"


def current(results: Sequence[Result], lesson: Experiment) -> dict[tuple[str, int], Result]:
    """(variant, seed) -> result: what was stored under other settings than today's is no run of the lesson any more."""
    seeds = sorted({result.config.seed for result in results})
    return matching(results, plan(lesson, seeds)) if seeds else {}


def as_table(results: Sequence[Result], lesson: Experiment | None = None) -> str:
    """Every run of ``lesson`` (the lesson's by default) that has results, beside the course's."""
    lesson = lesson or LESSON
    found = current(results, lesson)
    lines = []
    for variant in lesson.variants:
        if ours := [figures(result) for result in of_variant(found, variant.name).values()]:
            each = " ".join(f"{cell.accuracy:.4f}"[1:] for cell in ours)
            a, b = (*variant.recorded, None)[:2]
            lines.append(
                (f"{variant.name}: {variant.words}", show_cell(a), show_cell(b), show_ours(learned(ours) or ours),
                 f"{len(learned(ours))} of {len(ours)}", each, verdict(variant, ours))
            )  # fmt: skip
    head = ("run", "A", "B", "ours, mean ± std", "learned", "validation accuracy of each seed", "verdict")
    return report.table(head, lines, numbers=(4,))


def page(results: Sequence[Result]) -> str:
    """What docs/lesson.md has between its marks: the table, and what it was measured on."""
    used = current(results, LESSON).values()
    machines = [dict(pairs) for pairs in dict.fromkeys(tuple(result.machine.items()) for result in used)]
    return as_table(results) + "\n\n" + "\n".join(map(report.circumstances, machines))


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, 1 when a run failed, or 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lesson", description=__doc__)
    names = [variant.name for variant in LESSON.variants]
    default = LESSON.seeds
    parser.add_argument("--ids", nargs="+", choices=names, default=names, metavar="ID", help=", ".join(names))
    parser.add_argument("--seeds", type=int, default=default, help=f"runs of each, from seed 0 (default {default})")
    parser.add_argument("--again", action="store_true", help="do them even if they are done")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds must be at least 1, got {options.seeds}")
    path = report.RESULTS / f"{NAME}.json"
    chosen = dataclasses.replace(LESSON, variants=tuple(map(LESSON.variant, options.ids)))
    known = [] if options.again else load(path)
    queue = Queue(chosen, options.seeds, known=known, at_once=cores(), make_trainer=ChildTrainer)
    whole = follow(queue, sys.stderr, not sys.stderr.isatty(), [path])
    if queue.error:
        print(queue.error, file=sys.stderr)
    if not whole:
        print("stopped: what is done is kept, the same command goes on", file=sys.stderr)
        return 130
    report.publish("lesson.md", NAME, page(load(path)))
    print(as_table(list(queue.results.values())))
    return 1 if queue.failures else 0


if __name__ == "__main__":
    sys.exit(main())
