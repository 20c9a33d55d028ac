"""What does it cost to keep a run, to open it, to list ten thousand?"""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import nan
from pathlib import Path

import numpy as np

from benchmarks.measure import Figure, figure, seconds
from lab.config import Config
from lab.kept import KeptRun, Library, file, list_cache
from lab.kept.writer import versions
from lab.record import COUNTS, Layout
from lab.telemetry.history import History

QUESTION = "What does it cost to keep a run, to open it, to list ten thousand?"
PACKAGES: tuple[str, ...] = ()

LAYERS = ("conv1", "conv2", "conv3", "conv4")
"""As many as the lesson's net has, each with a norm: 68 columns."""

ROUNDS = 15
RUNS = 10_000
BLOCK = 4096


def history_of(steps: int) -> History:
    """A record as a run of so many steps leaves it; noise does not compress, so this is the dear case."""
    history = History()
    history.open(Layout(LAYERS, LAYERS, (-7.0, 7.0), 782))
    width = len(history.layout.device_columns)
    generator = np.random.default_rng(0)
    for begin in range(0, steps, BLOCK):
        count = min(BLOCK, steps - begin)
        hists = generator.poisson(2000, (count, len(LAYERS), COUNTS)).astype(np.int32)
        rows = generator.standard_normal((count, width)).astype(np.float32)
        history.append(rows, hists, np.tile([0.4, 0.9, 1.0], (count, 1)), [0.98] * count)
    return history


def run_of(id: str, steps: int, started: datetime) -> KeptRun:
    """What the list tells of such a run."""
    config = Config(lr=0.001 + steps / 1e6, seed=steps % 97, norm=("none", "batch")[steps % 2])
    return KeptRun(
        id, f"Run {id}", "", config, "finished", "", started, started, steps, 60.0, "CPU", versions(), 0.1, nan, nan
    )


def fill(folder: Path, runs: int) -> None:
    """``runs`` small runs, written as the writer writes them."""
    record = history_of(10).since(-1)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(runs):
        file.write(
            folder / f"{number:06d}.npz", run_of(f"{number:06d}", number, first + timedelta(hours=number)), record
        )


def answer() -> tuple[list[Figure], str]:
    """Seconds and milliseconds, in a folder of the machine's temporary files."""
    history = history_of(100_000)
    record = history.since(-1)
    run = run_of("big", 100_000, datetime.now(UTC))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "big.npz"

        def save(live: bool = False) -> None:
            held = file.write(path, replace(run, updated=datetime.now(UTC)), history.since(-1), hold=live)
            if held is not None:
                held.close()

        flushing = [seconds(lambda: save(live=True)) for _ in range(ROUNDS)]
        saving = [seconds(save) for _ in range(ROUNDS)]
        copying = [seconds(lambda: history.since(-1)) for _ in range(ROUNDS)]
        library = Library(folder)
        opening = [seconds(lambda: library.open("big")) for _ in range(ROUNDS)]
        renaming = [seconds(lambda: library.rename("big", "Big")) for _ in range(ROUNDS)]
        size = path.stat().st_size / 2**20
    with tempfile.TemporaryDirectory() as name:
        fill(Path(name), RUNS)
        making = [seconds(Library(name).runs)]
        assert (Path(name) / list_cache.NAME).exists()
        first = [seconds(Library(name).runs) for _ in range(ROUNDS)]
        library = Library(name)
        library.runs()
        listing = [seconds(library.runs) for _ in range(ROUNDS)]
        searching = [seconds(lambda: library.runs("none 0.001")) for _ in range(ROUNDS)]
    figures = [
        figure("save a run of 100,000 steps at its end", saving, "s", at_most=1),
        figure("a flush while it goes on, every 5 s", flushing, "s", at_most=1),
        figure("of which: copy the record; training cannot add to it meanwhile", copying, "s"),
        figure("open it", opening, "s", at_most=1),
        figure("rename it", renaming, "s"),
        figure("its file", [size], "MB"),
        figure(f"list {RUNS:,} runs for the first time in a process", [1e3 * cost for cost in first], "ms"),
        figure(f"list {RUNS:,} runs again", [1e3 * cost for cost in listing], "ms", at_most=100),
        figure(f"search {RUNS:,} runs", [1e3 * cost for cost in searching], "ms", at_most=100),
        figure(f"list {RUNS:,} runs whose cached list is lost", making, "s"),
    ]
    notes = (
        f"The record of 100,000 steps has {len(record.steps):,} rows of {len(record.columns)} columns and"
        f" {len(record.hist_steps):,} histograms of {len(LAYERS)} layers: about as much as a record ever holds."
        " A flush of a live run writes all of it, every 5 s, and only if there is something new."
    )
    return figures, notes
