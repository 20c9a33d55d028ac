"""The training panel by its handlers, without a browser: what it shows is what the session recorded."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lab.warm
from lab.config import DEFAULTS, ConfigError
from lab.presets import PRESETS
from lab.progress import Progress
from lab.record import Mark
from lab.session import ENDED
from lab.training.lr_search import LrSearch
from tests.widgets.conftest import long_record
from tests.widgets.tiny_runs import PATIENCE, TINY, Make, finish, step, until
from widgets import charts
from widgets.charts import View, style
from widgets.panel.panel import CLOSE_AFTER, PAUSE_AFTER
from widgets.panels.training.panel import TrainingPanel
from widgets.run.figures import CHARTS, CONFUSION, OUT_OF_SIGHT, OUTPUTS, after
from widgets.run.status import duration, progress_label, state_line, status_line

LONG = {**TINY, "batch_size": 2, "epochs": 1000}


def shown(panel: TrainingPanel, figure: str = "loss") -> list[float]:
    return [float(x) for x in panel.figures[figure].figure["data"][0]["x"]]


def assert_shows_the_record(panel: TrainingPanel, view: View | None = None) -> None:
    """Every number of every figure against the charts of the whole record."""
    record, view = panel.session.since(-1), view or panel._charts.view
    view = View(x=view.x, near_zero=view.near_zero, threshold=view.threshold, layer=view.layer, norm=view.norm)
    expected = {name: chart(record, view) for name, (chart, _) in CHARTS.items()}
    expected |= {name: charts.outputs(record, which) for name, which in OUTPUTS.items()}
    expected[CONFUSION] = charts.confusion(record)
    assert panel.figures.keys() - {"find_lr"} == expected.keys()
    for name, figure in expected.items():
        drawn = panel.figures[name].figure
        assert len(drawn["data"]) == len(figure["data"]), name
        for got, want in zip(drawn["data"], figure["data"], strict=True):
            for key in "xyz":
                if isinstance(want.get(key), np.ndarray):
                    np.testing.assert_array_equal(got[key], want[key].astype(np.float32), err_msg=f"{name} {key}")
        assert drawn["layout"]["shapes"] == figure["layout"]["shapes"], name


def test_a_chart_that_is_zoomed_is_given_the_rows_of_the_span(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    panel, record = make(), long_record()
    monkeypatch.setattr(panel.session, "since", lambda step: after(record, step))
    panel.redraw()
    loss, mean = panel.figures["loss"], panel.figures["mean"]
    message = {"type": "zoom", "range": [1200.5, 1249], "figures": [loss._number, mean._number]}
    loss._handle_custom_msg(message, [])
    assert panel.error == "" and loss.detail and mean.detail
    assert loss.detail.figure()["data"][0]["x"].tolist() == list(range(1200, 1251)), "and its neighbours"
    np.testing.assert_array_equal(mean.detail.figure()["data"][2]["y"], record.columns["mean/conv3"][1200:1251])
    loss._handle_custom_msg({**message, "range": None}, [])
    assert loss.detail is mean.detail is None


def test_a_page_can_paint_before_torch_is_in() -> None:
    code = (
        "import sys, time, ipywidgets, anywidget, numpy\n"
        "begin = time.process_time()\n"
        "from widgets.panels.training.panel import TrainingPanel\n"
        "seconds = time.process_time() - begin\n"
        "panel = TrainingPanel()\n"
        "panel.on_knob('lr', 0.5); panel.on_reset(); panel.on_stop()\n"
        "assert 'torch' not in sys.modules and 'plotly' not in sys.modules\n"
        "assert seconds < 0.5, seconds\n"
    )
    # That it ends at all is part of the test: nothing may wait for threads at the interpreter's exit.
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 0, ran.stderr


def test_from_start_to_finish(make: Make) -> None:
    panel = make()
    assert panel.session.state == "ready" and "Ready" in panel.state_line.value
    finish(panel)
    assert panel.session.state == "finished" and panel.error == ""
    assert "Finished" in panel.state_line.value and panel.progress.value == panel.progress.max == 8
    assert "2 of 2" in panel.status.value and "(100%)" in panel.progress.description
    assert shown(panel) == list(range(8))
    assert_shows_the_record(panel)
    ticker = panel._ticker
    if ticker:
        ticker.join(PATIENCE)
    assert panel._ticker is None, "the ticker ends with the run"


@pytest.mark.parametrize("changes", [{"model": "mlp"}, {"norm": "layer"}, {"norm": "running"}, {"leak": 0.1}], ids=str)
def test_every_kind_of_net_is_shown(make: Make, changes: dict[str, Any]) -> None:
    panel = make(epochs=1, **changes)
    step(panel)
    step(panel)
    assert len(panel.figures["mean"].figure["data"]) == 2
    layers = panel.session.since(-1).layers
    assert [value for _, value in panel.menus["layer"].options] == ["", *layers]
    assert shown(panel, "histogram") == [0, 1]


def test_step_adds_exactly_one(make: Make) -> None:
    panel = make()
    for steps in (1, 2, 3):
        step(panel)
        assert shown(panel) == list(range(steps))
        assert_shows_the_record(panel)
    assert "Paused" in panel.state_line.value and panel.buttons["pause"].description == "▶ Resume"
    panel.on_pause()
    until(panel, "finished")
    assert_shows_the_record(panel)


def test_start_twice_is_one_run(make: Make) -> None:
    panel = make(**LONG)
    panel.on_start()
    session, threads = panel.session, threading.active_count()
    panel.on_start()
    assert panel.session is session and threading.active_count() <= threads
    panel.on_step()
    until(panel, "running")
    panel.on_step()
    assert panel.session.state == "running" and panel.error == "", "a step while it runs does nothing"
    panel.on_stop()
    until(panel, "stopped")
    assert_shows_the_record(panel)


def test_stop_before_start(make: Make) -> None:
    panel = make()
    panel.on_stop()
    assert panel.session.state == "stopped" and panel.error == ""
    finish(panel)
    assert panel.session.state == "finished"


def test_pause_holds_and_goes_on(make: Make) -> None:
    panel = make(**LONG)
    panel.on_start()
    panel.on_pause()
    until(panel, "paused")
    held = shown(panel)
    panel.tick()
    assert shown(panel) == held
    panel.on_pause()
    until(panel, "running")


def test_reset_while_running(make: Make) -> None:
    panel = make(**LONG)
    step(panel)
    assert np.isfinite(panel.figures["outputs_blank"].figure["data"][0]["y"]).all()
    panel.on_pause()
    until(panel, "running")
    panel.knobs["lr"].value = 0.03
    old = panel.session
    panel.on_reset()
    assert panel.session is not old and panel.session.state == "ready"
    assert old.wait(PATIENCE) and old.state == "stopped"
    assert shown(panel) == [] and panel.figures["mean"].figure["data"] == []
    assert np.isnan(panel.figures["outputs_blank"].figure["data"][0]["y"]).all()
    assert panel.knobs["lr"].value == panel.session.config.lr == 0.03, "the knobs stay"
    assert panel.progress.value == 0 and "Ready" in panel.state_line.value
    step(panel)
    assert shown(panel) == [0]


def test_start_after_the_end_is_a_new_run_with_the_knobs_as_they_are(make: Make) -> None:
    panel = make()
    finish(panel)
    old = panel.session
    panel.knobs["norm"].value, panel.knobs["epochs"].value = "layer", 1
    assert panel.session is old
    finish(panel)
    assert panel.session is not old and panel.session.config.norm == "layer"
    assert len(old.since(-1).steps) == 8, "the old record stays"
    assert shown(panel) == list(range(4))
    assert_shows_the_record(panel)


def test_a_knob_moved_before_the_start_counts(make: Make) -> None:
    panel = make()
    panel.knobs["lr"].value, panel.knobs["widths"].value = 0.07, (4,)
    step(panel)
    record = panel.session.since(-1)
    assert record.layers == ("conv1",) and record.columns["lr"].tolist() == [np.float32(0.07)]


def test_a_live_knob_acts_at_once_and_leaves_a_mark(make: Make) -> None:
    panel = make()
    step(panel)
    panel.knobs["lr"].entry.value = "0.09"
    step(panel)
    record = panel.session.since(-1)
    assert record.columns["lr"].tolist() == [np.float32(0.4), np.float32(0.09)]
    layout = panel.figures["loss"].figure["layout"]
    assert [shape["path"] for shape in layout["shapes"]] == ["M1,0V1"]
    assert "lr 0.4 → 0.09" in [note["text"] for note in layout["annotations"]]


def test_many_live_changes_are_gathered_once_for_all_charts(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = make()
    step(panel)
    for i in range(500):
        panel.session.history.mark(Mark(1, "lr", i, i + 1))
    seen: list[int] = []
    layout = style.marks
    monkeypatch.setattr(style, "marks", lambda record, view: (seen.append(len(record.marks)), layout(record, view))[1])
    panel.tick()
    assert seen == [1] * len(CHARTS)
    assert_shows_the_record(panel)


def test_a_structural_knob_waits_for_the_next_start_and_says_so(make: Make) -> None:
    panel = make()
    step(panel)
    panel.knobs["norm"].entry.value = "layer"
    assert panel.knobs["norm"].pending and panel.session.config.norm == "batch"
    panel.on_reset()
    assert not panel.knobs["norm"].pending and panel.session.config.norm == "layer"


def test_a_knob_moved_a_hundred_times_a_second(make: Make) -> None:
    panel = make(**LONG)
    panel.on_start()
    until(panel, "running")
    for i in range(100):
        panel.knobs["lr"].slider.value = 10 ** (-3 + i / 50)
    last = panel.knobs["lr"].value
    assert panel.session.config.lr == last and panel.error == ""
    panel.on_stop()
    until(panel, "stopped")
    assert_shows_the_record(panel)


def test_a_live_change_that_the_run_refuses_goes_back(make: Make) -> None:
    panel = make(momentum=0.5)
    step(panel)
    # The knob's own range allows it; together with the run's schedule it does not.
    panel.session._config = panel.session.config.replace(momentum_schedule="0.5 lin 1 1.6, 0.5 const 1")
    panel.knobs["momentum"].value = 0.9
    assert "momentum" in panel.error and panel.knobs["momentum"].value == 0.5
    panel.knobs["momentum"].value = 0.3
    assert panel.error == "" and panel.session.config.momentum == 0.3


def found(panel: TrainingPanel) -> None:
    """Press Find lr, and wait for the sweep's end to be shown."""
    panel.find_lr.button.click()
    assert panel.find_lr.button.description == "Cancel"
    for thread in threading.enumerate():
        if thread.name == "lab-find-lr-wait":
            thread.join(PATIENCE)
    assert panel.find_lr.button.description == "Find lr"


