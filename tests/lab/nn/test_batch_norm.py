"""The course's BatchNorm against its formula, TorchBatchNorm against torch's."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lab.nn import reference
from lab.nn.batch_norm import BatchNorm, TorchBatchNorm

CHANNELS = 3
# Batch size, map size, eps, momentum: every step of a run that moves its knobs.
STEPS = [(4, 5, 1e-5, 0.1), (7, 2, 1e-5, 0.1), (2, 1, 1e-2, 0.1), (4, 5, 1e-2, 0.4), (3, 4, 1.0, 1.0)]


def course_pair() -> tuple[BatchNorm, nn.Module]:
    return BatchNorm(CHANNELS).double(), reference.BatchNorm(CHANNELS).double()


def torch_pair() -> tuple[TorchBatchNorm, nn.Module]:
    return TorchBatchNorm(CHANNELS).double(), nn.BatchNorm2d(CHANNELS).double()


PAIRS = pytest.mark.parametrize("pair", [course_pair, torch_pair])
KINDS = pytest.mark.parametrize("kind", [BatchNorm, TorchBatchNorm])
Pair = Callable[[], tuple[BatchNorm | TorchBatchNorm, nn.Module]]


def picture(n: int, size: int) -> Tensor:
    scales = torch.tensor([0.1, 1.0, 20.0], dtype=torch.float64)[:, None, None]
    return torch.randn(n, CHANNELS, size, size, dtype=torch.float64) * scales + 3 * scales


def same_data_and_gradient(norm: nn.Module, oracle: nn.Module, x: Tensor) -> None:
    """Both on x; then a weight and bias step, so that later calls see other ones than 1 and 0."""
    pull = torch.randn_like(x)
    inputs = [x.clone().requires_grad_(), x.contiguous().requires_grad_()]
    outputs = [module(each) for module, each in zip((norm, oracle), inputs, strict=True)]
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-10, atol=1e-10)
    for output in outputs:
        (output * pull).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, rtol=1e-9, atol=1e-9)
    for (name, ours), theirs in zip(norm.named_parameters(), oracle.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}")
        with torch.no_grad():
            for param in (ours, theirs):
                param.sub_(0.1 * param.grad).clamp_(-2, 2)
                param.grad = None


@PAIRS
def test_several_steps_with_moving_knobs_equal_the_oracle(pair: Pair) -> None:
    torch.manual_seed(0)
    norm, oracle = pair()
    for n, size, eps, momentum in STEPS:
        for module in (norm, oracle):
            module.eps, module.momentum = eps, momentum  # type: ignore[assignment]
            module.train()
        same_data_and_gradient(norm, oracle, picture(n, size))
        torch.testing.assert_close(norm.running_mean, oracle.running_mean)
        torch.testing.assert_close(norm.running_var, oracle.running_var)
        norm.eval(), oracle.eval()
        same_data_and_gradient(norm, oracle, picture(n, size))


@PAIRS
def test_channels_last_is_kept_and_equal(pair: Pair) -> None:
    torch.manual_seed(0)
    norm, oracle = pair()
    x = picture(4, 5).to(memory_format=torch.channels_last)
    assert norm(x).is_contiguous(memory_format=torch.channels_last)
    oracle(x)
    same_data_and_gradient(norm, oracle, x)


def test_course_norm_uses_and_keeps_the_unbiased_variance() -> None:
    x = torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)
    norm = BatchNorm(1, eps=1e-12)
    assert norm(x).flatten().tolist() == pytest.approx([-(0.5**0.5), 0.5**0.5])
    assert norm.running_var.item() == pytest.approx(0.9 * 1 + 0.1 * 2)
    assert norm.used_var.item() == pytest.approx(2) and norm.batch_var.item() == pytest.approx(2)


def test_torch_norm_uses_the_biased_variance_and_keeps_the_unbiased() -> None:
    norm = TorchBatchNorm(1, eps=1e-12)
    assert norm(torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)).flatten().tolist() == pytest.approx([-1, 1])
    assert norm.used_var.item() == pytest.approx(1) and norm.batch_var.item() == pytest.approx(2)
    assert norm.running_var.item() == pytest.approx(0.9 * 1 + 0.1 * 2)


@KINDS
def test_statistics_that_were_used(kind: type[BatchNorm | TorchBatchNorm]) -> None:
    torch.manual_seed(0)
    norm = kind(CHANNELS).double()
    x, later = picture(4, 3).requires_grad_(), picture(4, 3)
    y = norm(x)
    expected = (x - norm.used_mean[:, None, None]) / (norm.used_var[:, None, None] + norm.eps).sqrt()
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(norm.batch_mean, x.detach().mean((0, 2, 3)))
    torch.testing.assert_close(norm.batch_var, x.detach().var((0, 2, 3)))
    assert not norm.used_mean.requires_grad and not norm.batch_var.requires_grad
    norm.eval()(later)
    torch.testing.assert_close(norm.used_mean, norm.running_mean)
    torch.testing.assert_close(norm.used_var, norm.running_var)
    torch.testing.assert_close(norm.batch_mean, x.detach().mean((0, 2, 3)), msg="eval is no training batch")


@KINDS
def test_averages_take_the_start_out(kind: type[BatchNorm | TorchBatchNorm]) -> None:
    """De-biased averages are the weighted means of what was seen, also when momentum moves."""
    torch.manual_seed(0)
    norm = kind(CHANNELS).double()
    assert norm.averages().debias == 0
    means, variances, weights = [], [], []
    for momentum in (0.1, 0.1, 0.5, 0.02):
        norm.momentum = momentum
        norm(picture(4, 3))
        weights = [weight * (1 - momentum) for weight in weights] + [momentum]
        means.append(norm.batch_mean)
        variances.append(norm.batch_var)
        averages = norm.averages()
        assert averages.debias.item() == pytest.approx(sum(weights))
        for kept, clean, seen, start in (
            (averages.mean, averages.debiased_mean, means, 0),
            (averages.var, averages.debiased_var, variances, 1),
        ):
            total = sum(weight * value for weight, value in zip(weights, seen, strict=True))
            torch.testing.assert_close(clean, total / sum(weights))
            torch.testing.assert_close(kept, total + start * (1 - sum(weights)))
    held = norm.averages().mean.clone()
    snapshot = norm.averages()
    norm(picture(4, 3))
    torch.testing.assert_close(snapshot.mean, held, msg="averages() is a snapshot")


@KINDS
def test_one_value_per_channel_uses_the_running_statistics_and_updates_nothing(
    kind: type[BatchNorm | TorchBatchNorm],
) -> None:
    torch.manual_seed(0)
    norm = kind(CHANNELS).double()
    norm(picture(4, 3))
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    batch_mean = norm.batch_mean.clone()
    x = picture(1, 1).requires_grad_()
    y = norm(x)
    torch.testing.assert_close(y, norm.eval()(x))
    y.sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
    torch.testing.assert_close(norm.batch_mean, batch_mean)


@KINDS
def test_a_first_batch_of_one_value_reports_no_statistics(kind: type[BatchNorm | TorchBatchNorm]) -> None:
    norm = kind(CHANNELS)
    assert norm(torch.ones(1, CHANNELS, 1, 1)).isfinite().all()
    assert norm.batch_mean.isnan().all() and norm.used_mean.eq(0).all()


@pytest.mark.parametrize("kind", [BatchNorm, TorchBatchNorm])
@pytest.mark.parametrize("momentum", [1e-6, 1e-8])
def test_a_tiny_momentum_is_debiased_as_exactly_as_float32_allows(kind: type[BatchNorm], momentum: float) -> None:
    norm = kind(4, momentum=momentum)
    x = torch.randn(64, 4, 5, 5) + 3
    norm(x)
    averages = norm.averages()
    assert averages.debias.item() == pytest.approx(momentum, rel=1e-4)
    torch.testing.assert_close(averages.debiased_mean, x.mean((0, 2, 3)), rtol=1e-4, atol=0)
