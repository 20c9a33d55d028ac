"""The experiments' charts: what is drawn equals the runs, number by number."""

import numpy as np
import pytest

from lab.config import Config
from lab.experiments.experiment import Experiment, Sketch, Variant
from lab.record import Record
from widgets.panels.experiment import charts

BASE = Config(size=60, batch_size=20, epochs=1, widths=(4, 4), norm="none")


def experiment(*variants: Variant, sweep: str = "") -> Experiment:
    return Experiment("one", "One", "Which?", "Two.", "a test", BASE, variants, sweep=sweep)


def record(losses: list[float], weight: float = 0.5) -> Record:
    steps = np.arange(len(losses))
    columns = {
        "loss": np.zeros(len(losses), np.float32),
        "loss_average": weight * np.array(losses, np.float32),
        "loss_weight": np.full(len(losses), weight, np.float32),
    }
    return Record(steps=steps, columns=columns)


def test_every_run_is_a_point_in_its_variants_row() -> None:
    one = experiment(Variant("small", {"lr": 0.1}), Variant("large", {"lr": 0.2}))
    here = charts.Series("here", {"small": [0.2, 0.4, 0.9], "large": [0.5, float("nan")]})
    course = charts.Series("the course", {"large": [0.7]})
    figure = charts.spread(one, "valid_accuracy", [here, course])
    by_name = {trace["name"]: trace for trace in figure["data"]}
    np.testing.assert_allclose(by_name["here"]["x"], [0.2, 0.4, 0.9, 0.5])
    rows = [round(y) for y in by_name["here"]["y"]]
    assert [figure["layout"]["yaxis"]["ticktext"][1 - row] for row in rows] == ["small"] * 3 + ["large"]
    np.testing.assert_allclose(by_name["here: median"]["x"], [0.4, 0.5])
    np.testing.assert_allclose(by_name["the course"]["x"], [0.7])
    symbols = {trace["marker"]["symbol"] for name, trace in by_name.items() if "median" not in name}
    assert len(symbols) == 2, "told apart without colour"


def test_a_swept_knob_is_the_axis() -> None:
    variants = [Variant(f"{lr:g}, {norm}", {"lr": lr, "norm": norm}) for norm in ("none", "batch") for lr in (0.1, 1.0)]
    one = experiment(*variants, sweep="lr")
    values = {"0.1, none": [0.2, 0.6], "1, none": [0.3], "0.1, batch": [0.8], "1, batch": []}
    figure = charts.spread(one, "valid_accuracy", [charts.Series("here", values)])
    assert figure["layout"]["xaxis"]["type"] == "log" and figure["layout"]["xaxis"]["title"]["text"] == "Learning rate"
    points = {trace["name"]: (list(trace["x"]), list(trace["y"])) for trace in figure["data"]}
    assert points["Norm type None, here"] == ([0.1, 0.1, 1.0], [0.2, 0.6, 0.3])
    assert points["Norm type None, here: median"] == ([0.1, 1.0], [0.4, 0.3])
    assert points["Norm type BatchNorm (from scratch), here"] == ([0.1], [0.8])


def test_a_band_is_the_seeds_quantiles_and_its_line_their_median() -> None:
    losses = [[3.0, 1.0], [2.0, 5.0], [7.0, 4.0]]
    runs = [charts.Shown("one", 0, {seed: record(own) for seed, own in enumerate(losses)})]
    figure = charts.bands("loss", runs)
    by_name = {trace["name"]: trace for trace in figure["data"]}
    low, median, high = np.quantile(np.array(losses), [0.1, 0.5, 0.9], axis=0)
    np.testing.assert_allclose(by_name["one (3)"]["y"], median, rtol=1e-6)
    np.testing.assert_allclose(by_name["band"]["y"], [*high, *low[::-1]], rtol=1e-6)
    for seed, own in enumerate(losses):
        np.testing.assert_allclose(by_name[f"one, seed {seed}"]["y"], own, rtol=1e-6)
    assert "3 seeds: median" in figure["layout"]["title"]["text"]
    (line,) = [
        t for t in charts.bands("loss", [charts.Shown("one", 0, {0: record([3, 1])})])["data"] if "fill" not in t
    ]
    assert line["name"] == "one", "one seed has no single lines beside its own"


@pytest.mark.parametrize("drawable", [True, False])
def test_a_sketch_is_over_the_share_of_the_run(drawable: bool) -> None:
    of = Sketch("Draw it.", "loss", "one", 0, 4)
    run = (np.array([0, 0.5, 1]), np.array([3.0, 2.0, 1.0]))
    figure = charts.sketch(of, ((0.0, 4.0), (1.0, 0.0)), [run, run, run] if not drawable else [], drawable=drawable)
    np.testing.assert_allclose(figure["data"][0]["x"], [0, 100])
    np.testing.assert_allclose(figure["data"][0]["y"], [4, 0])
    assert ("dragmode" in figure["layout"]) == drawable
    assert figure["layout"]["yaxis"]["range"] == [0, 4]
    if not drawable:
        np.testing.assert_allclose(figure["data"][1]["x"], [0, 50, 100])
        assert [trace["showlegend"] for trace in figure["data"][1:]] == [True, False, False]
