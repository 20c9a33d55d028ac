"""The confusion matrix as it is drawn, saved and told in words."""

from dataclasses import replace

import numpy as np

from lab.record import Mistakes, Record
from widgets import charts
from widgets.charts import View
from widgets.export.run_table import run_table
from widgets.export.table import as_csv, of_figure
from widgets.markup.mistakes import tiles, words

CLASSES = ("Shirt", "T-shirt/top", "<Bag>")
COUNTS = np.array([[8, 2, 0], [0, 9, 1], [3, 0, 7]])


def mistakes(logits: np.ndarray | None = None) -> Mistakes:
    if logits is None:
        logits = np.log([[0.01, 0.98, 0.01], [0.2, 0.5, 0.3]])
    losses = np.array([4.6, np.inf], np.float32)
    pictures = np.zeros((2, 28, 28), np.uint8)
    return Mistakes(9, 0, COUNTS, CLASSES, np.array([0, 2]), logits.astype(np.float32), losses, pictures)


def test_rows_are_true_and_columns_answered() -> None:
    figure = charts.confusion(Record(mistakes=mistakes()))
    right, wrong = figure["data"]
    assert right["x"] == right["y"] == list(CLASSES)
    np.testing.assert_array_equal(np.nan_to_num(right["z"]) + np.nan_to_num(wrong["z"]), COUNTS)
    assert np.isnan(wrong["z"][0, 2]) and np.isnan(right["z"]).sum() == 6, "none is an empty cell"
    assert (wrong["z"][2, 0], wrong["zmax"], right["zmax"]) == (3, 3, 9)
    layout = figure["layout"]
    assert layout["title"]["text"] == "Confusion matrix, epoch 1"
    assert layout["annotations"][0]["text"].startswith("24 of 30 right (blue)")
    assert (layout["xaxis"]["title"]["text"], layout["yaxis"]["title"]["text"]) == ("answered", "true class")
    assert layout["yaxis"]["autorange"] == "reversed", "the first class on top"


def test_its_table_is_the_matrix() -> None:
    table = run_table("confusion", Record(mistakes=mistakes()), View())
    assert as_csv(table).decode("utf-8-sig").splitlines() == [
        "true class,answered Shirt,answered T-shirt/top,answered <Bag>",
        "Shirt,8,2,0",
        "T-shirt/top,0,9,1",
        "<Bag>,3,0,7",
    ]
    assert list(run_table("confusion", Record(), View())) == ["true class"]
    of_figure(charts.confusion(Record(mistakes=mistakes())))


def test_a_mistake_in_words() -> None:
    assert words(mistakes(), 0) == "Shirt, answered T-shirt/top with .98"
    assert words(mistakes(), 1) == "<Bag>, answered T-shirt/top with .50"
    assert words(mistakes(np.full((2, 3), np.nan)), 0) == "Shirt; the answer is no number"
    shown = tiles(mistakes())
    assert shown.count("<li>") == shown.count("<img") == 2
    assert "&lt;Bag&gt;" in shown and "<Bag>" not in shown and "loss 4.60" in shown and "loss not finite" in shown
    assert "No validation yet" in tiles(None)
    assert "no mistake" in tiles(replace_truths(0))
    without = mistakes()._replace(pictures=np.empty((2, 0, 0), np.uint8))
    assert "<img" not in tiles(without) and tiles(without).count("<li>") == 2


def replace_truths(count: int) -> Mistakes:
    made = mistakes()
    return made._replace(truths=made.truths[:count])


def test_the_chart_comes_anew_with_each_validation() -> None:
    from widgets.run.figures import TrainingFigures

    class Run:
        record = Record(steps=np.arange(1), mistakes=None)

        def since(self, step: int) -> Record:
            return self.record

    run, figures = Run(), TrainingFigures(View())
    figures.pull(run, everything=True)
    assert np.isnan(figures.figures["confusion"].figure["data"][0]["z"]).all()
    for counts in (COUNTS, COUNTS.T):
        run.record = replace(run.record, mistakes=mistakes()._replace(counts=counts))
        figures.pull(run, everything=True)
        wrong = figures.figures["confusion"].figure["data"][1]["z"]
        np.testing.assert_array_equal(np.nan_to_num(wrong), counts - np.diag(np.diag(counts)))
