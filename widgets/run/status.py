"""A run's state and progress in words."""

import html

from lab.progress import Progress

STATES = {
    "ready": ("○", "Ready", ""),
    "running": ("▶", "Training", ""),
    "paused": ("❚❚", "Paused", ""),
    "finished": ("✔", "Finished", "lab-good"),
    "stopped": ("■", "Stopped", ""),
    "diverged": ("⚠", "Diverged", "lab-bad"),
    "failed": ("✖", "Failed", "lab-bad"),
}
"""State -> a sign, a word and a colour, so that no state is shown by colour alone."""


def state_line(state: str, progress: Progress) -> str:
    """Return the state, as a line that a screen reader reads out when it changes."""
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


def progress_label(progress: Progress) -> str:
    """Return how far the run is, as a number."""
    if not progress.steps:
        return "step – of –"
    return f"step {progress.step} of {progress.steps} ({progress.step / progress.steps:.0%})"


def duration(seconds: float) -> str:
    """Return ``seconds`` as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
