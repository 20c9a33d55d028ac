"""Cross-entropy: the sum is the look-up, torch as oracle, and how the naive form breaks."""

import numpy as np
import pytest
import torch

from lab.concepts.cross_entropy import (
    LESSON,
    breaks_at,
    by_index,
    by_one_hot,
    limits,
    log_softmax,
    naive_log_softmax,
    one_hot,
    verdict,
)
from lab.concepts.softmax import LOGITS

X = np.array(LOGITS)


def test_the_lessons_cat_and_dog() -> None:
    read_out = [0.3, 0.01, 1.0]
    for (_, hot, p), told in zip(LESSON, read_out, strict=True):
        target = hot.index(1)
        assert -np.log10(p[target]) == pytest.approx(told, abs=0.005) and sum(p) == pytest.approx(1)
        assert by_one_hot(np.log(p), target) == by_index(np.log(p), target) == -np.log(p[target])
    assert [f"{by_index(np.log(p), hot.index(1)):.2f}" for _, hot, p in LESSON] == ["0.69", "0.02", "2.30"]


@pytest.mark.parametrize("target", range(5))
def test_one_hot_and_index_give_the_same_number_as_torch(target: int) -> None:
    logs = log_softmax(X).logs
    expected = torch.nn.functional.cross_entropy(torch.tensor(X)[None], torch.tensor([target])).item()
    assert by_one_hot(logs, target) == by_index(logs, target) == pytest.approx(expected, abs=1e-14)
    assert one_hot(target, 5).sum() == 1 and one_hot(target, 5)[target] == 1


def test_a_term_with_a_zero_counts_nothing() -> None:
    assert by_one_hot([-np.inf, -1.0], 1) == 1.0


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_log_sum_exp_is_torchs_at_any_size(kind: str) -> None:
    rng = np.random.default_rng(2)
    for size in (1, 30, 1000, 1e4):
        x = rng.uniform(-size, size, (20, 6)).astype(kind)
        expected = torch.tensor(x).log_softmax(-1).numpy()
        made = log_softmax(x, kind)  # type: ignore[arg-type]
        assert made.logs.dtype == kind and np.isfinite(made.logs).all()
        np.testing.assert_allclose(made.logs, expected, rtol=1e-6, atol=1e-6)
    extreme = log_softmax([1e4, -1e4, 1e4], "float32").logs
    np.testing.assert_allclose(extreme, [-np.log(2), -2e4 - np.log(2), -np.log(2)], rtol=1e-6)


def test_the_naive_form_is_the_same_where_it_works() -> None:
    made = naive_log_softmax(X)
    np.testing.assert_allclose(made.logs, log_softmax(X).logs, rtol=1e-5)
    assert made.logs.dtype == np.float32 and made.total.shape == (1,)
    assert naive_log_softmax(np.zeros((3, 4)), "float64").logs.shape == (3, 4)


@pytest.mark.parametrize(
    ("logits", "target", "kind", "how", "loss"),
    [
        ([80, 0], 0, "float32", "fine", 0),
        ([89, 0], 0, "float32", "overflow", np.nan),
        ([89, 0], 1, "float32", "swamped", np.inf),
        ([89, 0], 0, "float64", "fine", 0),
        ([710, 0], 0, "float64", "overflow", np.nan),
        ([-1000, -1001], 0, "float32", "empty", np.nan),
        ([-1000, -1001], 1, "float64", "empty", np.nan),
        ([0, -104], 1, "float32", "underflow", np.inf),
        ([0, -104], 1, "float64", "fine", 104),
        ([88.7, 88.7], 0, "float32", "swamped", np.inf),
    ],
)
def test_where_and_how_the_naive_form_breaks(
    logits: list[float], target: int, kind: str, how: str, loss: float
) -> None:
    assert verdict(logits, target, kind) == how  # type: ignore[arg-type]
    found = -float(naive_log_softmax(logits, kind).logs[target])  # type: ignore[arg-type]
    assert found == pytest.approx(loss, abs=1e-6, nan_ok=True)
    assert np.isfinite(log_softmax(logits, kind).logs).all()  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_the_limits_are_where_exp_ends(kind: str) -> None:
    low, high = limits(kind)  # type: ignore[arg-type]
    with np.errstate(all="ignore"):
        below, above = np.exp(np.array([low - 0.01, high + 0.01], kind))
        inside = np.exp(np.array([low + 0.01, high - 0.01], kind))
    assert below == 0 and np.isinf(above) and (inside > 0).all() and np.isfinite(inside).all()
    if kind == "float32":
        assert (round(low, 2), round(high, 2)) == (-103.97, 88.72)


def test_the_first_break_is_found() -> None:
    assert breaks_at([1, 2, np.inf, np.nan, 3], [10, 20, 30, 40, 50]) == 30
    assert breaks_at([1, 2], [10, 20]) is None


def test_a_class_that_is_not_there() -> None:
    for function in (by_index, by_one_hot):
        with pytest.raises(ValueError, match="class 5 is none of the 5"):
            function(X, 5)
        with pytest.raises(ValueError, match="class -1"):
            function(X, -1)
    with pytest.raises(ValueError, match="none of the 0"):
        one_hot(0, 0)
