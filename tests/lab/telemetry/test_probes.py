"""What the probes write, against torch.histc, torch's moments and counting by hand."""

import sys

import pytest
import torch
from torch import nn

import lab.telemetry
from lab.config import NORMS, Config
from lab.nn import models
from lab.record import BINS, COUNTS, LAYER, NORM, Layout
from lab.telemetry.probes import Probes, flat_view, fused_passes, histogram, measure, measure_norm
from lab.training.metrics import accuracy

RANGES = [(0.0, 10.0), (-7.0, 7.0)]


def awkward(seed: int) -> torch.Tensor:
    """Normal values, values on the bins' edges and their neighbours, and values outside."""
    generator = torch.Generator().manual_seed(seed)
    edges = torch.cat([torch.linspace(low, high, BINS + 1) for low, high in RANGES])
    near = [torch.nextafter(edges, torch.tensor(side * torch.inf)) for side in (1.0, -1.0)]
    values = torch.cat([torch.randn(5000, generator=generator) * 4, edges, *near, torch.zeros(50)])
    return values[torch.randperm(len(values), generator=generator)]


@pytest.mark.parametrize("bounds", RANGES)
@pytest.mark.parametrize("seed", range(5))
def test_bins_equal_histc_bit_for_bit(bounds: tuple[float, float], seed: int) -> None:
    x = awkward(seed)
    counts = histogram(x, *bounds)
    assert counts.shape == (COUNTS,)
    assert torch.equal(counts[1 : BINS + 1], torch.histc(x, BINS, *bounds).long())
    assert counts[0] == (x < bounds[0]).sum() and counts[BINS + 1] == (x > bounds[1]).sum()
    assert counts.sum() == x.numel()


def test_nan_and_infinities_are_counted_apart() -> None:
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, torch.nan, 1.0])
    counts = histogram(x, 0.0, 10.0)
    assert counts[-1] == 2 and counts[0] == 1 and counts[BINS + 1] == 1 and counts[5] == 1


@pytest.mark.parametrize("bounds", RANGES)
@pytest.mark.parametrize("seed", range(3))
def test_every_layer_figure(bounds: tuple[float, float], seed: int) -> None:
    x = awkward(seed)
    figures = dict(zip(LAYER, measure(x, histogram(x, *bounds), bounds, 0.1), strict=True))
    assert figures["mean"].item() == pytest.approx(x.double().mean().item(), rel=1e-5)
    assert figures["std"].item() == pytest.approx(x.double().std().item(), rel=1e-6)
    relu, general = torch.histc(x, BINS, 0, 10), torch.histc(x, BINS, -7, 7)
    assert figures["near_relu"].item() == pytest.approx((relu[:2].sum() / relu.sum()).item(), rel=1e-6)
    assert figures["near_general"].item() == pytest.approx((general[19:22].sum() / general.sum()).item(), rel=1e-6)
    values = x.tolist()
    assert figures["near_abs"].item() == pytest.approx(sum(abs(v) < 0.1 for v in values) / len(values), abs=2e-4)
    assert figures["near_below"].item() == pytest.approx(sum(v <= 0.1 for v in values) / len(values), abs=2e-4)


@pytest.mark.parametrize("bounds", RANGES)
@pytest.mark.parametrize("seed", range(5))
def test_the_compiled_pass_gives_the_same_figures(bounds: tuple[float, float], seed: int) -> None:
    fused = fused_passes()
    assert fused is not None, "numba is among the project's dependencies"
    x = awkward(seed)
    counts, figures = torch.zeros(COUNTS, dtype=torch.int32), torch.zeros(len(LAYER))
    fused.measure(x.numpy(), *bounds, 0.1, counts.numpy(), figures.numpy())
    assert torch.equal(counts.long(), histogram(x, *bounds)), "counts exactly"
    plain = torch.stack(measure(x.double(), counts.long(), bounds, 0.1)).float()
    torch.testing.assert_close(figures[:2], plain[:2], rtol=1e-6, atol=1e-6)
    assert torch.equal(figures[2:], torch.stack(measure(x, counts.long(), bounds, 0.1))[2:])


@pytest.mark.parametrize("values", [[torch.nan, 1.0], [1.0, torch.inf], [1.0, torch.nan, -torch.inf], [3.0, 3.0]])
def test_the_compiled_pass_on_values_that_are_not_finite(values: list[float]) -> None:
    fused = fused_passes()
    assert fused is not None
    x = torch.tensor(values)
    counts, figures = torch.zeros(COUNTS, dtype=torch.int32), torch.zeros(len(LAYER))
    fused.measure(x.numpy(), 0.0, 10.0, 0.1, counts.numpy(), figures.numpy())
    assert torch.equal(counts.long(), histogram(x, 0, 10))
    plain = torch.stack(measure(x, counts.long(), (0.0, 10.0), 0.1))
    assert torch.equal(torch.isfinite(figures), torch.isfinite(plain))


