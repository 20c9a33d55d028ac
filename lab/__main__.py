"""``python -m lab --lr .9 --norm batch``: one run without a screen, from the same Config as the panel's.

``--model package.module:factory`` and ``--data package.module:name`` train a net and data of your own.
"""

import argparse
import logging
import sys
from typing import TextIO

from lab.config import KNOBS, Config
from lab.kept import KeptError, Library
from lab.plain_code import script
from lab.record import Record, Validation
from lab.session import Session

OWN = {
    "data": "package.module:name of your own data, or of a function that returns it: (x, y[, x_valid, y_valid])",
    "loss": "cross_entropy, mse, l1, bce, or package.module:function of (outputs, targets)",
    "metric": "accuracy, r2, none, or package.module:function of (outputs, targets)",
}
"""Options for a net and data of one's own, beside --model."""

OUTCOMES = {"finished": 0, "diverged": 1, "failed": 1, "stopped": 130}


class Lines(argparse.HelpFormatter):
    """Wrap each line of a help text by itself: a menu's choices stand under each other."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return [wrapped for line in text.splitlines() for wrapped in super(Lines, self)._split_lines(line, width)]


def make_parser() -> argparse.ArgumentParser:
    """Return the command line's parser: an option for each knob."""
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__, formatter_class=Lines)
    for name, knob in KNOBS.items():
        metavar = "{" + ",".join(knob.choices) + "}" if knob.choices else "VALUE"
        default = Config.__dataclass_fields__[name].default
        own = "or package.module:factory of a net of your own; " if name == "model" else ""
        allowed = "" if knob.notes else f"{knob.allowed}; "
        help = f"{knob.help} ({allowed}{own}default {default})"
        help = "\n".join([help, *(f"{value}: {note}" for value, note in knob.notes.items())]).replace("%", "%%")
        parser.add_argument("--" + name.replace("_", "-"), metavar=metavar, help=help)
    for name, help in OWN.items():
        parser.add_argument(f"--{name}", metavar="VALUE", help=help)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument(
        "--code", action="store_true", help="print the run as a script in plain torch, and train nothing"
    )
    keep = "keep the run among those of the panels, under NAME or a name made from its settings"
    parser.add_argument("--keep", metavar="NAME", nargs="?", const="", help=keep)
    return parser


def bar(session: Session, width: int = 30) -> str:
    """Return the progress bar, and the figures beside it, in one line."""
    progress = session.progress
    share = progress.step / progress.steps if progress.steps else 0.0
    filled = int(share * width)
    left = f"{progress.remaining:.0f} s left" if progress.remaining else "…"
    doing = "validating" if progress.validating else f"{progress.rate:.0f} steps/s, {left}"
    return (
        f"[{'=' * filled}{' ' * (width - filled)}] {share:4.0%}  epoch {progress.epoch + 1}/{progress.epochs}  {doing}"
    )


def line(row: Validation) -> str:
    """Return a line for an epoch, as the course prints it."""
    return (
        f"epoch {row.epoch + 1}: train {row.train_loss:.4f}/{row.train_accuracy:.4f}"
        f" -> valid {row.loss:.4f}/{row.accuracy:.4f}"
    )


def summary(session: Session, record: Record) -> str:
    """Return a summary of the run in words."""
    progress = session.progress
    lines = [line(row) for row in record.validations]
    for layer in record.layers if len(record.steps) else ():
        mean, std, near = (record.columns[f"{name}/{layer}"][-1] for name in ("mean", "std", "near_relu"))
        if record.range != (0.0, 10.0):
            near = record.columns[f"near_general/{layer}"][-1]
        lines.append(f"{layer:>8}: mean {mean:+.3f}, std {std:.3f}, near zero {near:.1%}")
    lines.append(f"{session.state} after {progress.step} steps in {progress.seconds:.1f} s on {progress.device}")
    if session.error:
        lines.append(session.error)
    return "\n".join(lines)


def run(session: Session, out: TextIO, quiet: bool = False) -> Record:
    """Train to the end, with a bar on ``out`` unless ``quiet``; an interrupt stops the run and keeps its record."""
    session.start()
    try:
        while not session.wait(timeout=0.2):
            if not quiet:
                print("\r\x1b[K" + bar(session), end="", file=out, flush=True)
    except KeyboardInterrupt:
        session.stop()
        session.wait()
    if not quiet:
        print("\r\x1b[K", end="", file=out, flush=True)
    return session.since(-1)


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status: 0 when the run finished, 1 when it diverged or failed, 2 for a bad knob."""
    # The trace of a failed run; its short form is in the summary.
    logging.basicConfig(level=logging.WARNING)
    options = vars(make_parser().parse_args(arguments))
    quiet = options.pop("quiet") or not sys.stderr.isatty()
    name, code = options.pop("keep"), options.pop("code")
    own = {part: given for part in OWN if (given := options.pop(part)) is not None}
    if ":" in (options["model"] or ""):
        own["model"] = options.pop("model")
    if code and own:
        print("--code prints runs of the lab's own nets on its own data only.", file=sys.stderr)
        return 2
    try:
        library = Library() if name is not None else None
        config = Config.from_dict({name: value for name, value in options.items() if value is not None})
        session = Session(config, **own)
    except (ValueError, KeptError) as error:  # ConfigError, DataError, NetError
        print(error, file=sys.stderr)
        return 2
    if code:
        print(script(config), end="")
        return 0
    writer = library.keep(session, name) if library else None
    record = run(session, sys.stderr, quiet)
    print(summary(session, record))
    if library and writer:
        writer.close()
        if writer.error:
            print(writer.error, file=sys.stderr)
        else:
            print(f"kept as {library.get(writer.id).name!r} in {library.folder}")
    session.close()  # a thread that dies within torch while Python ends would abort the process
    return OUTCOMES[session.state]


if __name__ == "__main__":
    sys.exit(main())
