"""A run in the background: its states, its orders, its record."""

import gc
import re
import threading
import weakref
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from lab import schedules
from lab.applicable import applicable
from lab.config import KNOBS, LIVE, Config, ConfigError
from lab.record import Record
from lab.session import Session
from lab.training.callbacks import Callback
from lab.training.learner import Learner

TINY = Config(size=200, batch_size=10, epochs=2, widths=(4, 4), norm="batch", lr=0.05, device="cpu")
WALL_CLOCK = "seconds"
PATIENCE = 60


@pytest.fixture
def make() -> Iterator[Callable[..., Session]]:
    sessions: list[Session] = []

    def made(config: Config = TINY, **changes: object) -> Session:
        sessions.append(Session(config.replace(**changes)))
        return sessions[-1]

    yield made
    for session in sessions:
        session.close()


def finish(session: Session) -> Record:
    session.start()
    assert session.wait(PATIENCE), session.state
    return session.since(-1)


def until(session: Session, state: str) -> None:
    assert session.wait_for(lambda: session.state == state, PATIENCE), (session.state, session.error)


def equal(a: Record, b: Record) -> bool:
    if a.columns.keys() != b.columns.keys():
        return False
    same = [np.array_equal(a.columns[c], b.columns[c], equal_nan=True) for c in a.columns if c != WALL_CLOCK]
    return (
        np.array_equal(a.steps, b.steps)
        and np.array_equal(a.hists, b.hists)
        and a.validations == b.validations
        and (a.outputs is None) == (b.outputs is None)
        and (a.outputs is None or b.outputs is None or np.array_equal(a.outputs.logits, b.outputs.logits))
        and all(same)
    )


def test_a_run_from_ready_to_finished(make: Callable[..., Session]) -> None:
    session = make()
    assert session.state == "ready" and session.progress.step == 0
    record = finish(session)
    assert session.state == "finished" and session.error == ""
    assert record.steps.tolist() == list(range(40)) == record.hist_steps.tolist()
    assert [v.step for v in record.validations] == [19, 39]
    assert record.layers == ("conv1", "conv2") and record.steps_per_epoch == 20
    assert set(record.columns["lr"]) == {np.float32(0.05)}
    assert (np.diff(record.columns["seconds"]) > 0).all()
    progress = session.progress
    assert (progress.step, progress.steps, progress.epoch, progress.device[:3]) == (40, 40, 1, "CPU")


def test_a_run_with_a_limit_of_steps_ends_there_with_one_validation(make: Callable[..., Session]) -> None:
    whole = finish(make())
    session = make(max_steps=27)
    record = finish(session)
    assert session.state == "finished" and [(v.step, v.epoch) for v in record.validations] == [(19, 0), (26, 1)]
    for name, column in record.columns.items():
        if name != "seconds":
            np.testing.assert_array_equal(column, whole.columns[name][:27], err_msg=name)
    assert record.validations[0] == whole.validations[0] and record.validations[1] != whole.validations[1]
    assert record.validations[1].train_loss == pytest.approx(record.columns["loss"][20:].mean(), rel=1e-5)
    progress = session.progress
    assert (progress.step, progress.steps, progress.epoch, progress.epochs) == (27, 27, 1, 2)
    assert (progress.batch, progress.batches) == (7, 7)


@pytest.mark.parametrize(
    ("limit", "steps", "validated"), [(20, 20, [19]), (1, 1, [0]), (40, 40, [19, 39]), (10**7, 40, [19, 39])]
)
def test_where_a_limit_of_steps_falls(
    make: Callable[..., Session], limit: int, steps: int, validated: list[int]
) -> None:
    session = make(max_steps=limit)
    assert session.progress.epochs == len(validated), "known before the start"
    record = finish(session)
    assert (len(record.steps), [row.step for row in record.validations]) == (steps, validated)


def test_schedules_span_the_steps_that_are_run(make: Callable[..., Session]) -> None:
    record = finish(make(max_steps=27, lr_schedule="one-cycle"))
    shape = schedules.parse("one-cycle")
    expected = [TINY.lr * shape.at(step / 27) for step in range(27)]
    np.testing.assert_allclose(record.columns["lr"], expected, rtol=1e-6)


