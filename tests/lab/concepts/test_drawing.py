"""A drawing is prepared as MNIST's digits were: by hand, and against MNIST itself."""

import numpy as np
import pytest

from lab.concepts.drawing import as_mnist


def drawn(rows: slice, columns: slice) -> np.ndarray:
    x = np.zeros((28, 28))
    x[rows, columns] = 1
    return x


@pytest.mark.parametrize("left", [0, 5, 26])
def test_it_is_moved_by_whole_pixels_to_its_centre_of_mass(left: int) -> None:
    made = as_mnist(drawn(slice(1, 11), slice(left, left + 2)))
    np.testing.assert_array_equal(made, drawn(slice(10, 20), slice(14, 16)))
    uneven = drawn(slice(0, 2), slice(0, 6))
    uneven[:2, 0] = 0.25
    # its mass lies at 5 * 3 / 5.25 = 2.86 of its columns, the middle at 14
    assert np.flatnonzero(as_mnist(uneven).any(0)).tolist() == [11, 12, 13, 14, 15, 16]


def test_a_large_one_is_shrunk_by_area_and_a_small_one_is_not_enlarged() -> None:
    large = as_mnist(drawn(slice(2, 27), slice(10, 15)))  # 25 x 5: a fifth smaller
    np.testing.assert_allclose(large, drawn(slice(5, 25), slice(13, 17)), atol=1e-6)
    whole = np.random.default_rng(0).random((28, 28))
    assert as_mnist(whole).sum() == pytest.approx(whole.sum() * (20 / 28) ** 2, rel=1e-5)
    assert as_mnist(drawn(slice(3, 4), slice(3, 4))).sum() == 1
    assert not as_mnist(np.zeros((28, 28))).any()


def test_nothing_leaves_the_picture() -> None:
    club = np.zeros((28, 28))
    club[0, :20], club[:, 0] = 0.01, 0
    club[0, 1] = 1
    made = as_mnist(club)
    assert made.sum() == pytest.approx(club.sum(), rel=1e-6) and made.max() == 1


def test_mnists_own_digits_stay_where_they_are() -> None:
    from lab.data import mnist

    raw = mnist.read(mnist.folder())
    pictures = np.asarray(raw.x_test[:300], np.float64).reshape(-1, 28, 28) / 255
    for picture in pictures:
        np.testing.assert_allclose(as_mnist(picture), picture, atol=1e-6)
