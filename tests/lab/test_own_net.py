"""A net and data of one's own: its layers' figures against hand-made hooks, what works on such a run, clear errors."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from lab import __main__ as cli
from lab.config import DEFAULTS, Config, ConfigError
from lab.data import DataError
from lab.data.own import read
from lab.findings import findings
from lab.kept import RUNS, Library
from lab.nn.own import MOST_LAYERS, NetError, OwnNet, layers_from, try_out
from lab.own import Own
from lab.record import LAYER, NORM, Record
from lab.session import ENDED, Session
from lab.telemetry import probes as probes_module
from lab.training.learner import Learner
from tests.own_nets import RESNET_LAYERS, ResNet, curve, digits, mlp

PATIENCE = 60
SMALL = Config(device="cpu", epochs=1, batch_size=32, lr=0.05)


def trained(config: Config = SMALL, **own: Any) -> Session:
    session = Session(config, **own)
    session.start()
    assert session.wait(PATIENCE)
    return session


def failed(config: Config = SMALL, **own: Any) -> str:
    session = trained(config, **own)
    assert session.state == "failed" and not len(session.since(-1).steps)
    return session.error


@pytest.fixture(params=["compiled", "plain torch"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "plain torch":
        monkeypatch.setattr(probes_module, "fused_passes", lambda: None)


# ---- the numbers


class ByHand:
    """The same run in plain torch, with hooks as a person would write them: layer -> its outputs, step by step."""

    def __init__(self, factory: Callable[[], nn.Module], x: Tensor, y: Tensor, loss: Any, config: Config) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.net = factory()
        self.steps: list[dict[str, Tensor]] = []
        self.inputs: list[dict[str, Tensor]] = []
        self.running: list[dict[str, tuple[Tensor, Tensor]]] = []
        self.gradients: list[dict[str, Tensor]] = []
        self.ratios: list[dict[str, float]] = []
        self.losses: list[float] = []
        for name, module in self.net.named_modules():
            if not list(module.children()):
                module.register_forward_hook(self._hook(name))
        optimizer = torch.optim.SGD(self.net.parameters(), lr=config.lr)
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(config.seed))
        for chosen in order.split(config.batch_size):
            self.steps.append({})
            self.inputs.append({})
            value = loss(self.net(x[chosen]), y[chosen])
            self.losses.append(value.item())
            optimizer.zero_grad()
            value.backward()
            weights = {n: m.weight for n, m in self.net.named_modules() if getattr(m, "weight", None) is not None}
            before = {name: weight.detach().clone() for name, weight in weights.items()}
            self.gradients.append({name: weight.grad.clone() for name, weight in weights.items()})  # type: ignore[union-attr]
            optimizer.step()
            self.ratios.append(
                {
                    name: ((weight - before[name]).norm() / before[name].norm()).item()
                    for name, weight in weights.items()
                }
            )
            norms = {n: m for n, m in self.net.named_modules() if isinstance(m, nn.BatchNorm2d)}
            self.running.append({n: (m.running_mean.clone(), m.running_var.clone()) for n, m in norms.items()})

    def _hook(self, name: str) -> Callable[..., None]:
        def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            step = self.steps[-1]
            again = sum(key.partition("#")[0] == name for key in step)
            step[f"{name}#{again + 1}" if again else name] = output.detach().clone()
            self.inputs[-1][name] = inputs[0].detach().clone()

        return keep


def split(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return x[:-32], y[:-32], x[-32:], y[-32:]


@pytest.fixture(scope="module")
def by_hand() -> ByHand:
    x, y, _, _ = split(*digits())
    return ByHand(ResNet, x, y, F.cross_entropy, SMALL)


@pytest.fixture
def resnet(way: None) -> Record:
    session = trained(model=ResNet, data=split(*digits()))
    assert session.state == "finished" and session.error == session.notice == ""
    return session.since(-1)


def test_layers_are_the_leaf_modules_by_their_names_in_the_order_of_the_calls(resnet: Record) -> None:
    assert resnet.layers == RESNET_LAYERS
    assert resnet.norms == tuple(name for name in RESNET_LAYERS if "bn" in name or name == "layer2.downsample.1")
    assert resnet.metric == "accuracy" and resnet.loss == "cross-entropy"
    assert resnet.own.startswith("ResNet with ") and "128 training and 32 validation examples" in resnet.own


def test_each_layers_figures_equal_hand_made_hooks(resnet: Record, by_hand: ByHand) -> None:
    np.testing.assert_allclose(resnet.columns["loss"], by_hand.losses, rtol=1e-5)
    assert set(by_hand.steps[0]) == set(RESNET_LAYERS)
    for step, outputs in enumerate(by_hand.steps):
        for layer, output in outputs.items():
            values = output.double().numpy()
            wanted = {
                "mean": values.mean(), "std": values.std(ddof=1),
                "near_abs": (np.abs(values) < SMALL.near_zero).mean(), "near_below": (values <= SMALL.near_zero).mean(),
            }  # fmt: skip
            for name, value in wanted.items():
                got = resnet.columns[f"{name}/{layer}"][step]
                assert got == pytest.approx(value, rel=1e-4, abs=2e-5), (name, layer, step)
            index = resnet.layers.index(layer)
            counts = torch.histc(output, 40, -7, 7).numpy()
            # After a few steps another order of sums moves single values over a bin's edge.
            assert np.abs(resnet.hists[step, index, 1:41] - counts).sum() <= 2 + 0.001 * values.size, (layer, step)


def test_gradients_and_updates_equal_those_of_plain_torch(resnet: Record, by_hand: ByHand) -> None:
    for step, (gradients, ratios) in enumerate(zip(by_hand.gradients, by_hand.ratios, strict=True)):
        for layer, gradient in gradients.items():
            wanted = {"grad_std": gradient.double().std().item(), "update_ratio": ratios[layer]}
            for name, value in wanted.items():
                assert resnet.columns[f"{name}/{layer}"][step] == pytest.approx(value, rel=2e-3), (name, layer, step)
    without = [name for name in RESNET_LAYERS if "relu" in name or name == "avgpool"]
    assert all(np.isnan(resnet.columns[f"update_ratio/{name}"]).all() for name in without)
    assert resnet.weight_hists[:, 0].sum(1).tolist() == [36] * len(resnet.steps)


def test_norms_figures_are_those_of_their_inputs_and_buffers(resnet: Record, by_hand: ByHand) -> None:
    for name in resnet.norms:
        for step, inputs in enumerate(by_hand.inputs):
            x = inputs[name].double().transpose(0, 1).flatten(1)
            biased, unbiased = x.var(1, correction=0), x.var(1)
            mean, var = (part.double() for part in by_hand.running[step][name])
            seen = 1 - 0.9 ** (step + 1)
            wanted = (
                biased.min(), 1 / (biased.min() + 1e-5).sqrt(), x.mean(), unbiased.mean(), mean.mean(), var.mean(),
                (mean / seen).mean(), ((var - (1 - seen)) / seen).mean(), torch.tensor(seen),
            )  # fmt: skip
            for figure, value in zip(NORM, wanted, strict=True):
                got = resnet.columns[f"{figure}/{name}"][step]
                # Later steps inherit what another order of sums has moved in the weights.
                near = pytest.approx(value.item(), rel=1e-3 if step else 2e-5, abs=2e-5 if step else 1e-6)
                assert got == near, (figure, name, step)


def plain_statistics(norm: nn.Module, x: Tensor) -> Tensor:
    """The variances that a norm of torch's divides by."""
    if isinstance(norm, nn.LayerNorm):
        return x.double().flatten(-len(norm.normalized_shape)).var(-1, correction=0)
    if isinstance(norm, nn.GroupNorm):
        return x.double().reshape(len(x), norm.num_groups, -1).var(-1, correction=0)
    return x.double().flatten(2).var(-1, correction=0)


