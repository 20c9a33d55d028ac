"""Build a run from a Config: device, data, net, optimiser, callbacks, all seeded."""

import ctypes
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from lab import data
from lab.branching import Beginning
from lab.config import Config, ConfigError
from lab.cuda.capture import CudaCapture, alone
from lab.cuda.graph import GraphStep
from lab.nn import init, models
from lab.nn.conv import lay_out_for_cpu
from lab.nn.item_norm import ItemNorm
from lab.nn.layers import layers_of
from lab.nn.own import explained
from lab.telemetry.history import History
from lab.telemetry.maps import MapProbe
from lab.telemetry.mistakes import ValidationAnswers
from lab.telemetry.probes import cuda_pass, fused_passes
from lab.telemetry.recorder import Recorder
from lab.telemetry.snapshots import Snapshots
from lab.training.callbacks import ApplySchedule, Callback, CancelFit, EarlyStopping
from lab.training.learner import Learner, seeded_step
from lab.training.optimizers import make_optimizer
from lab.training.remote import RemoteControl
from lab.training.seeded import seeded
from lab.training.task import Task, classify

if TYPE_CHECKING:
    from lab.own import Own

INIT_IMAGES = 512
"""Images that a data-dependent init looks at, whatever the batch size: a pair of them says little."""


def find_device(name: str) -> torch.device:
    """Return the device named; ``auto`` is CUDA where there is one, else the CPU.

    Raises:
        ConfigError: when CUDA is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ConfigError("device", name, "auto or cpu, as torch finds no CUDA device on this machine")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


@dataclass(frozen=True)
class Run:
    """A run's parts, the device in words, and what a person should know of its start (may be empty)."""

    learner: Learner
    recorder: Recorder
    remote: RemoteControl
    snapshots: Snapshots
    maps: MapProbe
    answers: ValidationAnswers
    device: str
    notice: str = ""

    def train(self) -> tuple[str, str]:
        """Train to the end; return the state in which it ended, and where it diverged in words.

        A diverged run is validated once all the same, as the lesson's were (its nan runs show
        .0991, the share of zeros: the argmax of ten nans is 0).
        """
        with explained(self.learner.model, lambda: self.learner.x):
            completed = self.learner.fit()
        diverged = self.recorder.diverged
        if diverged is None:
            return ("finished" if completed or self.learner.ended_early else "stopped"), ""
        # It was noticed some batches later: they are in no record, and no count.
        self.learner.step = diverged.step + 1
        # Stopped in the middle of it, only the validation is missing.
        with suppress(CancelFit):
            self.recorder.validate(self.learner)
            self.answers.note(self.learner)
        where = f" The first layer that was not finite: {diverged.layer}." if diverged.layer else ""
        why = _single_value(self.learner, diverged.layer)
        said = f"Loss became {diverged.loss:g} at step {diverged.step}, with lr {diverged.lr:g}."
        return "diverged", f"{said}{where}{why}"


def _single_value(learner: Learner, name: str | None) -> str:
    """Return why a norm over a single value is nan, if layer ``name`` has such a norm; empty otherwise."""
    norm = next((layer.norm for layer in layers_of(learner.model) if layer.name == name), None)
    if norm is None or not isinstance(norm, ItemNorm) or not norm.unbiased:
        return ""
    shapes: list[torch.Size] = []
    with norm.register_forward_pre_hook(lambda _, inputs: shapes.append(inputs[0].shape)), torch.no_grad():
        learner.model(learner.task.x_valid[:1])
    _, channels, height, width = shapes[0]
    if channels // norm.groups * height * width > 1:
        return ""
    return (
        f" Its map is {height} × {width}: {type(norm).__name__} averages over a single value there, whose unbiased "
        "variance is 0 ÷ 0, at any learning rate and epsilon. A shorter net has a larger last map."
    )


def assemble(
    config: Config,
    history: History,
    clock: Callable[[], float],
    on_state: Callable[[bool], None],
    make_task: Callable[[Config, torch.device], Task] | None = None,
    callbacks: Iterable[Callback] = (),
    beginning: Beginning | None = None,
    own: "Own | None" = None,
) -> Run:
    """Build a run. The same config gives the same weights and batches on every device.

    With a ``beginning``, ``history`` is its, and the run goes on from its snapshot. ``own`` is a person's own net or
    data, in place of ``make_task``.

    Raises:
        ConfigError: for a device that is not there.
        lab.data.DataError: when the data set is missing or damaged.
        lab.nn.own.NetError: for a net of one's own that does not fit.
    """
    device = find_device(config.device)
    model: nn.Module
    if own:
        task, model, notice, draws = own.parts(config, device, lesson_net)
    else:
        task, draws = (make_task or classify)(config, device), False
        model, notice = lesson_net(config, task, device)
    generator = torch.Generator().manual_seed(config.seed)
    recorder = Recorder(history, clock)
    snapshots = Snapshots(recorder, clock, beginning.earlier if beginning else ())
    replay = (beginning.marks, beginning.step) if beginning else ()
    remote = RemoteControl(config, history.mark, recorder.settle, on_state, *replay)
    optimizer = make_optimizer(config, model.parameters())
    maps, answers, early = MapProbe(), ValidationAnswers(history), EarlyStopping(recorder.validation_losses)
    parts = (snapshots, remote, ApplySchedule(), recorder, maps, answers, early, *callbacks)
    # Before the step the knobs are those of the snapshot, and after it those of the remote control.
    learner = Learner(beginning.config if beginning else config, model, task, optimizer, generator, parts)
    if beginning:
        beginning.snapshot.restore(learner)
        learner.schedule_from = beginning.schedule_from
        recorder.resume(beginning.snapshot.totals)
    if draws:
        learner.run_step = seeded_step
    elif device.type == "cuda" and not (own and own.has_net):  # which may do what no graph can hold
        learner.run_step = GraphStep(recorder, CudaCapture(device))
    threads = torch.get_num_threads()
    on_cpu = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else on_cpu
    return Run(learner, recorder, remote, snapshots, maps, answers, name, notice)


def lesson_net(config: Config, task: Task, device: torch.device) -> tuple[models.Model, str]:
    """Return the net of ``config`` with its first weights, on ``device``, and what a person should know of them."""
    with seeded(config.seed):
        model = models.build(config, task.outputs, task.x_train[0].numel())
        kept = init.initialise(model, config, task.x_train[:INIT_IMAGES].cpu())
    model.to(device)
    # GroupNorm reads a group's channels one after the other, which channels_last lays apart.
    if device.type == "cpu" and config.norm != "group":
        lay_out_for_cpu(model)
    return model, f"LSUV could not bring {', '.join(kept)} to a std of 1: first weights kept." if kept else ""


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """Return glibc's ``malloc_trim``, None where there is another C library.

    Each run has a thread of its own, and glibc keeps what one thread freed from the others.
    """
    try:
        return cast(Callable[[int], int], ctypes.CDLL(None).malloc_trim)
    except (AttributeError, OSError, TypeError):
        return None


def release(device: str) -> None:
    """Return memory that no run uses any more to the system: the device's, and the C library's.

    Args:
        device: as Config names it.
    """
    if trim := _malloc_trim():
        trim(0)
    if device != "cpu" and torch.cuda.is_available():
        with alone():
            torch.cuda.empty_cache()


def warm_up(config: Config) -> None:
    """Load what a run of ``config`` will need: the data, and the compiled pass of the probes."""
    device = find_device(config.device)
    data.prepare(config.dataset, device)
    if device.type == "cpu":
        fused_passes()
    else:
        cuda_pass(device)
