"""``python -m benchmarks.lesson``: does the lab reproduce the lesson? Every run of the course, several seeds each.

A run that was done is kept, with its settings, in results/lesson.json: stop it whenever you like,
and the same command goes on. Untimed, so the machine may do other work.
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks import report
from benchmarks.targets import ROWS, Cell, Row
from lab.session import Session

NAME = "lesson"
SEEDS = 5

STUDENT_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""The .975 quantile of Student's t for 1, 2, … degrees of freedom."""

ONE_CLASS = 0.12
"""No class has a larger share of the validation images: a net that is not better says one digit of every picture."""

STEPS_PER_IMAGE = 0.03
"""What an image costs, in steps of no image, roughly: for the time left."""


def one_run(row: Row, seed: int) -> dict[str, Any]:
    """Train ``row`` with ``seed`` to its end.

    Raises:
        RuntimeError: when the run failed.
    """
    session = Session(row.config(seed))
    session.start()
    try:
        # A plain wait() would hold an interrupt back until the end.
        while not session.wait(0.5):
            pass
        if session.state == "failed":
            raise RuntimeError(f"{row.id}, seed {seed}: {session.error}")
        last = session.since(-1).validations[-1]
        figures = [last.train_loss, last.train_accuracy, last.loss, last.accuracy]
        if session.state == "diverged":
            figures[:2] = [math.nan, math.nan]
    finally:
        session.close()
    # JSON knows no nan.
    return {
        "id": row.id,
        "seed": seed,
        "knobs": settings(row, seed),
        "state": session.state,
        "figures": [None if math.isnan(figure) else round(figure, 6) for figure in figures],
    }


def settings(row: Row, seed: int) -> dict[str, Any]:
    """The run's Config as JSON gives it back: a run that was kept under others is done again."""
    return row.config(seed).to_dict()


def kept(runs: Iterable[dict[str, Any]], row: Row, seed: int) -> dict[str, Any] | None:
    """The run of ``row`` with ``seed`` among ``runs``, if it was done with the same settings."""
    return next((run for run in runs if run["id"] == row.id and run["knobs"] == settings(row, seed)), None)


def cells(runs: Iterable[dict[str, Any]], row: Row) -> list[Cell]:
    """The figures of every run of ``row``, by seed."""
    mine = sorted((run for run in runs if run["id"] == row.id), key=lambda run: int(run["seed"]))
    return [Cell(*(math.nan if figure is None else figure for figure in run["figures"])) for run in mine]


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


def learned(ours: Iterable[Cell]) -> list[Cell]:
    """Those that did not become nan or fall silent."""
    return [cell for cell in ours if cell.accuracy > ONE_CLASS and not math.isnan(cell.train_loss)]


def verdict(row: Row, ours: Sequence[Cell]) -> str:
    """Whether the course's recordings could be runs of ours that learned, by validation accuracy."""
    if math.isnan(row.a.train_loss):
        return f"nan in {sum(math.isnan(cell.train_loss) for cell in ours)} of {len(ours)}"
    alive = learned(ours)
    if len(alive) < 2:
        return "no verdict on one run"
    low, high = prediction_interval([cell.accuracy for cell in alive])
    outside = [
        name for name, cell in zip("AB", row.recordings, strict=False) if not low <= round(cell.accuracy, 4) <= high
    ]
    where = f"{' and '.join(outside)} outside" if outside else "inside"
    return f"{where} {max(low, 0):.3f} to {min(high, 1):.3f}"


def show_cell(cell: Cell | None) -> str:
    """As the course prints it: train loss/accuracy → valid loss/accuracy."""
    return "-" if cell is None else " → ".join(f"{loss:.4g}/{accuracy:.4f}" for loss, accuracy in (cell[:2], cell[2:]))