def test_find_lr_shows_the_sweep_and_a_suggestion_is_taken(make: Make) -> None:
    panel = make(batch_size=10, seed=1)
    panel.knobs["seed"].value = 2  # a run that is ready is made anew with the knobs as they are
    found(panel)
    curve = panel.session.find_lr()
    assert panel.session.config.seed == 2
    drawn = panel.find_lr.figure.figure["data"]
    np.testing.assert_allclose(drawn[0]["x"], curve.lrs, rtol=1e-6)
    np.testing.assert_allclose(drawn[0]["y"], curve.losses, rtol=1e-6)
    np.testing.assert_allclose(drawn[1]["y"], curve.average, rtol=1e-6)
    offered = [button for button in panel.find_lr.takes if "lab-folded" not in button._dom_classes]
    assert len(offered) == sum(one.lr is not None for one in curve.suggestions) > 0
    offered[0].click()
    wanted = next(one.lr for one in curve.suggestions if one.lr is not None)
    assert panel.knobs["lr"].value == float(f"{wanted:.3g}")
    panel.find_lr.figure._hear(None, {"type": "click", "x": 0.012345, "y": 1.0}, [])
    assert panel.knobs["lr"].value == 0.0123, "a click on the curve takes that lr"
    panel.on_reset()
    assert len(panel.find_lr.figure.figure["data"][0]["x"]) == 0, "it was of another net"