@pytest.mark.parametrize(
    "norm",
    [nn.LayerNorm([4, 6, 6]), nn.LayerNorm(6), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4)],
    ids=lambda norm: type(norm).__name__,
)
def test_norms_without_running_statistics(norm: nn.Module, way: None) -> None:
    if isinstance(norm, nn.LayerNorm) and norm.normalized_shape == (6,):
        x = torch.randn(40, 6)
        net: nn.Module = nn.Sequential(nn.Linear(6, 6), norm, nn.Linear(6, 2))
    else:
        x = torch.randn(40, 1, 6, 6)
        net = nn.Sequential(nn.Conv2d(1, 4, 1), norm, nn.Flatten(), nn.Linear(144, 2))
    y = torch.arange(40) % 2
    record = trained(SMALL.replace(batch_size=40), model=net, data=(x, y, x, y)).since(-1)
    assert record.norms == ("1",)
    smallest = plain_statistics(norm, net[0](x)).min().item()
    assert record.columns["min_var/1"][0] == pytest.approx(smallest, rel=1e-4)
    assert record.columns["max_mult/1"][0] == pytest.approx((smallest + 1e-5) ** -0.5, rel=1e-4)
    assert np.isnan(record.columns["debias/1"]).all()


def test_regression_mse_and_r_squared_are_those_of_the_whole_validation() -> None:
    x, y = curve()
    parts = x[:200], y[:200], x[200:], y[200:]
    session = trained(SMALL.replace(epochs=3), model=mlp, data=parts)
    record, last = session.since(-1), session.since(-1).validations[-1]
    assert session.state == "finished" and (record.loss, record.metric) == ("mean squared error", "R²")
    learner = session._learner
    assert isinstance(learner, Learner)
    with torch.no_grad():
        said = learner.model.eval()(torch.tensor(parts[2], dtype=torch.float32)).numpy()[:, 0]
    errors = ((said - parts[3]) ** 2).sum()
    assert last.loss == pytest.approx(errors / 100, rel=1e-4)
    assert last.accuracy == pytest.approx(1 - errors / ((parts[3] - parts[3].mean()) ** 2).sum(), rel=1e-4)
    assert 0 < last.accuracy < 1 and last.accuracy > record.validations[0].accuracy
    assert record.outputs is None and session.maps() is None
    words = findings(record, session.config, session.state)[0]
    assert "mean squared error" in words and f"R² {last.accuracy:.3f}" in words and "%" not in words


