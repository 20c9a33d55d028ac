"""Layer, instance and group norm: the course's formulas, and torch's own where they agree."""

import warnings
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.nn.item_norm import GroupNorm, InstanceNorm, LayerNorm

C = 6
CUBE = (slice(None), None, None)
Oracle = Callable[[Tensor, Tensor, Tensor, float], Tensor]


def course_layer(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    mean, var = x.mean((1, 2, 3), keepdim=True), x.var((1, 2, 3), keepdim=True)
    return (x - mean) / (var + eps).sqrt() * weight + bias


def course_instance(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True)
    return (x - mean) / (var + eps).sqrt() * weight[:] + bias


def unbiased_group(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    groups = x.reshape(len(x), 3, -1)
    mean, var = groups.mean(2, keepdim=True), groups.var(2, keepdim=True)
    return ((groups - mean) / (var + eps).sqrt()).reshape(x.shape) * weight + bias


CASES: dict[str, tuple[Callable[[], nn.Module], Oracle]] = {
    "layer, course": (LayerNorm, course_layer),
    "layer, torch": (
        lambda: LayerNorm(unbiased=False),
        lambda x, w, b, eps: F.layer_norm(x, x.shape[1:], w.expand(x.shape[1:]), b.expand(x.shape[1:]), eps),
    ),
    "instance, course": (lambda: InstanceNorm(C), course_instance),
    "instance, torch": (
        lambda: InstanceNorm(C, unbiased=False),
        lambda x, w, b, eps: F.instance_norm(x, None, None, w.flatten(), b.flatten(), True, 0.1, eps),
    ),
    "group, torch": (
        lambda: GroupNorm(3, C),
        lambda x, w, b, eps: F.group_norm(x, 3, w.flatten(), b.flatten(), eps),
    ),
    "group, unbiased": (lambda: GroupNorm(3, C, unbiased=True), unbiased_group),
}


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("case", CASES)
def test_data_and_gradient_equal_the_oracle(case: str, memory_format: torch.memory_format) -> None:
    torch.manual_seed(0)
    make, oracle = CASES[case]
    norm = make().double()
    weight, bias = (param.detach().clone().requires_grad_() for param in norm.parameters())
    for eps, training in ((1e-5, True), (0.3, True), (0.3, False)):
        norm.eps = eps  # type: ignore[assignment]
        norm.train(training)
        x = 3 * torch.randn(4, C, 5, 3, dtype=torch.float64) + torch.arange(C)[CUBE]
        ours = x.to(memory_format=memory_format).clone().requires_grad_()
        theirs = x.clone().requires_grad_()
        pull = torch.randn_like(x)
        y, expected = norm(ours), oracle(theirs, weight, bias, eps)
        torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-10)
        (y * pull).sum().backward()
        (expected * pull).sum().backward()
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-9)
        for ours_param, theirs_param in zip(norm.parameters(), (weight, bias), strict=True):
            torch.testing.assert_close(ours_param.grad, theirs_param.grad)
            with torch.no_grad():
                for param in (ours_param, theirs_param):
                    param.add_(torch.linspace(-1, 1, param.numel()).reshape(param.shape))
                    param.grad = None


@pytest.mark.parametrize("case", CASES)
def test_statistics_that_were_used(case: str) -> None:
    norm = CASES[case][0]().double()
    x = torch.randn(4, C, 5, 3, dtype=torch.float64, requires_grad=True)
    y = norm(x)
    mean, var = norm.used_mean, norm.used_var
    assert isinstance(mean, Tensor) and isinstance(var, Tensor) and not mean.requires_grad and not var.requires_grad
    groups = x.view(4, mean.shape[1], -1, 5, 3)
    torch.testing.assert_close(((groups - mean) / (var + 1e-5).sqrt()).flatten(1, 2), y)


def test_parameters() -> None:
    shapes = {kind: [tuple(p.shape) for p in norm.parameters()] for kind, norm in (
        ("layer", LayerNorm()), ("instance", InstanceNorm(C)), ("group", GroupNorm(2, C)),
    )}  # fmt: skip
    assert shapes == {"layer": [(1,)] * 2, "instance": [(C, 1, 1)] * 2, "group": [(C, 1, 1)] * 2}


def test_instance_norm_of_one_value_is_nan_without_a_warning_and_a_constant_when_biased() -> None:
    x = torch.randn(4, C, 1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert InstanceNorm(C)(x).isnan().all()
    assert InstanceNorm(C, eps=1.0)(x).isnan().all()
    biased = InstanceNorm(C, unbiased=False)
    with torch.no_grad():
        biased.bias.copy_(torch.arange(C)[CUBE])
    x.requires_grad_()
    y = biased(x)
    assert torch.equal(y, biased.bias.expand_as(y)), "the shift alone"
    y.square().sum().backward()
    assert (
        x.grad is not None and x.grad.eq(0).all() and biased.weight.grad is not None and biased.weight.grad.eq(0).all()
    )
    torch.testing.assert_close(biased.bias.grad, 2 * 4 * biased.bias.detach())  # four pictures


@pytest.mark.parametrize("groups", [0, -1, 4, 7])
def test_groups_that_do_not_divide(groups: int) -> None:
    with pytest.raises(ValueError, match="groups must divide the 6 channels"):
        GroupNorm(groups, C)