def test_a_sweep_is_cancelled_and_a_freed_net_has_none(make: Make) -> None:
    panel = make(**{**LONG, "batch_size": 10})
    panel.session.search_lr = lambda: LrSearch()  # type: ignore[method-assign]
    panel.find_lr.button.click()
    panel.find_lr.button.click()
    for thread in threading.enumerate():
        if thread.name == "lab-find-lr-wait":
            thread.join(PATIENCE)
    assert "The search was cancelled." in panel.find_lr._words.value
    other = make()
    finish(other)
    other.session.close()
    other.find_lr.button.click()
    assert "its net is freed" in other.error


def test_a_named_setting_sets_every_knob_and_asks(make: Make) -> None:
    panel = make(momentum=0.5)
    panel.presets.buttons["general_relu"].click()
    assert panel.knobs.config() == PRESETS["general_relu"].config, "momentum is back at its default"
    assert "does the last layer stay alive?" in panel.presets.question.value
    assert panel.session.state == "ready", "it does not start"


def test_what_happened_is_said_at_the_end_and_in_a_decks_notes(make: Make) -> None:
    panel = make()
    assert "<li>" not in panel.findings.value and panel.speaker_notes() == ""
    finish(panel)
    accuracy = panel.session.since(-1).validations[-1].accuracy
    assert f"{accuracy:.1%} of the validation images are right" in panel.findings.value
    assert f"{accuracy:.1%}" in panel.speaker_notes()
    panel.on_reset()
    assert "<li>" not in panel.findings.value, "of that run"


