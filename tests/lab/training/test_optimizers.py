"""Each optimiser against torch's, over many steps, with every knob moved on the way."""

import copy
import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lab.config import Config
from lab.training.optimizers import SGD, Adam, AdamW, Optimizer, RMSProp, make_optimizer


def nets() -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """A net, its twin, and pictures and targets to train both on, in float64."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    return net, copy.deepcopy(net), torch.randn(16, 6, dtype=torch.float64), torch.randn(16, 3, dtype=torch.float64)


def backward(net: nn.Module, x: Tensor, y: Tensor) -> None:
    (net(x) - y).square().mean().backward()


def run_both(ours: Optimizer, oracle: Any, net: nn.Module, twin: nn.Module, x: Tensor, y: Tensor, steps: int) -> None:
    """Train both side by side and compare after every step."""
    for _ in range(steps):
        for module, optimizer in ((net, ours), (twin, oracle)):
            optimizer.zero_grad()
            backward(module, x, y)
            optimizer.step()
        for a, b in zip(net.parameters(), twin.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("momentum", "weight_decay"), list(itertools.product((0.0, 0.9), (0.0, 0.05))))
def test_sgd_is_torchs(momentum: float, weight_decay: float) -> None:
    net, twin, x, y = nets()
    ours = SGD(net.parameters(), 0.1, momentum, weight_decay)
    oracle = torch.optim.SGD(twin.parameters(), 0.1, momentum, weight_decay=weight_decay)
    run_both(ours, oracle, net, twin, x, y, 50)


@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
@pytest.mark.parametrize(("momentum", "beta2", "eps"), [(0.9, 0.999, 1e-8), (0.0, 0.9, 1e-3), (0.5, 0.0, 0.1)])
@pytest.mark.parametrize(("kind", "torchs"), [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)])
def test_adam_and_adamw_are_torchs(
    kind: type[Adam], torchs: Any, momentum: float, beta2: float, eps: float, weight_decay: float
) -> None:
    net, twin, x, y = nets()
    ours = kind(net.parameters(), 0.01, momentum, beta2, eps, weight_decay)
    oracle = torchs(twin.parameters(), 0.01, (momentum, beta2), eps, weight_decay)
    run_both(ours, oracle, net, twin, x, y, 50)


@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
@pytest.mark.parametrize(("momentum", "beta2", "eps"), [(0.0, 0.99, 1e-8), (0.9, 0.9, 1e-3), (0.5, 0.0, 0.1)])
def test_rmsprop_is_torchs(momentum: float, beta2: float, eps: float, weight_decay: float) -> None:
    net, twin, x, y = nets()
    ours = RMSProp(net.parameters(), 0.01, momentum, beta2, eps, weight_decay)
    oracle = torch.optim.RMSprop(twin.parameters(), 0.01, beta2, eps, weight_decay, momentum)
    run_both(ours, oracle, net, twin, x, y, 50)


def test_l2_in_the_loss_is_decay_in_sgd_and_not_in_adam() -> None:
    """By hand: a weight of 2 whose loss is 1 * w, with L2 (.5 / 2) w² in the loss, or a decay of .5; lr .1."""

    def moved(make: Any, l2: float, start: float = 2.0, slope: float = 1.0) -> float:
        weight = nn.Parameter(torch.tensor(start, dtype=torch.float64))
        optimizer = make([weight])
        (slope * weight + l2 / 2 * weight**2).backward()
        optimizer.step()
        return weight.item()

    by_gradient = moved(lambda params: SGD(params, 0.1), l2=0.5)
    by_decay = moved(lambda params: SGD(params, 0.1, weight_decay=0.5), l2=0)
    assert by_gradient == by_decay == pytest.approx(2 - 0.1 * (1 + 0.5 * 2)), "the same number: 1.8"
    assert by_decay == pytest.approx((1 - 0.1 * 0.5) * 2 - 0.1 * 1), "and the weight shrunk by lr * decay, then SGD"
    # Adam's first step is lr long whatever the gradient: the penalty is lost in the division by its root.
    for l2 in (0.0, 0.5, 50.0):
        assert moved(lambda params: Adam(params, 0.1), l2) == pytest.approx(1.9, abs=1e-6)
    adam = moved(lambda params: Adam(params, 0.1, weight_decay=0.5), l2=0)
    assert adam == pytest.approx(1.9, abs=1e-6), "Adam's knob is that penalty"
    adamw = moved(lambda params: AdamW(params, 0.1, weight_decay=0.5), l2=0)
    assert adamw == pytest.approx((1 - 0.1 * 0.5) * 2 - 0.1, abs=1e-6), "AdamW takes lr * decay * weight off: 1.8"
    # A weight that the loss does not ask for: L2 moves it by lr, however little it is; decay by its share.
    for start in (2.0, 0.2):
        assert moved(lambda params: Adam(params, 0.1, weight_decay=0.5), 0, start, 0) == pytest.approx(start - 0.1)
        assert moved(lambda params: AdamW(params, 0.1, weight_decay=0.5), 0, start, 0) == pytest.approx(0.95 * start)


def test_rmsprops_first_step_is_long_by_the_average_that_starts_at_0() -> None:
    weight = nn.Parameter(torch.zeros(1))
    optimizer = RMSProp([weight], 0.1, beta2=0.99)
    weight.grad = torch.full((1,), 7.0)
    optimizer.step()
    assert weight.item() == pytest.approx(-0.1 / 0.01**0.5), "lr / sqrt(1 - beta2), whatever the gradient"


def test_sgd_with_every_knob_moved() -> None:
    net, twin, x, y = nets()
    ours, oracle = SGD(net.parameters(), 0.1), torch.optim.SGD(twin.parameters(), 0.1)
    for lr, momentum, decay in ((0.1, 0.0, 0.0), (0.05, 0.9, 0.0), (0.2, 0.5, 0.1), (0.01, 0.99, 0.01)):
        ours.lr, ours.momentum, ours.weight_decay = lr, momentum, decay
        oracle.param_groups[0].update(lr=lr, momentum=momentum, weight_decay=decay)
        run_both(ours, oracle, net, twin, x, y, 7)


@pytest.mark.parametrize(
    ("kind", "torchs"),
    [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW), (RMSProp, torch.optim.RMSprop)],
)
def test_the_others_with_every_knob_moved(kind: Any, torchs: Any) -> None:
    net, twin, x, y = nets()
    ours, oracle = kind(net.parameters(), 0.01), torchs(twin.parameters(), 0.01)
    for lr, momentum, beta2, eps, decay in (
        (0.01, 0.9, 0.999, 1e-8, 0.0),
        (0.05, 0.5, 0.9, 1e-3, 0.1),
        (0.002, 0.0, 0.99, 0.1, 0.01),
        (0.01, 0.95, 0.5, 1e-6, 0.0),
    ):
        ours.lr, ours.momentum, ours.beta2, ours.eps, ours.weight_decay = lr, momentum, beta2, eps, decay
        if kind is RMSProp:
            ours.momentum = momentum = momentum or 0.2  # off and on again it starts anew, as SGD's
        same = {"alpha": beta2, "momentum": momentum} if kind is RMSProp else {"betas": (momentum, beta2)}
        oracle.param_groups[0].update(lr=lr, eps=eps, weight_decay=decay, **same)
        run_both(ours, oracle, net, twin, x, y, 7)


def test_momentum_that_was_off_starts_from_zero_again() -> None:
    param = nn.Parameter(torch.zeros(1))
    optimizer = SGD([param], lr=1.0)
    moves = []
    for momentum in (0.5, 0.5, 0.0, 0.5, 0.5):
        before = param.item()
        param.grad = torch.ones(1)
        optimizer.momentum = momentum
        optimizer.step()
        moves.append(before - param.item())
    assert moves == [1.0, 1.5, 1.0, 1.0, 1.5]


def optimizers(params: Any) -> list[Optimizer]:
    params = list(params)
    return [
        SGD(params, 0.1, 0.9, 0.01),
        Adam(params, 0.1, weight_decay=0.01),
        AdamW(params, 0.1, weight_decay=0.01),
        RMSProp(params, 0.1, 0.9, weight_decay=0.01),
    ]


ORACLES: list[Any] = [
    lambda params: torch.optim.SGD(params, 0.1, 0.9, weight_decay=0.01),
    lambda params: torch.optim.Adam(params, 0.1, weight_decay=0.01),
    lambda params: torch.optim.AdamW(params, 0.1, weight_decay=0.01),
    lambda params: torch.optim.RMSprop(params, 0.1, momentum=0.9, weight_decay=0.01),
]
KINDS = pytest.mark.parametrize("kind", range(4), ids=["sgd", "adam", "adamw", "rmsprop"])


@KINDS
def test_a_parameter_without_a_gradient_is_left_alone_and_counts_its_own_steps(kind: int) -> None:
    net, twin, x, y = nets()
    ours = optimizers(net.parameters())[kind]
    oracle = ORACLES[kind](twin.parameters())
    for frozen in (True, False, True, False):
        for module in (net, twin):
            for param in module[0].parameters():  # type: ignore[index]
                param.requires_grad_(not frozen)
        before = net[0].weight.detach().clone()  # type: ignore[index]
        run_both(ours, oracle, net, twin, x, y, 3)
        assert torch.equal(net[0].weight, before) == frozen  # type: ignore[index]


@KINDS
def test_nothing_to_do_without_gradients(kind: int) -> None:
    net, twin, x, y = nets()
    optimizer = optimizers(net.parameters())[kind]
    backward(net, x, y)
    optimizer.zero_grad()
    optimizer.step()
    for a, b in zip(net.parameters(), twin.parameters(), strict=True):
        assert a.grad is None and torch.equal(a, b)


@KINDS
def test_gradients_are_not_touched_by_a_step(kind: int) -> None:
    net, _, x, y = nets()
    optimizer = optimizers(net.parameters())[kind]
    backward(net, x, y)
    before = [param.grad.clone() for param in net.parameters() if param.grad is not None]
    optimizer.step()
    optimizer.step()
    for param, grad in zip(net.parameters(), before, strict=True):
        assert param.grad is not None and torch.equal(param.grad, grad)


@KINDS
def test_a_saved_state_goes_on_where_it_was(kind: int) -> None:
    net, _, x, y = nets()
    optimizer = optimizers(net.parameters())[kind]

    def train(steps: int, module: nn.Module, optimizer: Optimizer) -> list[Tensor]:
        for _ in range(steps):
            optimizer.zero_grad()
            backward(module, x, y)
            optimizer.step()
        return [param.detach().clone() for param in module.parameters()]

    train(5, net, optimizer)
    state, twin = optimizer.state_dict(), copy.deepcopy(net)
    saved = copy.deepcopy(state)
    optimizer.lr = 0.02
    expected = train(5, net, optimizer)
    other = optimizers(twin.parameters())[kind]
    other.lr = 7.0
    other.load_state_dict(state)
    assert other.lr == 0.1
    other.lr = 0.02
    for a, b in zip(train(5, twin, other), expected, strict=True):
        assert torch.equal(a, b)
    torch.testing.assert_close(state, saved, msg="neither optimiser may write into a saved state")


def test_sgd_state_before_the_first_step() -> None:
    param = nn.Parameter(torch.ones(1))
    optimizer = SGD([param], 0.1, 0.9)
    state = optimizer.state_dict()
    param.grad = torch.ones(1)
    optimizer.step()
    optimizer.load_state_dict(state)
    optimizer.step()
    assert param.item() == pytest.approx(1 - 0.1 - 0.1)


def test_made_from_config() -> None:
    params = [nn.Parameter(torch.ones(1))]
    sgd = make_optimizer(Config(lr=0.3, momentum=0.8, weight_decay=0.1), params)
    assert type(sgd) is SGD and (sgd.lr, sgd.momentum, sgd.weight_decay) == (0.3, 0.8, 0.1)
    for name, kind in {"adam": Adam, "adamw": AdamW, "rmsprop": RMSProp}.items():
        config = Config(optimizer=name, lr=0.3, momentum=0.8, weight_decay=0.1, beta2=0.9, opt_eps=1e-3)
        made = make_optimizer(config, iter(params))
        assert type(made) is kind
        assert (made.lr, made.momentum, made.weight_decay, made.beta2, made.eps) == (0.3, 0.8, 0.1, 0.9, 1e-3)


def test_nothing_to_optimise() -> None:
    with pytest.raises(ValueError, match="no parameters"):
        SGD([], 0.1)
