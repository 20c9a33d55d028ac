"""The kept runs' panel by its handlers, without a browser: what it lists, shows and says is what the library has."""

import math
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from lab.concepts.moving_average import debiased
from lab.config import Config
from lab.kept import KeptError, KeptRun, Library, file
from lab.record import Record
from tests.widgets.conftest import long_record, made_record
from widgets.charts import View
from widgets.charts.compare import MOST
from widgets.figure.requests import SaveRequest
from widgets.panel.panel import CLOSE_AFTER, PAUSE_AFTER
from widgets.panels.kept.figures import OVERLAYS
from widgets.panels.kept.panel import EVERY, PROBLEMS_EVERY, KeptRunsPanel
from widgets.run.figures import CHARTS, CONFUSION, HISTOGRAMS, OUTPUTS

BEGIN = datetime(2026, 11, 21, 12, tzinfo=UTC)

Make = Callable[[], KeptRunsPanel]


class Shelf:
    """A library, and a way to put runs into it without training: the later, the newer."""

    def __init__(self, folder: Path) -> None:
        self.library = Library(folder)
        self.written = 0
        self.held = ExitStack()
        folder.mkdir()

    def put(self, id: str, record: Record | None = None, *, hold: bool = False, **facts: Any) -> KeptRun:
        """Write a run, in place of the one of this id; ``hold`` keeps it as a living writer does."""
        self.written += 1
        record = made_record() if record is None else record
        moment = BEGIN + timedelta(minutes=self.written)
        known: dict[str, Any] = {
            "id": id,
            "name": f"run {id}",
            "note": "",
            "config": Config(),
            "outcome": "finished",
            "error": "",
            "started": moment,
            "updated": moment,
            "steps": 30,
            "seconds": 75.0,
            "device": "CPU, 1 thread",
            "versions": {"torch": "2.0", "python": "3.11"},
            "loss": 0.5,
            "valid_loss": 0.9,
            "accuracy": 0.8,
        }
        run = KeptRun(**{**known, **facts})
        held = file.write(self.library.folder / f"{id}.npz", run, record, hold=hold)
        if held is not None:
            self.held.enter_context(held)
        return run


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "runs")
    yield made
    made.held.close()


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def make(shelf: Shelf, now: list[float]) -> Iterator[Make]:
    panels: list[KeptRunsPanel] = []

    def made() -> KeptRunsPanel:
        # Its own ticker would look whenever it likes: the tests call tick().
        panel = KeptRunsPanel(shelf.library, clock=lambda: now[0])
        panel._closed.set()
        if panel._ticker:
            panel._ticker.join()
        panels.append(panel)
        return panel

    yield made
    for panel in panels:
        panel.close()


def choose(panel: KeptRunsPanel, *ids: str) -> None:
    panel.shelf.list.chosen = list(ids)


def listed(panel: KeptRunsPanel) -> list[str]:
    return [row["id"] for row in panel.shelf.list.rows]


def names(panel: KeptRunsPanel, figure: str = "loss") -> list[str]:
    return [trace["name"] for trace in panel.figures[figure].figure["data"] if trace.get("showlegend", True)]


def hidden(widget: Any) -> bool:
    return "lab-folded" in widget._dom_classes


def test_there_is_an_overlay_of_every_chart_over_the_run() -> None:
    assert CHARTS.keys() == OVERLAYS.keys()


