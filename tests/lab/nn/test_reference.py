"""The readable parts against torch, and the lab's fast ones against the readable ones: data and gradient."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.config import Config
from lab.nn import activations, batch_norm, init, item_norm, models, reference, running_norm
from lab.nn.init import initialise
from lab.nn.models import Model
from lab.training import optimizers

C = 4
BATCHES = [(6, 5), (3, 4), (2, 7), (5, 2), (2, 3), (9, 3)]
"""Pictures and size of the maps, batch after batch."""

Make = Callable[[], nn.Module]


def pictures(n: int, size: int) -> Tensor:
    scales = torch.tensor([0.1, 1.0, 5.0, 20.0], dtype=torch.float64)[:, None, None]
    return torch.randn(n, C, size, size, dtype=torch.float64) * scales + 2 * scales


def results(module: nn.Module, x: Tensor, pull: Tensor) -> dict[str, Any]:
    """What comes out for x, and the gradients of x and the parameters."""
    x = x.clone().requires_grad_()
    module.zero_grad()
    y = module(x)
    (y * pull).sum().backward()
    return {"y": y.detach(), "x": x.grad, **{name: param.grad for name, param in module.named_parameters()}}


def assert_same(first: nn.Module, second: nn.Module, rounds: list[tuple[int, int]] = BATCHES) -> None:
    """In training, batch after batch with a step of the parameters, and in evaluation after each."""
    torch.manual_seed(0)
    first, second = first.double(), second.double()
    for module in (first, second):
        for name in ("sums", "squares"):  # plain attributes of the reference
            if isinstance(module, reference.RunningBatchNorm):
                setattr(module, name, getattr(module, name).double())
    for n, size in rounds:
        x = pictures(n, size)
        for training in (True, False):
            pull = torch.randn_like(x)
            for module in (first, second):
                module.train(training)
            torch.testing.assert_close(results(first, x, pull), results(second, x, pull), rtol=1e-8, atol=1e-8)
        for a, b in zip(first.parameters(), second.parameters(), strict=True):
            push = 0.3 * torch.randn(a.shape, dtype=torch.float64)
            a.data += push
            b.data += push.reshape(b.shape)


@pytest.mark.parametrize(
    ("ours", "torchs"),
    [
        (lambda: reference.GroupNorm(2, C), lambda: nn.GroupNorm(2, C)),
        (lambda: reference.GroupNorm(4, C, eps=0.1), lambda: nn.InstanceNorm2d(C, eps=0.1, affine=True)),
        (lambda: reference.InstanceNorm(C, 0.1, 0), lambda: nn.InstanceNorm2d(C, eps=0.1, affine=True)),
        (lambda: reference.GeneralRelu(leak=0.1), lambda: nn.LeakyReLU(0.1)),
        (lambda: reference.GeneralRelu(), nn.ReLU),
    ],
    ids=["group", "groups of one", "instance, biased", "leaky", "relu"],
)
def test_the_readable_ones_are_torchs(ours: Make, torchs: Make) -> None:
    assert_same(ours(), torchs())


def test_readable_layer_and_instance_norm_are_torchs_but_for_the_unbiased_variance() -> None:
    x = pictures(3, 5)
    values = x[0].numel()
    unbiased = F.layer_norm(x, x.shape[1:], eps=1e-5 * (values - 1) / values) * ((values - 1) / values) ** 0.5
    torch.testing.assert_close(reference.LayerNorm().double()(x), unbiased)
    unbiased = F.instance_norm(x, eps=1e-5 * 24 / 25) * (24 / 25) ** 0.5
    torch.testing.assert_close(reference.InstanceNorm(C).double()(x), unbiased)


def test_readable_batch_norm_keeps_torchs_running_statistics() -> None:
    ours, torchs = reference.BatchNorm(C).double(), nn.BatchNorm2d(C).double()
    for n, size in BATCHES:
        x = pictures(n, size)
        ours(x), torchs(x)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(ours, name), getattr(torchs, name))
    torch.testing.assert_close(ours.eval()(x), torchs.eval()(x))


@pytest.mark.parametrize(
    ("fast", "readable"),
    [
        (lambda: batch_norm.BatchNorm(C), lambda: reference.BatchNorm(C)),
        (lambda: batch_norm.BatchNorm(C, eps=0.1, momentum=0.7), lambda: reference.BatchNorm(C, eps=0.1, momentum=0.7)),
        (lambda: running_norm.RunningBatchNorm(C), lambda: reference.RunningBatchNorm(C)),
        (
            lambda: running_norm.RunningBatchNorm(C, eps=0.1, momentum=0.4),
            lambda: reference.RunningBatchNorm(C, eps=0.1, momentum=0.4),
        ),
        (lambda: running_norm.RunningBatchNormSimple(C), lambda: reference.RunningBatchNormSimple(C)),
        (lambda: activations.GeneralRelu(0.1, 0.4, 6.0), lambda: reference.GeneralRelu(0.1, 0.4, 6.0)),
    ],
    ids=["batch", "batch, other knobs", "running", "running, other knobs", "running, simplified", "general relu"],
)
def test_the_fast_ones_are_the_readable_ones(fast: Make, readable: Make) -> None:
    assert_same(fast(), readable())


@pytest.mark.parametrize(
    ("fast", "readable"),
    [
        (lambda: item_norm.LayerNorm(), lambda: reference.LayerNorm()),
        (lambda: item_norm.InstanceNorm(C, eps=0.1), lambda: reference.InstanceNorm(C, eps=0.1)),
        (lambda: item_norm.GroupNorm(2, C), lambda: reference.GroupNorm(2, C)),
    ],
    ids=["layer", "instance", "group"],
)
def test_the_fast_norms_within_a_picture_are_the_readable_ones(fast: Make, readable: Make) -> None:
    first, second = fast().double(), readable().double()
    for n, size in BATCHES:
        x = pictures(n, size)
        pull = torch.randn_like(x)
        a, b = results(first, x, pull), results(second, x, pull)
        # The fast ones keep their parameters as (C, 1, 1).
        a |= {name: a[name].flatten() for name in ("weight", "bias")}
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
@pytest.mark.parametrize("kind", ["sgd", "rmsprop", "adam", "adamw"])
def test_the_readable_optimisers_are_torchs_and_the_fast_ones_are_theirs(
    kind: str, momentum: float, weight_decay: float
) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    nets = [copy.deepcopy(net) for _ in range(3)]
    params = [list(one.parameters()) for one in nets]
    made: list[Any]
    if kind == "sgd":
        made = [
            reference.SGD(params[0], 0.1, momentum, weight_decay),
            torch.optim.SGD(params[1], 0.1, momentum, weight_decay=weight_decay),
            optimizers.SGD(params[2], 0.1, momentum, weight_decay),
        ]
    elif kind == "rmsprop":
        made = [
            reference.RMSProp(params[0], 0.01, momentum, 0.9, 1e-6, weight_decay),
            torch.optim.RMSprop(params[1], 0.01, 0.9, 1e-6, weight_decay, momentum),
            optimizers.RMSProp(params[2], 0.01, momentum, 0.9, 1e-6, weight_decay),
        ]
    elif kind == "adamw":
        made = [
            reference.AdamW(params[0], 0.01, weight_decay, beta1=momentum, beta2=0.99, eps=1e-6),
            torch.optim.AdamW(params[1], 0.01, (momentum, 0.99), 1e-6, weight_decay),
            optimizers.AdamW(params[2], 0.01, momentum, 0.99, 1e-6, weight_decay),
        ]
    else:
        made = [
            reference.Adam(params[0], 0.01, momentum, 0.99, 1e-6, weight_decay),
            torch.optim.Adam(params[1], 0.01, (momentum, 0.99), 1e-6, weight_decay),
            optimizers.Adam(params[2], 0.01, momentum, 0.99, 1e-6, weight_decay),
        ]
    x, y = torch.randn(16, 6, dtype=torch.float64), torch.randn(16, 3, dtype=torch.float64)
    for _ in range(30):
        for one, optimizer in zip(nets, made, strict=True):
            one.zero_grad()
            (one(x) - y).square().mean().backward()
            optimizer.step()
        torch.testing.assert_close(params[0], params[1], rtol=1e-10, atol=1e-11)
        torch.testing.assert_close(params[2], params[0], rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("kind", models.POOLS)
def test_pools(kind: str, size: int) -> None:
    """Torch's by name, the lab's, and the readable one: the same numbers, and the same gradients."""
    by_name = {"average": F.adaptive_avg_pool2d, "max": F.adaptive_max_pool2d, "flatten": lambda x, _: x}
    x = pictures(3, size)
    ways = [lambda x: by_name[kind](x, 1).flatten(1), lambda x: models.POOLS[kind]()(x).flatten(1)]
    found = []
    for way in (*ways, lambda x: reference.pool(x, kind)):
        given = x.clone().requires_grad_()
        y = way(given)
        (y * torch.arange(y.numel()).reshape(y.shape)).sum().backward()
        found.append((y.detach(), given.grad))
    assert found[0][0].shape == (3, C if kind != "flatten" else C * size * size)
    for other in found[1:]:
        torch.testing.assert_close(other, found[0])


@pytest.mark.parametrize("leak", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_kaiming(kind: str, leak: float) -> None:
    ours, fast, torchs = (torch.zeros(64, 16, 5, 5) for _ in range(3))
    torchs_own = nn.init.kaiming_normal_ if kind == "normal" else nn.init.kaiming_uniform_
    getattr(reference, f"kaiming_{kind}")(ours, leak)
    getattr(init, f"kaiming_{kind}")(fast, leak)
    torchs_own(torchs, leak)
    for made in (ours, fast):
        # 25,600 weights: the standard error of the std is .0044 of it (normal), of the mean .0063 of the std.
        assert float(made.std()) == pytest.approx(float(torchs.std()), rel=0.03)
        assert abs(float(made.mean())) < 0.03 * float(torchs.std())
        if kind == "uniform":
            assert float(made.abs().max()) == pytest.approx(float(torchs.abs().max()), rel=1e-3)


@pytest.mark.parametrize("shape", [(8, 1, 5, 5), (16, 8, 3, 3), (50, 784), (30, 20), (7, 7)])
def test_orthonormal_weights_are_torchs(shape: tuple[int, ...]) -> None:
    made = [torch.zeros(shape) for _ in range(3)]
    for weight, fill in zip(made, (reference.orthonormal, init.orthonormal, nn.init.orthogonal_), strict=True):
        torch.manual_seed(3)
        fill(weight)
    for weight in made[:2]:
        torch.testing.assert_close(weight, made[2])
    flat = made[0].flatten(1)
    product = flat @ flat.T if shape[0] <= flat.shape[1] else flat.T @ flat
    torch.testing.assert_close(product, torch.eye(len(product)), atol=1e-5, rtol=0)


def lsuv_net(init: str) -> tuple[Model, Tensor]:
    """A net of the lab without norms, as its init leaves it, and the batch that the init looked at."""
    config = Config(widths=(4, 6), norm="none", leak=0.1, sub=0.2, init=init)
    torch.manual_seed(0)
    x = torch.randn(64, 1, 28, 28) * 2 + 0.5
    model = models.build(config)
    torch.manual_seed(1)
    assert initialise(model, config, x) == []
    return model, x


def test_the_papers_lsuv_is_the_readable_one() -> None:
    model, x = lsuv_net("lsuv_paper")
    twin, _ = lsuv_net("kaiming_normal")
    parts = [part for block in twin.blocks.values() for part in (block.layer, block.activation)]
    with torch.no_grad():
        torch.manual_seed(1)
        reference.lsuv_paper([*parts, *twin.head], x)  # type: ignore[misc,list-item]
        for a, b in zip(model.parameters(), twin.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=2e-3, atol=1e-6)
        for block in twin.blocks.values():
            assert float(block.layer(x).var()) == pytest.approx(1, abs=2e-3)
            flat = block.layer.weight.flatten(1)
            torch.testing.assert_close(flat @ flat.T / flat[0].square().sum(), torch.eye(len(flat)), atol=1e-5, rtol=0)
            x = block(x)
        assert float(twin.head(x).var()) == pytest.approx(1, abs=2e-3), "the logits, too"


def test_the_notebooks_lsuv_is_the_readable_one() -> None:
    model, x = lsuv_net("lsuv_notebook")
    twin, _ = lsuv_net("kaiming_normal")
    with torch.no_grad():
        reference.lsuv_notebook([(block.layer, block.activation) for block in twin.blocks.values()], x)  # type: ignore[misc]
        for a, b in zip(model.blocks.values(), twin.blocks.values(), strict=True):
            assert a.activation is not None and b.activation is not None
            assert a.activation.sub == pytest.approx(b.activation.sub, abs=2e-3) and a.activation.sub > 0.25
            torch.testing.assert_close(a.layer.weight, b.layer.weight, rtol=5e-3, atol=1e-5)
            # By hand: after the shift is moved to the mean m, scaling by s makes the mean s m - m = (1 - 1 / s) s m.
            x, raw = a(x), a.activation.sub + a(x)
            assert float(x.std()) == pytest.approx(1, abs=2e-3)
            assert float(x.mean()) == pytest.approx(float(raw.mean()) - a.activation.sub, abs=1e-5)
    assert torch.equal(model.head[2].weight, twin.head[2].weight), "the last linear layer keeps torch's"  # type: ignore[index]


def test_lsuv_brings_every_layer_to_a_std_of_1() -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(20, 30), nn.Linear(30, 30), nn.Linear(30, 10)]
    x = torch.randn(64, 20)
    with torch.no_grad():
        reference.lsuv([(layer.weight, lambda x, layer=layer: layer(x).relu()) for layer in layers], x)
        for layer in layers:
            x = layer(x).relu()
            assert float(x.std()) == pytest.approx(1, abs=2e-3)