def test_train_figures_of_an_epoch_are_means_over_its_images(make: Callable[..., Session]) -> None:
    record = finish(make(batch_size=64))
    sizes = np.array([64, 64, 64, 8])
    for epoch, row in enumerate(record.validations):
        rows = slice(4 * epoch, 4 * epoch + 4)
        assert row.train_loss == pytest.approx(np.average(record.columns["loss"][rows], weights=sizes), rel=1e-5)
        assert row.train_accuracy == pytest.approx(
            np.average(record.columns["accuracy"][rows], weights=sizes), rel=1e-5
        )


def test_same_seed_same_run_and_another_seed_another(make: Callable[..., Session]) -> None:
    first, second, other = finish(make()), finish(make()), finish(make(seed=1))
    assert equal(first, second)
    assert not equal(first, other)


def test_two_runs_at_once_equal_each_alone(make: Callable[..., Session]) -> None:
    configs = [TINY.replace(seed=3), TINY.replace(seed=4, norm="running")]
    alone = [finish(make(config)) for config in configs]
    sessions = [make(config) for config in configs]
    for session in sessions:
        session.start()
    assert all(session.wait(PATIENCE) for session in sessions)
    assert all(equal(a, session.since(-1)) for a, session in zip(alone, sessions, strict=True))


def test_step_does_exactly_one_and_the_epochs_validation_with_its_last(make: Callable[..., Session]) -> None:
    session = make(size=20)
    for done in (1, 2, 3):
        session.step()
        assert session.wait_for(lambda done=done: session.state == "paused" and session.progress.step == done, PATIENCE)
        assert session.since(-1).steps.tolist() == list(range(done))
        assert len(session.since(-1).validations) == done // 2
    session.step(5)
    assert session.wait(PATIENCE) and session.state == "finished", "one was left"
    assert session.progress.step == 4


def test_stepping_makes_the_same_run(make: Callable[..., Session]) -> None:
    stepped, whole = make(size=40), finish(make(size=40))
    for n in (1, 3, 4):
        stepped.step(n)
    assert stepped.wait(PATIENCE)
    assert equal(stepped.since(-1), whole)


def test_pause_holds_and_resume_goes_on(make: Callable[..., Session]) -> None:
    session = make(epochs=1000)
    session.start()
    session.pause()
    until(session, "paused")
    before = session.progress.step
    assert len(session.since(-1).steps) == before, "a pause brings the record up to date"
    assert not session.wait_for(lambda: session.progress.step != before, 0.2)
    session.resume()
    until(session, "running")
    session.pause()
    until(session, "paused")
    session.stop()
    assert session.wait(PATIENCE) and session.state == "stopped"
    record = session.since(-1)
    assert record.steps.tolist() == list(range(session.progress.step))


def test_a_live_change_is_marked_and_acts_from_the_marked_step(make: Callable[..., Session]) -> None:
    session = make()
    session.step(5)
    until(session, "paused")
    session.change(lr=0.2, momentum=0.5)
    session.change(momentum=0.7)
    session.resume()
    assert session.wait(PATIENCE)
    record = session.since(-1)
    assert set(record.marks) == {(5, "lr", 0.05, 0.2), (5, "momentum", 0.0, 0.7)}
    assert record.columns["lr"].tolist() == pytest.approx([0.05] * 5 + [0.2] * 35)
    assert session.config.lr == 0.2


def test_config_seed_and_marks_replay_the_record(make: Callable[..., Session]) -> None:
    def run() -> Record:
        session = make()
        session.step(7)
        until(session, "paused")
        session.change(lr=0.3, leak=0.2)
        session.resume()
        session.wait(PATIENCE)
        return session.since(-1)

    assert equal(run(), run())


def test_a_scheduled_lr_is_scaled_by_new_over_old(make: Callable[..., Session]) -> None:
    plain = finish(make(lr_schedule="1 lin 1 0"))
    session = make(lr_schedule="1 lin 1 0")
    session.step(10)
    until(session, "paused")
    session.change(lr=0.1)
    session.resume()
    session.wait(PATIENCE)
    ratio = session.since(-1).columns["lr"] / plain.columns["lr"]
    assert ratio.tolist() == pytest.approx([1.0] * 10 + [2.0] * 30)


