"""Caption and data of a saved chart of kept runs."""

from collections.abc import Callable, Sequence

from lab.config import KNOBS
from widgets.charts import View
from widgets.charts.compare import short_name
from widgets.export.provenance import Settings, config_settings
from widgets.export.provenance import versions as versions_now
from widgets.export.run_table import run_table
from widgets.export.table import Table
from widgets.panels.kept.selection import Opened
from widgets.panels.kept.words import setting


def settings(opened: Sequence[Opened]) -> Settings:
    """Return one run's name and changed settings; for several, their names and differing settings, in order."""
    if not opened:
        return {}
    if len(opened) == 1:
        run = opened[0].run
        torch = run.versions.get("torch", "")
        # A caption names the installed versions, which may differ from those of the training.
        trained = {"Trained with": f"torch {torch}"} if torch and torch != versions_now()["torch"] else {}
        return {"Run": run.name} | config_settings(run.config, run.device) | trained
    made = {"Runs": " / ".join(short_name(one.line.name) for one in opened)}
    for name, knob in KNOBS.items():
        if name == "device":  # the requested device; the page shows the one used
            continue
        values = [setting(name, one.run.config, one.record.marks) for one in opened]
        if len(set(values)) > 1:
            made[knob.label] = " / ".join(values)
    return made


def table(name: str, opened: Sequence[Opened], view: View, shown: Callable[[], Table]) -> Table:
    """Return all rows of each run that chart ``name`` shows; ``shown()`` if the chart is not over the run."""
    if len(opened) == 1:
        return run_table(name, opened[0].record, view) or shown()
    rows = {
        f"{one.line.name}: {title}": values
        for one in opened
        for title, values in run_table(name, one.record, view).items()
    }
    return rows or shown()
