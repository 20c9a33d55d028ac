"""Triton's pass against torch on the CPU: on a CUDA device, or in Triton's interpreter where there is none."""

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch

import lab.cuda
from lab.record import BINS, COUNTS, LAYER
from lab.telemetry.probes import GENERAL_RANGE, RELU_RANGE, cuda_pass, histogram, measure

# The interpreter counts in numpy, which speaks of what torch does silently.
pytestmark = pytest.mark.filterwarnings("ignore:(invalid value|overflow):RuntimeWarning")

BOUNDS = pytest.mark.parametrize("bounds", [RELU_RANGE, GENERAL_RANGE])


@pytest.fixture(params=["interpreter", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    if request.param == "cuda":
        yield torch.device("cuda")
        return
    if importlib.util.find_spec("triton") is None:
        pytest.skip("there is no Triton: it comes with torch for CUDA")
    if torch.cuda.is_available():
        pytest.skip("Triton compiles here: the pass is tested on the CUDA device")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    from lab.cuda import fused_probes

    # Fewer programs than blocks, so that each goes round more than once, without the interpreter's minutes.
    monkeypatch.setattr(fused_probes, "PROGRAMS", 2)
    yield torch.device("cpu")


def assert_agrees(x: torch.Tensor, bounds: tuple[float, float], device: torch.device) -> None:
    """Counts and fractions exactly, moments to 1e-6, nan and infinities where torch has them."""
    from lab.cuda.fused_probes import FusedPass

    counts, figures = torch.zeros(COUNTS, dtype=torch.int32, device=device), torch.zeros(len(LAYER), device=device)
    FusedPass(device)(x.to(device), *bounds, 0.1, counts, figures)
    tally = histogram(x, *bounds)
    assert torch.equal(counts.cpu().long(), tally)
    moments, fractions = measure(x.double(), tally, bounds, 0.1)[:2], measure(x, tally, bounds, 0.1)[2:]
    torch.testing.assert_close(figures[:2].cpu(), torch.stack(moments).float(), rtol=1e-6, atol=1e-7, equal_nan=True)
    torch.testing.assert_close(figures[2:].cpu(), torch.stack(fractions).float(), rtol=0, atol=0, equal_nan=True)


@BOUNDS
def test_the_same_figures_as_torch(device: torch.device, bounds: tuple[float, float]) -> None:
    """Values on the bins' edges and beside them, the smallest numbers, and more blocks than programs."""
    edges = torch.cat([torch.linspace(low, high, BINS + 1) for low, high in (RELU_RANGE, GENERAL_RANGE)])
    beside = [torch.nextafter(edges, torch.tensor(side)) for side in (torch.inf, -torch.inf)]
    normal = torch.randn(4700, generator=torch.Generator().manual_seed(0)) * 4
    assert_agrees(torch.cat([normal, edges, *beside, torch.tensor([1e-45, -1e-45, 1e6])]), bounds, device)


@BOUNDS
@pytest.mark.parametrize(
    "values",
    [[torch.nan, 1.0], [1.0, torch.inf], [-torch.inf, 2.0, torch.nan], [3.0, 3.0], [-20.0, -30.0], [0.0, 0.0, 0.0]],
)
def test_values_that_are_few_or_not_finite(
    device: torch.device, values: list[float], bounds: tuple[float, float]
) -> None:
    assert_agrees(torch.tensor(values), bounds, device)


def test_moments_far_from_zero_keep_their_digits(device: torch.device) -> None:
    assert_agrees(torch.randn(3000, generator=torch.Generator().manual_seed(0)) + 1000, RELU_RANGE, device)


def test_any_order_of_memory(device: torch.device) -> None:
    x = torch.randn(3, 4, 7, 7, generator=torch.Generator().manual_seed(0))
    assert_agrees(x.to(memory_format=torch.channels_last), GENERAL_RANGE, device)
    assert_agrees(x[:, ::2], GENERAL_RANGE, device)


@pytest.mark.cuda
def test_it_proves_itself_on_the_device() -> None:
    assert cuda_pass(torch.device("cuda")) is not None, "or the probes measure with torch, slower"


@pytest.mark.cuda
def test_it_can_be_captured() -> None:
    from lab.cuda.capture import CudaCapture
    from lab.cuda.fused_probes import FusedPass

    device = torch.device("cuda")
    capture, run = CudaCapture(device), FusedPass(device)
    x = torch.zeros(64, 8, 14, 14, device=device)
    counts, figures = torch.zeros(COUNTS, dtype=torch.int32, device=device), torch.zeros(len(LAYER), device=device)

    def step() -> None:
        run(x, *RELU_RANGE, 0.1, counts, figures)

    capture.warm(step)
    replay = capture.record(step)
    for seed in range(3):
        values = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))
        x.copy_(values)
        replay()
        assert torch.equal(counts.cpu().long(), histogram(values, *RELU_RANGE))
        assert figures[1].item() == pytest.approx(values.double().std().item(), rel=1e-6)


@pytest.mark.parametrize("fails", [True, False], ids=["it raises", "it gives other figures"])
def test_a_pass_that_does_not_prove_itself_is_done_without(
    fails: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def agrees(device: torch.device) -> bool:
        if fails:
            raise RuntimeError("no C compiler")
        return False

    fake = ModuleType("lab.cuda.fused_probes")
    fake.agrees_with_torch = agrees  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    monkeypatch.setattr(lab.cuda, "fused_probes", fake, raising=False)
    cuda_pass.cache_clear()
    try:
        assert cuda_pass(torch.device("cuda")) is None
        assert ("no C compiler" if fails else "differ") in caplog.text
    finally:
        cuda_pass.cache_clear()


def test_without_triton_nothing_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "lab.cuda.fused_probes", None)
    monkeypatch.delattr(lab.cuda, "fused_probes", raising=False)
    cuda_pass.cache_clear()
    try:
        assert cuda_pass(torch.device("cuda")) is None and caplog.text == ""
    finally:
        cuda_pass.cache_clear()