@pytest.mark.parametrize(
    ("loss", "metric", "names"),
    [
        ("l1", "none", ("mean absolute error", "")),
        (nn.HuberLoss(), None, ("HuberLoss", "R²")),
        (lambda out, y: ((out - y) ** 4).mean(), lambda out, y: 7.5, ("<lambda>", "<lambda>")),
    ],
)
def test_loss_and_metric_are_arguments(loss: Any, metric: Any, names: tuple[str, str]) -> None:
    x, y = curve(60)
    record = trained(model=mlp, data=(x, y[:, None]), loss=loss, metric=metric).since(-1)
    assert (record.loss, record.metric) == names and np.isfinite(record.columns["loss"]).all()
    if metric == "none":
        assert np.isnan(record.columns["accuracy"]).all()
    elif callable(metric):
        assert (record.columns["accuracy"] == 7.5).all()


def test_two_classes_by_one_output() -> None:
    x, y = digits(100)
    net = lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 1))  # noqa: E731
    own = Own(net, (x, y % 2), loss="bce", metric=lambda out, y: ((out > 0) == y).float().mean())
    assert own.shown.classes == () and "no class indices" in own.shown.why
    session = Session(SMALL, own=own)
    session.start()
    assert session.wait(PATIENCE) and session.state == "finished", session.error
    assert session.since(-1).outputs is None and 0 <= session.since(-1).validations[-1].accuracy <= 1


def test_only_a_net_or_only_data() -> None:
    on_mnist = trained(SMALL.replace(size=100), model=ResNet)
    assert on_mnist.state == "finished" and on_mnist.since(-1).layers == RESNET_LAYERS
    assert on_mnist.since(-1).outputs is not None and on_mnist.progress.steps == 4
    ours = trained(SMALL.replace(widths=(4, 8)), data=digits(100))
    assert ours.state == "finished" and ours.since(-1).layers == ("conv1", "conv2")
    smoothed = trained(SMALL.replace(size=100), model=ResNet, loss=nn.CrossEntropyLoss(label_smoothing=0.1))
    assert smoothed.state == "finished" and smoothed.since(-1).metric == "accuracy"


# ---- which modules are layers


def names(net: nn.Module, x: Tensor) -> tuple[list[str], list[str], list[str]]:
    """The layers, what was left out, and the modules that were not called."""
    found = try_out(net, x, lambda output: None)
    layers, without = layers_from(found)
    return [layer.name for layer in layers], without, found.idle


class Odd(nn.Module):
    """A tuple from an LSTM, a module that is never called, one that says nothing in floats, and identities."""

    def __init__(self) -> None:
        super().__init__()
        self.same, self.lstm, self.flat = nn.Identity(), nn.LSTM(4, 3, batch_first=True), nn.Flatten()
        self.never, self.biggest, self.last = nn.Linear(9, 9), Biggest(), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        sequence, _ = self.lstm(self.same(x))
        self.biggest(sequence)
        answer: Tensor = self.last(self.flat(sequence))
        return answer


