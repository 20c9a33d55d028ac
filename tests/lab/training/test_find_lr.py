"""The learning rate finder in a session: what it finds, and that the run goes on as if nobody had asked."""

import copy
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lab.concepts.lr_curve import sweep_lrs
from lab.config import NORMS, Config
from lab.session import Session
from lab.training.callbacks import Callback
from lab.training.find_lr import copied_model, sweep
from lab.training.learner import Learner
from lab.training.lr_search import FindLrCancelled, FindLrError, LrSearch
from tests.lab.test_session import equal

TINY = Config(size=100, batch_size=10, epochs=2, widths=(4, 4), norm="batch", lr=0.05, device="cpu")
LONG = {"epochs": 1000, "batch_size": 2}
PATIENCE = 60


@pytest.fixture
def make() -> Iterator[Callable[..., Session]]:
    sessions: list[Session] = []

    def made(callbacks: tuple[Callback, ...] = (), **changes: object) -> Session:
        sessions.append(Session(TINY.replace(**changes), callbacks=callbacks))
        return sessions[-1]

    yield made
    for session in sessions:
        session.close()


def until(session: Session, state: str) -> None:
    assert session.wait_for(lambda: session.state == state, PATIENCE), (session.state, session.error)


def paused(session: Session, steps: int) -> Learner:
    session.step(steps)
    assert session.wait_for(lambda: session.state == "paused" and session.progress.step == steps, PATIENCE)
    assert session._learner is not None
    return session._learner


def everything(learner: Learner) -> list[Tensor]:
    """Each tensor that training goes on from, cloned: weights, gradients, buffers, optimiser, generators."""
    model, state = learner.model, learner.optimizer.state_dict()
    found = [*model.parameters(), *model.buffers(), *(p.grad for p in model.parameters() if p.grad is not None)]
    for value in state.values():
        found += [torch.as_tensor(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
    found += [learner.generator.get_state(), learner.random.get_state(), torch.default_generator.get_state()]
    return [tensor.detach().clone() for tensor in found]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return len(a) == len(b) and all(
        x.dtype == y.dtype and x.numpy().tobytes() == y.numpy().tobytes() for x, y in zip(a, b, strict=True)
    )


KINDS: list[dict[str, Any]] = [
    *({"norm": norm} for norm in NORMS),
    {"model": "mlp"},
    {"max_steps": 8},
    {"model": "logistic"},
    {"optimizer": "adam", "lr": 0.001, "momentum": 0.9},
    {"optimizer": "adamw", "lr": 0.001, "momentum": 0.9, "weight_decay": 0.01},
    {"optimizer": "rmsprop", "lr": 0.001, "momentum": 0.9},
    {"momentum": 0.9, "weight_decay": 0.01, "momentum_schedule": "one-cycle"},
]


@pytest.mark.parametrize("changes", KINDS, ids=str)
def test_a_paused_run_is_as_before_bit_for_bit_and_ends_as_without(
    make: Callable[..., Session], changes: dict[str, Any]
) -> None:
    session, without = make(**changes), make(**changes)
    learner = paused(session, 3)
    before, hooks = everything(learner), [len(module._forward_hooks) for module in learner.model.modules()]
    record = session.since(-1)
    curve = session.find_lr()
    assert same(everything(learner), before)
    assert [len(module._forward_hooks) for module in learner.model.modules()] == hooks
    assert session.state == "paused" and equal(session.since(-1), record)
    assert curve.step == 3 and len(curve.losses) > 10
    np.testing.assert_array_equal(curve.lrs, sweep_lrs()[: len(curve.losses)])
    for one in (session, without):
        one.start()
        assert one.wait(PATIENCE)
    assert equal(session.since(-1), without.since(-1))


def test_the_losses_are_those_of_torchs_own_sgd(make: Callable[..., Session]) -> None:
    """The net is an affine map, the batches are drawn by the seed: the sweep again, by torch alone."""
    session = make(model="logistic", momentum=0.5)
    learner = paused(session, 4)
    net, task = nn.Linear(784, 10), learner.task
    net.load_state_dict({name.rpartition(".")[2]: p for name, p in learner.model.state_dict().items()})
    torch_sgd = torch.optim.SGD(net.parameters(), lr=1, momentum=0.5)
    assert learner.optimizer.buffers is not None  # type: ignore[attr-defined]
    for param, buffer in zip(net.parameters(), learner.optimizer.buffers, strict=True):  # type: ignore[attr-defined]
        torch_sgd.state[param]["momentum_buffer"] = buffer.clone()
    generator = torch.Generator()
    generator.set_state(learner.generator.get_state())
    losses: list[float] = []
    curve = session.find_lr()
    while len(losses) < len(curve.losses):
        for chosen in torch.randperm(100, generator=generator).split(10):
            loss = nn.functional.cross_entropy(net(task.x_train[chosen].flatten(1)), task.y_train[chosen])
            torch_sgd.param_groups[0]["lr"] = sweep_lrs()[min(len(losses), 99)]
            torch_sgd.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch_sgd.step()
            losses.append(loss.item())
    np.testing.assert_allclose(curve.losses, losses[: len(curve.losses)], rtol=2e-4)


def test_before_the_start_it_is_the_net_that_the_run_begins_with(make: Callable[..., Session]) -> None:
    session, without = make(), make()
    curve = session.find_lr()
    assert session.state == "ready" and curve.step == 0 and session.progress.step == 0
    for one in (session, without):
        one.start()
        assert one.wait(PATIENCE)
    record = session.since(-1)
    assert equal(record, without.since(-1))
    assert curve.losses[0] == pytest.approx(float(record.columns["loss"][0]), rel=1e-6), "of the run's first batch"
    assert session.find_lr().step == 20, "and after the end of the net that it ended with"
    session.close()
    with pytest.raises(FindLrError, match="its net is freed"):
        session.find_lr()


def test_a_running_run_waits_for_it_and_goes_on_as_without(make: Callable[..., Session]) -> None:
    # Asked for at a known step: by a callback, in the fit's own thread and from another one.
    searches: list[LrSearch] = []
    inside = []

    class Asks(Callback):
        def after_batch(self, learner: Learner) -> None:
            if learner.training and learner.step == 5:
                thread = threading.Thread(target=lambda: searches.append(session.search_lr()))
                thread.start()
                thread.join()
            if learner.training and learner.step == 7:
                inside.append(session.find_lr())
            if not learner.training and len(searches) == 1:
                searches.append(session.search_lr())

    session, without = make((Asks(),)), make()
    for one in (session, without):
        one.start()
        assert one.wait(PATIENCE)
    assert [search.result().step for search in searches] == [6, 10] and inside[0].step == 7
    assert session._remote is not None and session._remote.idle_seconds > 0, "it is no time of training"
    assert equal(session.since(-1), without.since(-1))


def test_what_is_asked_for_after_the_last_batch_is_done_too(make: Callable[..., Session]) -> None:
    found: list[LrSearch] = []

    class Asks(Callback):
        def after_fit(self, learner: Learner) -> None:
            thread = threading.Thread(target=lambda: found.append(session.search_lr()))
            thread.start()
            thread.join()

    session = make((Asks(),))
    session.start()
    assert session.wait(PATIENCE)
    assert found[0].result().step == 20


def test_knobs_turned_in_the_pause_count(make: Callable[..., Session]) -> None:
    session = make(model="logistic")
    paused(session, 2)
    plain = session.find_lr()
    session.change(weight_decay=5.0, lr=0.3)
    assert not np.array_equal(plain.losses[1:], session.find_lr().losses[1 : len(plain.losses)])


@pytest.mark.parametrize("end", ["stop", "close"])
@pytest.mark.parametrize("at", ["ready", "paused"])
def test_stop_and_close_end_it(
    make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, at: str, end: str
) -> None:
    session, begun, go_on = make(**LONG), threading.Event(), threading.Event()

    def slow(self: object) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)

    if at == "paused":
        paused(session, 1)
    monkeypatch.setattr("lab.training.find_lr.seeded_step", slow)
    search = session.search_lr()
    assert begun.wait(PATIENCE)
    ending = threading.Thread(target=getattr(session, end))
    ending.start()
    while not search.cancelled:
        search.wait(0.01)
    go_on.set()
    with pytest.raises(FindLrCancelled, match="was stopped"):
        search.result()
    ending.join(PATIENCE)
    session.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "lab-find-lr"]


