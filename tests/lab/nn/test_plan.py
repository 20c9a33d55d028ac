"""The planned layers are those of the net that is built."""

import pytest

from lab.config import POOLS, Config
from lab.nn import models
from lab.nn.plan import parameters, plan


@pytest.mark.parametrize(
    "norm", ["none", "batch", "torch_batch", "layer", "instance", "instance_biased", "group", "running"]
)
@pytest.mark.parametrize("model", ["cnn", "mlp", "logistic"])
def test_the_plan_is_the_nets(model: str, norm: str) -> None:
    config = Config(model=model, norm=norm, widths=(4, 8, 16))
    blocks = models.build(config).blocks
    layers = plan(config)
    assert [layer.name for layer in layers] == list(blocks)
    for layer, block in zip(layers, blocks.values(), strict=True):
        assert layer.parameters == sum(parameter.numel() for parameter in block.parameters())
        assert layer.norm == ("" if block.norm is None else type(block.norm).__name__)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("model", ["cnn", "mlp", "logistic"])
def test_the_parameters_are_all_of_the_nets(model: str, pool: str) -> None:
    for norm, widths in (("none", (5,)), ("batch", (4, 8, 16)), ("layer", (3, 5, 7, 9, 11, 13))):
        config = Config(model=model, norm=norm, widths=widths, pool=pool)
        built = models.build(config)
        assert parameters(config) == sum(parameter.numel() for parameter in built.parameters())
