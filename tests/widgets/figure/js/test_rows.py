"""The page's pure functions by ``node --test``, on messages that the kernel makes; skipped where there is no node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from widgets.figure.bounded_figure import BoundedFigure

TEST = Path(__file__).with_name("rows.test.mjs")


def lines(steps: np.ndarray) -> dict[str, Any]:
    return {
        "data": [
            {"type": "scatter", "name": "a", "x": steps * 0.5, "y": np.sin(steps)},
            {"type": "scatter", "name": "last", "x": [len(steps)], "y": [1.5], "meta": {"whole": True}},
        ],
        "layout": {"xaxis": {"title": {"text": "step"}}, "shapes": [{"x0": len(steps)}]},
    }


def heat(steps: np.ndarray) -> dict[str, Any]:
    z = np.arange(3)[:, None] + 0.25 * steps
    return {"data": [{"type": "heatmap", "x": steps * 1.0, "y": [0, 1, 2], "z": z}], "layout": {}}


def messages(make: Any, counts: list[int], most: int, taken_every: int) -> list[dict[str, Any]]:
    """Each message as the page gets it, its floats, and the figure that the page must then have."""
    none = np.empty(0, np.int64)
    figure = BoundedFigure(make(none), most, none)
    sent, step = [], 0
    for i, count in enumerate(counts):
        steps = np.arange(step, step + count)
        figure.extend(steps, make(steps))
        step += count
        if i % taken_every == 0:
            message, floats = figure.take()
            numbers = np.concatenate([array.ravel() for array in floats]) if floats else []
            wanted = json.loads(json.dumps(figure.figure(), default=np.ndarray.tolist))
            sent.append({"message": message, "numbers": np.asarray(numbers, np.float64).tolist(), "figure": wanted})
    return sent


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_the_pages_pure_functions(tmp_path: Path) -> None:
    cases = {
        "lines": messages(lines, [3, 5, 1, 0, 7], 100, 1),
        "lines thinned at every other message": messages(lines, [4, 9, 3, 20, 1, 1, 40, 2], 16, 1),
        "lines thinned several times between two messages": messages(lines, [4, 9, 30, 20, 100, 1, 400, 2, 3], 16, 3),
        "a heatmap": messages(heat, [2, 3, 4], 100, 1),
        "a heatmap thinned": messages(heat, [2, 9, 4, 30, 7], 8, 1),
    }
    assert sum(part["message"]["type"] == "append" for part in cases["a heatmap thinned"]) >= 3
    assert any("keep" in part["message"] for part in cases["lines thinned at every other message"])
    (tmp_path / "messages.json").write_text(json.dumps(cases))
    command = ["node", "--test", str(TEST)]
    done = subprocess.run(
        command, env={"PATH": "/usr/bin:/bin:/usr/local/bin", "MESSAGES": str(tmp_path / "messages.json")},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 10" in done.stdout or "ℹ pass 10" in done.stdout, done.stdout


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_the_pages_pure_functions_of_a_zoom() -> None:
    command = ["node", "--test", str(TEST.with_name("zoom.test.mjs"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 8" in done.stdout or "ℹ pass 8" in done.stdout, done.stdout
