"""What the probes write of weights and gradients, against numpy and against torch's own optimisers."""

import math
from collections.abc import Callable, Iterator
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lab.assembly import assemble
from lab.config import Config
from lab.nn.conv import lay_out_for_cpu
from lab.nn.layers import alone
from lab.record import BINS, COUNTS, GRADIENT, OUTPUT_GRADIENT, Layout, Record
from lab.telemetry import probes as probes_module
from lab.telemetry.backward import Weights, measure_update, weight_of, weight_range
from lab.telemetry.history import History
from lab.telemetry.probes import Probes, fused_passes
from lab.training.callbacks import Callback
from lab.training.learner import Learner

SMALL = Config(size=100, batch_size=20, epochs=2, widths=(4, 8), lr=0.1, device="cpu")


@pytest.fixture(params=["compiled", "torch"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """By the compiled pass, or by torch's operations as on any other device."""
    if request.param == "torch":
        monkeypatch.setattr(probes_module, "fused_passes", lambda: None)
    yield request.param


def by_numpy(weight: Tensor, before: Tensor, gradient: Tensor) -> list[float]:
    g, w, old = (x.detach().numpy().astype(np.float64) for x in (gradient, weight, before))
    ratio = np.sqrt(((w - old) ** 2).sum()) / np.sqrt((old**2).sum())
    return [g.mean(), g.std(ddof=1), float((g == 0).mean()), ratio]


class Watcher(Callback):
    """Computes each step's figures again, from the net itself and without the probes."""

    order = 40

    def __init__(self) -> None:
        self.seen: list[dict[str, list[float]]] = []
        self.hists: list[dict[str, np.ndarray]] = []

    def before_batch(self, learner: Learner) -> None:
        self.old = {name: block.layer.weight.detach().clone() for name, block in learner.model.blocks.items()}

    def after_step(self, learner: Learner) -> None:
        weights = {name: block.layer.weight for name, block in learner.model.blocks.items()}
        assert all(weight.grad is not None for weight in weights.values())
        self.seen.append(
            {name: by_numpy(w, self.old[name], w.grad) for name, w in weights.items() if w.grad is not None}
        )
        self.hists.append({name: w.detach().numpy().copy() for name, w in weights.items()})


def watched(config: Config) -> tuple[Record, Watcher]:
    watcher, history = Watcher(), History()
    assemble(config, history, lambda: 0.0, lambda paused: None, callbacks=[watcher]).train()
    return history.since(-1), watcher


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"momentum": 0.9, "weight_decay": 0.05},
        {"optimizer": "adam", "lr": 0.01, "momentum": 0.9, "weight_decay": 0.01},
        {"optimizer": "adamw", "lr": 0.01, "momentum": 0.9, "weight_decay": 0.1},
        {"optimizer": "rmsprop", "lr": 0.001, "momentum": 0.9, "weight_decay": 0.01},
        {"norm": "none", "lr": 0.02},
        {"norm": "group", "groups": 2},  # the one whose weights are not channels_last
        {"model": "mlp"},
        {"batch_size": 2, "size": 20},
    ],
    ids=str,
)
def test_the_record_holds_what_really_moved(way: str, changes: dict[str, object]) -> None:
    record, watcher = watched(SMALL.replace(**changes))
    assert len(record.steps) == len(watcher.seen) == len(record.weight_hists) > 5
    for layer, (name, (low, high)) in enumerate(zip(record.layers, record.weight_ranges, strict=True)):
        columns = [record.columns[f"{column}/{name}"] for column in GRADIENT]
        expected = np.array([seen[name] for seen in watcher.seen])
        for column, found, wanted in zip(GRADIENT, columns, expected.T, strict=True):
            # A mean is a small difference of large numbers: its error is in units of the std.
            atol = 2e-6 * expected[:, 1].max() if column == "grad_mean" else 0
            np.testing.assert_allclose(found, wanted, rtol=3e-6, atol=atol, err_msg=f"{column} of {name}")
        for row, weights in enumerate(watcher.hists):
            counts, _ = np.histogram(weights[name].astype(np.float64), BINS, (low, high))
            assert record.weight_hists[row, layer, 1:-2].tolist() == counts.tolist()
            assert record.weight_hists[row, layer].sum() == weights[name].size


