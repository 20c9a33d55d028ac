"""The loop against a plain torch loop, and its protocol: who is called when, whatever is raised."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from lab.assembly import assemble
from lab.config import Config
from lab.telemetry.history import History
from lab.training.callbacks import Callback, CancelBatch, CancelEpoch, CancelFit
from lab.training.learner import Learner

SMALL = Config(size=100, batch_size=32, epochs=2, widths=(4, 4), lr=0.1, momentum=0.9, norm="none", device="cpu")


def make(config: Config = SMALL, *callbacks: Callback) -> Learner:
    return assemble(config, History(), lambda: 0.0, lambda paused: None, callbacks=callbacks).learner


class Log(Callback):
    """Notes every event; raises ``error`` at the ``nth`` time of one."""

    order = 100

    def __init__(self, at: str = "", error: type[Exception] = CancelFit, nth: int = 1) -> None:
        self.events: list[str] = []
        self._at, self._error, self._nth = at, error, nth

    def __getattr__(self, name: str) -> Callable[[Learner], None]:
        if not name.startswith(("before_", "after_", "cancel_", "cleanup_")):
            raise AttributeError(name)

        def note(learner: Learner) -> None:
            self.events.append(name)
            if name == self._at and self.events.count(name) == self._nth:
                raise self._error

        return note


def test_same_numbers_as_a_plain_torch_loop() -> None:
    learner = make()
    plain = make().model
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(SMALL.seed)
    learner.fit()
    task = learner.task
    for _ in range(SMALL.epochs):
        for chosen in torch.randperm(100, generator=generator).split(32):
            loss = F.cross_entropy(plain(task.x_train[chosen]), task.y_train[chosen])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    for ours, theirs in zip(learner.model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_validation_is_the_mean_over_images() -> None:
    learner = make(SMALL.replace(size=95, batch_size=4))
    loss, accuracy = learner.validate()
    assert learner.model.training and learner.training, "as it was before"
    learner.model.eval()
    with torch.no_grad():
        logits = learner.model(learner.task.x_valid)
    assert len(logits) == 19, "8, 8 and a partial batch of 3"
    assert loss == pytest.approx(F.cross_entropy(logits, learner.task.y_valid).item(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(1) == learner.task.y_valid).double().mean().item())


def test_order_of_events() -> None:
    log = Log()
    make(SMALL.replace(size=40, epochs=1), log).fit()
    batch = [
        "before_batch",
        "after_predict",
        "after_loss",
        "after_backward",
        "after_step",
        "after_batch",
        "cleanup_batch",
    ]
    valid = ["before_batch", "after_predict", "after_loss", "after_batch", "cleanup_batch"]
    expected = ["before_fit", "before_epoch", *batch, *batch, *valid, "after_epoch", "cleanup_epoch"]
    assert log.events == [*expected, "after_fit", "cleanup_fit"]


@pytest.mark.parametrize(
    ("error", "level", "batches"), [(CancelBatch, "batch", 7), (CancelEpoch, "epoch", 5), (CancelFit, "fit", 1)]
)
@pytest.mark.parametrize("at", ["before_batch", "after_predict", "after_loss", "after_backward", "after_step"])
def test_cancel_at_each_level(error: type[Exception], level: str, batches: int, at: str) -> None:
    """Two epochs of four batches; the second batch is cancelled."""
    log = Log(at, error, nth=2)
    learner = make(SMALL, log)
    assert learner.fit() == (error is not CancelFit)
    assert log.events.count(f"cancel_{level}") == 1
    assert learner.step == batches
    for name in ("batch", "epoch", "fit"):
        assert log.events.count(f"before_{name}") == log.events.count(f"cleanup_{name}")
    cancelled = log.events.count("before_epoch") - log.events.count("after_epoch")
    assert cancelled == (error is not CancelBatch)


@pytest.mark.parametrize("at", ["before_fit", "before_epoch", "after_epoch", "after_loss"])
def test_another_exception_passes_through_and_everything_is_cleaned_up(at: str) -> None:
    log = Log(at, ZeroDivisionError)
    learner = make(SMALL, log)
    with pytest.raises(ZeroDivisionError):
        learner.fit()
    assert log.events[-1] == "cleanup_fit"
    assert not any(module._forward_hooks for module in learner.model.modules()), "the probes' hooks are gone"


@pytest.mark.parametrize("level", ["batch", "epoch", "fit"])
def test_an_error_in_a_cleanup_stops_no_other_cleanup(level: str) -> None:
    first, last = Log(f"cleanup_{level}", ZeroDivisionError), Log()
    first.order, last.order = -1, 100
    learner = make(SMALL, first, last)
    with pytest.raises(ZeroDivisionError):
        learner.fit()
    assert last.events[-1] == "cleanup_fit" and f"cleanup_{level}" in last.events
    assert not any(module._forward_hooks for module in learner.model.modules()), "the probes' hooks are gone"


def test_an_error_in_a_cleanup_does_not_hide_the_first(caplog: pytest.LogCaptureFixture) -> None:
    learner = make(SMALL, Log("before_epoch", KeyError), Log("cleanup_fit", ZeroDivisionError))
    with pytest.raises(KeyError):
        learner.fit()
    assert "cleanup_fit failed too" in caplog.text and "ZeroDivisionError" in caplog.text


def test_a_callback_that_fails_before_the_probes_are_there() -> None:
    broken = Log("before_fit", ZeroDivisionError)
    broken.order = -100
    with pytest.raises(ZeroDivisionError):
        make(SMALL, broken).fit()


@pytest.mark.parametrize("at", ["after_backward", "after_step"])
def test_a_cancelled_batch_leaves_no_gradient_to_the_next(at: str) -> None:
    """The second batch has the same gradient whether the first was cancelled or not; no weight moves at this lr."""

    class Note(Callback):
        def __init__(self) -> None:
            self.gradients: list[torch.Tensor] = []

        def after_backward(self, learner: Learner) -> None:
            gradient = next(learner.model.parameters()).grad
            assert gradient is not None
            self.gradients.append(gradient.clone())

    config = SMALL.replace(lr=1e-30, epochs=1)
    with_all, without_first = Note(), Note()
    make(config, with_all).fit()
    make(config, without_first, Log(at, CancelBatch)).fit()
    assert torch.equal(with_all.gradients[1], without_first.gradients[1])


def test_callbacks_run_by_order() -> None:
    seen: list[int] = []

    class Note(Callback):
        def __init__(self, order: int) -> None:
            self.order = order

        def before_fit(self, learner: Learner) -> None:
            seen.append(self.order)

    make(SMALL.replace(size=40, epochs=1), Note(30), Note(20), Note(25)).fit()
    assert seen == [20, 25, 30]


def test_schedules_drive_lr_and_momentum() -> None:
    lrs: list[tuple[float, float]] = []

    class Note(Callback):
        order = 20

        def before_batch(self, learner: Learner) -> None:
            if learner.training:
                lrs.append((learner.optimizer.lr, learner.optimizer.momentum))

    config = SMALL.replace(lr=2, momentum=0.5, lr_schedule="0.5 lin 0.2 1, 0.5 lin 1 0", momentum_schedule="1 lin 1 0")
    make(config, Note()).fit()
    # Eight batches: progress 0, 1/8 … 7/8.
    assert [lr for lr, _ in lrs] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2, 1.5, 1, 0.5])
    assert [momentum for _, momentum in lrs] == pytest.approx([0.5 * (1 - i / 8) for i in range(8)])


# InstanceNorm is nan on the fifth map, 1 x 1, whatever the batch: see tests/lab/test_session.py.
@pytest.mark.parametrize("norm", ["none", "batch", "torch_batch", "layer", "group", "running", "running_simple"])
@pytest.mark.parametrize(("size", "batch_size", "steps"), [(33, 32, 2), (10, 1, 10)])
def test_a_batch_of_one_trains_with_every_norm(norm: str, size: int, batch_size: int, steps: int) -> None:
    small = {"size": size, "batch_size": batch_size, "epochs": 1, "widths": (4, 4, 4, 4, 4), "lr": 0.01}
    learner = make(SMALL.replace(norm=norm, **small))
    before = [p.detach().clone() for p in learner.model.parameters()]
    assert learner.fit() and learner.step == steps
    after = list(learner.model.parameters())
    assert all(torch.isfinite(p).all() for p in after)
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("method", "meant"), [("after_bacth", "after_batch"), ("befor_fit", "before_fit"), ("after_everything", "")]
)
def test_a_misspelt_event_is_refused(method: str, meant: str) -> None:
    callback = type("Mine", (Callback,), {method: lambda self, learner: None})()
    with pytest.raises(ValueError, match=rf"Mine\.{method} is no event" + (f".*did you mean {meant}" if meant else "")):
        make(SMALL, callback)


def test_other_methods_are_no_events() -> None:
    make(
        SMALL, type("Mine", (Callback,), {"measured": 3, "plot": lambda self: None, "_after_all": lambda self: None})()
    )


class Ends(Callback):
    """Raises ``error`` at the third batch's ``event``."""

    def __init__(self, event: str, error: type[Exception], order: int) -> None:
        self.order, self._error, self.batches = order, error, 0
        setattr(self, event, self._count)

    def _count(self, learner: Learner) -> None:
        self.batches += learner.training
        if learner.training and self.batches == 3:
            raise self._error