class Biggest(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.argmax(-1)


def test_of_a_tuple_the_first_tensor_counts_and_what_cannot_be_measured_is_named() -> None:
    assert names(Odd(), torch.randn(5, 2, 4)) == (["lstm", "last"], ["biggest"], ["never"])
    session = trained(model=Odd, data=(torch.randn(50, 2, 4), torch.randint(2, (50,))))
    assert session.notice == "Not measured: never (not called), biggest."
    record = session.since(-1)
    assert np.isfinite(record.columns["std/lstm"]).all() and np.isnan(record.columns["grad_std/lstm"]).all()


def test_a_module_without_parts_is_one_layer_and_a_part_that_computes_a_weight_is_none() -> None:
    class Alone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(2, 3))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight.T

    assert names(Alone(), torch.randn(4, 3)) == (["Alone"], [], [])
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)))
    assert names(normed, torch.randn(4, 3)) == (["0"], [], [])
    session = trained(model=lambda: copy.deepcopy(normed), data=(torch.randn(40, 3), torch.randint(2, (40,))))
    assert session.state == "finished", session.error
    assert np.isnan(session.since(-1).columns["update_ratio/0"]).all(), "no parameter that could be compared"


def test_attention_whose_own_part_is_never_called_is_a_layer_itself() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.last = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            y, _ = self.attention(x, x, x)
            answer: Tensor = self.last(y.mean(1))
            return answer

    layers, _, idle = names(Attends(), torch.randn(5, 3, 4))
    assert layers == ["attention", "last"] and idle == ["attention.out_proj"]


