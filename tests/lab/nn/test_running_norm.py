"""RunningBatchNorm against both of the course's published forms, written out in float64."""

import math

import pytest
import torch
from torch import Tensor, nn

from lab.nn.running_norm import RunningBatchNorm, RunningBatchNormSimple

CHANNELS = 4
CUBE = (slice(None), None, None)
# Batch size, map size, eps, momentum. The first nine stay below 20 images, where the variance has a floor.
STEPS = [(2, 3, 1e-5, 0.1)] * 4 + [(2, 1, 1e-2, 0.1), (1, 3, 1e-2, 0.3), (1, 1, 1e-2, 0.3), (2, 3, 1e-5, 0.5)]
STEPS += [(5, 3, 1e-5, 0.5), (2, 3, 1e-5, 0.1), (8, 1, 1e-1, 0.1), (32, 2, 1e-5, 1.0), (2, 3, 1e-5, 0.1)]


class Course(nn.Module):
    """What the two published forms share."""

    def __init__(self) -> None:
        super().__init__()
        self.momentum, self.eps = 0.1, 1e-5
        self.weight = nn.Parameter(torch.ones(CHANNELS, dtype=torch.float64))
        self.bias = nn.Parameter(torch.zeros(CHANNELS, dtype=torch.float64))
        self.sums = torch.zeros(CHANNELS, dtype=torch.float64)
        self.squares = torch.zeros(CHANNELS, dtype=torch.float64)
        self.count = torch.zeros((), dtype=torch.float64)
        self.debias = torch.zeros((), dtype=torch.float64)
        self.images = 0
        self.step = 0

    def update(self, x: Tensor) -> None:
        self.sums = self.sums.detach()
        self.squares = self.squares.detach()
        bs = max(x.shape[0], 2)  # the lab's rule for a batch of 1, which the course cannot take
        mom1 = torch.tensor(1 - (1 - self.momentum) / math.sqrt(bs - 1), dtype=torch.float64)
        self.sums = self.sums.lerp(x.sum((0, 2, 3)), mom1)
        self.squares = self.squares.lerp((x * x).sum((0, 2, 3)), mom1)
        self.count = self.count.lerp(torch.tensor(x.numel() / CHANNELS, dtype=torch.float64), mom1)
        self.debias = self.debias * (1 - mom1) + mom1
        self.images += x.shape[0]
        self.step += 1


class CourseDebiased(Course):
    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.update(x)
        sums, squares, count = self.sums, self.squares, self.count
        if self.step < 100:
            sums, squares, count = sums / self.debias, squares / self.debias, count / self.debias
        means = sums / count
        varns = squares / count - means * means
        if self.images < 20:
            varns = varns.clamp_min(0.01)
        self.used = means.detach(), varns.detach()
        x = (x - means[CUBE]) / (varns[CUBE] + self.eps).sqrt()
        return x * self.weight[CUBE] + self.bias[CUBE]


class CourseSimple(Course):
    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.update(x)
            means = self.sums / self.count
            varns = self.squares / self.count - means * means
            if self.images < 20:
                varns = varns.clamp_min(0.01)
            self.used = means.detach(), varns.detach()
            self.factor = self.weight / (varns + self.eps).sqrt()
            self.offset = self.bias - means * self.factor
        else:
            self.factor, self.offset = self.factor.detach(), self.offset.detach()
        return x * self.factor[CUBE] + self.offset[CUBE]


FORMS = pytest.mark.parametrize(
    ("kind", "course"), [(RunningBatchNorm, CourseDebiased), (RunningBatchNormSimple, CourseSimple)]
)
KINDS = pytest.mark.parametrize("kind", [RunningBatchNorm, RunningBatchNormSimple])


def picture(n: int, size: int) -> Tensor:
    """Channels of very different spread; the first lies below the floor of .01, the last is constant."""
    scales = torch.tensor([0.01, 1.0, 5.0, 0.0], dtype=torch.float64)[CUBE]
    return torch.randn(n, CHANNELS, size, size, dtype=torch.float64) * scales + 2 * scales + 0.5


