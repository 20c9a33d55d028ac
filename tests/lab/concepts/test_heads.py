"""How each head's answer is read: scores, thresholds and what is counted, against plain loops."""

import numpy as np
import pytest

from lab.concepts.heads import HEADS, MEASURES, measure, named, scores, tune
from lab.config import ConfigError

RNG = np.random.default_rng(0)


def some(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are right more often than not, and the truth."""
    present = np.zeros((n, 10), bool)
    for row, count in zip(present, np.tile([0, 1, 1, 2, 3], n)[:n], strict=True):
        row[RNG.permutation(10)[:count]] = True
    return np.clip(0.6 * present + RNG.random((n, 10)) * 0.5, 0, 1), present


def right(found: np.ndarray, present: np.ndarray, threshold: float) -> int:
    return sum(list(row >= threshold) == list(truth) for row, truth in zip(found, present, strict=True))


@pytest.mark.parametrize("key", HEADS)
def test_scores_are_the_heads_own_probabilities_of_the_ten_digits(key: str) -> None:
    logits = RNG.normal(0, 3, (7, HEADS[key].outputs))
    powers = np.exp(logits)
    shares = powers / (1 + powers) if key == "sigmoid" else powers / powers.sum(axis=1, keepdims=True)
    assert scores(key, logits) == pytest.approx(shares[:, :10])


@pytest.mark.parametrize("key", HEADS)
def test_huge_logits_overflow_nothing(key: str) -> None:
    logits = np.full((2, HEADS[key].outputs), -1e4)
    logits[0, 3] = 1e4
    found = scores(key, logits)
    assert np.isfinite(found).all() and found[0].round(6).tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]


def test_pairs_are_one_softmax_and_not_ten_sigmoids() -> None:
    logits = np.zeros((1, 20))
    assert scores("pairs", logits)[0] == pytest.approx(np.full(10, 1 / 20)), "taken pair by pair it would be a half"
    logits[0, 0] = 3
    assert scores("pairs", logits)[0, 1] < 1 / 20, "one K's logit lowers every other's score"


def test_softmax_cannot_tell_a_shift_and_sigmoid_can() -> None:
    logits = RNG.normal(0, 1, (5, 10))
    assert scores("softmax", logits - 4) == pytest.approx(scores("softmax", logits))
    assert (scores("sigmoid", logits - 4) < scores("sigmoid", logits)).all()


def test_tune_finds_the_best_of_all_thresholds() -> None:
    for _ in range(5):
        found, present = some()
        best = max(right(found, present, t) for t in np.linspace(0, 1, 401))
        assert right(found, present, tune(found, present)) >= best


def test_tune_takes_the_middle_of_the_best_range() -> None:
    present = np.zeros((3, 10), bool)
    present[:2, 4] = True
    found = np.full((3, 10), 0.1)
    found[0, 4], found[1, 4], found[2, 7] = 0.9, 0.7, 0.3
    assert tune(found, present) == pytest.approx(0.5), "between the absent .3 and the present .7"


def test_tune_on_what_cannot_be_right() -> None:
    present = np.zeros((1, 10), bool)
    present[0, 0] = True
    assert tune(np.full((1, 10), 0.4), present) == 0.5, "an absent digit's score equals the present one's"
    assert tune(np.empty((0, 10)), np.empty((0, 10), bool)) == 0.5


def test_tune_on_empty_pictures_only() -> None:
    found = np.full((4, 10), 0.2)
    assert 0.2 < tune(found, np.zeros((4, 10), bool)) <= 1


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_threshold_outside_0_to_1_is_refused(threshold: float) -> None:
    with pytest.raises(ConfigError, match=r"threshold.*at least 0 and at most 1"):
        named(np.zeros((1, 10)), threshold)


def test_the_ends_of_the_range() -> None:
    found = np.array([[0.0, 0.5, 1.0]])
    assert named(found, 0).tolist() == [[True, True, True]]
    assert named(found, 1).tolist() == [[False, False, True]]


@pytest.mark.parametrize("threshold", [0.3, 0.8])
def test_measures_against_a_plain_count(threshold: float) -> None:
    found, present = some()
    counted = measure(found, present, threshold)
    assert counted["missed_several"] > 0 or counted["wrong_several"] > 0
    says, count = found >= threshold, present.sum(axis=1)
    for kind, here in (("none", count == 0), ("one", count == 1), ("several", count > 1)):
        rows = [
            (set(np.flatnonzero(a)), set(np.flatnonzero(b))) for a, b in zip(says[here], present[here], strict=True)
        ]
        assert counted[f"exact_{kind}"] == pytest.approx(np.mean([a == b for a, b in rows]))
        if kind != "none":
            missed = sum(len(b - a) for a, b in rows) / sum(len(b) for _, b in rows)
            assert counted[f"missed_{kind}"] == pytest.approx(missed)
            assert counted[f"wrong_{kind}"] == pytest.approx(np.mean([bool(a - b) for a, b in rows]))
        else:
            assert counted["false_alarms"] == pytest.approx(np.mean([bool(a) for a, _ in rows]))
            assert counted["sure"] == pytest.approx(found[here].max(axis=1).mean())
    assert counted["exact"] == pytest.approx(np.mean([counted[f"exact_{kind}"] for kind in ("none", "one", "several")]))
    assert list(counted) == list(MEASURES)


def test_a_kind_that_does_not_occur_is_nan() -> None:
    present = np.eye(10, dtype=bool)
    counted = measure(present.astype(float), present, 0.5)
    assert counted["exact_one"] == 1 and counted["missed_one"] == 0 and counted["wrong_one"] == 0
    assert np.isnan(counted["exact_none"]) and np.isnan(counted["missed_several"]) and np.isnan(counted["exact"])


def test_every_head_is_explained_in_one_sentence() -> None:
    for head in HEADS.values():
        assert head.help.endswith(".") and ". " not in head.help and len(head.help) <= 140
    assert len({head.help for head in HEADS.values()}) == len(HEADS)