class Skips(nn.Module):
    """Leaves a layer out in every second pass, as stochastic depth does."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.sometimes, self.last = nn.Linear(2, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.passes = 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += self.training
        x = self.first(x)
        x = self.sometimes(x) if self.passes % 2 else x
        answer: Tensor = self.last(x)
        return answer


def test_a_layer_that_a_pass_leaves_out_is_nan_there(way: None) -> None:
    # Five steps an epoch: the second one's rows are written where the first one's were.
    session = trained(SMALL.replace(epochs=2), model=Skips, data=(torch.randn(200, 2), torch.randint(2, (200,))))
    record = session.since(-1)
    ran = np.isfinite(record.columns["mean/sometimes"])
    assert ran.tolist() == [False, True] * 5
    assert (record.hists[:, 1].sum(1) > 0).tolist() == ran.tolist()
    assert np.isfinite(record.columns["mean/first"]).all()


def test_a_module_that_is_called_more_often_than_in_the_trial_keeps_its_layers() -> None:
    class Loops(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.again, self.last, self.turns = nn.Linear(3, 3), nn.Linear(3, 2), 2

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(self.turns):
                x = self.again(x)
            self.turns = 4
            answer: Tensor = self.last(x)
            return answer

    record = trained(model=Loops, data=(torch.randn(64, 3), torch.randint(2, (64,)))).since(-1)
    assert record.layers == ("again", "again#2", "last") and np.isfinite(record.columns["std/again#2"]).all()


def test_of_very_many_layers_those_with_weights_are_measured() -> None:
    parts = [part for _ in range(MOST_LAYERS - 4) for part in (nn.Linear(2, 2), nn.Tanh())]
    layers, without, _ = names(nn.Sequential(*parts), torch.randn(3, 2))
    assert len(layers) == MOST_LAYERS and len(without) == len(parts) - MOST_LAYERS
    assert all(str(i) in layers for i in range(0, len(parts), 2)), "every Linear"
    assert layers == sorted(layers, key=int)


def test_lazy_modules_get_their_shapes() -> None:
    net = lambda: nn.Sequential(nn.LazyConv2d(3, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(10))  # noqa: E731
    session = trained(model=net, data=digits(100))
    assert session.state == "finished" and session.since(-1).layers == ("0", "1", "3"), session.error


def test_the_trial_leaves_the_net_as_it_was() -> None:
    net = ResNet()
    before = {name: part.clone() for name, part in net.state_dict().items()}
    x, state = torch.randn(4, 1, 28, 28), torch.get_rng_state()
    try_out(net, x, lambda output: None)
    assert all(torch.equal(part, before[name]) for name, part in net.state_dict().items())
    assert torch.equal(state, torch.get_rng_state()) and not net.conv1._forward_hooks and not net._forward_pre_hooks
    assert all(parameter.grad is None for parameter in net.parameters())


# ---- what works on such a run


def dropped() -> nn.Module:
    """A net that draws numbers as it trains."""
    return nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))


def equal(a: Record, b: Record) -> None:
    for name, values in a.columns.items():
        if name != "seconds":
            np.testing.assert_array_equal(values, b.columns[name], err_msg=name)
    np.testing.assert_array_equal(a.hists, b.hists)


def test_the_same_seed_gives_the_same_run_whatever_the_net_draws() -> None:
    state = torch.get_rng_state()
    first, second = (trained(model=dropped, data=curve()).since(-1) for _ in range(2))
    equal(first, second)
    assert torch.equal(state, torch.get_rng_state()), "nobody else's numbers have moved"
    other = trained(SMALL.replace(seed=1), model=dropped, data=curve()).since(-1)
    assert not np.array_equal(other.columns["loss"], first.columns["loss"])


def test_a_branch_without_a_change_equals_its_parent_and_more_epochs_go_on() -> None:
    parent = trained(SMALL.replace(epochs=2), model=dropped, data=curve())
    child = parent.branch(5)
    child.start()
    assert child.wait(PATIENCE) and child.state == "finished", child.error
    equal(parent.since(-1), child.since(-1))
    assert child.since(-1).own == parent.since(-1).own != ""
    longer = parent.prolong(1)
    longer.start()
    assert longer.wait(PATIENCE) and longer.progress.step == 24
    whole = trained(SMALL.replace(epochs=3), model=dropped, data=curve())
    equal(whole.since(-1), longer.since(-1))


def test_the_lr_finder_leaves_the_net_as_it_was() -> None:
    before = Session(SMALL, model=dropped, data=curve())
    assert len(before.find_lr().losses) > 10
    before.start()
    assert before.wait(PATIENCE)
    plain = trained(model=dropped, data=curve())
    equal(before.since(-1), plain.since(-1))
    assert len(plain.find_lr().losses) > 10


def test_a_kept_run_says_which_net_and_metric_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS, str(tmp_path))
    library, session = Library(), Session(SMALL, model=mlp, data=curve())
    writer = library.keep(session, "")
    session.start()
    assert session.wait(PATIENCE)
    writer.close()
    (run,) = library.runs()
    assert run.name.startswith("mlp, ") and np.isnan(run.accuracy) and np.isfinite(run.valid_loss)
    record = library.open(run.id)
    assert (record.own, record.loss, record.metric) == (session.since(-1).own, "mean squared error", "R²")
    assert "mlp with 97 parameters on 240 training and 60 validation examples of shape (2,)" in record.own


def test_maps_and_answers_of_a_validation_picture_of_each_class() -> None:
    x, y = digits()
    colour = torch.cat([x, x.flip(2), x * 0.5], 1)[:, :, :20, :20]
    net = lambda: nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(5 * 18 * 18, 4))  # noqa: E731
    session = trained(model=net, data=split(colour, y % 4))
    session.watch(2, 1)
    session.maps()
    shot, outputs = session.maps(), session.since(-1).outputs
    assert shot is not None and outputs is not None and session._learner is not None
    assert outputs.classes == ("0", "1", "2", "3") and outputs.names == ("2", "1 over 2", "blank")
    learner = session._learner
    chosen = learner.task.x_valid[int((learner.task.y_valid == 2).nonzero()[0])]
    with torch.no_grad():
        learner.model.eval()
        conv = learner.model.net[0](chosen[None])  # type: ignore[operator,index]
        logits = learner.model(chosen[None])[0]
    assert [layer.name for layer in shot.layers] == ["0", "1", "3"] and shot.layers[0].shape == (5, 18, 18)
    np.testing.assert_allclose(shot.maps[0], conv[0].numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(shot.maps[1], conv[0].relu().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs.logits[0], logits.numpy(), rtol=1e-4, atol=1e-5)
    assert shot.picture.shape == (28, 28) and 0 <= shot.picture.min() <= shot.picture.max() <= 1


def test_pictures_without_classes_have_maps_and_no_answers() -> None:
    x, y = digits()
    net = lambda: nn.Sequential(nn.Conv2d(1, 2, 3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(338, 1))  # noqa: E731
    session = trained(model=net, data=(x, y.float()))
    session.maps()
    shot = session.maps()
    assert shot is not None and shot.logits.shape == (0,) and session.since(-1).outputs is None


# ---- knobs


def test_live_knobs_begin_as_the_net_has_them_and_act_within_it() -> None:
    session = Session(SMALL.replace(epochs=100), model=mlp, data=curve())
    assert session.config.norm_eps == 1e-3 and session.config.leak == 0.05
    session.step()
    assert session.wait_for(lambda: session.state == "paused", PATIENCE)
    session.change(norm_eps=0.5, leak=0.2)
    session.step()
    assert session.wait_for(lambda: len(session.since(-1).steps) > 1 and session.state == "paused", PATIENCE)
    assert session._learner is not None
    net: Any = session._learner.model.net
    assert net[1].eps == 0.5 and net[2].negative_slope == 0.2
    record = session.since(-1)
    assert record.columns["max_mult/1"][1] == pytest.approx((record.columns["min_var/1"][1] + 0.5) ** -0.5, rel=1e-5)
    session.close()


def test_a_knob_that_was_asked_for_is_set_from_the_start() -> None:
    session = Session(SMALL.replace(leak=0.3), model=mlp, data=curve())
    session.step()
    assert session.wait_for(lambda: session.state == "paused", PATIENCE)
    assert session._learner is not None
    net: Any = session._learner.model.net
    assert net[2].negative_slope == 0.3 and net[1].eps == 1e-3
    session.close()


@pytest.mark.parametrize(
    ("net", "live"),
    [
        (mlp, {"norm_eps", "leak"}),
        (ResNet, {"norm_eps", "norm_momentum"}),
        (lambda: nn.Linear(2, 1), set()),
        (lambda: nn.Sequential(nn.LayerNorm(2), nn.LayerNorm(2, eps=1e-2), nn.Linear(2, 1)), set()),
        (lambda: nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, momentum=None), nn.Linear(3, 1)), {"norm_eps"}),
    ],
    ids=["mlp", "resnet", "linear", "two epsilons", "no momentum"],
)
def test_knobs_that_do_not_apply(net: Any, live: set[str]) -> None:
    own = Own(net, curve())
    assert set(own.live) == live
    assert {"norm", "model", "init", "widths", "dataset", "size"} <= own.without_effect
    assert not own.without_effect & (live | {"lr", "momentum", "batch_size", "seed", "weight_decay"})
    assert OwnNet(net(), ()).live == live


def test_a_module_is_copied_for_each_run_and_a_factory_must_make_a_new_one() -> None:
    net = mlp()
    before = copy.deepcopy(net.state_dict())
    own = Own(net, curve())
    with torch.no_grad():
        net[0].weight.zero_()  # type: ignore[union-attr,operator,index]
    for _ in range(2):
        session = Session(SMALL, own=own)
        session.step()
        assert session.wait_for(lambda session=session: session.state == "paused", PATIENCE)  # type: ignore[misc]
        first = session.since(-1).columns["std/0"][0]
        assert first > 0.1, "as it was when it was given"
        session.close()
    assert torch.equal(net[1].weight, before["1.weight"])  # type: ignore[arg-type,union-attr,index]
    with pytest.raises(NetError, match=r"<lambda>\(\) gives the same module at each call"):
        made = Own(lambda: net, curve())
        made._fresh(0)


# ---- data


class Pairs(Dataset[tuple[Any, Any]]):
    """A Dataset as people write them: an array and a number an example."""

    classes = ("cat", "dog")

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        return self.x[i], self.y[i]


X, Y = np.arange(60, dtype=np.float64).reshape(20, 3), np.arange(20) % 2


@pytest.mark.parametrize(
    "data",
    [
        (X, Y), (X.tolist(), Y.tolist()), (torch.tensor(X), torch.tensor(Y)), Pairs(X, Y),
        TensorDataset(torch.tensor(X), torch.tensor(Y)), (Pairs(X, Y), Pairs(X[:4], Y[:4])), (X, Y, X[:4], Y[:4]),
    ],
    ids=["arrays", "lists", "tensors", "dataset", "tensor dataset", "two datasets", "four arrays"],
)  # fmt: skip
def test_data_comes_in_many_forms(data: Any) -> None:
    made = read(data)
    assert made.x_train.dtype == torch.float32 and made.y_train.dtype == torch.int64
    if len(made.x_train) == 20:
        np.testing.assert_array_equal(made.x_train, X)
        np.testing.assert_array_equal(made.x_valid, X[:4])
    else:
        assert len(made.x_train) == 16 and len(made.x_valid) == 4
        rows = torch.cat([made.x_train, made.x_valid])
        np.testing.assert_array_equal(rows[rows[:, 0].argsort()], X, "each example is in one of the two")
        labels = torch.cat([made.y_train, made.y_valid])
        np.testing.assert_array_equal(labels, (rows[:, 0] / 3 % 2).long())
    is_dataset = isinstance(data, Pairs) or isinstance(data[0], Pairs)
    assert made.classes == (("cat", "dog") if is_dataset else ())


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter([])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ((X, Y[:-1]), r"x has 20 examples and y has 19: x is \(20, 3\), y is \(19,\)"),
        ((X, Y, X, Y[:3]), r"x_valid has 20 examples and y_valid has 3"),
        ((X, Y, X[:, :2], Y), r"x and x_valid do not match: .* is float32 \(3,\), in validation float32 \(2,\)"),
        ((X, Y, X, Y.astype(float)), r"y and y_valid do not match: .* is int64 \(\), in validation float32 \(\)"),
        ((X.astype(np.uint8), Y), r"x is uint8 \(20, 3\): give floats, such as x / 255"),
        ((X.astype(complex), Y), "x is complex128"),
        ((np.array(["a"] * 20), Y), "x is no array of numbers"),
        ((np.where(X == 33, np.nan, X), Y), "x has values .* not finite in 1 of 20 examples, first in example 11"),
        ((X[:1], Y[:1]), "at least 2 are needed to train"),
        ((X, 3), "y is a single number"),
        ((X,), r"data must be a pair \(x, y\), .*; got 1 parts"),
        (X, r"data must be a pair \(x, y\), .*; got ndarray"),
        (DataLoader(Pairs(X, Y)), "data is a DataLoader: give its .dataset"),
        (Stream(), r"data \(Stream\) has no length"),
        (Pairs([*X[:5], X[5, :2]], Y[:6]), r"x of example 5 of data has shape \(2,\), that of example 0 \(3,\)"),
        (Pairs(["cat"] * 3, Y[:3]), "x of example 0 of data is str: give a tensor"),
    ],
)  # fmt: skip
def test_data_that_does_not_fit_is_refused_by_name_and_shape(data: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        Session(SMALL, model=mlp, data=data)


# ---- errors of the net


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (42, "model must be a module, or a function that makes one .*; got 42"),
        ("lenet", "model must be a module, .*; got 'lenet'"),
        (lambda: 42, r"model: <lambda>\(\) must give an nn.Module; it gave int"),
        (lambda: nn.Linear("a", 2), r"model: <lambda>\(\) failed: TypeError: "),  # type: ignore[arg-type]
        (nn.Linear, r"model: Linear\(\) failed: TypeError: .*missing 2 required"),
    ],
)
def test_a_model_that_cannot_be_made_is_refused_at_once(model: Any, says: str) -> None:
    with pytest.raises(NetError, match=says):
        Session(SMALL, model=model, data=curve())


def test_a_module_that_cannot_be_copied_is_refused() -> None:
    net = mlp()
    net.lock = __import__("threading").Lock()  # type: ignore[assignment]
    with pytest.raises(
        NetError, match=r"this Sequential cannot be copied \(TypeError: .*Give a function that makes it"
    ):
        Own(net, curve())


@pytest.mark.parametrize(("what", "given"), [("loss", "rmse"), ("metric", "f1"), ("loss", 3)])
def test_a_loss_or_metric_of_an_unknown_name_is_refused(what: str, given: Any) -> None:
    with pytest.raises(
        NetError, match=rf"{what} must be one of .*, or a function of \(outputs, targets\); got {given!r}"
    ):
        Session(SMALL, model=mlp, data=curve(), **{what: given})


@pytest.mark.parametrize("given", ["no.such.module:net", "tests.own_nets:nothing"])
def test_a_name_that_is_not_there_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=f"model must be .*got '{given}'"):
        Session(SMALL, model=given, data=curve())


class Wrong(nn.Module):
    """A ResNet whose second block expects other channels than the first one gives."""

    def __init__(self) -> None:
        super().__init__()
        self.net = ResNet()
        self.net.layer2.conv1 = nn.Conv2d(5, 8, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out


class Returns(nn.Module):
    def __init__(self, returns: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.last, self.returns = nn.Linear(2, 3), returns

    def forward(self, x: Tensor) -> Any:
        return self.returns(self.last(x))


PLANE = (torch.randn(40, 2), torch.arange(40) % 3)


@pytest.mark.parametrize(
    ("own", "says"),
    [
        (
            {"model": Wrong, "data": digits(40)},
            "Layer net.layer2.conv1 (Conv2d) cannot take what it was given, float32 (4, 4, 14, 14): RuntimeError: ",
        ),
        ({"model": mlp, "data": (X, Y)}, "Layer 0 (Linear) cannot take what it was given, float32 (4, 3): "),
        ({"model": mlp, "data": (X.astype(int), Y)}, "Layer 0 (Linear) cannot take what it was given, int64 (4, 3): "),
        (
            {"model": lambda: Returns(lambda y: y @ torch.ones(4, 2)), "data": PLANE},
            "Layer Returns (Returns) cannot take what it was given, float32 (4, 2): ",
        ),
        ({"model": lambda: Returns(lambda y: (y, y)), "data": PLANE}, "Returns returns tuple (float32 (4, 3), "),
        ({"model": lambda: Returns(lambda y: y.mean()), "data": PLANE}, "The net returns float32 () for 4 examples"),
        ({"model": lambda: Returns(lambda y: y[:2]), "data": PLANE}, "The net returns float32 (2, 3) for 4 examples"),
        ({"model": lambda: Returns(Tensor.detach), "data": PLANE}, "does not depend on any parameter of the net"),
        ({"model": lambda: mlp().double(), "data": curve()}, "Parameter 0.weight is float64"),
        ({"model": lambda: mlp().requires_grad_(False), "data": curve()}, "has no parameter that can be trained"),
        ({"model": nn.Tanh, "data": curve()}, "Tanh has no parameter that can be trained"),
        (
            {"model": lambda: nn.Linear(2, 3), "data": (PLANE[0], PLANE[1] + 1)},
            "y holds class 3 (in example ",
        ),
        (
            {"model": lambda: nn.Linear(2, 3), "data": (*PLANE, PLANE[0], PLANE[1] - 1)},
            "y_valid holds class -1 (in example 0), but the net has 3 outputs: class indices must be 0 to 2",
        ),
        (
            {"model": lambda: nn.Linear(2, 3), "data": curve()},
            "The loss mean squared error cannot take the net's output float32 (4, 3) with targets float32 (4,): both",
        ),
        (
            {"model": lambda: nn.Linear(2, 3), "data": (PLANE[0], PLANE[1][:, None])},
            "The loss cross-entropy cannot take the net's output float32 (4, 3) with targets int64 (4, 1): (n,",
        ),
        (
            {"model": lambda: nn.Linear(2, 3), "data": PLANE, "loss": F.nll_loss, "metric": lambda out, y: out},
            "The metric <lambda> cannot take the net's output float32 (4, 3) with targets int64 (4,): ",
        ),
        (
            {"model": lambda: nn.Linear(2, 3), "data": PLANE, "loss": lambda out, y: out.exp()},
            "The loss <lambda> gives float32 (4, 3): it must be one number",
        ),
        (
            {"model": lambda: nn.Linear(2, 3), "data": PLANE, "loss": lambda out, y: out @ y},
            "The loss <lambda> cannot take the net's output float32 (4, 3) with targets int64 (4,): RuntimeError: ",
        ),
        ({"data": (torch.randn(30, 3, 28, 28), torch.arange(30) % 3)}, "The lab's CNN takes pictures of one channel, "),
    ],
)  # fmt: skip
def test_a_net_that_does_not_fit_its_data_fails_by_name_and_shape(own: dict[str, Any], says: str) -> None:
    error = failed(**own)
    assert error.startswith("NetError: ") and says in error, error


def test_an_error_in_the_middle_of_the_training_names_the_layer_too() -> None:
    # The last batch has a single example, of which a BatchNorm has no variance.
    net = lambda: nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))  # noqa: E731
    session = trained(model=net, data=(torch.randn(33, 2), torch.arange(33) % 3, *PLANE))
    assert session.state == "failed" and len(session.since(-1).steps) == 1
    assert (
        "Layer 1 (BatchNorm1d) cannot take what it was given, float32 (1, 4): ValueError: Expected more"
        in session.error
    )


def test_a_diverged_run_names_the_first_layer_that_broke() -> None:
    session = trained(SMALL.replace(lr=1e3, weight_decay=10, epochs=50), model=Skips, data=(PLANE[0], PLANE[1] % 2))
    assert session.state == "diverged", session.error
    record = session.since(-1)
    broken = [name for name in record.layers if not np.isfinite(record.columns[f"mean/{name}"][-1])]
    ran = [name for name in broken if record.hists[-1, record.layers.index(name)].any()]
    assert f"The first layer that was not finite: {ran[0]}." in session.error, session.error


# ---- the command line


def test_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--model", "tests.own_nets:mlp", "--data", "tests.own_nets:curve"]
    assert cli.main([*given, "--epochs", "2", "--device", "cpu", "--lr", ".05", "--metric", "none"]) == 0
    said = capsys.readouterr().out
    assert "finished after 8 steps" in said and "       3: mean " in said and "/nan -> valid " in said
    assert cli.main(["--model", "tests.own_nets:gone", *given[2:]]) == 2
    assert "got 'tests.own_nets:gone'" in capsys.readouterr().err
    assert cli.main([*given, "--code"]) == 2 and "own nets on its own data only" in capsys.readouterr().err
    assert cli.main(["--data", "tests.own_nets:RESNET_LAYERS"]) == 2
    assert "data must be" in capsys.readouterr().err
    assert cli.main([*given[:2], "--size", "100", "--epochs", "1"]) == 1
    assert "Layer 0 (Linear) cannot take what it was given, float32 (4, 1, 28, 28)" in capsys.readouterr().out


def test_our_own_run_is_as_before() -> None:
    session = Session(Config(size=100, widths=(4,), epochs=1, device="cpu"))
    assert session.own is None and session.config == Config(size=100, widths=(4,), epochs=1, device="cpu")
    assert Own(mlp, curve()).configured(DEFAULTS).changed() == {"norm_eps": 1e-3, "leak": 0.05}
    session.close()
    assert session.state in ENDED and LAYER[0] == "mean"
