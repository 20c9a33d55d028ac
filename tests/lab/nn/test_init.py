import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab import data
from lab.config import INITS, NORMS, Config
from lab.nn import init
from lab.nn.init import initialise, kaiming_normal, kaiming_uniform
from lab.nn.models import Block, Model, build

FILLS = pytest.mark.parametrize(
    ("fill", "oracle"),
    [(kaiming_normal, nn.init.kaiming_normal_), (kaiming_uniform, nn.init.kaiming_uniform_)],
)


@FILLS
@pytest.mark.parametrize("a", [0.0, 0.1, 2.0])
@pytest.mark.parametrize("shape", [(8, 1, 5, 5), (64, 32, 3, 3), (50, 784)])
def test_kaiming_draws_what_torch_draws(fill: object, oracle: object, a: float, shape: tuple[int, ...]) -> None:
    weights = [nn.Parameter(torch.empty(shape)) for _ in range(2)]
    for weight, function in zip(weights, (fill, oracle), strict=True):
        torch.manual_seed(3)
        function(weight, a)  # type: ignore[operator]
    torch.testing.assert_close(weights[0], weights[1])


@FILLS
@pytest.mark.parametrize("a", [0.0, 0.5])
def test_kaiming_has_the_variance_that_the_paper_asks_for(fill: object, oracle: object, a: float) -> None:
    """Over 20 seeds the variance lies within five standard errors of 2 / ((1 + a²) fan_in)."""
    shape, fan_in, seeds = (32, 16, 3, 3), 144, 20
    expected = 2 / ((1 + a * a) * fan_in)
    drawn = torch.empty(seeds, *shape)
    for seed in range(seeds):
        torch.manual_seed(seed)
        fill(drawn[seed], a)  # type: ignore[operator]
    # Var of the sample variance: (kurtosis - 1) / n, with kurtosis 3 (normal) or 1.8 (uniform).
    kurtosis = drawn.pow(4).mean() / drawn.var() ** 2
    assert kurtosis.item() == pytest.approx(3 if fill is kaiming_normal else 1.8, rel=0.05)
    error = math.sqrt(2 / drawn.numel())
    assert drawn.var().item() == pytest.approx(expected, rel=5 * error)
    assert drawn.mean().abs().item() < 5 * math.sqrt(expected / drawn.numel())
    if fill is kaiming_uniform:
        assert drawn.abs().max().item() == pytest.approx(math.sqrt(3 * expected), rel=1e-3)


def made(config: Config, batch: Tensor | None = None, seed: int = 0) -> Model:
    torch.manual_seed(seed)
    model = build(config)
    initialise(model, config, batch)
    return model


