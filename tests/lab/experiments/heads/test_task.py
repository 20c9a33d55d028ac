"""What each head is taught: targets, losses and who sees empty canvases."""

import math

import pytest
import torch

from lab.concepts.heads import HEADS
from lab.experiments.heads.composites import Canvases, Part
from lab.experiments.heads.task import binary_cross_entropy, divergence, exact, make_task, targets

EMPTY, ONE, THREE = range(3)


def present() -> torch.Tensor:
    """An empty canvas, a 4, and 0 with 1 with 9."""
    there = torch.zeros(3, 10, dtype=torch.bool)
    there[ONE, 4] = True
    there[THREE, [0, 1, 9]] = True
    return there


def canvases() -> Canvases:
    there = present()
    train, valid, test = (
        Part(torch.randn(3, 1, 56, 56, generator=torch.Generator().manual_seed(i)), there) for i in range(3)
    )
    return Canvases(train, valid, test, mean=0.1, std=0.3)


@pytest.mark.parametrize("key", HEADS)
def test_shape_and_mass(key: str) -> None:
    made = targets(key, present())
    assert made.shape == (3, HEADS[key].outputs) and made.dtype == torch.float32
    if key != "sigmoid":
        expected = [0.0, 1, 1] if key == "softmax" else [1.0, 1, 1]
        assert made.sum(dim=1).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("key", HEADS)
def test_a_digits_least_target(key: str) -> None:
    made = targets(key, present())[:, :10][present()]
    assert float(made.min()) == pytest.approx(HEADS[key].least)


def test_several_digits_share_equally() -> None:
    for key in ("softmax", "none"):
        made = targets(key, present())
        assert made[THREE, [0, 1, 9]].tolist() == pytest.approx([1 / 3] * 3) and made[ONE, 4] == 1
    assert targets("none", present())[:, 10].tolist() == [1, 0, 0]


def test_pairs_are_ten_true_statements_of_a_tenth_each() -> None:
    made = targets("pairs", present())
    assert made[THREE].nonzero().flatten().tolist() == [0, 1, 9, 12, 13, 14, 15, 16, 17, 18]
    assert made[EMPTY].nonzero().flatten().tolist() == list(range(10, 20))
    assert made[made > 0].tolist() == pytest.approx([0.1] * 30)


def test_sigmoid_is_asked_ten_questions() -> None:
    assert torch.equal(targets("sigmoid", present()), present().float())


def test_divergence_is_0_where_the_answer_is_the_target() -> None:
    made = targets("none", present())
    assert float(divergence((made + 1e-9).log(), made)) == pytest.approx(0, abs=1e-5)
    flat = torch.zeros(3, 11)
    expected = (math.log(11) + math.log(11) + math.log(11 / 3)) / 3
    assert float(divergence(flat, made)) == pytest.approx(expected)


def test_binary_cross_entropy_adds_the_questions_up() -> None:
    assert float(binary_cross_entropy(torch.zeros(3, 10), present().float())) == pytest.approx(10 * math.log(2))


@pytest.mark.parametrize("key", HEADS)
def test_exact_where_every_digit_has_its_target_and_not_where_one_lacks(key: str) -> None:
    made = targets(key, present())[1:]
    logits = torch.logit(made, eps=1e-6) if key == "sigmoid" else (made + 1e-9).log()
    assert float(exact(key, logits, made)) == 1
    logits[1, 9] = -30
    assert float(exact(key, logits, made)) == 0.5


@pytest.mark.parametrize("key", HEADS)
def test_only_plain_softmax_never_sees_an_empty_canvas(key: str) -> None:
    given = canvases()
    task = make_task(key, given)
    for x, y, part in ((task.x_train, task.y_train, given.train), (task.x_valid, task.y_valid, given.valid)):
        kept = slice(1, None) if key == "softmax" else slice(None)
        assert torch.equal(x, part.x[kept]) and torch.equal(y, targets(key, part.present[kept]))
    assert task.outputs == HEADS[key].outputs
    assert (task.loss is binary_cross_entropy) == (key == "sigmoid")
    assert float(task.metric(torch.zeros(len(task.y_valid), task.outputs), task.y_valid)) >= 0
