"""Every rung against torch, against the rung before it, and against the lab's own run."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lab import data
from lab.config import Config
from lab.nn import ladder
from lab.nn.ladder import RUNGS, first_weights
from lab.session import Session

NETS = {"no hidden layer": (12, 5), "one": (12, 7, 5), "two": (12, 7, 6, 5)}
LR = 0.3

nets = pytest.mark.parametrize("widths", NETS.values(), ids=NETS.keys())
rungs = pytest.mark.parametrize("name", RUNGS)


def batches(n: int, inputs: int = 12, classes: int = 5) -> list[tuple[Tensor, Tensor]]:
    """Batches of sizes that differ, as an epoch's last one does."""
    draw = torch.Generator().manual_seed(1)
    sizes = [8] * (n - 1) + [3]
    return [
        (torch.randn(m, inputs, generator=draw), torch.randint(classes, (m,), generator=draw)) for m in sizes
    ]  # fmt: skip


def plain(layers: ladder.Layers, x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The loss by torch's functions, and its gradient for every weight and bias."""
    weights = [tensor.clone().requires_grad_() for layer in layers for tensor in layer]
    for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = F.relu(F.linear(x, weight, bias))
    loss = F.cross_entropy(F.linear(x, *weights[-2:]), y)
    return loss, list(torch.autograd.grad(loss, weights))


@nets
@rungs
def test_a_step_has_torchs_loss_and_gradient(name: str, widths: tuple[int, ...]) -> None:
    layers, (batch,) = first_weights(widths), batches(1)
    loss, gradients = plain(layers, *batch)
    trained = RUNGS[name](layers, [batch], LR)
    assert trained.losses == pytest.approx([loss.item()], rel=1e-6)
    before = [tensor for layer in layers for tensor in layer]
    for old, new, gradient in zip(before, trained.weights, gradients, strict=True):
        torch.testing.assert_close((old - new) / LR, gradient, rtol=1e-4, atol=1e-6)


@nets
def test_each_rung_agrees_with_the_one_before_over_many_steps(widths: tuple[int, ...]) -> None:
    layers, rows = first_weights(widths), batches(40)
    trained = {name: train(layers, iter(rows), LR) for name, train in RUNGS.items()}
    for (_, before), (name, after) in pairwise(trained.items()):
        assert after.losses == pytest.approx(before.losses, rel=1e-4), name
        for a, b in zip(before.weights, after.weights, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)
    assert len(before.losses) == 40 and len(set(before.losses)) == 40


@rungs
def test_the_first_weights_stay_for_the_next_rung(name: str) -> None:
    layers = first_weights((12, 5))
    RUNGS[name](layers, batches(3), LR)
    for (weight, bias), (fresh, also) in zip(layers, first_weights((12, 5)), strict=True):
        assert torch.equal(weight, fresh) and torch.equal(bias, also)


def test_first_weights_are_torchs_and_leave_its_random_numbers_alone() -> None:
    torch.manual_seed(3)
    theirs = nn.Sequential(nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 5))
    ours = first_weights((12, 7, 5), seed=3)
    assert torch.equal(ours[1][0], theirs[2].weight) and torch.equal(ours[0][1], theirs[0].bias)
    state = torch.get_rng_state()
    first_weights((12, 5))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_product_and_its_gradient_are_those_of_matmul() -> None:
    x, weight = torch.randn(6, 4, requires_grad=True), torch.randn(3, 4, requires_grad=True)
    torch.testing.assert_close(ladder.product(x, weight), x @ weight.T)
    wanted = torch.randn(6, 3)
    ours = torch.autograd.grad((ladder.product(x, weight) * wanted).sum(), (x, weight))
    theirs = torch.autograd.grad(((x @ weight.T) * wanted).sum(), (x, weight))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", [next(iter(RUNGS)), list(RUNGS)[-1]])
@pytest.mark.parametrize(("model", "widths"), [("logistic", (784, 10)), ("mlp", (784, 50, 10))])
def test_a_rung_has_the_losses_of_the_labs_run(name: str, model: str, widths: tuple[int, ...]) -> None:
    """So what the page's runs show is what the rungs do."""
    config = Config(model=model, norm="none", init="default", size=120, batch_size=20, epochs=2, lr=0.05, device="cpu")
    session = Session(config)
    session.start()
    assert session.wait(60) and session.state == "finished"
    losses = session.since(-1).columns["loss"].tolist()
    session.close()
    digits = data.load("mnist", size=120)
    generator = torch.Generator().manual_seed(config.seed)
    chosen = [part for _ in range(2) for part in torch.split(torch.randperm(120, generator=generator), 20)]
    rows = [(digits.x_train[part].flatten(1), digits.y_train[part]) for part in chosen]
    trained = RUNGS[name](first_weights(widths, config.seed), rows, config.lr)
    assert trained.losses == pytest.approx(losses, rel=1e-4)


def test_the_command_trains_all_six(capsys: pytest.CaptureFixture[str]) -> None:
    assert ladder.main(["--size", "100", "--hidden", "4", "--lr", "0.1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:36].strip() for line in lines] == list(RUNGS) and all("accuracy 0." in line for line in lines)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--hidden", "-4"], "--hidden must be from 0 to 1000; got -4"),
        (["--lr", "0"], "(lr) must be above 0"),
        (["--epochs", "none"], "(epochs) must be"),
        (["--size", "5"], "(size) must be"),
    ],
)
def test_a_bad_option_is_refused(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ladder.main(options)
    assert said in capsys.readouterr().err