def test_what_default_knobs_cannot_put_back_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = make(lr=0.3, momentum=0.5)
    step(panel)
    change = panel.session.change

    def refuse_lr(**live: Any) -> None:
        if "lr" in live:
            raise ConfigError("lr", live["lr"], "as it is")
        change(**live)

    monkeypatch.setattr(panel.session, "change", refuse_lr)
    panel.on_defaults()
    assert "lr must be as it is" in panel.error and panel.knobs["lr"].value == 0.3
    assert panel.session.config.momentum == DEFAULTS.momentum


def test_knobs_that_do_not_go_together_refuse_the_start(make: Make) -> None:
    panel = make()
    panel.knobs["norm"].value, panel.knobs["groups"].value = "group", 3
    for press in (panel.on_start, panel.on_step, panel.on_reset):
        press()
        assert panel.session.state == "ready" and "groups" in panel.error
    panel.knobs["groups"].value = 2
    finish(panel)
    assert panel.session.state == "finished" and panel.error == ""


@pytest.mark.parametrize("typed", ["0", "-1", "1e9", "nan", "fast"])
def test_a_bad_value_typed_while_it_runs(make: Make, typed: str) -> None:
    panel = make()
    step(panel)
    panel.knobs["lr"].entry.value = typed
    assert panel.knobs["lr"].error and panel.knobs["lr"].value == panel.session.config.lr == 0.4
    step(panel)
    assert shown(panel) == [0, 1]


def test_a_diverged_run_says_where_and_keeps_its_charts(make: Make) -> None:
    panel = make(lr=100, norm="none", leak=1.0, epochs=20)
    finish(panel)
    assert panel.session.state == "diverged" and "Diverged" in panel.state_line.value
    assert panel.error == panel.session.error and "lr 100" in panel.error and "step" in panel.error
    assert len(shown(panel)) > 0
    assert_shows_the_record(panel)
    panel.menus["x"].value = "epochs"
    panel.knobs["lr"].value = 0.1
    assert panel.error == panel.session.error, "it stays for as long as the run is shown"
    finish(panel)
    assert panel.session.state == "finished" and panel.error == ""