def test_default_leaves_torchs_weights() -> None:
    config = Config(init="default")
    torch.manual_seed(0)
    untouched = build(config)
    for ours, theirs in zip(made(config).parameters(), untouched.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("kind", ["kaiming_normal", "kaiming_uniform"])
def test_kaiming_fills_what_feeds_an_activation_and_leaves_the_last_linear(kind: str) -> None:
    config = Config(init=kind, init_a=0.3, norm="none")
    torch.manual_seed(0)
    model = build(config)
    last = [param.detach().clone() for param in model.head.parameters()]
    torch.manual_seed(1)
    initialise(model, config)
    torch.manual_seed(1)
    for block in model.blocks.values():
        expected = torch.empty_like(block.layer.weight)
        getattr(init, kind)(expected, 0.3)
        assert torch.equal(block.layer.weight, expected)
        assert block.layer.bias is not None and block.layer.bias.eq(0).all()
    assert all(torch.equal(a, b) for a, b in zip(model.head.parameters(), last, strict=True))
    assert all(param.requires_grad and param.is_leaf for param in model.parameters())


def test_kaiming_on_the_nets_without_convs() -> None:
    for kind, touched in (("mlp", {"hidden"}), ("logistic", set())):
        config = Config(model=kind)
        torch.manual_seed(0)
        before = build(config)
        after = made(config)
        moved = {
            n for n in after.blocks if not torch.equal(after.blocks[n].layer.weight, before.blocks[n].layer.weight)
        }
        assert moved == touched


@pytest.fixture(scope="module")
def digits() -> Tensor:
    """The first 512 normalised training pictures of MNIST."""
    return data.load("mnist").x_train[:512]


def test_kaiming_first_block_on_mnist(digits: Tensor) -> None:
    """SPEC T4: mean about .44 +- .06, std .83 +- .16 over inits, no norm, ReLU."""
    config = Config(norm="none")
    means, stds = [], []
    with torch.no_grad():
        for seed in range(60):
            out = made(config, seed=seed).blocks["conv1"](digits)
            means.append(out.mean().item())
            stds.append(out.std().item())
    mean, std = torch.tensor(means), torch.tensor(stds)
    # Five standard errors of 60 inits.
    assert mean.mean().item() == pytest.approx(0.44, abs=0.04)
    assert std.mean().item() == pytest.approx(0.83, abs=0.1)
    assert mean.std().item() == pytest.approx(0.06, abs=0.03)
    assert std.std().item() == pytest.approx(0.16, abs=0.08)


def before_norms(model: Model, x: Tensor) -> dict[str, float]:
    """Each block's std where its weights count: after its activation, before its norm."""
    stds = {}
    model.train()
    with torch.no_grad():
        x = model.stem(x)
        for name, block in model.blocks.items():
            x = block.layer(x)
            x = x if block.activation is None else block.activation(x)
            stds[name] = x.std().item()
            x = x if block.norm is None else block.norm(x)
    return stds


def losses(model: Model, x: Tensor, y: Tensor, lr: float, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        with torch.no_grad():
            for param in model.parameters():
                assert param.grad is not None
                param.sub_(lr * param.grad)
                param.grad = None
        found.append(loss.item())
    return found


CNN = {"conv1", "conv2", "conv3", "conv4"}
LSUV_NETS: dict[str, dict[str, object]] = {
    **{f"norm {norm}": {"norm": norm} for norm in NORMS},
    "five blocks": {"norm": "none", "widths": (8, 16, 32, 64, 64)},
    "general relu": {"norm": "none", "leak": 0.1, "sub": 0.4, "maxv": 6.0, "init_a": 0.1},
    "a cap that bends": {"norm": "none", "maxv": 3.0},
    "mlp": {"model": "mlp"},
    "logistic": {"model": "logistic"},
}


@pytest.mark.parametrize("name", LSUV_NETS)
@pytest.mark.parametrize("seed", [0, 1])
def test_lsuv_brings_every_block_to_std_1_and_the_net_trains(name: str, seed: int, digits: Tensor) -> None:
    config = Config(init="lsuv", **LSUV_NETS[name])  # type: ignore[arg-type]
    model = made(config, digits, seed)
    state = {key: value.clone() for key, value in model.named_buffers() if "used_" not in key and "batch_" not in key}
    scaled = {name for name, block in model.blocks.items() if block.activation is not None}
    stds = before_norms(model, digits)
    assert {name: stds[name] for name in scaled} == pytest.approx(dict.fromkeys(scaled, 1.0), abs=2e-3)
    kaiming = made(config.replace(init="kaiming_normal"), seed=seed)
    for name in model.blocks.keys() - scaled:
        assert torch.equal(model.blocks[name].layer.weight, kaiming.blocks[name].layer.weight), "logits keep torch's"
    torch.manual_seed(seed)
    fresh = build(config)
    for key, value in fresh.named_buffers():
        if key in state:
            assert torch.equal(value, state[key]), f"LSUV must leave the running statistics alone: {key}"
    y = data.load("mnist").y_train[:512]
    curve = losses(model, digits, y, lr=0.1, steps=12)
    assert all(map(math.isfinite, curve))
    # InstanceNorm's maps have mean 0, which is all that the pool keeps: that net cannot learn, with any init.
    assert curve[-1] < (1 if "instance" in name else 0.9) * curve[0]


def test_probed_outputs_have_std_1_without_norm(digits: Tensor) -> None:
    """What the person sees: the blocks' outputs as the probes read them."""
    model = made(Config(init="lsuv", norm="none"), digits)
    seen = {}
    for name, block in model.blocks.items():
        block.register_forward_hook(lambda module, args, out, name=name: seen.update({name: out.std().item()}))
    with torch.no_grad():
        model(digits)
    assert seen == pytest.approx(dict.fromkeys(model.blocks, 1.0), abs=1e-3)


def test_lsuv_only_scales_kaimings_weights(digits: Tensor) -> None:
    scaled = made(Config(init="lsuv", norm="none"), digits)
    plain = made(Config(init="kaiming_normal", norm="none"))
    for name, block in scaled.blocks.items():
        ratio = block.layer.weight / plain.blocks[name].layer.weight
        torch.testing.assert_close(ratio, ratio.flatten()[0].expand_as(ratio))
        assert ratio.flatten()[0] > 0
    assert torch.equal(scaled.head[2].weight, plain.head[2].weight)  # type: ignore[index]


@pytest.mark.parametrize(
    ("fields", "batch", "kept"),
    [
        ({}, torch.zeros(16, 1, 28, 28), CNN),
        ({"norm": "none"}, torch.zeros(16, 1, 28, 28), CNN),
        # The zero padding gives the second block something to scale.
        ({"norm": "none", "sub": 0.4}, torch.zeros(16, 1, 28, 28), {"conv1"}),
        ({"model": "logistic"}, torch.zeros(16, 1, 28, 28), set()),
        ({"model": "mlp"}, torch.full((16, 1, 28, 28), torch.nan), {"hidden"}),
        ({"norm": "none", "maxv": 1.0}, torch.randn(16, 1, 28, 28), CNN),
    ],
    ids=["zeros", "zeros, no norm", "zeros, shifted", "zeros, logistic", "nan", "a cap below any std of 1"],
)
def test_lsuv_that_cannot_succeed_ends_and_keeps_kaimings_weights(
    fields: dict[str, object],
    batch: Tensor,
    kept: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passes: dict[int, int] = {}
    measure = init._before_norm

    def counting(block: Block, x: Tensor) -> Tensor:
        passes[id(block)] = passes.get(id(block), 0) + 1
        return measure(block, x)

    monkeypatch.setattr(init, "_before_norm", counting)
    torch.manual_seed(0)
    model = build(Config(**fields))  # type: ignore[arg-type]
    assert initialise(model, Config(init="lsuv", **fields), batch) == sorted(kept), "and says so"  # type: ignore[arg-type]
    plain = made(Config(init="kaiming_normal", **fields))  # type: ignore[arg-type]
    assert max(passes.values(), default=0) <= init.MAX_ITERATIONS + 2
    same = {n for n in model.blocks if torch.equal(model.blocks[n].layer.weight, plain.blocks[n].layer.weight)}
    assert same == kept | {name for name, block in model.blocks.items() if block.activation is None}
    assert all(param.isfinite().all() for param in model.parameters())


@pytest.mark.parametrize("form", ["lsuv_paper", "lsuv_notebook"])
@pytest.mark.parametrize(
    "fields",
    [*({"norm": norm} for norm in NORMS if "instance" not in norm), {"model": "mlp"}, {"norm": "none", "maxv": 3.0}],
    ids=str,
)
def test_the_other_forms_of_lsuv_reach_what_they_promise_and_the_net_trains(
    form: str, fields: dict[str, object], digits: Tensor
) -> None:
    model = made(Config(init=form, **fields), digits)  # type: ignore[arg-type]
    torch.manual_seed(0)
    fresh = build(Config(**fields))  # type: ignore[arg-type]
    for (key, value), (_, at_first) in zip(model.named_buffers(), fresh.named_buffers(), strict=True):
        assert torch.equal(value.nan_to_num(7), at_first.nan_to_num(7)), f"running statistics are left alone: {key}"
    with torch.no_grad():
        x = model.stem(digits)
        for block in model.blocks.values():
            raw = block.layer(x)
            out = raw if block.activation is None else block.activation(raw)
            if form == "lsuv_paper":
                assert raw.var().item() == pytest.approx(1, abs=4e-3)
            elif block.activation is not None:
                assert out.std().item() == pytest.approx(1, abs=2e-3)
                assert out.mean().item() < 0.4, "less than a ReLU's, as the shift has been moved"
            x = out if block.norm is None else copy.deepcopy(block.norm).train()(out)
        if form == "lsuv_paper":
            assert model.head(x).var().item() == pytest.approx(1, abs=4e-3), "the logits, too"
    curve = losses(model, digits, data.load("mnist").y_train[:512], lr=0.1, steps=12)
    assert all(map(math.isfinite, curve)) and curve[-1] < 0.9 * curve[0]


@pytest.mark.parametrize("form", ["lsuv_paper", "lsuv_notebook"])
def test_the_other_forms_of_lsuv_that_cannot_succeed_say_so(form: str) -> None:
    torch.manual_seed(0)
    config = Config(init=form, norm="none", sub=0.0)
    model = build(config)
    failed = initialise(model, config, torch.zeros(16, 1, 28, 28))
    assert failed == sorted(CNN) + (["the last layer"] if form == "lsuv_paper" else [])
    for block in model.blocks.values():
        assert block.activation is not None and block.activation.sub == 0
        flat = block.layer.weight.detach().flatten(1)
        if form == "lsuv_paper":
            torch.testing.assert_close(flat @ flat.T, torch.eye(len(flat)), atol=1e-5, rtol=0)


def test_logistic_regression_keeps_torchs_weights_with_every_init(digits: Tensor) -> None:
    torch.manual_seed(0)
    untouched = build(Config(model="logistic")).blocks["linear"].layer.weight
    for kind in INITS:
        assert torch.equal(made(Config(model="logistic", init=kind), digits).blocks["linear"].layer.weight, untouched)


def test_lsuv_without_a_batch() -> None:
    with pytest.raises(ValueError, match="needs a batch"):
        made(Config(init="lsuv"))
