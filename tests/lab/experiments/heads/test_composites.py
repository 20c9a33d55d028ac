"""Canvases: the right digits in the right places, from the right split, the same for the same seed."""

import pytest
import torch

from lab import data
from lab.config import Config
from lab.experiments.heads import composites
from lab.experiments.heads.composites import CANVAS, COUNTS, DIGIT, compose

CPU = torch.device("cpu")
CONFIG = Config(size=100, batch_size=10, device="cpu")


def images(n: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    """All white pictures of different brightness, so that a pixel tells which one it is of."""
    shades = torch.linspace(0.3, 1, n)[:, None, None, None]
    return shades.expand(n, 1, DIGIT, DIGIT), torch.arange(n) % 10


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_each_digit_is_pasted_where_it_says_and_nothing_else_is_there() -> None:
    x, y = images()
    made = compose(x, y, 100, generator(), noise=0)
    assert made.pictures.shape == (100, 1, CANVAS, CANVAS)
    for picture, present, sources, corners in zip(made.pictures[:, 0], *made[1:], strict=True):
        used = [int(source) for source in sources if source >= 0]
        assert sorted(int(y[source]) for source in used) == present.nonzero().flatten().tolist()
        expected = torch.zeros(CANVAS, CANVAS)
        for source, (top, left) in zip(used, corners.tolist(), strict=False):
            rows, columns = slice(max(top, 0), top + DIGIT), slice(max(left, 0), left + DIGIT)
            expected[rows, columns] = expected[rows, columns].clamp_min(float(x[source].max()))
        torch.testing.assert_close(picture, expected)


def test_counts_in_turn_all_classes_and_all_quarters() -> None:
    made = compose(*images(), 500, generator())
    assert made.present.sum(dim=1).tolist() == list(COUNTS) * 100
    assert (made.present.sum(dim=0) > 50).all(), "700 digits, all classes as often"
    assert set(made.corners.flatten().tolist()) == set(range(-4, 5)) | set(range(24, 33))
    quarters = [
        {(top > 14, left > 14) for (top, left), source in zip(corners, sources, strict=True) if source >= 0}
        for corners, sources in zip(made.corners.tolist(), made.sources.tolist(), strict=True)
    ]
    assert [len(used) for used in quarters] == list(COUNTS) * 100, "no two digits in one quarter"
    assert len(set.union(*quarters)) == 4
    drawn = made.sources[made.sources >= 0]
    assert set(drawn.tolist()) == set(range(50)), "every image gets drawn"


def test_a_seed_repeats_and_another_differs() -> None:
    first, again, other = (compose(*images(), 20, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.pictures, again.pictures) and torch.equal(first.present, again.present)
    assert not torch.equal(first.pictures, other.pictures)


def test_noise_makes_empty_canvases_differ_and_stays_in_range() -> None:
    made = compose(*images(), 20, generator())
    empty = made.pictures[~made.present.any(dim=1)]
    assert len(empty) == 4 and empty.min() == 0 and made.pictures.max() == 1
    assert not torch.equal(empty[0], empty[1])
    # Half of a normal's mass lies below 0 and is cut off.
    assert float(empty.std()) == pytest.approx(0.1 * (0.5 - 1 / (2 * torch.pi)) ** 0.5, rel=0.05)


def test_scraps_are_on_every_canvas_and_are_no_digits() -> None:
    made = compose(*images(), 40, generator(), noise=0, scraps=3)
    empty = made.pictures[~made.present.any(dim=1), 0]
    lit = (empty > 0).sum(dim=(1, 2))
    assert (lit >= 100).all() and (lit <= 300).all(), "one to three squares of 10 x 10, more or less overlapping"
    assert made.present.sum(dim=1).tolist() == list(COUNTS) * 8


def test_three_parts_from_three_splits() -> None:
    dataset = data.load("mnist", CPU)
    seen: list[torch.Tensor] = []

    def watched(images: torch.Tensor, *rest: object, **more: object) -> composites.Composed:
        seen.append(images)
        white = more["unit"](images[:500])  # type: ignore[operator]
        assert float(white.max()) == pytest.approx(1) and float(white.min()) == pytest.approx(0, abs=1e-6)
        return real(images, *rest, **more)  # type: ignore[arg-type]

    real, composites.compose = composites.compose, watched
    try:
        made = composites.make_canvases(CONFIG, CPU, test=50)
    finally:
        composites.compose = real
    assert [len(part.x) for part in (made.train, made.valid, made.test)] == [100, 20, 50]
    assert [found.data_ptr() for found in seen] == [
        part.data_ptr() for part in (dataset.x_train, dataset.x_valid, dataset.x_test)
    ]


def test_canvases_are_normalised_as_the_digits_are() -> None:
    made = composites.make_canvases(CONFIG, CPU, test=50)
    pictures = made.shown(50)
    assert pictures.shape == (50, CANVAS, CANVAS) and pictures.dtype == "float32"
    assert pictures.min() == 0 and pictures.max() == 1, "black stays black and white is white"
    back = made.test.x[:50, 0] * made.std + made.mean
    torch.testing.assert_close(torch.from_numpy(pictures), back.clamp(0, 1))


def test_another_seed_makes_other_canvases() -> None:
    one, other = (composites.make_canvases(CONFIG.replace(seed=seed), CPU, test=10) for seed in (0, 1))
    assert not torch.equal(one.train.x, other.train.x)
