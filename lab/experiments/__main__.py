"""``python -m lab.experiments``: the lessons' questions without a screen.

``list`` names them, ``run ID`` trains what is missing and judges, ``judge ID`` judges what is there.
``challenge [ID]`` prints the boards of the challenges.
"""

import argparse
import logging
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from lab.experiments.board import Boards, Entry, Standing
from lab.experiments.challenges import CHALLENGES, Challenge, challenge
from lab.experiments.experiment import Experiment, ExperimentError, plan
from lab.experiments.judge import Results, judge, learned, of_variant, spread
from lab.experiments.measures import MEASURES
from lab.experiments.queue import Kept, Queue, cores, kept_result
from lab.experiments.registry import experiment, experiments
from lab.experiments.results import MEASURED, Result, ResultsError, load, matching, save
from lab.experiments.trainers import ChildTrainer
from lab.kept import KeptError, Library

LOOK_SECONDS = 0.2
MOST_SEEDS = 1000


def make_parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(prog="python -m lab.experiments", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name every question")
    run = commands.add_parser("run", help="train what is missing of one question, and judge it")
    judged = commands.add_parser("judge", help="judge the runs of one question that are there")
    for command in (run, judged):
        command.add_argument("id", metavar="ID", help="of the question, as list names it")
        command.add_argument("--quick", action="store_true", help="the short form: fewer images")
    board = commands.add_parser("challenge", help="print the board of a challenge, or of each")
    ids = ", ".join(one.id for one in CHALLENGES)
    board.add_argument("id", metavar="ID", nargs="?", help=f"of the challenge: {ids}")
    measure = "train what is missing of the recipes of challenge ID, into lab/experiments/measured/ID.json"
    board.add_argument("--measure", action="store_true", help=measure)
    for command in (run, board):
        command.add_argument("--seeds", type=_seeds, help="runs of each setting, from seed 0 (default: the question's)")
        command.add_argument(
            "--at-once", type=_at_once, default=cores(), help="processes (default: one a core, %(default)s)"
        )
        command.add_argument("--quiet", action="store_true", help="no progress bar")
    store = "write the figures to lab/experiments/measured/ID.json too, and take those that are there as done"
    run.add_argument("--store", action="store_true", help=store)
    more = "a file of such figures to take as done where the settings are equal"
    run.add_argument("--known", type=Path, action="append", default=[], metavar="FILE", help=more)
    return parser


def _seeds(text: str) -> int:
    return _number(text, MOST_SEEDS)


def _at_once(text: str) -> int:
    return _number(text, 256)


def _number(text: str, most: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {most}; got {text!r}")
    return int(text)


def listed() -> str:
    """Return a line for each question: its id, how many runs and steps it takes, and the question."""
    lines = []
    for id, one in experiments().items():
        steps = sum(run.config.steps() for run in plan(one, 1))
        lines.append(f"{id:15} {len(one.variants):2} settings, {steps:7,} steps a seed  {one.question}")
    return "\n".join(lines)


def report(one: Experiment, results: Results, quick: bool = False) -> str:
    """Return what the runs show: each setting's accuracy over the seeds, and a verdict on each check."""
    width = max(len(variant.name) for variant in one.variants)
    lines = [f"{'':{width}}  validation accuracy: median, 10 % to 90 % of the seeds, mean ± std; learned"]
    for variant in one.variants:
        mine = of_variant(results, variant.name)
        if not mine:
            lines.append(f"{variant.name:{width}}  –")
            continue
        it = spread([result.figures["valid_accuracy"] for result in mine.values()])
        k, n = learned(results, variant.name)
        mean = f"{it.mean:.3f}" + (f" ± {it.std:.3f}" if n > 1 else "")
        lines.append(f"{variant.name:{width}}  {it.median:.3f}, {it.low:.3f} to {it.high:.3f}, {mean}; {k} of {n}")
    lines.append("")
    for verdict in judge(one, results, quick):
        values = ", ".join(f"{value:.4g}" for value in verdict.values.values())
        lines.append(f"{verdict.words} {MEASURES[verdict.check.measure].label}: {values or '–'}")
    return "\n".join(lines)


def bar(queue: Queue, width: int = 30) -> str:
    """Return the progress bar with the time left and what trains now, in one line."""
    progress = queue.progress
    share = progress.step / progress.steps if progress.steps else 1.0
    filled = "=" * int(share * width)
    left = f"{progress.remaining:.0f} s" if progress.remaining < 100 else f"{progress.remaining / 60:.0f} min"
    now = "; ".join(f"{variant}, seed {seed}" for variant, seed in queue.running)
    return f"[{filled:{width}}] {share:4.0%}  {left + ' left' if progress.remaining else '…'}  {now}"


def follow(queue: Queue, out: TextIO, quiet: bool, files: Sequence[Path] = ()) -> bool:
    """Run ``queue`` to its end, with a bar on ``out``; return whether it was not interrupted.

    Args:
        files: files to which results are added as they come.

    Raises:
        ResultsError: one cannot be written; the queue is then closed, and what was kept is kept.
    """
    written = 0

    def write() -> None:
        nonlocal written
        if len(results := queue.results) != written:
            written = len(results)
            for file in files:
                add_results(file, results.values())

    queue.start()
    whole = True
    try:
        while not queue.wait(LOOK_SECONDS):
            write()
            if not quiet:
                print("\r\x1b[K" + bar(queue)[:150], end="", file=out, flush=True)
    except KeyboardInterrupt:
        whole = False
        if not quiet:
            print("\r\x1b[Kstopping: what trains now is written first …", end="", file=out, flush=True)
    finally:
        queue.close()
        if not quiet:
            print("\r\x1b[K", end="", file=out, flush=True)
    write()
    return whole


def add_results(path: Path, results: Iterable[Result]) -> None:
    """Put ``results`` into the file at ``path``, in place of those with equal settings.

    Raises:
        ResultsError: it cannot be read or written.
    """
    new = {result.config: result for result in results}
    old = [result for result in load(path) if result.config not in new]
    every = sorted([*old, *new.values()], key=lambda result: result.config.seed)
    save(path, every)


def run(options: argparse.Namespace, library: Library, measured: Path) -> int:
    """Train what is missing, and print the verdicts; return the exit status."""
    one = experiment(options.id)
    path = measured / f"{one.id}.json"
    files = [*options.known, *([path] if options.store else [])]
    known = [result for file in files for result in load(file)]
    queue = Queue(
        one, options.seeds, options.quick, library=library, known=known, at_once=options.at_once,
        make_trainer=ChildTrainer,
    )  # fmt: skip
    print(f"{one.question}\n{one.setting}\n", flush=True)
    began = time.perf_counter()
    whole = follow(queue, sys.stderr, options.quiet or not sys.stderr.isatty(), [path] if options.store else ())
    trained = len(queue.results) - queue.reused
    print(report(one, queue.results, options.quick))
    took = f"{trained} runs in {time.perf_counter() - began:.0f} s, {queue.reused} taken from before"
    print(f"\n{took}; kept in {library.folder}")
    for text in filter(None, [*queue.notices, queue.error]):
        print(text, file=sys.stderr)
    if not whole:
        print("stopped: what is done is kept, the same command goes on", file=sys.stderr)
        return 130
    return 1 if queue.failures else 0


def gather(one: Experiment, quick: bool, library: Library, measured: Path) -> tuple[dict[tuple[str, int], Result], str]:
    """Return the results that there are, kept runs first, and where they come from in words.

    Raises:
        KeptError, ResultsError: they cannot be read.
    """
    kept = Kept(library)
    here: dict[tuple[str, int], Result] = {}
    for variant in one.variants:
        for seed in kept.seeds(one.config(variant, 0, quick)):
            if found := kept.find(one.config(variant, seed, quick)):
                here[variant.name, seed] = kept_result(*found)
    if here:
        return here, f"runs kept in {library.folder}"
    stored = load(measured / f"{one.id}.json")
    seeds = sorted({result.config.seed for result in stored})
    return (dict(matching(stored, plan(one, seeds, quick))) if seeds else {}), "runs that were measured before"


def show(options: argparse.Namespace, library: Library, measured: Path) -> int:
    """Print the verdicts on the runs that are there; return the exit status."""
    one = experiment(options.id)
    results, source = gather(one, options.quick, library, measured)
    if not results:
        form = " --quick" if options.quick else ""
        print(f"There is no run of {one.id!r} yet: python -m lab.experiments run {one.id}{form}", file=sys.stderr)
        return 1
    print(f"{one.question}\nFrom {source}.\n\n{report(one, results, options.quick)}")
    return 0


def board(one: Challenge, standing: Standing) -> str:
    """Return a challenge's rule, par lines and entries, best first; how an entry is made it does not say."""
    lines = [f"{one.title} ({one.id}): {one.question}", one.rule, ""]
    lines += [f"  par  {one.text(par.value):>10}  {par.label}: {par.source}" for par in one.pars]
    lines += [_entry_line(one, entry) for entry in standing.entries] or ["  no entry yet"]
    if standing.short:
        lines.append(f"  {standing.short} more settings count, and fall short of what is asked")
    return "\n".join(lines)


def _entry_line(one: Challenge, entry: Entry) -> str:
    place = f"{entry.place:3}." if entry.place else "   –"
    spread = f"± {entry.std:.2g}, " if entry.std > 0 else ""
    mean, std = entry.accuracy
    about = f"n = {len(entry.values)}; accuracy {mean:.4f}" + (f" ± {std:.2g}" if std > 0 else "")
    note = f" ({entry.note})" if entry.note else ""
    where = entry.run or entry.machine
    return f" {place} {one.text(entry.value):>10}  {entry.name}{note}; {spread}{about}; {where}"


def challenges(options: argparse.Namespace, library: Library, measured: Path) -> int:
    """Print the boards, after the recipes are measured where that is asked for; return the exit status."""
    chosen = CHALLENGES if options.id is None else (challenge(options.id),)
    if options.measure:
        for one in chosen:
            path = measured / f"{one.id}.json"
            queue = Queue(
                one.experiment, options.seeds, known=load(path), at_once=options.at_once, make_trainer=ChildTrainer
            )
            whole = follow(queue, sys.stderr, options.quiet or not sys.stderr.isatty(), [path])
            if queue.error:
                print(queue.error, file=sys.stderr)
            if not whole or queue.failures:
                return 1 if whole else 130
    boards = Boards(library, measured)
    print("\n\n".join(board(one, boards.standing(one)) for one in chosen))
    return 0


def main(arguments: list[str] | None = None, *, measured: Path = MEASURED) -> int:
    """Return the exit status: 0, 1 when a run failed or there is none, 2 for bad options, 130 when interrupted."""
    logging.basicConfig(level=logging.WARNING)
    options = make_parser().parse_args(arguments)
    try:
        if options.command == "list":
            print(listed())
            return 0
        command = {"run": run, "judge": show, "challenge": challenges}[options.command]
        return command(options, Library(), measured)
    except (ExperimentError, KeptError, ResultsError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