def test_moments_far_from_zero_keep_their_digits() -> None:
    fused = fused_passes()
    assert fused is not None
    x = torch.randn(10_000, generator=torch.Generator().manual_seed(0)) + 1000
    counts, figures = torch.zeros(COUNTS, dtype=torch.int32), torch.zeros(len(LAYER))
    fused.measure(x.numpy(), 0.0, 10.0, 0.1, counts.numpy(), figures.numpy())
    assert figures[1].item() == pytest.approx(x.double().std().item(), rel=1e-6)


def make(norm: str = "batch", **changes: object) -> tuple[models.Model, Layout, Probes]:
    torch.manual_seed(0)
    config = Config(widths=(4, 8), norm=norm, **changes)  # type: ignore[arg-type]
    model = models.build(config)
    layout = Layout(tuple(model.blocks), tuple(model.norms), config.histogram_range)
    return model, layout, Probes(model, layout, config.near_zero, torch.device("cpu"), capacity=4)


def test_rows_hold_each_blocks_output_after_its_norm() -> None:
    model, layout, probes = make()
    x = torch.randn(6, 1, 28, 28)
    seen = {}
    for name, block in model.blocks.items():
        block.register_forward_hook(lambda _, __, output, name=name: seen.__setitem__(name, output.detach()))
    with probes:
        model(x)
        probes.score(
            torch.tensor(2.5), lambda logits, targets: (logits - targets).mean(), torch.ones(4), torch.full((4,), 0.75)
        )
    row = dict(zip(layout.device_columns, probes.rows[0].tolist(), strict=True))
    assert row["loss"] == 2.5 and row["accuracy"] == 0.25
    for index, name in enumerate(layout.layers):
        assert row[f"mean/{name}"] == pytest.approx(seen[name].mean().item(), abs=1e-6)
        assert row[f"std/{name}"] == pytest.approx(seen[name].std().item(), rel=1e-6)
        assert torch.equal(probes.hists[0, index, 1:-2].long(), torch.histc(seen[name], BINS, *layout.range).long())
        # After BatchNorm, at its initial scale of 1, the output is standardised.
        assert row[f"std/{name}"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("norm", [norm for norm in NORMS if norm != "none"])
def test_norm_figures(norm: str) -> None:
    model, layout, probes = make(norm)
    with probes:
        model(torch.randn(6, 1, 28, 28))
    row = dict(zip(layout.device_columns, probes.rows[0].tolist(), strict=True))
    for name, module in model.norms.items():
        smallest = module.used_var.min().item()
        assert row[f"min_var/{name}"] == pytest.approx(smallest)
        assert row[f"max_mult/{name}"] == pytest.approx((smallest + module.eps) ** -0.5, rel=1e-5)
        keeps = norm in ("batch", "torch_batch", "running", "running_simple")
        assert (row[f"debias/{name}"] == row[f"debias/{name}"]) == keeps, "nan where there is no average"
        if keeps:
            assert row[f"batch_mean/{name}"] == pytest.approx(module.batch_mean.mean().item(), rel=1e-5)
            assert row[f"running_mean/{name}"] == pytest.approx(
                row[f"debias/{name}"] * row[f"debiased_mean/{name}"], rel=1e-4
            ), "from zero = de-biased times the factor"


@pytest.mark.parametrize("norm", [norm for norm in NORMS if norm != "none"])
def test_the_compiled_pass_gives_the_same_figures_of_a_norm(norm: str) -> None:
    model, layout, probes = make(norm)
    with probes:
        for _ in range(3):
            model(torch.randn(6, 1, 28, 28))
    begin = layout.device_columns.index(f"{NORM[0]}/{layout.norms[0]}")
    compiled = probes.rows[0, begin : begin + len(layout.norms) * len(NORM)].view(-1, len(NORM))
    for name, figures in zip(layout.norms, compiled, strict=True):
        plain = torch.full((len(NORM),), torch.nan)
        measure_norm(model.norms[name], plain)
        torch.testing.assert_close(figures, plain, rtol=2e-6, atol=1e-6, equal_nan=True)


def test_a_nan_in_a_norms_variance_is_told() -> None:
    model, layout, probes = make("instance")
    with probes:
        # The second block's map is 7 x 7, of a picture of one pixel 1 x 1: an unbiased variance of one value.
        model(torch.randn(6, 1, 1, 1))
    assert torch.isnan(probes.rows[0, layout.device_columns.index("min_var/conv2")])


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_values_are_measured_as_they_lie(memory_format: torch.memory_format) -> None:
    x = torch.randn(3, 4, 5, 6).to(memory_format=memory_format)
    flat = flat_view(x)
    assert flat.data_ptr() == x.data_ptr(), "no copy"
    assert torch.equal(flat.sort().values, x.flatten().sort().values)
    assert torch.equal(flat_view(x[:, 1:3]).sort().values, x[:, 1:3].flatten().sort().values), "also with holes"


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("n", [1, 64])
def test_accuracy(n: int, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled:
        monkeypatch.setattr("lab.telemetry.probes.fused_passes", lambda: None)
    _, _, probes = make()
    generator = torch.Generator().manual_seed(n)
    # Few values, so that several are the largest; nan and infinities among them.
    values = torch.tensor([0.0, 1.0, 2.0, -torch.inf, torch.inf, torch.nan])
    for row in range(4):
        logits = values[torch.randint(6, (n, 10), generator=generator)].requires_grad_()
        targets = logits.argmax(dim=1) if row == 0 else torch.randint(10, (n,), generator=generator)
        probes.row = row
        probes.score(torch.tensor(0.0), accuracy, logits, targets)
        strided = torch.stack([logits.detach(), logits.detach()], dim=2)[:, :, 0]
        wanted = (logits.argmax(dim=1) == targets).double().mean().item()
        assert probes.rows[row, 1] == pytest.approx(wanted)
        probes.score(torch.tensor(0.0), accuracy, strided, targets)
        assert probes.rows[row, 1] == pytest.approx(wanted)
    assert probes.rows[0, 1] == 1


def test_norm_figures_are_in_their_order() -> None:
    model, *_ = make("batch")
    model(torch.randn(6, 1, 28, 28))
    norm = model.norms["conv1"]
    row = torch.full((len(NORM),), torch.nan)
    measure_norm(norm, row)
    figures = dict(zip(NORM, row, strict=True))
    assert figures["batch_var"].item() == pytest.approx(norm.batch_var.mean().item())
    assert figures["running_var"].item() == pytest.approx(norm.averages().var.mean().item())


def test_eval_mode_is_not_measured_and_hooks_are_removed() -> None:
    model, _, probes = make()
    with pytest.raises(RuntimeError, match="on the way"), probes:
        model.eval()
        model(torch.randn(2, 1, 28, 28))
        assert torch.isnan(probes.rows).all()
        raise RuntimeError("on the way")
    model.train()
    model(torch.randn(2, 1, 28, 28))
    assert torch.isnan(probes.rows).all(), "no hook is left after an exception"
    assert not any(module._forward_hooks for module in model.modules())


def test_probes_leave_gradients_alone() -> None:
    gradients = []
    for watched in (False, True):
        model, _, probes = make()
        x = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))
        if watched:
            with probes:
                model(x).square().sum().backward()
        else:
            model(x).square().sum().backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True)) and gradients[0]


