"""What a chart that was thinned shows of a span: the record's own rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from lab.record import Record
from tests.widgets.conftest import LAYERS, long_record
from widgets.charts import View
from widgets.figure.detail import Span
from widgets.run.figures import CHARTS, COLUMNS, HISTOGRAMS, TrainingFigures, after

SPANS: dict[str, Span] = {"steps": (1200.0, 1250.0), "epochs": (12.005, 12.515), "seconds": (12.0, 12.5)}


@dataclass
class Run:
    """A Recording that has come to a step."""

    whole: Record
    steps: int = 10**9

    def since(self, step: int) -> Record:
        upto = self.whole.steps < self.steps
        rows = replace(
            self.whole,
            steps=self.whole.steps[upto],
            columns={name: values[upto] for name, values in self.whole.columns.items()},
            hist_steps=self.whole.hist_steps[self.whole.hist_steps < self.steps],
            hists=self.whole.hists[self.whole.hist_steps < self.steps],
            weight_hists=self.whole.weight_hists[self.whole.hist_steps < self.steps],
            validations=tuple(row for row in self.whole.validations if row.step < self.steps),
        )
        return after(rows, step)


def drawn(record: Record, **view: Any) -> TrainingFigures:
    figures = TrainingFigures(View(**view))
    figures.redraw(Run(record))
    return figures


def inside(trace: dict[str, Any], span: Span) -> dict[str, Any]:
    """The part of a trace that the page shows."""
    x = np.asarray(trace["x"], np.float32)
    within = (x >= span[0]) & (x <= span[1])
    field = "z" if trace.get("type") == "heatmap" else "y"
    return {"x": x[within], field: np.asarray(trace[field], np.float32)[..., within]}


def detail(figures: TrainingFigures, name: str) -> list[dict[str, Any]]:
    found = figures.figures[name].detail
    assert found
    return found.figure()["data"]


def test_rows_of_a_span_are_the_records_own() -> None:
    record = long_record()
    figures = drawn(record)
    for name in ("loss", "mean", "histogram"):
        assert figures.figures[name].stride > 1
        figures.zoom(name, SPANS["steps"])
    loss = inside(detail(figures, "loss")[0], SPANS["steps"])
    assert loss["x"].tolist() == list(range(1200, 1251))
    np.testing.assert_array_equal(loss["y"], record.columns["loss"][1200:1251])
    for i, layer in enumerate(LAYERS):
        mean = inside(detail(figures, "mean")[i], SPANS["steps"])
        np.testing.assert_array_equal(mean["y"], record.columns[f"mean/{layer}"][1200:1251])
    heat = inside(detail(figures, "histogram")[0], SPANS["steps"])
    assert heat["x"].tolist() == list(range(1200, 1251, 2))
    np.testing.assert_array_equal(heat["z"], np.log1p(record.hists[600:626, -1, 1:-2], dtype=np.float32).T)


@pytest.mark.parametrize("x", SPANS)
def test_every_chart_has_each_row_of_the_span(x: str) -> None:
    record, before = long_record(), long_record(seed=8)
    figures = drawn(record, x=x, before=after(before, 999))
    for name, (chart, _) in CHARTS.items():
        figures.zoom(name, SPANS[x])
        whole = chart(record, View(x=x, before=after(before, 999)))["data"]
        full = chart(record, replace(View(x=x, before=after(before, 999)), before=None))["data"]
        shown = detail(figures, name)
        assert [trace.get("name") for trace in shown] == [trace.get("name") for trace in whole]
        for found, want in zip(shown, full, strict=False):
            found, want = inside(found, SPANS[x]), inside(want, SPANS[x])
            assert len(found["x"]) or "y" in found, name
            for field in found:
                np.testing.assert_allclose(found[field], want[field], rtol=1e-6, err_msg=f"{name} {field}")
    curve = inside(detail(figures, "loss")[3], SPANS[x])
    assert len(curve["x"]) >= 40, "of the run that a branch came from, too, each step"
    if x == "steps":
        weights = before.columns["loss_average"] / before.columns["loss_weight"]
        np.testing.assert_allclose(curve["y"], np.minimum(weights, 30)[1200:1251], rtol=1e-6)


def test_a_wide_span_is_thinned_as_the_whole_is_and_says_so() -> None:
    figures = drawn(long_record(4000))
    for name in ("loss", "histogram"):
        figures.zoom(name, (100.0, 3000.0))
        found = figures.figures[name].detail
        assert found
        most = COLUMNS if name in HISTOGRAMS else 1000
        assert most / 3 < len(found.steps) <= most
        assert found.layout["xaxis"]["title"]["text"] == f"step (every {found.stride}th step)"
        figures.zoom(name, (100.0, 150.0))
        narrow = figures.figures[name].detail
        title = {"loss": "step", "histogram": "step (1 step in 2 kept)"}[name]
        assert narrow and narrow.layout["xaxis"]["title"]["text"] == title


def test_a_record_that_was_thinned_itself_says_so() -> None:
    figures = drawn(long_record(3000, stride=2))
    figures.zoom("loss", (100.0, 150.0))
    found = figures.figures["loss"].detail
    assert found and found.layout["xaxis"]["title"]["text"] == "step (1 step in 2 kept)"
    assert inside(found.figure()["data"][0], (100.0, 150.0))["x"].tolist() == list(range(100, 151, 2))


def test_what_was_not_thinned_has_no_detail() -> None:
    figures = drawn(long_record(900))
    figures.zoom("loss", (100.0, 150.0))
    assert figures.figures["loss"].detail is None


@pytest.mark.parametrize(
    ("span", "grows"), [((1200.0, 1250.0), [0, 0, 0]), ((1900.0, 2100.0), [1, 1, 0]), ((1900.0, 9000.0), [1, 1, 1])]
)
def test_a_span_that_includes_the_end_grows_and_another_costs_nothing(span: Span, grows: list[int]) -> None:
    record = long_record()
    run = Run(record, 2000)
    figures = TrainingFigures(View())
    figures.pull(run)
    for name in CHARTS:
        figures.zoom(name, span)
        figures.figures[name].detail.take()  # type: ignore[union-attr]
    for steps, more in zip((2040, 2200, 2201), grows, strict=True):
        run.steps = steps
        figures.pull(run, everything=True)
        for name in CHARTS:
            found = figures.figures[name].detail
            assert found and found.behind == bool(more), name
            found.take()
    for name, (chart, _) in CHARTS.items():
        want = chart(run.since(-1), View())["data"]
        for shown, trace in zip(detail(figures, name), want, strict=True):
            shown, trace = inside(shown, span), inside(trace, span)
            for field in shown:
                np.testing.assert_allclose(shown[field], trace[field], rtol=1e-6, err_msg=f"{name} {field}")


def test_a_new_view_or_run_has_no_detail_of_the_old_one() -> None:
    for renew in (
        lambda figures: figures.show(Run(long_record()), near_zero="near_abs"),
        lambda figures: figures.redraw(Run(long_record(seed=9))),
    ):
        figures = drawn(long_record())
        figures.zoom("near_zero", (100.0, 150.0))
        check: Callable[[TrainingFigures], None] = renew
        check(figures)
        assert figures.figures["near_zero"].detail is None