CHANGES: dict[str, object] = {
    "lr": 0.2, "momentum": 0.5, "norm_eps": 0.1, "norm": "layer", "leak": 0.2, "model": "logistic", "widths": (4, 8),
    "sub": 0.3, "maxv": 1.0, "norm_momentum": 0.7, "groups": 2, "init": "kaiming_uniform", "init_a": 1.0,
    "optimizer": "adam", "weight_decay": 0.1, "beta2": 0.9, "opt_eps": 0.1, "lr_schedule": "one-cycle",
    "momentum_schedule": "one-cycle momentum", "size": 100, "batch_size": 20, "epochs": 1, "max_steps": 7, "seed": 5,
    "patience": 1,
    "pool": "flatten", "beta": 0.5, "near_zero": 0.5, "gradients": "outputs",
}  # fmt: skip
BASES: dict[str, dict[str, object]] = {
    "groups": {"norm": "group"},
    "beta2": {"optimizer": "adam"},
    "opt_eps": {"optimizer": "adam"},
    "init_a": {"init": "kaiming_normal"},
    "momentum_schedule": {"momentum": 0.5},
    "patience": {"epochs": 3, "lr": 1e-9, "norm": "none"},
}
ELSEWHERE = {
    "dataset": "tests/lab/test_data.py, as Fashion-MNIST need not be there",
    "device": "test_device_is_told, as the numbers are to be the same on every device",
}


def test_every_field_is_tried() -> None:
    assert CHANGES.keys() | ELSEWHERE.keys() == Config.__dataclass_fields__.keys()


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_changes_the_record(make: Callable[..., Session], field: str) -> None:
    base = TINY.replace(**{"epochs": 2, "size": 60, **BASES.get(field, {})})
    assert not equal(finish(make(base)), finish(make(base, **{field: CHANGES[field]})))


@pytest.mark.parametrize(
    "base",
    [
        {},
        {"norm": "none"},
        {"norm": "layer", "init": "default"},
        {"init": "lsuv"},
        {"init": "lsuv_paper"},
        {"init": "lsuv_notebook", "norm": "none"},
        {"model": "mlp", "optimizer": "adam"},
        {"model": "logistic"},
    ],
    ids=str,
)
def test_a_knob_without_effect_changes_nothing(make: Callable[..., Session], base: dict[str, object]) -> None:
    """Those that the page hides are just those that change no number; that the others do is tested above."""
    config = TINY.replace(epochs=1, size=40, **base)
    still, without = finish(make(config)), set(KNOBS) - applicable(config)
    assert without
    for field in sorted(without):
        assert equal(still, finish(make(config, **{field: CHANGES[field]}))), field


@pytest.mark.parametrize("field", CHANGES)
def test_a_field_is_shown_where_it_has_an_effect(field: str) -> None:
    assert field in applicable(TINY.replace(**BASES.get(field, {})))


@pytest.mark.parametrize("field", sorted(LIVE))
def test_every_live_field_changes_the_record_from_the_marked_step_on(make: Callable[..., Session], field: str) -> None:
    base = TINY.replace(epochs=2, size=60, **BASES.get(field, {}))
    still = finish(make(base))
    session = make(base)
    session.step(5)
    until(session, "paused")
    session.change(**{field: CHANGES[field]})
    session.resume()
    assert session.wait(PATIENCE)
    moved = session.since(-1)
    assert [(m.step, m.field, m.new) for m in moved.marks] == [(5, field, CHANGES[field])]
    differs = np.zeros(12, bool)
    for name in moved.columns.keys() - {WALL_CLOCK}:
        differs |= ~np.isclose(moved.columns[name], still.columns[name], rtol=0, atol=0, equal_nan=True)
    assert not differs[:5].any(), "nothing before the mark"
    # Momentum and the like are recorded or felt in the marked step itself, or by the weights it leaves to the next.
    assert differs[5:7].any() and differs[-1]


def test_device_is_told(make: Callable[..., Session]) -> None:
    session = make(device="auto")
    finish(session)
    assert session.progress.device


