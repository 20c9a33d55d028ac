"""Far last points that stretch no axis: one rule for the page (JavaScript) and for a slide (Python)."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from widgets.export import far_points


def diverging(n: int, last: list[float]) -> list[float]:
    return [*np.linspace(2.3, 0.5, n).round(6).tolist(), *last]


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
@pytest.mark.parametrize(
    "lines",
    [
        [diverging(100, [9.0, 80.0, 1e18])],
        [diverging(20, [float("inf"), 700.0, float("nan")]), diverging(20, [0.4])],
        [diverging(100, [-500.0])],
        [diverging(100, [])],
        [[1.0] * 50 + [2.0]],
        [diverging(3, [1e9])],
        [],
    ],
    ids=["diverged", "two lines", "downwards", "fell", "level", "short", "none"],
)
def test_far_last_points_stretch_no_axis_on_the_page_and_on_a_slide(lines: list[list[float]]) -> None:
    """The page's rule and the slide's are one."""
    source = Path(far_points.__file__).parents[1] / "figure" / "js" / "robust.js"
    text = json.dumps([[repr(y) if not np.isfinite(y) else y for y in line] for line in lines])
    numbers = {"nan": "NaN", "inf": "Infinity"}
    script = (
        f"{source.read_text('utf-8')}\nconst odd = {json.dumps(numbers)};"
        f"console.log(JSON.stringify(robustRange({text}.map((line) => line.map((y) => Number(odd[y] ?? y))))));"
    )
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, timeout=60, check=True)
    page = json.loads(done.stdout)
    ours = far_points.robust_range([np.asarray(line) for line in lines])
    assert (page is None) == (ours is None)
    if ours is not None:
        assert [page["low"], page["high"]] == pytest.approx(ours)
        assert ours[1] < 30, "what came before is seen"


def test_which_runs_have_far_points() -> None:
    found = far_points.robust_range([np.asarray(diverging(100, [9.0, 80.0, 1e18]))])
    assert found == pytest.approx((0.5 - 0.1 * 8.5, 9.0 + 0.1 * 8.5)), "up to ten times the first values"
    late = np.r_[np.full(20, 2.3), 2.3 * 3.0 ** np.arange(40)]
    assert (far_points.robust_range([late]) or (0, np.inf))[1] < 30
    assert far_points.robust_range([np.r_[np.ones(50), 1e6, np.ones(50)]]) is None, "a spike is no divergence"
    assert far_points.robust_range([np.linspace(0.1, 2, 100)]) is None


def test_a_slide_says_how_many_points_are_beyond_its_axis() -> None:
    trace = {"type": "scatter", "y": np.asarray(diverging(100, [9.0, 80.0, 1e18]))}
    figure = {"data": [trace], "layout": {"meta": {"robust": True}, "yaxis": {"rangemode": "tozero"}}}
    far_points.leave_out_far_points(figure)
    assert figure["layout"]["yaxis"]["range"] == pytest.approx([-0.35, 9.85])
    assert figure["layout"]["annotations"][0]["text"] == "2 far points are beyond the axis"
    log = {"data": [trace], "layout": {"meta": {"robust": True}, "yaxis": {"type": "log"}}}
    far_points.leave_out_far_points(log)
    assert "range" not in log["layout"]["yaxis"]


def test_where_a_chart_is_zoomed_only_what_is_in_the_span_is_far_or_near() -> None:
    y = np.asarray(diverging(100, [9.0, 80.0, 1e18]))
    trace = {"type": "scatter", "x": np.arange(len(y)), "y": y}

    def zoomed(low: float, high: float) -> dict[str, Any]:
        layout = {"meta": {"robust": True}, "xaxis": {"range": [low, high]}, "yaxis": {"rangemode": "tozero"}}
        figure = {"data": [trace], "layout": layout}
        far_points.leave_out_far_points(figure)
        return figure["layout"]

    assert "range" not in zoomed(10, 60)["yaxis"], "it does not diverge there"
    end = zoomed(85, 102)
    near = y[85:100]
    pad = 0.1 * np.ptp(near)
    assert end["yaxis"]["range"] == pytest.approx([near.min() - pad, near.max() + pad])
    assert end["annotations"][0]["text"] == "3 far points are beyond the axis"