def show_ours(ours: Sequence[Cell]) -> str:
    """Mean ± standard deviation (n - 1) of each figure over the runs that have it."""
    shown = []
    for figure, digits in zip(zip(*ours, strict=True), (3, 4, 3, 4), strict=True):
        finite = [value for value in figure if math.isfinite(value)]
        mean = f"{statistics.mean(finite):.{digits}f}" if finite else "nan"
        shown.append(mean + (f"±{statistics.stdev(finite):.{digits}f}" if len(finite) > 1 else ""))
    return f"{shown[0]}/{shown[1]} → {shown[2]}/**{shown[3]}**"


def as_table(runs: list[dict[str, Any]]) -> str:
    """Every row that has runs, beside the course's."""
    lines = []
    for row in ROWS:
        if ours := cells(runs, row):
            seeds = " ".join(f"{cell.accuracy:.4f}"[1:] for cell in ours)
            lines.append(
                (f"{row.id}: {row.what}", show_cell(row.a), show_cell(row.b), show_ours(learned(ours) or ours),
                 f"{len(learned(ours))} of {len(ours)}", seeds, verdict(row, ours))
            )  # fmt: skip
    head = ("run", "A", "B", "ours, mean ± std", "learned", "validation accuracy of each seed", "verdict")
    return report.table(head, lines, numbers=(4,))


class Bar:
    """One line on stderr: how far all runs are, and the time left."""

    def __init__(self, work: float) -> None:
        self.work, self.done, self.began = work, 0.0, time.perf_counter()

    def show(self, text: str) -> None:
        share = self.done / self.work if self.work else 1.0
        spent = time.perf_counter() - self.began
        left = f"{spent / share * (1 - share) / 60:.0f} min left" if share else "…"
        print(f"\r\x1b[K[{'=' * int(30 * share):30}] {share:4.0%}  {left}  {text}", end="", file=sys.stderr, flush=True)


def work(row: Row) -> float:
    """What a run of ``row`` costs, in steps."""
    config = row.config(0)
    return config.epochs * config.size * (1 / config.batch_size + STEPS_PER_IMAGE)


def run_all(rows: Sequence[Row], seeds: int, again: bool = False) -> list[dict[str, Any]]:
    """Do what is not done yet (or all of it ``again``), seed by seed, keeping each as it ends; all that are kept."""
    runs: list[dict[str, Any]] = (report.load(NAME) or {"runs": []})["runs"]
    # What was kept under other settings is no run of this row any more.
    by_id = {row.id: row for row in ROWS}
    runs = [run for run in runs if run["id"] in by_id and kept([run], by_id[run["id"]], run["seed"])]
    todo = [(row, seed) for seed in range(seeds) for row in rows if again or kept(runs, row, seed) is None]
    bar = Bar(sum(work(row) for row, _ in todo))
    for row, seed in todo:
        bar.show(f"{row.id}, seed {seed}")
        run = one_run(row, seed)
        runs = [old for old in runs if (old["id"], old["seed"]) != (row.id, seed)] + [run]
        bar.done += work(row)
        report.save(NAME, {"machine": report.machine("numba"), "runs": runs})
    bar.show("done\n")
    return runs


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, or 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lesson", description=__doc__)
    names = [row.id for row in ROWS]
    parser.add_argument("--ids", nargs="+", choices=names, default=names, metavar="ID", help=", ".join(names))
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"runs of each, from seed 0 (default {SEEDS})")
    parser.add_argument("--again", action="store_true", help="do them even if they are done")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds must be at least 1, got {options.seeds}")
    try:
        runs = run_all([row for row in ROWS if row.id in options.ids], options.seeds, options.again)
    except KeyboardInterrupt:
        print("\nstopped: what is done is kept, the same command goes on", file=sys.stderr)
        return 130
    kept_on = report.load(NAME)
    if kept_on is not None:
        text = as_table(runs) + "\n\n" + report.circumstances(kept_on["machine"])
        report.publish("lesson.md", NAME, text)
        print(as_table([run for run in runs if run["id"] in options.ids]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
