"""``python -m benchmarks [name …]``: what `make bench` runs, each question in a process of its own."""

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
import time

from benchmarks import measure, report
from lab.kept import RUNS
from widgets.serve.__main__ import set_environment

QUESTIONS = ("telemetry", "step_speed", "screen", "memory", "start", "kept")
"""Each a module with QUESTION (a sentence), PACKAGES (whose versions matter) and ``answer() -> (figures, notes)``."""


def answer(name: str) -> None:
    """Measure one question here, and keep the result."""
    module = importlib.import_module(f"benchmarks.{name}")
    print(f"{name}: {module.QUESTION}", flush=True)
    began = time.perf_counter()
    # A panel keeps the runs that it starts: not among those of whoever measures.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as runs:
        os.environ[RUNS] = runs
        figures, notes = module.answer()
    measure.keep(name, module.QUESTION, figures, report.machine(*module.PACKAGES), notes)
    print(measure.as_table(figures), f"\n({time.perf_counter() - began:.0f} s)\n", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 when every question was answered, whatever the answers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*QUESTIONS, []], metavar="NAME", help=", ".join(QUESTIONS))
    names = parser.parse_args(arguments).names
    # As a served kernel has it; before anything imports torch.
    set_environment(None)
    if len(names) == 1:
        answer(names[0])
        return 0
    # One question's threads, caches and imports must not reach the next.
    commands = [[sys.executable, "-m", "benchmarks", name] for name in names or QUESTIONS]
    if not names:
        commands.append([sys.executable, "-m", "benchmarks.lesson", "--ids", "6.9", "7.4", "--seeds", "1", "--again"])
    failed = [command[-1] for command in commands if subprocess.run(command).returncode]
    if failed:
        print(f"not answered: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
