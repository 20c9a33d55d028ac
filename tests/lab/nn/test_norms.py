"""What every norm has in common."""

import itertools
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lab.config import MOVING_AVERAGE_NORMS, NORMS
from lab.nn import norms
from lab.nn.norms import AveragingNorm, Norm, make_norm

C = 8
KINDS = pytest.mark.parametrize("kind", [kind for kind in NORMS if kind != "none"])


def make(kind: str) -> Norm:
    norm = make_norm(kind, C, eps=1e-3, momentum=0.2, groups=2)
    assert norm is not None
    return norm


class NoAsking(TorchDispatchMode):
    """Fails when a value is asked of the device: .item(), float(), bool(), .tolist(), .cpu()."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name()
        if name in ("aten::_local_scalar_dense", "aten::equal", "aten::nonzero", "aten::is_nonzero"):
            raise AssertionError(f"{name} asks the device for a value")
        return func(*args, **(kwargs or {}))


def test_the_guard_guards() -> None:
    with NoAsking(), pytest.raises(AssertionError, match="asks the device"):
        bool(torch.ones(()) > 0)


@KINDS
def test_no_norm_asks_the_device_for_a_value(kind: str) -> None:
    norm = make(kind)
    for training, n, size in itertools.product((True, False), (1, 4), (1, 3)):
        norm.train(training)
        x = torch.randn(n, C, size, size, requires_grad=True)
        with NoAsking():
            norm(x).sum().backward()
            if isinstance(norm, AveragingNorm):
                norm.averages()


EXPECTED = {
    "batch": norms.BatchNorm,
    "torch_batch": norms.TorchBatchNorm,
    "layer": norms.LayerNorm,
    "instance": norms.InstanceNorm,
    "instance_biased": norms.InstanceNorm,
    "group": norms.GroupNorm,
    "running": norms.RunningBatchNorm,
    "running_simple": norms.RunningBatchNormSimple,
}


@KINDS
def test_make_norm(kind: str) -> None:
    norm = make(kind)
    assert type(norm) is EXPECTED[kind]
    assert isinstance(norm, AveragingNorm) == (kind in MOVING_AVERAGE_NORMS)
    assert norm.eps == 1e-3
    if isinstance(norm, AveragingNorm):
        assert norm.momentum == 0.2
    if isinstance(norm, norms.InstanceNorm):
        assert norm.unbiased == (kind == "instance")
    if isinstance(norm, norms.GroupNorm):
        assert norm.groups == 2


def test_make_norm_none_and_unknown() -> None:
    assert make_norm("none", C, eps=1e-5, momentum=0.1, groups=1) is None
    with pytest.raises(ValueError, match="unknown norm 'weight'"):
        make_norm("weight", C, eps=1e-5, momentum=0.1, groups=1)


@KINDS
def test_statistics_are_nan_until_there_is_a_batch_and_then_are_not(kind: str) -> None:
    norm = make(kind)
    names = ["used_mean", "used_var"] + (["batch_mean", "batch_var"] if isinstance(norm, AveragingNorm) else [])
    assert all(getattr(norm, name).isnan().all() for name in names)
    norm(torch.randn(4, C, 3, 3))
    assert all(getattr(norm, name).isfinite().all() for name in names)
    if isinstance(norm, AveragingNorm):
        assert all(value.isfinite().all() for value in norm.averages())


@KINDS
def test_state_survives_save_and_load(kind: str) -> None:
    torch.manual_seed(0)
    norm, fresh = make(kind), make(kind)
    for _ in range(3):
        norm(torch.randn(4, C, 3, 3) * 2 + 1)
    fresh.load_state_dict(norm.state_dict())
    x = torch.randn(4, C, 3, 3)
    torch.testing.assert_close(fresh.eval()(x), norm.eval()(x))
    torch.testing.assert_close(fresh.train()(x), norm.train()(x))


@pytest.mark.cuda
@KINDS
def test_cuda_equals_cpu(kind: str) -> None:
    torch.manual_seed(0)
    here, there = make(kind).double(), make(kind).double().cuda()
    for n, size in ((2, 3), (2, 1), (16, 5)):
        if kind == "instance" and size == 1:
            continue  # nan on both
        x, pull = torch.randn(2, n, C, size, size, dtype=torch.float64)
        results = []
        for norm in (here, there):
            device = norm.weight.device
            leaf = x.to(device).requires_grad_()
            y = norm(leaf)
            y.backward(pull.to(device))
            results.append([t.detach().cpu() for t in (y, leaf.grad, *(p.grad for p in norm.parameters()))])
        torch.testing.assert_close(results[0], results[1])
    for a, b in zip(here.buffers(), there.buffers(), strict=True):
        torch.testing.assert_close(a, b.cpu())
