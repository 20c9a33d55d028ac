"""How fast is a step? The lab's Learner as a Session runs it, a torch loop with a DataLoader, fastai's Learner."""

import time
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks import loops, measure
from benchmarks.hooks import fastai
from benchmarks.measure import Figure
from lab.training.task import Task

QUESTION = "How fast is a step, against a plain eager torch loop with a DataLoader, and against fastai's Learner?"
PACKAGES = ("numba",)

NORMS = {"none": "notebook 06's net", "torch_batch": "with nn.BatchNorm2d"}
CHECKED = 10
"""Steps whose losses must agree before anything is timed."""

LOADER, RESIDENT, OFF, ON, FASTAI = "DataLoader", "plain loop", "lab, probes off", "lab, probes on", "fastai's Learner"


def fastai_turn(fastai: Any, net: nn.Module, task: Task, batch: int, lr: float, steps: int) -> loops.Turn:
    """``steps`` of fastai's Learner on the same DataLoader, with its own Recorder and no progress bar."""
    data = loops.loader(task, batch)
    loaders = fastai.DataLoaders(data, data, device=task.x_train.device)
    learner = fastai.Learner(loaders, net, F.cross_entropy, partial(fastai.SGD, mom=0.0), lr=lr)
    learner.create_opt()

    def run() -> float:
        loops.finish()
        began = time.perf_counter()
        learner.model.train()
        learner("before_fit")
        learner("before_epoch")
        learner("before_train")
        learner.n_iter, learner.training = steps, True
        for number, pair in enumerate(islice(data, steps)):
            learner.one_batch(number, pair)
        loops.finish()
        return (time.perf_counter() - began) / steps

    return run


def contestants(stack: ExitStack, batch: int, norm: str) -> dict[str, loops.Turn]:
    """All of them; the first is what the others are measured against: on a GPU the loop without a DataLoader."""
    config, steps = loops.config_for(batch, norm), loops.STEPS[batch]
    model, task = loops.parts(config)
    plain = {
        LOADER: loops.plain(loops.torch_net(model), loops.loaded(task, batch), config.lr),
        RESIDENT: loops.plain(loops.torch_net(model), loops.resident(task, batch), config.lr),
    }
    turns = {name: loops.turn(losses, steps) for name, losses in plain.items()}
    if torch.cuda.is_available():
        turns = dict(reversed(turns.items()))
    for name, probes in ((OFF, False), (ON, True)):
        run = loops.LabRun(config, probes)
        stack.callback(run.close)
        turns[name] = run.turn(steps)
    if fastai is not None:
        turns[FASTAI] = fastai_turn(fastai, loops.torch_net(model), task, batch, config.lr, steps)
    return turns


def losses(batch: int, norm: str, steps: int = CHECKED) -> dict[str, list[float]]:
    """The first losses of the plain loops and of the lab, with probes and without."""
    config = loops.config_for(batch, norm)
    model, task = loops.parts(config)
    found = {}
    for name, batches in ((LOADER, loops.loaded), (RESIDENT, loops.resident)):
        net = loops.torch_net(model)
        found[name] = [float(loss) for loss in islice(loops.plain(net, batches(task, batch), config.lr), steps)]
    for name, probes in ((OFF, False), (ON, True)):
        kept = loops.Losses()
        run = loops.LabRun(config, probes, [kept])
        run.step(steps)
        run.close()
        found[name] = kept.losses
    return found


def check(found: dict[str, list[float]], tolerance: float = 1e-4) -> None:
    """That all computed the same.

    Raises:
        RuntimeError: when they did not: a faster loop that does something else is no faster loop.
    """
    wanted = torch.tensor(found[LOADER])
    for name, mine in found.items():
        if len(mine) != len(wanted) or not torch.allclose(torch.tensor(mine), wanted, rtol=tolerance, atol=0):
            raise RuntimeError(f"{name} does not compute what the plain loop does: {mine} instead of {found[LOADER]}")


def figures(costs: dict[str, list[float]], what: str, batch: int, cuda: bool) -> list[Figure]:
    """Speeds over the first contestant's, and samples a second."""
    base = next(iter(costs))
    on_cpu = {OFF: 1.2, ON: 1.0} if batch >= 64 else {ON: 1.0}
    on_cuda = {ON: 3.0} if batch == 64 else {}
    goals = on_cuda if cuda else on_cpu
    others = [name for name in costs if name != base]
    found = [
        measure.figure(
            f"{what}: {name}, over {base}", measure.ratios(costs, base, name), "ratio", None, goals.get(name)
        )
        for name in others
    ]
    speeds = [
        measure.figure(f"{what}: {name}", [batch / cost for cost in costs[name]], "samples/s")
        for name in costs
        if name != measure.NOISE
    ]
    return found + speeds


def answer() -> tuple[list[Figure], str]:
    """The figures, and how they were taken."""
    cuda = torch.cuda.is_available()
    found: list[Figure] = []
    for norm, net in NORMS.items():
        for batch in loops.BATCHES:
            check(losses(batch, norm))
            with ExitStack() as stack:
                costs = measure.interleave(contestants(stack, batch, norm), loops.ROUNDS)
            found += figures(costs, f"{net}, batch {batch}", batch, cuda)
    theirs = "fastai's Learner: its own, on the same DataLoader, with its Recorder and no progress bar."
    gpu = "" if cuda else " The GPU's part (target 3 at batch 64, probes on) has not run here: there is no CUDA device."
    notes = (
        "Ratios of samples a second; more is faster. DataLoader: `DataLoader(TensorDataset, shuffle=True)`, torch's own"
        " layers and `torch.optim.SGD`. Plain loop: the same without a DataLoader, batches cut out of resident tensors."
        " The lab: its run as a Session assembles it, in a thread of its own, with as many threads of arithmetic as the"
        f" others. The first {CHECKED} losses of the lab and of both plain loops agree to 1e-4. "
        + (theirs if fastai is not None else "fastai is not installed here, and so left out.")
        + gpu
    )
    return found, notes
