"""The lab's convolution against torch's: every way of computing it, forward and backward, in both memory formats."""

import pytest
import torch
import torch.nn.functional as F

from lab.assembly import assemble
from lab.config import Config
from lab.nn.conv import FEW, FEW_GREY, Conv2d, lay_out_for_cpu
from lab.telemetry.history import History


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("batch", [1, 2, FEW_GREY, FEW_GREY + 1, FEW, FEW + 1])
@pytest.mark.parametrize("bias", [False, True])
def test_same_numbers_as_torchs(batch: int, channels: int, channels_last: bool, bias: bool) -> None:
    torch.manual_seed(0)
    conv = Conv2d(channels, 6, 3, stride=2, padding=1, bias=bias)
    if channels_last:
        lay_out_for_cpu(conv)
    x = torch.randn(batch, channels, 9, 7, requires_grad=True)
    y = conv(x)
    wanted = F.conv2d(x.double(), conv.weight.double(), conv.bias.double() if bias else None, 2, 1)
    torch.testing.assert_close(y, wanted.float(), rtol=1e-5, atol=1e-5)
    grad = torch.randn_like(y)
    wrt = [x, *conv.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad(y, wrt, grad), torch.autograd.grad(wanted, wrt, grad.double()), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
def test_a_run_on_the_cpu_has_the_layout_that_is_fast_there(norm: str) -> None:
    config = Config(norm=norm, device="cpu", size=100, batch_size=32)
    model = assemble(config, History(), lambda: 0.0, lambda paused: None).learner.model
    y = model.blocks["conv1"](torch.zeros(32, 1, 28, 28))
    assert y.is_contiguous(memory_format=torch.channels_last) == (norm != "group")


def test_the_layout_changes_no_weight() -> None:
    torch.manual_seed(0)
    conv = Conv2d(3, 5, 3)
    before = conv.weight.detach().clone()
    lay_out_for_cpu(conv)
    assert torch.equal(conv.weight, before) and conv.weight.is_contiguous(memory_format=torch.channels_last)