def gradients(module: nn.Module, x: Tensor, pull: Tensor) -> tuple[Tensor, dict[str, Tensor | None]]:
    x = x.clone().requires_grad_()
    for param in module.parameters():
        param.grad = None
    y = module(x)
    (y * pull).sum().backward()
    return y.detach(), {"x": x.grad, **{name: param.grad for name, param in module.named_parameters()}}


def step_parameters(*modules: nn.Module) -> None:
    generator = torch.Generator().manual_seed(1)
    pushes = [torch.randn(CHANNELS, generator=generator, dtype=torch.float64) for _ in range(2)]
    for module in modules:
        with torch.no_grad():
            for param, push in zip(module.parameters(), pushes, strict=True):
                param.add_(0.3 * push)


@FORMS
def test_a_run_with_moving_knobs_equals_the_course(kind: type[RunningBatchNorm], course: type[Course]) -> None:
    torch.manual_seed(0)
    norm, oracle = kind(CHANNELS).double(), course()
    floors_met = set()
    for n, size, eps, momentum in STEPS:
        x, pull = picture(n, size), torch.randn(n, CHANNELS, size, size, dtype=torch.float64)
        for module in (norm, oracle):
            module.eps, module.momentum = eps, momentum  # type: ignore[assignment]
            module.train()
        ours, theirs = gradients(norm, x, pull), gradients(oracle, x, pull)
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-8)
        for name in ("sums", "squares", "count"):
            torch.testing.assert_close(getattr(norm, name), getattr(oracle, name).detach())
        torch.testing.assert_close((norm.used_mean, norm.used_var), oracle.used, rtol=1e-8, atol=1e-12)
        floors_met.add(bool((norm.used_var == 0.01).any()))
        step_parameters(norm, oracle)
        norm.eval(), oracle.eval()
        x, pull = picture(6, 3), torch.randn(6, CHANNELS, 3, 3, dtype=torch.float64)
        y, expected = norm(x), oracle(x)
        torch.testing.assert_close(y, expected, rtol=1e-8, atol=1e-8)
    assert floors_met == {True, False}
    assert norm.missing == 20 - oracle.images


def test_gradient_in_eval_mode_holds_the_statistics() -> None:
    torch.manual_seed(0)
    norm, oracle = RunningBatchNorm(CHANNELS).double(), CourseDebiased()
    for _ in range(3):
        x = picture(8, 3)
        norm(x), oracle(x)
    norm.eval(), oracle.eval()
    for module in (norm, oracle):
        module.sums, module.squares = module.sums.detach(), module.squares.detach()  # type: ignore[operator]
    x, pull = picture(4, 2), torch.randn(4, CHANNELS, 2, 2, dtype=torch.float64)
    torch.testing.assert_close(gradients(norm, x, pull), gradients(oracle, x, pull))


def test_simplified_form_keeps_its_factor_until_the_next_training_batch() -> None:
    torch.manual_seed(0)
    norm = RunningBatchNormSimple(CHANNELS).double()
    x = picture(8, 3)
    norm(x)
    before = norm.eval()(x)
    norm.eps = 1.0
    step_parameters(norm)
    torch.testing.assert_close(norm(x), before)
    x.requires_grad_()
    norm(x).sum().backward()
    assert x.grad is not None and norm.weight.grad is None
    torch.testing.assert_close(x.grad, norm.factor[CUBE].expand_as(x).contiguous())
    norm.train()(x)
    assert not torch.allclose(norm.eval()(x), before)


@KINDS
def test_before_the_first_batch_eval_mode_is_the_identity(kind: type[RunningBatchNorm]) -> None:
    x = torch.randn(2, CHANNELS, 3, 3)
    torch.testing.assert_close(kind(CHANNELS, eps=1e-12).eval()(x), x)


