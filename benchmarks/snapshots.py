"""What do snapshots cost? A run that can be branched over one that cannot."""

import statistics
from contextlib import ExitStack

import torch

from benchmarks import loops, measure
from benchmarks.measure import Figure
from lab.config import Config
from lab.telemetry import snapshots
from lab.telemetry.snapshots import Snapshots
from lab.training.learner import Learner

QUESTION = "What do snapshots of net, optimiser and generators add to a step?"
PACKAGES = ("numba",)

WITHOUT, WITH = "without snapshots", "with snapshots"
STEPS = {2: 600, 64: 300}
"""Of a turn, by batch size: at least one snapshot is among them."""


class Timed:
    """Seconds of every snapshot that is taken while it is in place."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.bytes = 0

    def __enter__(self) -> "Timed":
        self._take = take = Snapshots._take

        def timed(kept: Snapshots, learner: Learner, *rest: object) -> None:
            self.seconds.append(measure.seconds(lambda: take(kept, learner, *rest)))  # type: ignore[arg-type]
            self.bytes = kept.until(learner.step)[-1].bytes

        Snapshots._take = timed  # type: ignore[method-assign, assignment]
        return self

    def __exit__(self, *_: object) -> None:
        Snapshots._take = self._take  # type: ignore[method-assign]


def lab_run(stack: ExitStack, config: Config, every: int) -> loops.LabRun:
    """A run with a snapshot each ``every`` steps; ended with ``stack``."""
    before, snapshots.EVERY = snapshots.EVERY, every
    try:
        run = loops.LabRun(config, True)
        stack.callback(run.close)
        run.step(1)  # the first one is taken here, and the next is due after ``every``
    finally:
        snapshots.EVERY = before
    return run


def answer() -> tuple[list[Figure], str]:
    """The figures, and how they were taken."""
    found: list[Figure] = []
    for optimizer in ("sgd", "adam"):
        for batch, steps in STEPS.items():
            config = loops.config_for(batch, "batch").replace(optimizer=optimizer, momentum=0.9, lr=0.001)
            with ExitStack() as stack:
                # One that never takes a second snapshot, and one that does.
                runs = {WITHOUT: lab_run(stack, config, 10**9), WITH: lab_run(stack, config, snapshots.EVERY)}
                costs = measure.interleave({name: run.turn(steps) for name, run in runs.items()}, loops.ROUNDS)
                with Timed() as timed:
                    runs[WITH].step(5 * snapshots.EVERY)
            what = f"{optimizer}, batch {batch}"
            found += [
                measure.figure(f"{what}: {WITH}", measure.ratios(costs, WITH), "ratio", at_most=1.02),
                measure.figure(f"{what}: {measure.NOISE}", measure.ratios(costs, measure.NOISE), "ratio"),
                measure.figure(f"{what}: one snapshot", [1e6 * it for it in timed.seconds], "µs"),
                measure.figure(
                    f"{what}: one snapshot over the steps until the next",
                    [1 + it / snapshots.EVERY / statistics.median(costs[WITHOUT]) for it in timed.seconds],
                    "ratio",
                ),
                measure.figure(f"{what}: memory of one", [timed.bytes / 1024], "kB"),
            ]
    where = "" if torch.cuda.is_available() else " There was no CUDA device."
    return found, (
        f"The default net, all probes on; a snapshot every {snapshots.EVERY} steps, at the drain after them; at most "
        f"{snapshots.MOST} and {snapshots.BYTES / 2**20:g} MiB are kept.{where}"
    )
