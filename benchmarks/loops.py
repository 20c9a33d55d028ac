"""Training loops that take turns, on one net, one data set and one order of its images: plain torch's, the lab's."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lab.assembly import assemble
from lab.config import Config
from lab.nn.models import Block, Model
from lab.telemetry.history import History
from lab.training.callbacks import Callback
from lab.training.learner import eager_step
from lab.training.task import Task

BATCHES = (2, 64, 512)

STEPS = {2: 200, 64: 50, 512: 7}
"""Of a turn at each batch size: some tenths of a second."""

ROUNDS = 11
"""With the one that is not counted all turns of a contestant fit into an epoch: no validation comes between."""

Batches = Iterator[tuple[Tensor, Tensor]]
Turn = Callable[[], float]
"""Some steps, and the seconds that each took."""


def config_for(batch: int, norm: str) -> Config:
    """The lesson's net; an lr at which it neither diverges nor stands still at any batch size."""
    return Config(batch_size=batch, norm=norm, lr=0.02, epochs=1000)


def parts(config: Config) -> tuple[Model, Task]:
    """The net with the weights that the lab starts from, but torch's convolutions, and what it learns."""
    learner = assemble(config, History(), lambda: 0.0, lambda paused: None).learner
    model = learner.model
    blocks = {
        name: Block(torch_conv(block.layer), block.activation, block.norm) for name, block in model.blocks.items()
    }
    return Model(model.stem, blocks, model.head), learner.task


def torch_conv(own: nn.Module) -> nn.Conv2d:
    """torch's own layer with the weights of the lab's."""
    assert isinstance(own, nn.Conv2d) and isinstance(own.padding, tuple)
    bias = own.bias is not None
    size, stride, padding = own.kernel_size[0], own.stride[0], own.padding[0]
    layer = nn.Conv2d(own.in_channels, own.out_channels, size, stride, padding, bias=bias)
    layer.to(own.weight.device)
    layer.load_state_dict(own.state_dict())
    return layer


def torch_net(model: Model) -> nn.Sequential:
    """``model`` with torch's own layers alone: plain ReLU, and no norm or ``nn.BatchNorm2d``."""
    layers: list[nn.Module] = []
    for block in model.blocks.values():
        conv = torch_conv(block.layer)
        layers += [conv, nn.ReLU()]
        if block.norm is not None:
            layers.append(nn.BatchNorm2d(conv.out_channels))
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(conv.out_channels, 10))
    net.to(conv.weight.device)
    with torch.no_grad():
        for theirs, ours in zip(net.parameters(), model.parameters(), strict=True):
            theirs.copy_(ours)
    return net


def order(seed: int = 0) -> torch.Generator:
    """The generator of the images' order, where a DataLoader stands after it has drawn its workers' seed."""
    generator = torch.Generator().manual_seed(seed)
    torch.empty((), dtype=torch.int64).random_(generator=generator)
    return generator


def loader(task: Task, size: int) -> DataLoader[tuple[Tensor, ...]]:
    """What a plain loop takes its batches from; on a GPU it has to be moved there."""
    return DataLoader(
        TensorDataset(task.x_train.cpu(), task.y_train.cpu()),
        batch_size=size,
        shuffle=True,
        generator=torch.Generator().manual_seed(0),
    )


def loaded(task: Task, size: int) -> Batches:
    """Batches of a :func:`loader`, epoch after epoch."""
    device = task.x_train.device
    batches = loader(task, size)
    while True:
        for x, y in batches:
            yield x.to(device), y.to(device)


def resident(task: Task, size: int) -> Batches:
    """The same batches, cut out of the tensors where they lie."""
    generator = order()
    while True:
        images = torch.randperm(len(task.x_train), generator=generator).to(task.x_train.device)
        for chosen in torch.split(images, size):
            yield task.x_train[chosen], task.y_train[chosen]


def plain(
    net: nn.Module,
    batches: Batches,
    lr: float,
    after: Callable[[Tensor, Tensor, Tensor], None] = lambda loss, logits, y: None,
) -> Iterator[Tensor]:
    """The loop as everybody writes it; each step's loss. ``after`` is called with (loss, logits, targets)."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    net.train()
    for x, y in batches:
        logits = net(x)
        loss = F.cross_entropy(logits, y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        after(loss, logits, y)
        optimizer.zero_grad()
        yield loss.detach()


def turn(steps: Iterator[Tensor], count: int) -> Turn:
    """``count`` of ``steps`` a turn."""

    def take() -> float:
        finish()
        began = time.perf_counter()
        for _ in range(count):
            next(steps)
        finish()
        return (time.perf_counter() - began) / count

    return take


def finish() -> None:
    """Wait for the device."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class Losses(Callback):
    """Keeps every training loss."""

    order = 60

    def __init__(self) -> None:
        self.losses: list[float] = []

    def after_batch(self, learner: object) -> None:
        self.losses.append(float(learner.loss.detach()))  # type: ignore[attr-defined]


class LabRun:
    """The lab's own run, in a thread of its own as a Session has it, stepped from outside.

    Without probes it has no recorder, and so no record; on a GPU its step is then not captured.
    """

    def __init__(self, config: Config, probes: bool, callbacks: Iterable[Callback] = ()) -> None:
        self._changed = threading.Condition()
        self._stops = 0
        run = assemble(config, History(), time.perf_counter, self._on_state, callbacks=callbacks)
        if not probes:
            run.learner.callbacks.remove(run.recorder)
            run.learner.run_step = eager_step
        run.learner.generator = order()
        self._remote = run.remote
        self._remote.start_with(0)
        self.history = run.recorder.history
        self._thread = threading.Thread(target=run.learner.fit, daemon=True)
        self._thread.start()
        self._wait(0)

    def _on_state(self, paused: bool) -> None:
        with self._changed:
            self._stops += paused
            self._changed.notify_all()

    def _wait(self, stops: int) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._stops > stops, 120):
                raise RuntimeError("the lab's run does not step")

    def step(self, count: int) -> None:
        """``count`` batches; the record is up to date then."""
        stops = self._stops
        self._remote.allow(count)
        self._wait(stops)
        finish()

    def turn(self, count: int) -> Turn:
        """``count`` steps a turn."""

        def take() -> float:
            began = time.perf_counter()
            self.step(count)
            return (time.perf_counter() - began) / count

        return take

    def close(self) -> None:
        """End it."""
        self._remote.stop()
        self._thread.join()
