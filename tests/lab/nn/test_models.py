import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.config import MODELS, NORMS, Config
from lab.nn.activations import GeneralRelu
from lab.nn.models import Model, build
from lab.nn.norms import AveragingNorm

LESSON_10 = (8, 16, 32, 64, 64)


def made(**fields: object) -> Model:
    torch.manual_seed(0)
    return build(Config(**fields))  # type: ignore[arg-type]


def grads(model: nn.Module) -> dict[str, Tensor]:
    return {name: param.grad for name, param in model.named_parameters() if param.grad is not None}


@pytest.mark.parametrize("norm", list(NORMS))
def test_cnn_is_the_lessons(norm: str) -> None:
    model = made(norm=norm, widths=LESSON_10, leak=0.1, sub=0.4, maxv=6.0, norm_eps=1e-3, norm_momentum=0.2)
    assert list(model.blocks) == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    before = 1
    for number, (block, width) in enumerate(zip(model.blocks.values(), LESSON_10, strict=True)):
        kernel = 5 if number == 0 else 3
        conv = block.layer
        assert isinstance(conv, nn.Conv2d)
        assert conv.weight.shape == (width, before, kernel, kernel)
        assert conv.stride == (2, 2) and conv.padding == (kernel // 2, kernel // 2)
        assert (conv.bias is None) == (norm in {"batch", "torch_batch", "running", "running_simple"})
        relu = block.activation
        assert isinstance(relu, GeneralRelu) and (relu.leak, relu.sub, relu.maxv) == (0.1, 0.4, 6.0)
        before = width
    assert list(model.norms) == ([] if norm == "none" else list(model.blocks))
    for each in model.norms.values():
        assert each.eps == 1e-3
        assert not isinstance(each, AveragingNorm) or each.momentum == 0.2


def test_cnn_by_hand_data_and_gradient() -> None:
    """Conv, activation, THEN norm; average pool; linear."""
    model = made(norm="torch_batch", widths=(4, 8), groups=1, leak=0.1, sub=0.4).double()
    theirs = copy.deepcopy(model)
    x = torch.randn(5, 1, 28, 28, dtype=torch.float64)

    def by_hand(x: Tensor) -> Tensor:
        params = dict(theirs.named_parameters())
        for name, padding in (("conv1", 2), ("conv2", 1)):
            x = F.conv2d(x, params[f"body.{name}.layer.weight"], stride=2, padding=padding)
            x = F.leaky_relu(x, 0.1) - 0.4
            x = F.batch_norm(
                x, None, None, params[f"body.{name}.norm.weight"], params[f"body.{name}.norm.bias"], training=True
            )
        return F.linear(x.mean((2, 3)), params["head.2.weight"], params["head.2.bias"])

    y, expected = model(x), by_hand(x)
    torch.testing.assert_close(y, expected)
    y.square().sum().backward()
    expected.square().sum().backward()
    assert len(grads(model)) == len(list(model.parameters()))
    torch.testing.assert_close(grads(model), grads(theirs), rtol=1e-8, atol=1e-8)


def test_logistic_regression_by_hand() -> None:
    model = made(model="logistic")
    x = torch.randn(5, 1, 28, 28)
    weight, bias = model.parameters()
    assert list(model.blocks) == ["linear"] and weight.shape == (10, 784)
    torch.testing.assert_close(model(x), x.reshape(5, 784) @ weight.T + bias)


def test_mlp_by_hand() -> None:
    model = made(model="mlp", leak=0.1, sub=0.2, maxv=1.0)
    x = torch.randn(5, 1, 28, 28)
    w1, b1, w2, b2 = model.parameters()
    assert list(model.blocks) == ["hidden", "output"] and w1.shape == (50, 784) and w2.shape == (10, 50)
    hidden = (F.leaky_relu(x.reshape(5, 784) @ w1.T + b1, 0.1) - 0.2).clamp(max=1)
    torch.testing.assert_close(model(x), hidden @ w2.T + b2)


@pytest.mark.parametrize("kind", list(MODELS))
def test_block_outputs_are_what_a_hook_reads(kind: str) -> None:
    model = made(model=kind, norm="layer")
    seen: dict[str, Tensor] = {}
    for name, block in model.blocks.items():
        block.register_forward_hook(lambda module, args, output, name=name: seen.update({name: output}))
    logits = model(torch.randn(3, 1, 28, 28))
    assert logits.shape == (3, 10)
    assert list(seen) == list(model.blocks)
    if kind == "cnn":
        assert [tuple(out.shape) for out in seen.values()] == [
            (3, 8, 14, 14),
            (3, 16, 7, 7),
            (3, 32, 4, 4),
            (3, 32, 2, 2),
        ]
        torch.testing.assert_close(seen["conv1"].mean((1, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    else:
        last = list(seen.values())[-1]
        assert torch.equal(last, logits) and not model.norms


@pytest.mark.parametrize(("widths", "side"), [((4, 8), 7), ((4, 8, 8), 4), ((4,) * 7, 1)])
def test_without_a_pool_the_last_layer_reads_every_pixel(widths: tuple[int, ...], side: int) -> None:
    model = made(widths=widths, pool="flatten")
    x = torch.randn(3, 1, 28, 28)
    assert model.body(x).shape == (3, widths[-1], side, side) and model(x).shape == (3, 10)
    flat = model.body(x).reshape(3, -1)
    torch.testing.assert_close(model(x), flat @ model.head[2].weight.T + model.head[2].bias)  # type: ignore[index]
    assert build(Config(pool="flatten"), 4, 64 * 64)(torch.randn(2, 1, 64, 64)).shape == (2, 4)
    with pytest.raises(ValueError, match="square pictures, got 200 pixels"):
        build(Config(pool="flatten"), 4, 10 * 20)


def test_the_net_of_a_maximum() -> None:
    model = made(pool="max")
    x = torch.randn(3, 1, 28, 28)
    linear = model.head[2]  # type: ignore[index]
    torch.testing.assert_close(model(x), model.body(x).amax((2, 3)) @ linear.weight.T + linear.bias)


def test_more_blocks_than_the_picture_halves() -> None:
    assert made(widths=(4,) * 8).forward(torch.randn(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("norm", list(NORMS))
def test_live_knobs_reach_every_module_and_act(norm: str) -> None:
    model = made(norm=norm)
    x = torch.randn(4, 1, 28, 28)
    # Not the logits: the pool averages what InstanceNorm centred, so that they are constants.
    before = model.body(x)
    model.set_live(Config(norm=norm, leak=0.3, norm_eps=0.5, norm_momentum=0.7))
    assert [block.activation.leak for block in model.blocks.values() if block.activation] == [0.3] * 4
    assert [each.eps for each in model.norms.values()] == [0.5] * len(model.norms)
    moments = [each.momentum for each in model.norms.values() if isinstance(each, AveragingNorm)]
    assert moments == [0.7] * len(moments)
    assert not torch.allclose(model.body(x), before)


@pytest.mark.parametrize("kind", list(MODELS))
def test_same_seed_same_net(kind: str) -> None:
    first, second = made(model=kind), made(model=kind)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    other = build(Config(model=kind))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_a_copy_is_a_whole_net() -> None:
    """The measured blocks of a copy are the copy's, and no parameter is held twice."""
    model = made()
    twin = copy.deepcopy(model)
    assert all(twin.blocks[name] is not block for name, block in model.blocks.items())
    assert twin.blocks["conv1"] is twin.get_submodule("body.conv1")
    assert twin.norms["conv1"] is twin.get_submodule("body.conv1.norm")
    assert len(model.state_dict()) == len({id(value) for value in model.state_dict(keep_vars=True).values()})


@pytest.mark.parametrize("model", list(MODELS))
def test_other_pictures_and_other_outputs(model: str) -> None:
    torch.manual_seed(0)
    net = build(Config(model=model), outputs=20, pixels=56 * 56)
    assert net(torch.randn(3, 1, 56, 56)).shape == (3, 20)