def test_a_search_that_has_not_begun_is_cancelled_at_once() -> None:
    search = LrSearch()
    search.cancel()
    search.run(lambda _: pytest.fail("it must not begin"))
    with pytest.raises(FindLrCancelled):
        search.result()


def test_a_run_that_cannot_begin_says_so(make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no such data")

    monkeypatch.setattr("lab.assembly.classify", refuse)
    with pytest.raises(FindLrError, match="OSError: no such data"):
        make().find_lr()
    session = make()
    session.start()
    search = session.search_lr() if session.state == "running" else None
    assert session.wait(PATIENCE) and session.state == "failed"
    if search is not None:
        with pytest.raises(FindLrError, match="no such data"):
            search.result()


def test_a_diverged_net_gets_a_curve_without_suggestions(make: Callable[..., Session]) -> None:
    session = make(lr=100.0, norm="none", leak=0.3, epochs=50)
    session.start()
    assert session.wait(PATIENCE) and session.state == "diverged"
    curve = session.find_lr()
    assert len(curve.losses) == 1 and "diverged already" in curve.end
    assert [one.lr for one in curve.suggestions] == [None] * 3


def test_a_nets_own_hooks_are_copied_and_the_labs_are_not(make: Callable[..., Session]) -> None:
    learner = paused(make(), 1)
    block, seen = learner.model.blocks["conv1"], []

    class Counts(nn.Module):
        def hook(self, *_: object) -> None:
            seen.append(self)

    counter = Counts()
    block.add_module("counter", counter)
    block.register_forward_hook(counter.hook)
    del block._modules["counter"]
    before = len(block._forward_hooks)
    made, parts = copied_model(learner.model)
    assert len(block._forward_hooks) == before == 2 and len(made.blocks["conv1"]._forward_hooks) == 1
    made(learner.task.x_train[:2])
    assert len(seen) == 1 and seen[0] is not counter, "of the copy"
    assert parts[id(learner.model)] is made


def test_a_net_that_draws_numbers_moves_no_generator(make: Callable[..., Session]) -> None:
    learner = paused(make(), 1)
    learner.model.head = nn.Sequential(nn.Dropout(0.5), learner.model.head)
    before = everything(learner)
    first = sweep(learner, learner.config)
    assert same(everything(learner), before)
    assert np.array_equal(first.losses, sweep(copy.copy(learner), learner.config).losses)