def test_the_newest_run_is_opened_with_all_its_numbers(shelf: Shelf, make: Make) -> None:
    shelf.put("old")
    shelf.put("new", config=Config(lr=0.9, norm="none"), note="too <b>fast</b>")
    panel = make()
    assert panel.error == "" and listed(panel) == ["new", "old"] and panel.shelf.list.chosen == ["new"]
    view = View(near_zero="near_relu")
    for name, (chart, _) in CHARTS.items():
        for got, want in zip(panel.figures[name].figure["data"], chart(made_record(), view)["data"], strict=True):
            for key in "xyz":
                if isinstance(want.get(key), np.ndarray):
                    np.testing.assert_array_equal(got[key], want[key].astype(np.float32), err_msg=f"{name} {key}")
    assert panel.figures.keys() == CHARTS.keys() | OUTPUTS.keys() | {CONFUSION}
    assert panel.figures[CONFUSION].figure["data"][0]["z"][9][9] == 99
    assert "4</b>, answered 9 with .98" in panel.mistakes.value
    assert panel.about.name.value == "run new" and panel.about.note.value == "too <b>fast</b>"
    for said in ("✔ Finished", "80.00%", "CPU, 1 thread", "1:15", "Learning rate", "0.4 → 0.9 at step 4"):
        assert said in panel.about.facts.value, said
    assert "Batch size" not in panel.about.facts.value, "a default"
    assert panel.shelf.list.rows[0]["lines"][2:] == ["Learning rate 0.9, Norm type None", "too <b>fast</b>"]