@pytest.mark.parametrize(
    "changes", [{"batch_size": 20}, {"lr": -1}, {"lr": "fast"}, {"lrr": 1}, {"momentum": 1.0}, {"norm_eps": 0}]
)
def test_a_bad_change_is_refused_and_the_run_goes_on(make: Callable[..., Session], changes: dict[str, object]) -> None:
    session = make()
    session.step(3)
    until(session, "paused")
    with pytest.raises(ConfigError, match=repr(next(iter(changes)))[1:-1]):
        session.change(**changes)
    session.resume()
    assert session.wait(PATIENCE) and session.state == "finished" and session.since(-1).marks == ()


def test_a_knob_moved_a_hundred_times_acts_as_its_last_value(make: Callable[..., Session]) -> None:
    session = make()
    session.step(3)
    until(session, "paused")
    for i in range(100):
        session.change(lr=0.1 + i / 1000)
    session.resume()
    assert session.wait(PATIENCE)
    assert [(m.step, m.field) for m in session.since(-1).marks] == [(3, "lr")]
    assert session.since(-1).columns["lr"][3:] == pytest.approx(0.199)


def test_orders_out_of_turn(make: Callable[..., Session]) -> None:
    session = make()
    session.pause()
    session.resume()
    assert session.state == "ready"
    session.change(batch_size=20)
    assert session.config.batch_size == 20, "before the start any knob may be changed"
    session.start()
    session.start()
    session.step()
    assert session.wait(PATIENCE) and session.state == "finished"
    assert session.since(-1).steps.tolist() == list(range(20)), "one run, however often it was started"
    session.start()
    session.step()
    session.stop()
    session.change(lr=1.0)
    assert session.state == "finished", "an ended session stays ended"
    with pytest.raises(ConfigError, match="steps must be a whole number of at least 1; got 0"):
        session.step(0)


def test_start_after_a_step_that_is_still_to_be_done_goes_on_to_the_end(make: Callable[..., Session]) -> None:
    session = make()
    session.step(3)
    assert len(finish(session).steps) == 40


def test_start_after_a_pause_that_is_still_to_come_goes_on_to_the_end(make: Callable[..., Session]) -> None:
    session = make()
    session.start()
    session.pause()
    assert len(finish(session).steps) == 40


def test_stop_before_start(make: Callable[..., Session]) -> None:
    session = make()
    session.stop()
    session.start()
    assert session.state == "stopped" and session.wait(0) and session.since(-1).steps.size == 0


def test_stop_is_within_a_batch(make: Callable[..., Session]) -> None:
    session = make(epochs=1000)
    session.step(3)
    until(session, "paused")
    session.resume()
    until(session, "running")
    session.stop()
    ordered = session.progress.step
    assert session.wait(PATIENCE) and session.state == "stopped"
    assert 3 <= ordered <= session.progress.step <= ordered + 1
    assert session.since(-1).steps.tolist() == list(range(session.progress.step)), "no row is lost"


def test_divergence_is_told_with_its_step_and_the_record_is_kept(make: Callable[..., Session]) -> None:
    session = make(lr=100, norm="none", leak=0.3, epochs=50)
    record = finish(session)
    assert session.state == "diverged"
    step = int(record.steps[-1])
    assert f"at step {step}, with lr 100" in session.error
    losses = record.columns["loss"]
    assert np.isfinite(losses[:-1]).all() and not np.isfinite(losses[-1])
    assert len(record.validations) >= 1 and record.validations[-1].step == step, "one validation still runs"


