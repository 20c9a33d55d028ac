"""A run in a notebook whose torch and numpy were set up for something else: the same numbers as ever."""

from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
import torch

from lab.config import NORMS, Config
from lab.record import Record
from lab.session import Session

TINY = Config(size=60, batch_size=16, epochs=1, widths=(8, 8), lr=0.05, device="cpu")
NETS = [TINY.replace(norm=norm) for norm in NORMS] + [
    TINY.replace(model="mlp", init="lsuv"), TINY.replace(model="logistic", optimizer="adam", momentum=0.9),
]  # fmt: skip


@pytest.fixture(params=["dtype", "deterministic", "no grad", "autocast", "numpy raises", "device"])
def changed(request: pytest.FixtureRequest) -> Iterator[str]:
    with ExitStack() as stack:
        match request.param:
            case "dtype":
                stack.callback(torch.set_default_dtype, torch.get_default_dtype())
                torch.set_default_dtype(torch.float64)
            case "deterministic":
                stack.callback(torch.use_deterministic_algorithms, False)
                torch.use_deterministic_algorithms(True)
            case "no grad":
                stack.callback(torch.set_grad_enabled, True)
                torch.set_grad_enabled(False)
            case "autocast":
                stack.enter_context(torch.autocast("cpu", torch.bfloat16))
            case "device":
                stack.callback(torch.set_default_device, None)
                torch.set_default_device("meta")
            case "numpy raises":
                stack.enter_context(np.errstate(all="raise"))
        yield request.param


def record_of(config: Config) -> Record:
    session = Session(config)
    session.start()
    assert session.wait(60) and session.state in ("finished", "diverged"), session.error
    record = session.since(-1)
    session.close()
    return record


def assert_same(one: Record, other: Record) -> None:
    for name, values in one.columns.items():
        if name != "seconds":
            np.testing.assert_array_equal(values, other.columns[name], err_msg=name)
    np.testing.assert_array_equal(one.hists, other.hists)
    np.testing.assert_array_equal([row[2:] for row in one.validations], [row[2:] for row in other.validations])


PLAIN: dict[Config, Record] = {}


@pytest.mark.parametrize("config", NETS, ids=lambda config: f"{config.model} {config.norm}")
def test_a_run_is_what_it_always_is(config: Config, changed: str) -> None:
    before = torch.get_default_dtype(), torch.get_rng_state()
    found = record_of(config)
    assert torch.get_default_dtype() == before[0] and torch.equal(torch.get_rng_state(), before[1]), "nothing is moved"
    if config not in PLAIN:
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(False)
        PLAIN[config] = record_of(config)
    assert_same(found, PLAIN[config])