def test_a_failed_run_says_why(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    panel = make(device="cuda")
    finish(panel)
    assert panel.session.state == "failed" and "Failed" in panel.state_line.value
    assert "CUDA" in panel.error
    panel.knobs["device"].value = "cpu"
    finish(panel)
    assert panel.session.state == "finished" and panel.error == ""


def test_a_callback_that_raises(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = make()
    with monkeypatch.context() as patch:
        patch.setattr(panel.session, "pause", lambda: 1 / 0)
        panel.on_pause()
    assert "ZeroDivisionError" in panel.error
    finish(panel)
    assert panel.session.state == "finished" and panel.error == ""


def test_a_tick_without_news_costs_no_charts(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = make()
    step(panel)
    for figure in panel.figures.values():
        monkeypatch.setattr(figure, "append", lambda *_: pytest.fail("drawn again"))
        monkeypatch.setattr(figure, "draw", lambda *_: pytest.fail("drawn again"))
    panel.tick()
    assert panel.error == ""


def out_of_sight(panel: TrainingPanel, *names: str) -> None:
    """A page says that it has these charts out of its sight."""
    for name in names:
        figure = panel.figures[name]
        message = {"type": "seen", "page": "a page", "figures": {str(figure._number): False}}
        figure._handle_custom_msg(message, [])


def test_what_is_out_of_sight_is_drawn_later_and_saved_as_it_is_now(make: Make, tmp_path: Path) -> None:
    now = [0.0]
    panel = make(clock=lambda: now[0])
    step(panel)
    out_of_sight(panel, "blow_up", "mean")
    panel.tick()
    step(panel)
    step(panel)
    assert shown(panel) == [0, 1, 2] and shown(panel, "blow_up") == shown(panel, "mean") == [0]
    panel.export(tmp_path / "mean.json")
    assert shown(panel, "mean") == shown(panel, "blow_up") == [0, 1, 2]
    step(panel)
    assert shown(panel, "blow_up") == [0, 1, 2]
    now[0] += OUT_OF_SIGHT
    panel.tick()
    assert shown(panel, "blow_up") == [0, 1, 2, 3]
    step(panel)
    assert len(panel.saver.chart_files()[0].chart["data"]) and shown(panel, "blow_up") == [0, 1, 2, 3, 4]
    assert_shows_the_record(panel)


def test_after_the_end_nothing_waits_to_come_into_sight(make: Make) -> None:
    panel = make()
    step(panel)
    out_of_sight(panel, *panel.figures)
    finish(panel)
    assert_shows_the_record(panel)
    panel.menus["digit"].value = 7
    assert_shows_the_record(panel)
    assert "7" in panel.session.since(-1).outputs.names[0]


def test_two_panels_do_not_disturb_each_other(make: Make) -> None:
    alone = make(seed=3)
    finish(alone)
    first, second = make(seed=3), make(seed=4, norm="layer")
    first.on_start()
    second.on_start()
    for panel in (first, second):
        until(panel, *ENDED)
    np.testing.assert_array_equal(
        first.session.since(-1).columns["loss"], alone.session.since(-1).columns["loss"], strict=True
    )
    first.knobs["lr"].value = 0.01
    first.on_reset()
    assert second.knobs["lr"].value == 0.4 and second.session.state == "finished" and len(shown(second)) == 8


@pytest.mark.parametrize(
    ("menu", "value", "affected"),
    [
        ("x", "epochs", set(CHARTS)),
        ("x", "seconds", set(CHARTS)),
        ("near_zero", "near_abs", {"near_zero"}),
        ("layer", "conv1", {"histogram", "weights"}),
        ("norm", "conv2", {"mean_averages", "variance_averages", "debias_factors"}),
    ],
)
def test_another_view(make: Make, menu: str, value: str, affected: set[str]) -> None:
    panel = make()
    for _ in range(5):
        step(panel)
    drawn: set[str] = set()
    for name, figure in panel.figures.items():
        original = figure.draw
        figure.draw = lambda f, name=name, original=original: (drawn.add(name), original(f))
    panel.menus[menu].value = value
    assert drawn == affected
    assert getattr(panel._charts.view, menu) == value
    assert_shows_the_record(panel)
    for name in panel.figures:
        del panel.figures[name].draw
    panel.on_pause()
    until(panel, "finished")
    assert_shows_the_record(panel)


def test_the_near_zero_definition_follows_the_activation_until_another_is_chosen(make: Make) -> None:
    panel = make(leak=0.1, norm="none")
    assert panel.menus["near_zero"].value == "near_general"
    panel.knobs["leak"].value = 0.0
    panel.on_reset()
    assert panel.menus["near_zero"].value == "near_relu" == panel._charts.view.near_zero
    panel.menus["near_zero"].value = "near_below"
    panel.knobs["leak"].value = 0.2
    panel.knobs["near_zero"].value = 0.5
    panel.on_reset()
    assert panel.menus["near_zero"].value == "near_below" == panel._charts.view.near_zero
    assert "x ≤ 0.5" in panel.figures["near_zero"].figure["layout"]["title"]["text"]


def test_a_drawing_is_asked_about_in_this_run_and_the_next_until_a_digit_is_chosen(make: Make) -> None:
    panel = make(epochs=1)
    finish(panel)
    cells = np.zeros((28, 28), np.uint8)
    cells[4:24, 13:15] = 255
    panel.net._handle_custom_msg({"type": "picture", "number": 1}, [cells.tobytes()])
    panel.net._handle_custom_msg({"type": "seen", "page": "a", "seen": True}, [])
    panel.update()

    def asked() -> Any:
        outputs = panel.session.since(-1).outputs
        assert outputs is not None
        return outputs

    assert panel.error == "" and asked().names[0] == "your drawing"
    np.testing.assert_array_equal(asked().pictures[0], panel.net.picture)
    assert_shows_the_record(panel)
    panel.menus["other"].value = 5
    assert asked().names[:2] == ("your drawing", "3 over 5")
    finish(panel)  # a new run
    panel.update()
    assert asked().names[0] == "your drawing"
    panel.menus["digit"].value = 7
    assert not panel.net.drawn and panel.net.digit == 7 and asked().names[0] == "7"
    panel.net.set_state({"digit": 4, "drawn": False})  # the menu beside the net
    assert panel.menus["digit"].value == 4 and asked().names[0] == "4"
    assert_shows_the_record(panel)
    seen = panel.session.since(-1).mistakes
    assert seen is not None and panel.figures[CONFUSION].figure["layout"]["title"]["text"].endswith("epoch 1")
    assert panel.mistakes.value.count("<li>") == len(seen.truths)
    panel.on_reset()
    assert "No validation yet" in panel.mistakes.value


def test_the_chosen_digits_are_shown_now_and_in_the_next_run(make: Make) -> None:
    panel = make()
    step(panel)
    panel.menus["digit"].value = 7
    panel.menus["other"].value = 1
    for _ in range(2):
        outputs = panel.session.since(-1).outputs
        assert outputs and "7" in outputs.names[0] and "1" in outputs.names[1]
        assert_shows_the_record(panel)
        for which, name in zip(("digit", "pair"), outputs.names, strict=False):
            assert panel.figures[f"outputs_{which}"].figure["layout"]["title"]["text"].endswith(name)
        panel.on_reset()
        step(panel)


def test_a_menu_keeps_its_choice_only_while_it_is_offered(make: Make) -> None:
    panel = make()
    step(panel)
    panel.menus["layer"].value = "conv2"
    panel.on_reset()
    step(panel)
    assert panel.menus["layer"].value == panel._charts.view.layer == "conv2"
    panel.knobs["widths"].value = (4,)
    panel.on_reset()
    step(panel)
    assert panel.menus["layer"].value == panel._charts.view.layer == ""


@pytest.mark.parametrize(
    ("state", "pressable"),
    [
        ("ready", {"start", "step", "reset", "defaults"}),
        ("running", {"pause", "stop", "reset", "defaults"}),
        ("paused", {"pause", "step", "stop", "reset", "defaults"}),
        *((state, {"start", "reset", "defaults"}) for state in sorted(ENDED)),
    ],
)
def test_only_buttons_that_do_something_can_be_pressed(make: Make, state: str, pressable: set[str]) -> None:
    panel = make()
    panel.buttons.follow(state)
    assert {name for name, button in panel.buttons.items() if not button.disabled} == pressable


def test_every_button_calls_its_handler(make: Make) -> None:
    panel = make()
    panel.buttons["step"].click()
    until(panel, "paused")
    assert shown(panel) == [0]
    panel.knobs["lr"].value = 0.9
    panel.buttons["defaults"].click()
    assert panel.knobs.config() == DEFAULTS
    panel.buttons["stop"].click()
    until(panel, "stopped")


def test_a_page_that_has_gone(make: Make) -> None:
    now = [1000.0]
    panel = make(**LONG, clock=lambda: now[0], watch_page=True)
    panel.on_start()
    until(panel, "running")
    now[0] += PAUSE_AFTER
    panel.tick()
    until(panel, "paused")
    panel.figures["rates"].last_answer = now[0]
    panel.tick()
    until(panel, "running")
    now[0] += CLOSE_AFTER
    panel.tick()
    until(panel, "stopped")
    rows = len(panel.session.since(-1).steps)
    panel.session.close()
    assert len(panel.session.since(-1).steps) == rows > 0, "the record stays"


def test_a_page_that_comes_back_does_not_resume_what_a_person_paused(make: Make) -> None:
    now = [1000.0]
    panel = make(clock=lambda: now[0], watch_page=True)
    step(panel)
    now[0] += PAUSE_AFTER
    panel.tick()
    panel.figures["loss"].last_answer = now[0]
    panel.tick()
    assert panel.session.state == "paused" and shown(panel) == [0]


def test_torch_is_warmed_once_the_page_is_there(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[object] = []
    monkeypatch.setattr(lab.warm, "warm", warmed.append)
    panel = make()
    assert warmed == []
    for figure in panel.figures.values():
        figure._hear(figure, {"type": "ready"}, [])
    assert warmed == [panel.session.config]


def test_a_bad_start_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="lr"):
        TrainingPanel(lr=0)


def test_the_status_in_words() -> None:
    going = Progress(619, 2346, 0, 3, 619, 782, 42.4, 98.76, 3700.0, False, "cpu, 2 threads")
    line = status_line(going, "12:00:01")
    for words in ("CPU, 2 threads", "1 of 3", "619 of 782", "98.8 steps/s", "0:42", "1:01:40", "12:00:01"):
        assert f"<b>{words}</b>" in line
    assert progress_label(going) == "step 619 of 2346 (26%)" and progress_label(Progress()) == "step – of –"
    assert "Starting" in state_line("running", Progress()) and "Training" in state_line("running", going)
    assert "Validating" in state_line("running", going._replace(validating=True))
    assert duration(59.6) == "1:00" and duration(3) == "0:03"


def test_the_drawn_net_and_the_menu_choose_the_same_layer(make: Make) -> None:
    panel = make()
    panel.net.layer = "conv2"  # before the run, whose record will name it
    assert panel.menus["layer"].value == "conv2"
    step(panel)
    assert panel.menus["layer"].value == "conv2"
    panel.menus["layer"].value = "conv1"
    assert panel.net.layer == "conv1"
    panel.knobs["model"].value = "mlp"
    assert [each["name"] for each in panel.net.described["layers"]] == ["conv1", "conv2"], "a run is shown"
    panel.on_reset()
    assert [each["name"] for each in panel.net.described["layers"]] == ["hidden", "output"]
    assert panel.net.layer == "" == panel.menus["layer"].value
