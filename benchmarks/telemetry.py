"""What does telemetry cost? Every layer at every step, over a plain eager loop, and what others pay."""

from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor

from benchmarks import hooks, loops, measure
from benchmarks.measure import Figure
from lab.config import Config
from lab.nn.models import Model
from lab.record import Layout
from lab.telemetry.history import History
from lab.telemetry.probes import Probes
from lab.telemetry.recorder import RING
from lab.training.metrics import accuracy
from lab.training.task import Task

QUESTION = "What do all probes of all layers at every step add to a plain eager loop's step?"
PACKAGES = ("numba",)

NORMS = {"none": "notebook 06's net", "batch": "the default net, with BatchNorm"}

PLAIN, PROBES, COURSE, FASTAI = "plain loop", "with the lab's probes", "with the course's hooks", "with ActivationStats"
OFF, ON = "lab, probes off", "lab, probes on"


def watch(stack: ExitStack, model: Model, task: Task, config: Config) -> Callable[[Tensor, Tensor, Tensor], None]:
    """The lab's probes on ``model``; what a plain loop calls after each step. The record is drained as in a run."""
    layout = Layout(tuple(model.blocks), tuple(model.norms), config.histogram_range)
    history = History()
    history.open(layout)
    probes = stack.enter_context(Probes(model, layout, config.near_zero, task.x_train.device, RING))
    host = np.zeros((RING, 3))

    def after(loss: Tensor, logits: Tensor, y: Tensor) -> None:
        probes.score(loss, accuracy, logits, y)
        probes.measure_weights()
        probes.row += 1
        if probes.row == RING:
            rows, hists, weight_hists = (
                part.cpu().numpy() for part in (probes.rows, probes.hists, probes.weight_hists)
            )
            history.append(rows, hists, host, [0.98] * RING, weight_hists)
            probes.row = 0

    return after


def contestants(stack: ExitStack, batch: int, norm: str) -> dict[str, loops.Turn]:
    """All of them, each on a net of its own; what they hold is let go with ``stack``."""
    config, steps = loops.config_for(batch, norm), loops.STEPS[batch]
    turns: dict[str, loops.Turn] = {}
    for name in (PLAIN, PROBES, COURSE, FASTAI):
        model, task = loops.parts(config)
        after: Callable[[Tensor, Tensor, Tensor], None] = lambda loss, logits, y: None  # noqa: E731
        if name == PROBES:
            after = watch(stack, model, task, config)
        elif name == COURSE:
            stack.enter_context(hooks.course(model.blocks.values()))
        elif name == FASTAI:
            keep = stack.enter_context(hooks.activation_stats(model.blocks.values()))
            after = lambda loss, logits, y, keep=keep: keep()  # type: ignore[misc] # noqa: E731
        turns[name] = loops.turn(loops.plain(model, loops.resident(task, batch), config.lr, after), steps)
    for name, probes in ((OFF, False), (ON, True)):
        run = loops.LabRun(config, probes)
        stack.callback(run.close)
        turns[name] = run.turn(steps)
    return turns


def figures(costs: dict[str, list[float]], what: str, target: float) -> list[Figure]:
    """The ratios of one net at one batch size."""
    plain, on, off = costs[PLAIN], costs[ON], costs[OFF]
    added = [1 + (with_probes - without) / base for with_probes, without, base in zip(on, off, plain, strict=True)]
    ratio = {name: measure.ratios(costs, name) for name in (PROBES, COURSE, FASTAI, measure.NOISE)}
    return [
        measure.figure(f"{what}: plain loop {PROBES}", ratio[PROBES], "ratio", at_most=target),
        measure.figure(f"{what}: 1 + what they add to the lab's own step", added, "ratio", at_most=target),
        measure.figure(f"{what}: plain loop {COURSE}", ratio[COURSE], "ratio"),
        measure.figure(f"{what}: plain loop {FASTAI}", ratio[FASTAI], "ratio"),
        measure.figure(f"{what}: {measure.NOISE}", ratio[measure.NOISE], "ratio"),
        measure.figure(f"{what}: plain loop", [1000 * cost for cost in plain], "ms a step"),
    ]


def answer() -> tuple[list[Figure], str]:
    """The figures, and how they were taken."""
    target = 1.06 if torch.cuda.is_available() else 1.15
    found: list[Figure] = []
    for norm, net in NORMS.items():
        for batch in loops.BATCHES:
            with ExitStack() as stack:
                costs = measure.interleave(contestants(stack, batch, norm), loops.ROUNDS)
            found += figures(costs, f"{net}, batch {batch}", target)
    gpu = (
        "" if torch.cuda.is_available() else " The GPU's part (target 1.06) has not run here: there is no CUDA device."
    )
    notes = (
        "Ratios over the step of a plain eager loop (the same net in torch's usual memory format, `torch.optim.SGD`,"
        " batches cut out of resident tensors). With the lab's probes: each of the four blocks' mean, std, four"
        " near-zero fractions and 43 counts, each weight's gradient (mean, std, zeros), update ratio and 43 counts,"
        " each norm's nine figures, loss and accuracy, at every step, moved into the"
        " record every 64 steps. The lab's own step is faster than the plain loop's, so what is added to it is told in"
        " units of the plain loop's. The course's hooks: mean, std and `histc` to lists, after notebook 06."
        f" ActivationStats, with its histogram: {hooks.FASTAI}." + gpu
    )
    return found, notes