@pytest.mark.parametrize("model", ["mlp", "logistic"])
def test_nets_without_norms(model: str) -> None:
    net, layout, probes = make(model=model)
    assert isinstance(net, nn.Module) and layout.norms == ()
    with probes:
        net(torch.randn(3, 1, 28, 28))
    assert not torch.isnan(probes.rows[0, 2 : 2 + len(LAYER)]).any()


@pytest.mark.cuda
@pytest.mark.parametrize("bounds", RANGES)
def test_cuda_counts_equal_the_cpus(bounds: tuple[float, float]) -> None:
    x = awkward(0)
    on_cpu, on_cuda = histogram(x, *bounds), histogram(x.cuda(), *bounds).cpu()
    assert torch.equal(on_cpu, on_cuda)


def test_a_numba_that_does_not_load_is_done_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    numba = pytest.importorskip("numba")

    def refuse(*args: object, **kwargs: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    fused_passes()
    monkeypatch.setattr(numba, "njit", refuse)
    monkeypatch.delitem(sys.modules, "lab.telemetry.fused")
    monkeypatch.delattr(lab.telemetry, "fused")
    fused_passes.cache_clear()
    try:
        assert fused_passes() is None
        assert "cannot cache function" in caplog.text
    finally:
        fused_passes.cache_clear()