def test_train_again_leads_to_the_same_settings(shelf: Shelf, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(lr=0.9, widths=(4, 8), lr_schedule="one-cycle")
    shelf.put("one", config=config)
    assert "TrainingPanel(lr=0.9, widths=(4, 8), lr_schedule=&quot;one-cycle&quot;)" in make().about.facts.value
    monkeypatch.setenv("VOILA_BASE_URL", "/")
    href = re.search(r'href="([^"]*)"', make().about.facts.value)
    assert href and urlsplit(href[1].replace("&amp;", "&")).path == "training.ipynb"
    assert Config.from_query(urlsplit(href[1].replace("&amp;", "&")).query) == config


def test_a_run_of_ones_own_net_says_which_it_was_and_its_own_score(shelf: Shelf, make: Make) -> None:
    own = "MyNet with 9 parameters on 2 training and 1 validation examples of shape (3,)"
    shelf.put("own", replace(made_record(), own=own, metric="R²", loss="l1"), accuracy=math.nan)
    facts = make().about.facts.value
    assert own in facts and "validation R² <b>0.8</b>" in facts and "%" not in facts.split("</div>")[0]
    assert "Train again" not in facts, "its net is not kept"


def test_several_runs_lie_over_each_other(shelf: Shelf, make: Make) -> None:
    same = {"batch_size": 32, "size": 1000}
    shelf.put("a", config=Config(lr=0.9, **same), accuracy=0.91)
    shelf.put("b", replace(made_record(20), marks=()), config=Config(lr=0.9, norm="none", **same))
    shelf.put("c")
    panel = make()
    choose(panel, "a", "b")
    assert panel.error == "" and [one.run.id for one in panel.opened] == ["a", "b"]
    lines = [one.line for one in panel.opened]
    for name, chart in OVERLAYS.items():
        drawn = panel.figures[name].figure
        expected = chart(lines, panel._view.seen(panel.opened))
        for got, want in zip(drawn["data"], expected["data"], strict=True):
            assert got["name"] == want["name"]
            for key in "xyz":
                if isinstance(want.get(key), np.ndarray):
                    np.testing.assert_array_equal(got[key], want[key].astype(np.float32), err_msg=f"{name} {key}")
        assert drawn["layout"]["shapes"] == expected["layout"]["shapes"] if name not in HISTOGRAMS else True
    assert names(panel) == ["run a", "run b"]
    differing, finals = panel.about.facts.value.split("Final figures")
    assert re.findall(r'<th scope="row">([^<]*)', differing) == ["Learning rate", "Momentum", "Norm type"]
    assert "0.4 → 0.9 at step 4" in differing and "<td>None</td>" in differing
    assert "91.00%" in finals and "80.00%" in finals
    # Their answers are not laid over each other, nor is one of their steps shown.
    assert not panel.figures.keys() & {*OUTPUTS, CONFUSION} and hidden(panel._sections["outputs_digit"])
    assert hidden(panel._sections[CONFUSION])
    assert hidden(panel._scrub_fold) and not hidden(panel._sections["loss"])
    assert "scrub" not in panel.saver.owners(), "nor saved"

    before = {one.run.id: one.line.colour for one in panel.opened}
    choose(panel, "a", "b", "c")
    choose(panel, "b", "c")
    assert panel.opened[0].line.colour == before["b"], "a run keeps its colour while it is there"
    choose(panel, "b", "c", "a")
    assert len({(one.line.colour, one.line.dash) for one in panel.opened}) == 3
    colours = {row["id"]: row["colour"] for row in panel.shelf.list.rows}
    assert colours == {one.run.id: one.line.colour for one in panel.opened}
    choose(panel)
    assert "No run is chosen" in panel.about.heading.value and hidden(panel._sections["loss"])
    assert hidden(panel.save_bar), "there is no chart to save"
    choose(panel, "a")
    assert panel.figures.keys() == CHARTS.keys() | OUTPUTS.keys() | {CONFUSION} and not hidden(
        panel._sections["outputs_digit"]
    )
    assert "scrub" in panel.saver.owners() and not hidden(panel.save_bar)


@pytest.mark.parametrize("x", ["steps", "seconds"])
def test_zoomed_each_of_several_runs_brings_its_own_rows(shelf: Shelf, make: Make, x: str) -> None:
    records = {"a": long_record(), "b": long_record(1240, seed=8), "c": long_record(900, seed=9)}
    for id, record in records.items():
        shelf.put(id, record)
    panel = make()
    panel.menus["x"].value = x
    choose(panel, "a", "b", "c")
    span = {"steps": (1200.0, 1250.0), "seconds": (12.0, 12.5)}[x]

    def zoom(*names: str) -> None:
        numbers = [panel.figures[name]._number for name in names]
        panel.figures["loss"]._handle_custom_msg({"type": "zoom", "range": list(span), "figures": numbers}, [])

    def shown(name: str) -> dict[tuple[str, str], tuple[Any, Any]]:
        """Run and kind -> x and values within the span."""
        assert panel.figures[name].detail
        found = {}
        for trace in panel.figures[name].detail.figure()["data"]:
            within = (trace["x"] >= span[0]) & (trace["x"] <= span[1])
            values = trace["z" if trace["type"] == "heatmap" else "y"]
            found[trace["name"], trace.get("mode", "")] = trace["x"][within], values[..., within]
        return found

    zoom("loss", "accuracy", "mean", "histogram")
    assert panel.error == ""
    loss, accuracy, mean, heat = map(shown, ("loss", "accuracy", "mean", "histogram"))
    for id, record in records.items():
        times = record.steps if x == "steps" else record.columns["seconds"]
        rows, hists = (
            np.flatnonzero((at >= span[0]) & (at <= span[1]))
            for at in (times, np.interp(record.hist_steps, record.steps, times))
        )
        assert len(rows) > 30 or id != "a"
        name = f"run {id}"
        average = record.columns["loss_average"] / record.columns["loss_weight"]
        averaged = debiased(record.columns["accuracy"], 0.98)
        for (at, values), wanted in (
            (loss[name, "lines"], np.minimum(average, 30)),
            (accuracy[name, "lines"], averaged),
            (mean[name, "lines"], record.columns["mean/conv3"]),
        ):
            np.testing.assert_allclose(at, times[rows], rtol=1e-6)
            np.testing.assert_allclose(values, wanted[rows], rtol=1e-6)
        if x == "steps":
            pictures = np.log1p(record.hists[hists, -1, 1:-2], dtype=np.float32).T
            np.testing.assert_array_equal(heat[name, ""][1], pictures)
        (columns,) = [t["x"] for t in panel.figures["histogram"].detail.figure()["data"] if t["name"] == name]
        every = np.interp(record.hist_steps, record.steps, times).astype(np.float32)
        assert np.isin(columns, every).all() and (np.diff(columns) > 0).all(), "those beside the span have their times"
    validations = loss["run a", "markers"][0]
    assert len(validations) == sum(
        span[0] <= (row.step if x == "steps" else records["a"].columns["seconds"][row.step]) <= span[1]
        for row in records["a"].validations
    )

    # Of one run its own; without a long one none.
    choose(panel, "a")
    zoom("loss")
    assert panel.figures["loss"].detail and panel.figures["accuracy"].detail is None
    seen = SaveRequest("1", "svg", {"xaxis": span, "yaxis": (0.0, 1.0)}, frozenset())
    wide, zoomed = (panel.saver.chart_file("loss", request=request).slide["data"][0]["x"] for request in (None, seen))
    rows = [int(np.sum((at >= span[0]) & (at <= span[1]))) for at in (np.asarray(wide), np.asarray(zoomed))]
    assert rows[0] < rows[1] == len(loss["run a", "lines"][0]), "saved as it is seen"
    assert zoomed[0] == wide[0] and zoomed[-1] == wide[-1], "a saved page can be zoomed out"
    choose(panel, "c")
    zoom("loss")
    assert panel.figures["loss"].detail is None


def test_a_comparison_that_is_zoomed_follows_a_run_that_grows(shelf: Shelf, make: Make, now: list[float]) -> None:
    shelf.put("a", long_record(2000), outcome="running", hold=True)
    shelf.put("b", long_record(seed=8))
    panel = make()
    choose(panel, "a", "b")
    loss = panel.figures["loss"]
    loss._handle_custom_msg({"type": "zoom", "range": [1900, 2100], "figures": [loss._number]}, [])

    def last() -> float:
        assert loss.detail
        return float(loss.detail.figure()["data"][0]["x"][-1])

    assert last() == 1999
    shelf.held.close()
    shelf.put("a", long_record(2050), outcome="running", hold=True)
    now[0] += EVERY
    panel.tick()
    assert panel.error == "" and last() == 2049


def test_runs_of_one_name_and_the_same_settings_are_told_apart(shelf: Shelf, make: Make) -> None:
    for id in "abc":
        shelf.put(id, name="the same")
    panel = make()
    choose(panel, "a", "b", "c")
    assert names(panel) == ["the same", "the same (2)", "the same (3)"]
    assert "the same settings" in panel.about.facts.value


def test_more_runs_than_can_be_told_apart_are_refused(shelf: Shelf, make: Make) -> None:
    ids = [f"{i:02}" for i in range(MOST + 1)]
    for id in ids:
        shelf.put(id)
    panel = make()
    choose(panel, *ids[:MOST])
    choose(panel, *ids)
    assert f"at most {MOST}" in panel.error and panel.shelf.list.chosen == ids[:MOST]
    assert len(names(panel)) == MOST


def test_menus_offer_what_any_of_the_runs_has(shelf: Shelf, make: Make) -> None:
    shelf.put("a", config=Config(norm="none"))
    shelf.put("b", replace(made_record(), layers=("conv1", "linear"), norms=()), config=Config(near_zero=0.01))
    panel = make()
    choose(panel, "a", "b")
    assert [value for _, value in panel.menus["layer"].options] == ["", "conv1", "conv2", "conv3", "linear"]
    assert panel.menus["near_zero"].value == "near_abs", "the course's definitions differ"
    assert panel.figures["near_zero"].figure["layout"]["title"]["text"].endswith("|x| < t"), "and so do the thresholds"
    panel.menus["layer"].value = "conv3"
    assert names(panel, "mean") == ["run a", "run b (not in this net)"]
    panel.menus["near_zero"].value = "near_below"
    choose(panel, "b")
    assert panel.menus["near_zero"].value == "near_below", "what a person chose stays"
    assert "x ≤ 0.01" in panel.figures["near_zero"].figure["layout"]["title"]["text"]


def test_search_and_older_runs(shelf: Shelf, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("widgets.panels.kept.shelf.SHOWN", 3)
    monkeypatch.setattr("widgets.panels.kept.panel.SHOWN", 3)
    for i in range(5):
        shelf.put(f"{i}", config=Config(lr=0.9 if i % 2 else 0.4))
    panel = make()
    assert listed(panel) == ["4", "3", "2"] and not hidden(panel.shelf.more)
    panel.shelf.more.click()
    assert listed(panel) == ["4", "3", "2", "1", "0"] and hidden(panel.shelf.more)
    panel.shelf.search.value = "lr=0.9"
    assert listed(panel) == ["3", "1"]
    assert names(panel) and panel.shelf.list.chosen == ["4"], "what is chosen stays on the charts"
    assert "1 of up to 8 ticked, 1 of them not listed here" in panel.shelf.count.value
    panel.shelf.search.value = "nothing like it"
    assert listed(panel) == [] and "nothing like it" in panel.shelf.list.empty
    panel.shelf.clear.click()
    assert panel.shelf.list.chosen == [] and panel.shelf.clear.disabled
    assert "None ticked; up to 8 can be." in panel.shelf.count.value


def test_rename_and_note(shelf: Shelf, make: Make) -> None:
    shelf.put("a")
    panel = make()
    panel.about.name.value = "  a better   name "
    panel.about.note.value = "see step 4"
    assert panel.error == "" and panel.about.name.value == "a better name"
    kept = shelf.library.get("a")
    assert (kept.name, kept.note) == ("a better name", "see step 4")
    assert panel.shelf.list.rows[0]["name"] == "a better name" and "a better name" in panel.about.heading.value
    panel.about.name.value = " "
    assert "1 to 200 characters" in panel.error and panel.about.name.value == "a better name"


def test_delete_and_undo(shelf: Shelf, make: Make) -> None:
    for id in "abc":
        shelf.put(id)
    panel = make()
    choose(panel, "a", "c")
    panel.shelf.remove.click()
    assert listed(panel) == ["b"] and panel.opened == () and panel.shelf.remove.disabled
    assert "run a; run c" in panel.status.value
    panel.shelf.undo.click()
    assert listed(panel) == ["c", "b", "a"] and {one.run.id for one in panel.opened} == {"a", "c"}
    panel.shelf.undo.click()
    assert "nothing to bring back" in panel.status.value and panel.error == ""


def test_a_run_that_goes_on_cannot_be_deleted_and_the_others_are(shelf: Shelf, make: Make) -> None:
    shelf.put("live", hold=True, outcome="running")
    shelf.put("a")
    panel = make()
    choose(panel, "a", "live")
    panel.shelf.remove.click()
    assert "still going on" in panel.error and listed(panel) == ["live"]
    assert "run a" in panel.status.value and panel.shelf.list.chosen == ["live"]


@pytest.mark.parametrize("several", [False, True])
def test_a_run_that_goes_on_grows(shelf: Shelf, make: Make, now: list[float], several: bool) -> None:
    shelf.put("done")
    shelf.put("live", Record(), hold=True, outcome="running", steps=0)
    panel = make()
    choose(panel, *(["live", "done"] if several else ["live"]))

    def steps() -> list[float]:
        data = panel.figures["mean"].figure["data"]
        live = [trace["x"] for trace in data if not several or trace["name"] == "run live"]
        return [float(x) for xs in live for x in xs if np.isfinite(x)]

    assert steps() == [] and "▶ Running" in panel.shelf.list.rows[0]["lines"][0]
    for rows in (10, 20):
        shelf.put("live", made_record(rows), hold=True, outcome="running", steps=rows)
        panel.tick()
        assert len(set(steps())) < rows, "not before it is time"
        now[0] += EVERY
        panel.tick()
        assert steps()[:rows] == list(range(rows)) and panel.opened[0].run.steps == rows
        assert f"{rows} steps" in panel.shelf.list.rows[0]["lines"][1]
        assert f"{rows}" in panel.about.facts.value
    shelf.held.close()
    now[0] += EVERY
    panel.tick()
    assert "✂ Interrupted" in panel.shelf.list.rows[0]["lines"][0] and "Interrupted" in panel.about.facts.value
    assert steps()[:20] == list(range(20)) and panel.error == ""


def test_a_new_run_comes_into_the_list_and_one_that_has_gone_leaves(shelf: Shelf, make: Make, now: list[float]) -> None:
    panel = make()
    assert listed(panel) == [] and "No run is kept yet" in panel.shelf.list.empty
    assert "Start a run in the training lab" in panel.about.heading.value
    shelf.put("a")
    now[0] += EVERY
    panel.tick()
    assert "No run is chosen" in panel.about.heading.value
    assert listed(panel) == ["a"] and panel.opened == ()
    choose(panel, "a")
    shelf.library.delete("a")
    now[0] += EVERY
    panel.tick()
    assert listed(panel) == [] and panel.opened == () and panel.error == ""


def test_no_work_while_nobody_looks(
    shelf: Shelf, make: Make, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = make()
    looks: list[str] = []
    runs = shelf.library.runs
    monkeypatch.setattr(shelf.library, "runs", lambda: looks.append("look") or runs())
    for _ in range(5):
        now[0] += EVERY / 4
        panel.tick()
    assert looks == ["look"]
    now[0] += PAUSE_AFTER
    panel.tick()
    looks.clear()
    now[0] += EVERY
    assert panel.tick() and looks == []
    panel.figures["loss"].last_answer = now[0]
    panel.tick()
    assert looks == ["look"], "the page answers again"
    now[0] += CLOSE_AFTER
    panel.tick()
    assert not panel.tick(), "the ticker ends"
    panel.figures["loss"]._hear(panel.figures["loss"], {"type": "ready"}, [])
    assert panel.active, "a page is there again"
    panel.on_gone()
    panel.on_search()
    assert panel.active, "a page that slept acts"


def test_a_torn_file_and_a_newer_library_are_told(shelf: Shelf, make: Make, now: list[float]) -> None:
    shelf.put("a")
    (shelf.library.folder / "torn.npz").write_bytes(b"PK\3\4 no more")
    panel = make()
    assert listed(panel) == ["a"] and panel.error == ""
    assert "torn.npz" in panel.shelf._problems.value and not hidden(panel.shelf._fold)
    (shelf.library.folder / "torn.npz").unlink()
    for _ in range(PROBLEMS_EVERY):
        now[0] += EVERY
        panel.tick()
    assert hidden(panel.shelf._fold)


def test_a_folder_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOUNDATIONS_LAB_RUNS", "/" + 300 * "x")
    panel = KeptRunsPanel()
    assert panel.error.endswith("File name too long") and not panel.active and panel.library is None
    panel.shelf.undo.click()
    panel.on_search()
    assert panel.error.count("File name too long") == 1
    panel.close()


def test_a_record_that_could_not_be_read_once_is_read_at_the_next_look(
    shelf: Shelf, make: Make, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.put("a", made_record(10))
    panel = make()
    shelf.put("a", made_record(30))

    def refuse(id: str) -> Record:
        raise KeptError("not now")

    with monkeypatch.context() as patch:
        patch.setattr(shelf.library, "open", refuse)
        now[0] += EVERY
        panel.tick()
    assert len(panel.opened[0].record.steps) == 10 and panel.error == ""
    now[0] += EVERY
    panel.tick()
    assert len(panel.opened[0].record.steps) == 30


def test_a_saved_chart_names_its_runs_and_has_all_their_rows(shelf: Shelf, make: Make, tmp_path: Path) -> None:
    shelf.put("a", config=Config(lr=0.1, norm="none"))
    shelf.put("b", config=Config(lr=0.1), name="slow")
    panel = make()
    one = panel.settings()
    assert one["Run"] == "slow" and one["Learning rate"] == "0.1" and one["Trained with"] == "torch 2.0"
    before = panel.table("loss")
    choose(panel, "a", "b")
    np.testing.assert_array_equal(before()["loss (nats)"], made_record().columns["loss"])
    assert panel.settings() == {"Runs": "run a / slow", "Norm type": "None / BatchNorm (from scratch)"}
    np.testing.assert_array_equal(panel.table("loss")()["slow: loss (nats)"], made_record().columns["loss"])
    text = panel.export(tmp_path / "mean.csv").read_text()
    assert "run a: mean output of conv1" in text and len(text.splitlines()) == 31


def test_it_shows_any_step_of_the_one_run(shelf: Shelf, make: Make) -> None:
    shelf.put("a")
    shelf.put("b", made_record(10))
    panel = make()
    panel._scrub_fold.button.value = True
    assert panel.scrubber.shown == 8
    choose(panel, "a")
    assert panel.scrubber.shown == 28, "the other run's last histogram"
    panel._scrub_fold.button.value = False
