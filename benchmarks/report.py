"""Where results go: a JSON file for each question, and its table between two marks in a page of docs/."""

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parent.parent / "docs"


def machine(*packages: str) -> dict[str, str]:
    """On what something was measured: device, cores, threads, versions of torch, numpy and ``packages``, date."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {_processor()}"
    versions = {name: version(name) for name in ("torch", "numpy", *packages)}
    return {
        "device": device,
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        **versions,
        "date": datetime.now(UTC).date().isoformat(),
    }


def _processor() -> str:
    """The processor's name where the system tells it."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def circumstances(machine: Mapping[str, str]) -> str:
    """A :func:`machine` as the line below a table; what is not known of it is left out."""
    own = ("device", "cores", "threads", "date")
    versions = ", ".join(f"{name} {value}" for name, value in machine.items() if name not in own)
    where = [machine["device"]]
    where += [
        f"{machine[name]} {words}"
        for name, words in (("cores", "cores"), ("threads", "torch threads"))
        if name in machine
    ]
    return f"{', '.join(where)}; {versions}; {machine['date']}."


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A Markdown table; the columns ``numbers`` are set to the right."""
    rule = ["---:" if column in numbers else "---" for column in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows)).replace("| --- |", "|---|")


def load(name: str) -> Any:
    """What ``results/name.json`` holds, or None."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def save(name: str, results: Any) -> None:
    """Write ``results/name.json``, whole or not at all."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    half = path.with_suffix(".tmp")
    half.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    half.replace(path)


def publish(page: str, name: str, text: str, docs: Path = DOCS) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- end of name -->`` in ``docs/page``.

    Raises:
        ValueError: when the page lacks the marks.
    """
    path = docs / page
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{path} has no place for {name}: it needs {begin} and {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