def test_a_stop_during_a_diverged_runs_validation(
    make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who sees the loss explode presses Stop."""
    from lab.telemetry.recorder import Recorder

    original = Recorder.validate

    def stopped(self: Recorder, learner: Learner) -> None:
        session.stop()
        original(self, learner)

    monkeypatch.setattr(Recorder, "validate", stopped)
    session = make(lr=100, norm="none", leak=0.3, epochs=50)
    finish(session)
    assert session.state == "diverged" and "with lr 100" in session.error


def test_divergence_is_told_when_its_row_is_thinned_away(make: Callable[..., Session]) -> None:
    session = make(lr=0.01, norm="none", leak=0.3, epochs=50)
    session.history._limits = 16, 16
    session.step(42)
    until(session, "paused")
    session.change(lr=1000.0)
    record = finish(session)
    assert record.stride > 1 and len(record.steps) <= 16
    told = re.search(r"at step (\d+), with lr 1000\.", session.error)
    assert session.state == "diverged" and told
    assert int(told[1]) % record.stride, "its row is not in the record"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_whatever_is_raised_ends_the_run(make: Callable[..., Session], error: type[BaseException]) -> None:
    class Leave(Callback):
        def after_batch(self, learner: Learner) -> None:
            raise error("on purpose")

    session = Session(TINY, callbacks=[Leave()])
    finish(session)
    assert session.state == "failed" and error.__name__ in session.error


def test_the_outputs_of_a_step_are_there_when_it_stands_still(make: Callable[..., Session]) -> None:
    session = make()
    for done in range(4):
        session.step()
        arrived = session.wait_for(lambda n=done + 1: (session.state, session.progress.step) == ("paused", n), PATIENCE)
        outputs = session.since(-1).outputs
        assert arrived
        assert outputs is not None and outputs.step == done


def test_instance_norm_says_where_it_broke(make: Callable[..., Session]) -> None:
    """The lesson's 7.7: the fifth map is 1x1, and one element has no unbiased variance."""
    session = make(norm="instance", widths=(4, 4, 4, 4, 4), norm_eps=1.0)
    record = finish(session)
    assert session.state == "diverged" and "step 0" in session.error and "conv5" in session.error
    assert record.validations[0].accuracy == pytest.approx(0.0991, abs=0.06), "the share of zeros"


def test_an_exception_in_the_loop_ends_in_failed(
    make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from lab.telemetry.recorder import Recorder

    def broken(self: object, learner: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(Recorder, "after_batch", broken)
    session = make()
    finish(session)
    assert session.state == "failed" and session.error == "ZeroDivisionError: on purpose"
    assert "Traceback" in caplog.text and "on purpose" in caplog.text


def test_cuda_asked_for_where_there_is_none(make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    session = make(device="cuda")
    finish(session)
    assert session.state == "failed" and "device must be auto or cpu" in session.error and "'cuda'" in session.error


def test_outputs_follow_the_chosen_pictures(make: Callable[..., Session]) -> None:
    session = make()
    session.watch(digit=2, other=5)
    outputs = finish(session).outputs
    assert outputs is not None
    assert outputs.step == 39 and outputs.logits.shape == (3, 10) and outputs.pictures.shape == (3, 28, 28)
    assert outputs.names == ("2", "2 over 5", "blank")
    assert outputs.pictures[2].max() == 0 and outputs.pictures[0].max() == pytest.approx(1, abs=0.05)
    assert (outputs.pictures[1] >= outputs.pictures[0]).all()
    session.watch(digit=7)
    again = session.since(-1).outputs
    assert again is not None and again.names == ("7", "5 over 7", "blank"), "after the end too"
    with pytest.raises(ConfigError, match="digit must be a whole number from 0 to 9; got 12"):
        session.watch(digit=12)


def test_close_lets_go_of_the_net_and_keeps_the_record(make: Callable[..., Session]) -> None:
    nets: list[weakref.ref[Learner]] = []

    class Note(Callback):
        def before_fit(self, learner: Learner) -> None:
            nets.append(weakref.ref(learner))

    session = Session(TINY, callbacks=[Note()])
    record, progress = finish(session), session.progress
    session.close()
    gc.collect()
    assert nets and nets[0]() is None
    assert equal(session.since(-1), record) and record.outputs is not None
    assert session.progress == progress and progress.step == 40
    session.close()


def test_orders_from_many_threads(make: Callable[..., Session]) -> None:
    session = make(epochs=1000)
    calls: list[Callable[[], object]] = [
        session.start, session.pause, session.resume, session.step, lambda: session.change(lr=0.1),
        lambda: session.since(-1), lambda: session.progress,
    ]  # fmt: skip
    errors: list[BaseException] = []

    def press() -> None:
        try:
            for _ in range(20):
                for call in calls:
                    call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session.stop()
    assert session.wait(PATIENCE) and session.state == "stopped" and errors == []


@pytest.mark.cuda
def test_a_run_on_cuda_agrees_with_the_cpu(make: Callable[..., Session]) -> None:
    here, there = finish(make(size=200)), finish(make(size=200, device="cuda"))
    np.testing.assert_allclose(here.columns["loss"][:10], there.columns["loss"][:10], rtol=1e-3)
    assert "CPU" not in make(device="cuda").progress.device


def test_a_task_of_its_own_and_a_callback_of_its_own() -> None:
    """Larger pictures, seven outputs and targets that are no classes, in the same Session and Learner."""
    import torch

    from lab.training.callbacks import Callback
    from lab.training.learner import Learner
    from lab.training.task import Task

    asked = []

    def task(config: Config, device: torch.device) -> Task:
        x, y = torch.randn(40, 1, 56, 56, device=device), torch.rand(40, 7, device=device)
        error = torch.nn.functional.mse_loss
        return Task(x, y, x[:20], y[:20], error, error, outputs=7)

    class Asks(Callback):
        def after_fit(self, learner: Learner) -> None:
            asked.append(learner.logits.shape)

    session = Session(TINY.replace(size=40), task, [Asks()])
    record = finish(session)
    session.close()
    assert session.state == "finished", session.error
    assert asked == [(20, 7)] and len(record.steps) == 8 and record.outputs is None


def test_waiting_for_a_session_that_nobody_started_is_refused() -> None:
    session = Session(TINY)
    with pytest.raises(RuntimeError, match="was not started"):
        session.wait()
    assert session.wait(0.01) is False
    session.stop()
    assert session.wait() is True


def test_a_callback_may_close_the_session() -> None:
    class Closes(Callback):
        def after_batch(self, learner: Learner) -> None:
            session.close()

    session = Session(TINY, callbacks=[Closes()])
    session.start()
    assert session.wait(PATIENCE) and session.state == "stopped"
    session._thread.join(PATIENCE)
    assert session._learner is None and len(session.since(-1).steps) == 1
    session.close()


def test_callbacks_draw_the_same_numbers_under_the_same_seed_and_change_none(make: Callable[..., Session]) -> None:
    class Draws(Callback):
        def __init__(self) -> None:
            self.drawn: list[float] = []

        def before_batch(self, learner: Learner) -> None:
            self.drawn += torch.rand(3, generator=learner.random).tolist()

    import torch

    drawn, records = [], []
    for seed in (0, 0, 1):
        draws = Draws()
        session = Session(TINY.replace(seed=seed), callbacks=[draws])
        records.append(finish(session))
        drawn.append(draws.drawn)
        session.close()
    assert drawn[0] == drawn[1] != drawn[2] and equal(records[0], records[1])
    assert equal(records[0], finish(make()))


def test_what_lsuv_cannot_reach_is_said(make: Callable[..., Session]) -> None:
    session = make(init="lsuv", maxv=0.5, norm="none")
    finish(session)
    assert session.notice == "LSUV could not bring conv1, conv2 to a std of 1: first weights kept."
    plain = make(init="lsuv", norm="none")
    finish(plain)
    assert plain.notice == ""


@pytest.mark.parametrize("norm", ["instance", "group"])
def test_a_norm_over_a_single_value_says_why_it_is_nan(make: Callable[..., Session], norm: str) -> None:
    session = make(norm=norm, widths=(4,) * 5, groups=4)
    finish(session)
    if norm == "group":
        assert session.state == "finished", "its variance is biased: 0, not 0 ÷ 0"
        return
    assert session.state == "diverged"
    assert "Its map is 1 × 1: InstanceNorm averages over a single value there" in session.error
    wide = make(norm=norm, lr=1000.0)
    finish(wide)
    assert "single value" not in wide.error


def test_a_diverged_run_counts_no_step_after_the_one_that_diverged(make: Callable[..., Session]) -> None:
    session = make(lr=1000.0, norm="none", epochs=20, widths=(4,) * 4)
    record = finish(session)
    assert session.state == "diverged" and len(record.steps) < 30
    assert session.progress.step == len(record.steps) == int(record.steps[-1]) + 1
    assert not np.isfinite(record.columns["loss"][-1]) and np.isfinite(record.columns["loss"][:-1]).all()