@pytest.mark.parametrize(("batch", "expected"), [(1, 0.1), (2, 0.1), (32, 0.838), (512, 0.960)])
def test_effective_momentum(batch: int, expected: float) -> None:
    assert RunningBatchNorm(1).effective_momentum(batch) == pytest.approx(expected, abs=5e-4)


@KINDS
def test_a_batch_of_one_on_a_map_of_one_is_finite_from_the_first_step(kind: type[RunningBatchNorm]) -> None:
    torch.manual_seed(0)
    norm = kind(CHANNELS)
    for _ in range(30):
        x = torch.randn(1, CHANNELS, 1, 1, requires_grad=True)
        y = norm(x)
        y.sum().backward()
        assert x.grad is not None
        assert y.isfinite().all() and x.grad.isfinite().all()


def test_floor_ends_with_the_twentieth_image() -> None:
    norm = RunningBatchNorm(1).double()
    x = 0.001 * torch.tensor([1.0, -1.0], dtype=torch.float64).reshape(2, 1, 1, 1)
    used = []
    for _ in range(11):
        norm(x)
        used.append(norm.used_var.item())
    assert used == pytest.approx([0.01] * 9 + [1e-6] * 2)


def test_rounding_cannot_make_the_variance_negative() -> None:
    torch.manual_seed(0)
    norm = RunningBatchNorm(64, eps=1e-12)
    for _ in range(15):
        x = 3000 + 1e-3 * torch.randn(2, 64, 2, 2)
        assert norm(x).isfinite().all()
    raw = norm.squares / norm.count - (norm.sums / norm.count) ** 2
    assert (raw < 0).any(), "the case must arise for the test to mean anything"
    assert (norm.used_var >= 0).all()


@KINDS
def test_averages_start_at_zero_and_are_debiased(kind: type[RunningBatchNorm]) -> None:
    torch.manual_seed(0)
    norm = kind(CHANNELS).double()
    unseen = 1.0
    for n, momentum in ((2, 0.1), (32, 0.1), (2, 0.4), (2, 1e-9)):
        norm.momentum = momentum
        unseen *= 1 - norm.effective_momentum(n)
        x = picture(n, 3)
        norm(x)
        averages = norm.averages()
        assert averages.debias.item() == pytest.approx(1 - unseen)
        torch.testing.assert_close(averages.debiased_mean, norm.sums / norm.count)
        torch.testing.assert_close(averages.mean, norm.sums / norm.count * (1 - unseen))
        torch.testing.assert_close(averages.var, averages.debiased_var * (1 - unseen))
        torch.testing.assert_close(norm.batch_mean, x.mean((0, 2, 3)))
        torch.testing.assert_close(norm.batch_var, x.var((0, 2, 3), correction=0))
    one = kind(1)
    one(torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1))
    assert [value.item() for value in one.averages()] == pytest.approx([0.2, 0.1, 2.0, 1.0, 0.1])


def test_channels_last_is_kept_and_equal() -> None:
    torch.manual_seed(0)
    norm, oracle = RunningBatchNorm(CHANNELS).double(), CourseDebiased()
    x, pull = picture(8, 3), torch.randn(8, CHANNELS, 3, 3, dtype=torch.float64)
    last = x.to(memory_format=torch.channels_last)
    ours = gradients(norm, last, pull)
    assert ours[0].is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(ours, gradients(oracle, x, pull), rtol=1e-8, atol=1e-8)


def test_gradient_that_is_a_broadcast_view() -> None:
    """What average pooling hands back is an expanded tensor."""
    torch.manual_seed(0)
    x, pull = picture(8, 3), torch.randn(8, CHANNELS, 1, 1, dtype=torch.float64).expand(8, CHANNELS, 3, 3)
    grads = []
    for module in (RunningBatchNorm(CHANNELS).double(), CourseDebiased()):
        leaf = x.clone().requires_grad_()
        module(leaf).backward(pull)
        grads.append(leaf.grad)
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-8, atol=1e-8)