@pytest.mark.parametrize("order", [0, 60])
@pytest.mark.parametrize("error", [CancelBatch, CancelEpoch, CancelFit])
@pytest.mark.parametrize(("event", "kept"), [("before_batch", False), ("after_loss", False), ("after_batch", True)])
def test_the_row_of_a_batch_that_was_trained_is_kept(
    event: str, kept: bool, error: type[Exception], order: int
) -> None:
    history = History()
    parts = assemble(SMALL, history, lambda: 0.0, lambda paused: None, callbacks=[Ends(event, error, order)])
    parts.learner.fit()
    steps = {CancelBatch: 7 + kept, CancelEpoch: 2 + kept + 4, CancelFit: 2 + kept}[error]
    assert history.since(-1).steps.tolist() == list(range(steps)) and parts.learner.step == steps


def test_an_epoch_that_was_cancelled_leaves_nothing_in_the_next_ones_figures() -> None:
    history = History()
    parts = assemble(SMALL, history, lambda: 0.0, lambda paused: None, callbacks=[Ends("after_batch", CancelEpoch, 0)])
    parts.learner.fit()
    record = history.since(-1)
    (row,) = record.validations
    sizes = [32, 32, 32, 4]
    wanted = sum(size * loss for size, loss in zip(sizes, record.columns["loss"][3:], strict=True)) / 100
    assert row.train_loss == pytest.approx(wanted)
