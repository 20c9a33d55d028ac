"""What a benchmark does inside a kernel, beside the panel that it measures."""

import gc
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.config import DEFAULTS
from lab.progress import Progress
from lab.record import COUNTS, Layout
from lab.session import Session
from widgets.panels.training.panel import TrainingPanel

if TYPE_CHECKING:
    import torch

    from lab.config import Config
    from lab.training.task import Task

BLOCKS = ("conv1", "conv2", "conv3", "conv4")
LAYOUT = Layout(BLOCKS, BLOCKS, (0.0, 10.0), 782)
"""As the default knobs have it."""

NEW = 10
"""Rows of the record that are new at an update: 100 steps a second, looked at ten times a second; or as many
times more steps as the record has been thinned."""


def find_panel() -> TrainingPanel:
    """The training panel of this kernel."""
    # By its type: isinstance also asks an object for its class, and some of torch's then warn.
    panel: TrainingPanel = next(it for it in gc.get_objects() if issubclass(type(it), TrainingPanel))
    return panel


def without_validation(config: "Config", device: "torch.device") -> "Task":
    """The lesson's task with a validation so short that no window of time has more of it than another."""
    from lab.training.task import classify

    task = classify(config, device)
    return replace(task, x_valid=task.x_valid[:64], y_valid=task.y_valid[:64])


class Gated:
    """A panel whose screen can be taken away while its run goes on: its ticker then wakes, and does nothing.

    Attributes:
        screen: whether the panel looks and sends.
    """

    def __init__(self, panel: Any) -> None:
        self.panel = panel
        self.screen = True
        look = self.panel.tick
        self.panel.tick = lambda: look() if self.screen else True

    def train(self, batch_size: int, **knobs: Any) -> None:
        """Begin a run that does not end by itself."""
        self.panel.new_run = lambda: Session(self.panel.knobs.config(), without_validation)
        self.panel.knobs.set(DEFAULTS.replace(batch_size=batch_size, epochs=1000, device="cpu", **knobs))
        self.panel.on_reset()
        self.panel.on_start()

    def steps_done(self) -> int:
        """By the run that is shown."""
        return int(self.panel.run.progress.step)

    def rate(self, begin: int) -> float:
        """Steps a second since step ``begin``, by the record's own clock: a window's edges may fall within a step."""
        record = self.panel.run.since(begin)
        seconds = record.columns["seconds"]
        return float((record.steps[-1] - record.steps[0]) / (seconds[-1] - seconds[0]))


class Recorded(Session):
    """A run under way whose steps are made up here."""

    def __init__(self, steps: int) -> None:
        super().__init__(DEFAULTS)
        self._random = np.random.default_rng(0)
        self.history.open(LAYOUT)
        while self.history.last_step + 1 < steps:
            self.more(min(50_000, steps - self.history.last_step - 1))

    @property
    def state(self) -> str:
        return "running"

    @property
    def progress(self) -> Progress:
        done = self.history.last_step + 1
        return Progress(
            done, 10**8, done // 782, 10**8 // 782, done % 782, 782, done / 100, 100.0, 1000.0, False, "CPU"
        )

    def more(self, steps: int) -> None:
        """Record ``steps`` more."""
        random = self._random
        rows = random.random((steps, len(LAYOUT.device_columns)), dtype=np.float32) + 0.01
        hists = random.integers(0, 9999, (steps, len(LAYOUT.layers), COUNTS), dtype=np.int32)
        self.history.append(rows, hists, random.random((steps, 3)), [0.98] * steps)


class Updates:
    """Panels over records of several lengths, updated at the screen's pace.

    Attributes:
        cost: of one update, the mean over the last :meth:`start`: processor ms of this process, and ms that its
            ticker took; None while it is measured.
    """

    def __init__(self) -> None:
        self.cost: tuple[float, float] | None = None
        self._panels: dict[int, Any] = {}

    def prepare(self, steps: int) -> None:
        """A panel over a run that has recorded ``steps``, on the page."""
        if steps not in self._panels:
            self._panels[steps] = TrainingPanel(watch_page=True)
            self._panels[steps].run = Recorded(0)
        panel = self._panels[steps]
        if not steps <= panel.run.history.last_step + 1 <= 1.1 * steps:  # a short record does not stay short
            panel.run = Recorded(steps)
            panel.redraw()
        panel.tick()

    def start(self, steps: int, times: int) -> None:
        """Update ``times``, in the background."""
        self.cost = None
        threading.Thread(target=self._work, args=(self._panels[steps], times), daemon=True).start()

    def _work(self, panel: Any, times: int) -> None:
        spent = taken = 0.0
        stride = panel.run.since(panel.run.history.last_step).stride
        for _ in range(times):
            panel.run.more(NEW * stride)
            # Of all threads: the one that draws and sends, and the one that hears the answers.
            used, began = time.process_time(), time.perf_counter()
            panel.tick()
            taken += time.perf_counter() - began
            time.sleep(0.1)
            spent += time.process_time() - used
        self.cost = 1000 * spent / times, 1000 * taken / times
