"""A run's state and progress as text."""

import html

from lab.config import Config
from lab.progress import Progress
from lab.record import Validation

_STEP_SECONDS, _IMAGE_SECONDS = 1e-3, 5e-5
"""Time of a CNN step (s), fixed and per image, on two CPU cores, probes included: docs/benchmarks.md."""

STATES = {
    "ready": ("○", "Ready", ""),
    "running": ("▶", "Training", ""),
    "paused": ("❚❚", "Paused", ""),
    "finished": ("✔", "Finished", "lab-good"),
    "stopped": ("■", "Stopped", ""),
    "diverged": ("⚠", "Diverged", "lab-bad"),
    "failed": ("✖", "Failed", "lab-bad"),
}
"""State -> symbol, word and colour, so that no state is shown by colour alone."""


def state_line(state: str, progress: Progress) -> str:
    """Return the state as a line of markup that screen readers announce when it changes."""
    sign, word, kind = STATES[state]
    if state == "running" and not progress.steps:
        word = "Starting: loading torch and the data"
    elif state == "running" and progress.validating:
        word = "Validating"
    return f'<span role="status" class="{kind}"><span aria-hidden="true">{sign}</span> {html.escape(word)}</span>'


def status_line(progress: Progress, updated: str) -> str:
    """Return device, epoch and batch, speed and times as markup; a dash for what is not known yet."""
    known = progress.steps > 0
    epoch = min(progress.epoch + 1, progress.epochs)
    parts = {
        "device": progress.device.replace("cpu", "CPU").replace("cuda", "CUDA") or "–",
        "epoch": f"{epoch} of {progress.epochs}" if known else f"– of {progress.epochs}",
        "batch": f"{progress.batch} of {progress.batches}" if known else "–",
        "speed": f"{progress.rate:.3g} steps/s" if progress.rate else "–",
        "trained for": duration(progress.seconds) if known else "–",
        "time left": duration(progress.remaining) if progress.remaining else "–",
        "last update": updated or "–",
    }
    return "".join(f"<span>{name} <b>{html.escape(value)}</b></span>" for name, value in parts.items())


def validation_line(row: Validation, metric: str = "accuracy") -> str:
    """Return a validation's results, as markup; ``metric`` is its name, "" for none."""
    score = f"{row.accuracy:.1%}" if metric == "accuracy" else f"{row.accuracy:.3f}"
    shown = f"<span>validation {html.escape(metric)} <b>{score}</b></span>" if metric else ""
    return f"{shown}<span>loss <b>{row.loss:.3f}</b></span>"


def length_line(config: Config, pace: tuple[float, int] | None, examples: int | None = None) -> str:
    """Return a run's number of steps and estimated duration, as markup.

    Args:
        config: the run's settings.
        pace: as of :func:`expected_seconds`.
        examples: of data of one's own; without a pace no duration is assumed then.
    """
    steps = config.steps(examples)
    about = ""
    if examples is None or pace:
        about = f", about <b>{rough_duration(expected_seconds(config, pace) * steps / config.steps())}</b>"
    most = "at most " if 0 < config.patience < config.epochs else ""
    return f"<span>Start trains {most}<b>{steps:,} steps</b>{about}</span>"


def expected_seconds(config: Config, pace: tuple[float, int] | None = None) -> float:
    """Return how long a run of ``config`` will take, roughly.

    Args:
        pace: seconds a step, and the batch size, of the last run; None to assume two CPU cores.
    """
    steps = config.steps()
    seconds, batch = pace or (_STEP_SECONDS + 64 * _IMAGE_SECONDS, 64)
    # A step has a fixed part and a part for each image.
    ratio = (_STEP_SECONDS + config.batch_size * _IMAGE_SECONDS) / (_STEP_SECONDS + batch * _IMAGE_SECONDS)
    return steps * seconds * ratio


def rough_duration(seconds: float) -> str:
    """Return ``seconds`` as text, rounded to one unit."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * length:
            return f"{round(seconds / length):,} {unit}s"
    return f"{max(round(seconds), 1)} second{'s' if seconds >= 1.5 else ''}"


def progress_label(progress: Progress) -> str:
    """Return the run's progress as a short text."""
    if not progress.steps:
        return "step – of –"
    return f"step {progress.step} of {progress.steps} ({progress.step / progress.steps:.0%})"


def duration(seconds: float) -> str:
    """Return ``seconds`` as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