def test_plain_sgd_moves_by_lr_times_the_gradient(way: str) -> None:
    """By hand: without momentum |update| is lr |gradient|."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 2, bias=False))
    weight = net[0].weight
    before, gradient = weight.detach().clone(), torch.tensor([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]])
    with torch.no_grad():
        weight -= 0.1 * gradient
    found = [figure.item() for figure in measure_update(weight.detach(), before, gradient)]
    assert found[0] == pytest.approx(7 / 6) and found[2] == pytest.approx(4 / 6)
    assert found[1] == pytest.approx(math.sqrt((25 - 49 / 6) / 5))
    assert found[3] == pytest.approx(0.1 * 5 / before.norm().item(), rel=1e-5)


def compiled(weight: Tensor, before: Tensor, gradient: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    fused = fused_passes()
    assert fused is not None, "numba is among the project's dependencies"
    counts, figures = torch.zeros(COUNTS, dtype=torch.int32), torch.zeros(len(GRADIENT))
    arrays = (gradient.numpy(), weight.numpy(), before.numpy())
    fused.measure_update(*arrays, low, high, counts.numpy(), figures.numpy())
    return counts, figures


@pytest.mark.parametrize("size", [2, 3, 4095, 4096, 4097, 20_000])
def test_the_compiled_pass_gives_torchs_figures(size: int) -> None:
    generator = torch.Generator().manual_seed(size)
    before, move, gradient = (torch.randn(size, generator=generator) for _ in range(3))
    gradient[torch.rand(size, generator=generator) < 0.3] = 0
    weight = before + 1e-3 * move
    expected = torch.stack(measure_update(weight.double(), before.double(), gradient.double())).float()
    counts, figures = compiled(weight, before, gradient, -2.0, 2.0)
    torch.testing.assert_close(figures, expected, rtol=1e-6, atol=1e-7)
    assert torch.equal(counts[1:-2].long(), torch.histc(weight, BINS, -2, 2).long()), "counts exactly"
    assert counts[0] == (weight < -2).sum() and counts[-2] == (weight > 2).sum() and counts.sum() == size
    assert torch.equal(before, weight), "the copy is brought up to date"


@pytest.mark.parametrize(
    ("weight", "gradient"),
    [
        ([math.nan, 1.0], [math.nan, 0.0]),
        ([math.inf, -math.inf], [1.0, math.inf]),
        ([3.0, -3.0], [0.0, 0.0]),
        ([1.0, 1.0], [-math.inf, 2.0]),
    ],
)
def test_a_diverged_step(weight: list[float], gradient: list[float]) -> None:
    w, g, before = torch.tensor(weight), torch.tensor(gradient), torch.tensor([1.0, -1.0])
    expected = torch.stack(measure_update(w, before.clone(), g))
    counts, figures = compiled(w, before.clone(), g, -2.0, 2.0)
    torch.testing.assert_close(figures, expected, equal_nan=True)
    assert counts[-1] == w.isnan().sum() and counts[-2] == (w > 2).sum() and counts[0] == (w < -2).sum()


def test_a_diverged_run_ends_with_the_step_that_broke(way: str) -> None:
    record, _ = watched(SMALL.replace(norm="none", lr=1000, size=400, optimizer="sgd", model="mlp", leak=1.0))
    assert not np.isfinite(record.columns["loss"][-1]) and np.isfinite(record.columns["loss"][:-1]).all()
    assert record.weight_hists[-1, :, -1].sum() > 0, "the weights' nan are counted"
    assert not np.isfinite(record.columns["update_ratio/output"][-1])


def test_a_weight_without_gradient_and_a_layer_without_weight(way: str) -> None:
    class Blocks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = {"frozen": nn.Linear(4, 3), "relu": nn.ReLU(), "free": nn.Linear(3, 2)}
            self.layers = tuple(alone(name, part) for name, part in self.parts.items())

    model, layout = Blocks(), Layout(("frozen", "relu", "free"))
    probes = Probes(model, layout, 0.1, torch.device("cpu"), capacity=2)
    free = model.parts["free"].weight
    assert isinstance(free, nn.Parameter)
    free.grad = torch.ones(3, 2).T  # not in one piece of memory, in the order of its axes
    with torch.no_grad():
        free *= 1.5
    probes.measure_weights()
    row = dict(zip(layout.device_columns, probes.rows[0].tolist(), strict=True))
    assert [row[f"{name}/free"] for name in GRADIENT] == pytest.approx([1, 0, 0, 0.5])
    assert row["update_ratio/frozen"] == 0 and math.isnan(row["grad_mean/frozen"])
    assert all(math.isnan(row[f"{name}/relu"]) for name in GRADIENT)
    assert probes.weight_hists[0].sum(dim=1).tolist() == [12, 0, 6]


def test_a_net_without_any_weight(way: str) -> None:
    class Blocks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = (alone("relu", nn.ReLU()),)

    probes = Probes(Blocks(), Layout(("relu",)), 0.1, torch.device("cpu"), capacity=1)
    probes.measure_weights()
    assert probes.rows[0, -len(GRADIENT) :].isnan().all() and not probes.weight_hists.any()


def test_copies_lie_in_memory_as_the_weights_do() -> None:
    conv = nn.Conv2d(3, 4, 3)
    lay_out_for_cpu(conv)
    copies = Weights([conv.weight], [(-1.0, 1.0)], Layout(("conv",)).weight_columns).before
    assert copies[0] is not None and copies[0].stride() == conv.weight.stride()


@pytest.mark.parametrize(
    ("values", "bound"),
    [
        ([0.3, -0.1], 0.5),
        ([0.25], 0.5),
        ([-0.39], 0.5),
        ([-0.03], 0.0625),
        ([0.0], 1.0),
        ([math.nan], 1.0),
        ([5.0], 8.0),
    ],
)
def test_the_range_leaves_the_largest_weight_room_to_grow(values: list[float], bound: float) -> None:
    assert weight_range(torch.tensor(values)) == (-bound, bound)


@pytest.mark.parametrize(
    "layer", [nn.ReLU(), nn.Linear(2, 2, dtype=torch.float64), nn.Identity()], ids=["none", "float64", "identity"]
)
def test_no_weight_to_measure(layer: nn.Module) -> None:
    assert weight_of(layer) is None and weight_range(None) == (-1.0, 1.0)


def test_a_weight_in_another_order_of_memory_is_left_out() -> None:
    layer = nn.Linear(3, 2)
    layer.weight = nn.Parameter(torch.randn(3, 2).T)
    assert weight_of(layer) is None


class OutputWatcher(Callback):
    """Computes the gradients by each block's output again, by torch alone."""

    order = 40

    def __init__(self) -> None:
        self.seen: list[dict[str, tuple[float, float]]] = []

    def after_predict(self, learner: Learner) -> None:
        if learner.training:
            model, outputs, x = learner.model, {}, learner.model.stem(learner.x)
            copy = deepcopy(model)
            x = copy.stem(learner.x)
            for name, block in copy.blocks.items():
                x = outputs[name] = block(x)
            loss = learner.task.loss(copy.head(x), learner.y)
            gradients = torch.autograd.grad(loss, list(outputs.values()))
            self.seen.append(
                {
                    name: (g.double().mean().item(), g.double().std().item())
                    for name, g in zip(outputs, gradients, strict=True)
                }
            )


