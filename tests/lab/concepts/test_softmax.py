"""Softmax v sigmoid: every cell that the lesson prints, torch as oracle, and what softmax cannot see."""

import numpy as np
import pytest
import torch

from lab.concepts import softmax as concept
from lab.concepts.softmax import CLASSES, LOGITS, OFFSET, arithmetic, passing, shift, sigmoid, softmax, winners

# entropy_example.xlsx as printed on the slides: output, exp, softmax, sigmoid ("binomial", "binary").
IMAGE_1 = {
    "cat": (0.02, 1.02, 0.08, 0.51), "dog": (-2.49, 0.08, 0.01, 0.08), "plane": (-1.75, 0.17, 0.01, 0.15),
    "fish": (2.07, 7.93, 0.62, 0.89), "building": (1.25, 3.49, 0.27, 0.78),
}  # fmt: skip
IMAGE_2 = {
    "cat": (-1.42, 0.24, 0.08, 0.19), "dog": (-3.93, 0.02, 0.01, 0.02), "plane": (-3.19, 0.04, 0.01, 0.04),
    "fish": (0.63, 1.87, 0.62, 0.65), "building": (-0.19, 0.82, 0.27, 0.45),
}  # fmt: skip
FIRST = np.array(LOGITS)


@pytest.mark.parametrize(("logits", "printed", "total"), [(FIRST, IMAGE_1, 12.70), (FIRST + OFFSET, IMAGE_2, 3.00)])
def test_every_cell_of_the_lesson(logits: np.ndarray, printed: dict[str, tuple[float, ...]], total: float) -> None:
    made = arithmetic(logits)
    columns = zip(logits, made.powers, made.softmax, made.sigmoid, strict=True)
    found = {name: tuple(f"{cell:.2f}" for cell in row) for name, row in zip(CLASSES, columns, strict=True)}
    assert found == {name: tuple(f"{cell:.2f}" for cell in row) for name, row in printed.items()}
    assert f"{made.total:.2f}" == f"{total:.2f}" and f"{made.softmax.sum():.2f}" == "1.00"


def test_they_are_torchs() -> None:
    x = np.random.default_rng(1).normal(0, 8, (40, 7))
    t = torch.tensor(x)
    for temperature in (0.3, 1.0, 5.0):
        np.testing.assert_allclose(softmax(x, temperature), (t / temperature).softmax(-1).numpy(), atol=1e-15)
        np.testing.assert_allclose(sigmoid(x, temperature), (t / temperature).sigmoid().numpy(), atol=1e-15)


def test_softmax_cannot_see_a_shift_and_sigmoid_can() -> None:
    found = shift(FIRST, FIRST + OFFSET)
    assert found.constant == pytest.approx(OFFSET) and found.softmax_apart < 1e-15
    np.testing.assert_allclose(found.offsets, OFFSET)
    np.testing.assert_allclose(found.ratios, np.exp(OFFSET))
    assert found.sigmoid_apart == pytest.approx(0.777 - 0.452, abs=1e-3)
    own = shift(FIRST, FIRST * 1.01)
    assert own.constant is None and own.softmax_apart > 1e-3
    np.testing.assert_allclose(shift(FIRST, FIRST + OFFSET, 2).ratios, np.exp(OFFSET / 2))
    assert shift(FIRST, FIRST + 8191.7).constant is not None, "rounding is no difference"
    assert shift(FIRST + 1e4, FIRST - 1e4).constant == pytest.approx(-2e4)


def test_sigmoid_is_softmax_over_has_it_and_has_it_not() -> None:
    for x, share in zip(FIRST, sigmoid(FIRST), strict=True):
        assert softmax([x, 0.0])[0] == pytest.approx(share)


def test_the_answers_in_words() -> None:
    one, two = arithmetic(FIRST), arithmetic(FIRST + OFFSET)
    assert winners(one.softmax, CLASSES) == winners(two.softmax, CLASSES) == ["fish"]
    assert passing(one.sigmoid, CLASSES) == ["cat", "fish", "building"]
    assert passing(two.sigmoid, CLASSES) == ["fish"]
    assert passing(one.sigmoid, CLASSES, 0) == list(CLASSES) and passing(one.sigmoid, CLASSES, 1) == []
    assert winners(softmax([3.0, 3.0, 3.0]), "abc") == ["a", "b", "c"]
    assert winners([0.5, 0.4999], "ab") == ["a"]
    assert passing([0.5], ["a"], 0.5) == ["a"], "at the threshold passes"


def test_temperature_flattens_and_sharpens_and_keeps_the_order() -> None:
    hot, cold = softmax(FIRST, 1e4), softmax(FIRST, 0.01)
    np.testing.assert_allclose(hot, 0.2, atol=1e-4)
    assert cold.max() == pytest.approx(1) and cold.argmax() == hot.argmax() == 3


def test_logits_of_ten_thousand() -> None:
    made = arithmetic([1e4, -1e4, 0.0])
    assert made.softmax.tolist() == [1, 0, 0] and made.sigmoid.tolist() == [1, 0, 0.5]
    assert made.powers.tolist() == [np.inf, 0, 1] and made.total == np.inf
    assert np.isfinite(softmax(np.full(12, 1e4) / 1)).all()


def test_nan_stays_nan_without_a_word() -> None:
    assert np.isnan(softmax([np.nan, 1.0])).all() and np.isnan(softmax([np.inf, 1.0])).any()


@pytest.mark.parametrize("bad", [[], np.zeros((3, 0)), 5.0])
def test_zero_classes(bad: object) -> None:
    for function in (softmax, sigmoid, arithmetic):
        with pytest.raises(ValueError, match="at least one class"):
            function(bad)  # type: ignore[operator]


@pytest.mark.parametrize("bad", [[np.nan, 1], [np.inf, 1], [-np.inf, 1], [[1, 2], [3, 4]]])
def test_a_picture_is_finite_numbers(bad: object) -> None:
    with pytest.raises(ValueError, match="finite"):
        arithmetic(bad)  # type: ignore[arg-type]


def test_what_makes_no_sense_is_refused() -> None:
    for bad in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="temperature must be above 0"):
            softmax(FIRST, bad)
    for bad in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="threshold"):
            passing([0.5], ["a"], bad)
    with pytest.raises(ValueError, match="5 logits cannot be compared with 2"):
        shift(FIRST, [1, 2])
    assert concept.THRESHOLD == 0.5
