"""The contestants of the benchmarks compute the same; nothing is timed."""

from contextlib import ExitStack

import pytest
import torch

from benchmarks import hooks, loops, step_speed, telemetry
from lab.config import Config

STEPS = 3


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps a turn of a small net on few images, on the CPU."""

    def config_for(batch: int, norm: str) -> Config:
        return Config(batch_size=batch, norm=norm, lr=0.02, epochs=50, size=200, widths=(4, 8), device="cpu")

    monkeypatch.setattr(loops, "config_for", config_for)
    monkeypatch.setattr(loops, "STEPS", dict.fromkeys(loops.BATCHES, 2))


@pytest.mark.parametrize("norm", step_speed.NORMS)
@pytest.mark.parametrize("batch", [2, 64])
def test_the_lab_and_the_plain_loops_compute_the_same(batch: int, norm: str) -> None:
    found = step_speed.losses(batch, norm, STEPS)
    assert set(found) == {step_speed.LOADER, step_speed.RESIDENT, step_speed.OFF, step_speed.ON}
    assert len(set(found[step_speed.LOADER])) == STEPS, "it trains"
    step_speed.check(found)


def test_a_contestant_that_computes_something_else_is_found_out() -> None:
    with pytest.raises(RuntimeError, match="fast does not compute"):
        step_speed.check({step_speed.LOADER: [1.0, 0.9], "fast": [1.0, 0.8]})
    with pytest.raises(RuntimeError, match="fast does not compute"):
        step_speed.check({step_speed.LOADER: [1.0, 0.9], "fast": [1.0]})


@pytest.mark.parametrize("question", [telemetry, step_speed])
def test_every_contestant_takes_a_turn_and_is_told_of(question) -> None:  # type: ignore[no-untyped-def]
    norm = list(question.NORMS)[1]
    with ExitStack() as stack:
        turns = question.contestants(stack, 64, norm)
        costs = {name: [turn(), turn()] for name, turn in turns.items()}
    costs["noise, A against A"] = costs[next(iter(costs))]
    assert all(cost > 0 for taken in costs.values() for cost in taken)
    figures = question.figures(costs, "x", 1.1) if question is telemetry else question.figures(costs, "x", 64, False)
    assert {figure.target for figure in figures} > {""}
    assert len({figure.what for figure in figures}) == len(figures)


def test_what_telemetry_adds_is_told_in_the_plain_loops_steps() -> None:
    names = (telemetry.PLAIN, telemetry.PROBES, telemetry.COURSE, telemetry.FASTAI, telemetry.OFF, telemetry.ON)
    costs = dict(zip(names, ([4.0], [4.2], [5.0], [6.0], [2.0], [2.8]), strict=True))
    costs["noise, A against A"] = [4.0]
    ratios = [figure.median for figure in telemetry.figures(costs, "x", 1.1)]
    assert ratios[:4] == pytest.approx([1.05, 1.2, 1.25, 1.5])


def test_others_figures_are_those_of_the_blocks() -> None:
    model, task = loops.parts(loops.config_for(64, "none"))
    blocks = list(model.blocks.values())
    with hooks.course(blocks) as kept, hooks.activation_stats(blocks) as keep:
        model(task.x_train[:64])
        keep()
        assert len(kept) == len(blocks)
        model.eval()
        model(task.x_train[:64])
        assert len(kept) == len(blocks), "validation is not measured"
    with torch.no_grad():
        x = blocks[0](task.x_train[:64])
    assert kept[0][0].item() == pytest.approx(x.mean().item()) and kept[0][2].sum() <= x.numel()
    assert not any(block._forward_hooks for block in blocks)