@pytest.mark.parametrize("changes", [{}, {"norm": "group", "groups": 2}, {"model": "mlp"}, {"batch_size": 2}], ids=str)
def test_gradients_of_the_outputs_where_they_are_asked_for(way: str, changes: dict[str, object]) -> None:
    watcher, history = OutputWatcher(), History()
    config = SMALL.replace(gradients="outputs", epochs=1, size=40, **changes)
    assemble(config, history, lambda: 0.0, lambda paused: None, callbacks=[watcher]).train()
    record = history.since(-1)
    assert len(record.steps) == len(watcher.seen) > 1
    for name in record.layers:
        expected = np.array([seen[name] for seen in watcher.seen])
        for column, wanted in zip(OUTPUT_GRADIENT, expected.T, strict=True):
            atol = 2e-6 * expected[:, 1].max() if column == "out_grad_mean" else 0
            found = record.columns[f"{column}/{name}"]
            np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=atol, err_msg=f"{column} of {name}")


def test_they_change_nothing_else_and_are_no_column_unless_asked_for() -> None:
    (without, _), (with_them, _) = watched(SMALL), watched(SMALL.replace(gradients="outputs"))
    for name, values in without.columns.items():
        if name != "seconds":
            np.testing.assert_array_equal(values, with_them.columns[name], err_msg=name)
    more = {f"{column}/{layer}" for column in OUTPUT_GRADIENT for layer in without.layers}
    assert with_them.columns.keys() - without.columns.keys() == more


def test_thinning_keeps_both_histograms_in_step() -> None:
    history = History(max_rows=8, max_histograms=4)
    history.open(Layout(("a",)))
    layers: Callable[[int], np.ndarray] = lambda step: np.full((1, 1, COUNTS), step, np.int32)  # noqa: E731
    for step in range(23):
        row = np.zeros((1, len(history.layout.device_columns)), np.float32)
        history.append(row, layers(step), np.zeros((1, 3)), [0.9], layers(100 + step))
    history.finish()
    record = history.since(-1)
    assert record.hist_steps.tolist() == [0, 8, 16, 22] and record.hist_stride == 8
    assert record.hists[:, 0, 0].tolist() == record.hist_steps.tolist()
    assert record.weight_hists[:, 0, 0].tolist() == [100, 108, 116, 122]
    assert history.since(8).weight_hists[:, 0, 0].tolist() == [116, 122]
