"""lab.data: the split, the normalisation, what is shared, and what is said of a bad file."""

import gzip
import hashlib
import struct
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

import lab.data as data_module
from lab.assembly import warm_up
from lab.config import Config
from lab.data import DataError, Dataset, fashion, load, mnist
from lab.training.task import classify

Sets = weakref.WeakValueDictionary[tuple[str, Path, torch.device], Dataset]

SIZES = {"train": 60_000, "t10k": 10_000}


def test_the_split_is_the_lessons() -> None:
    data = load()
    with np.load(mnist.folder() / mnist.FILE) as file:
        x_train, y_train, x_test, y_test = (file[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    for x, y, pixels, labels in (
        (data.x_train, data.y_train, x_train[:50_000], y_train[:50_000]),
        (data.x_valid, data.y_valid, x_train[50_000:], y_train[50_000:]),
        (data.x_test, data.y_test, x_test, y_test),
    ):
        assert (x.shape, x.dtype) == ((len(pixels), 1, 28, 28), torch.float32)
        assert (y.shape, y.dtype) == ((len(pixels),), torch.int64)
        back = x.mul(256 * data.std).add_(256 * data.mean).round_().to(torch.uint8)
        assert torch.equal(back[:, 0], torch.from_numpy(pixels))
        assert np.array_equal(y.numpy(), labels)
    assert data.classes == tuple("0123456789")


def test_normalised_with_the_training_images() -> None:
    data = load()
    with np.load(mnist.folder() / mnist.FILE) as file:
        pixels = file["x_train"][:50_000] / 256
    assert data.mean == pytest.approx(pixels.mean(), rel=1e-12)
    assert data.std == pytest.approx(pixels.std(ddof=1), rel=1e-12)  # torch's std is right to 1e-10 only here
    assert data.mean == pytest.approx(0.1304, abs=1e-4)
    assert data.std == pytest.approx(0.3073, abs=1e-4)
    assert data.x_train.mean().item() == pytest.approx(0, abs=1e-5)
    assert data.x_train.std().item() == pytest.approx(1, abs=1e-5)


def test_as_pictures_black_is_0_and_white_is_1() -> None:
    data = load(size=100)
    levels = data.pictures(data.x_test[:500]) * 255
    assert (levels - levels.round()).abs().max() < 1e-3
    assert levels.min().round() == 0 and levels.max().round() == 255


def test_size_takes_the_first_images_and_keeps_the_normalisation() -> None:
    data, few = load(), load(size=1000)
    assert [len(part) for part in (few.x_train, few.y_train, few.x_valid, few.y_valid)] == [1000, 1000, 200, 200]
    assert len(few.x_test) == len(few.y_test) == 10_000
    assert (few.mean, few.std) == (data.mean, data.std)
    assert torch.equal(few.x_train, data.x_train[:1000])
    assert torch.equal(few.y_valid, data.y_valid[:200])


@pytest.mark.parametrize("size", [-1, 0, 9, 50_001])
def test_a_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(DataError, match="10 to 50000"):
        load(size=size)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"'mnits'.*mnist, fashion"):
        load("mnits")


def test_one_copy_is_shared_by_all_who_ask_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        sets = list(pool.map(lambda size: load(size=size), (50_000, 100, 50_000, 2000)))
    assert len({data.x_train.data_ptr() for data in sets}) == 1


def test_a_slice_keeps_the_shared_copy_alive_and_its_end_frees_it(tmp_path: Path, tiny_fashion: Path) -> None:
    whole = load("fashion", folder=tiny_fashion)
    few = load("fashion", size=10, folder=tiny_fashion)
    pointer = whole.x_train.data_ptr()
    del whole
    again = load("fashion", folder=tiny_fashion)
    assert again.x_train.data_ptr() == few.x_train.data_ptr() == pointer

    assert any(place == tiny_fashion for _, place, _ in data_module._sets)
    del few, again
    assert not any(place == tiny_fashion for _, place, _ in data_module._sets)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Sets:
    """What is shared, as in a process in which nothing has been loaded."""
    monkeypatch.setattr(data_module, "_prepared", {})
    monkeypatch.setattr(data_module, "_sets", Sets())
    return data_module._sets


def test_every_run_shares_the_copy_and_the_last_one_frees_it(alone: Sets) -> None:
    cpu = torch.device("cpu")
    runs = [classify(Config(size=size), cpu) for size in (1000, 50_000)]
    pointer = runs[0].x_train.data_ptr()
    runs.append(classify(Config(size=2000), cpu))
    assert {run.x_train.data_ptr() for run in runs} == {pointer}

    del runs[1:]
    assert load().x_train.data_ptr() == pointer, "a run that has ended frees nothing that another uses"
    del runs
    assert not alone


def test_warming_up_keeps_the_data_for_the_first_run_only(alone: Sets) -> None:
    warm_up(Config(device="cpu", size=1000))
    (warmed,) = (weakref.ref(whole) for whole in alone.values())
    run = classify(Config(size=1000), torch.device("cpu"))
    whole = warmed()
    assert whole is not None and run.x_train.data_ptr() == whole.x_train.data_ptr()
    del run, whole
    assert warmed() is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    content = bytearray((mnist.folder() / mnist.FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / mnist.FILE).write_bytes(content)
    with pytest.raises(DataError, match=r"mnist\.npz is damaged.*git checkout") as caught:
        load(folder=tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_cut_or_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"mnist\.npz cannot be read.*git checkout"):
        load(folder=tmp_path)
    (tmp_path / mnist.FILE).write_bytes(b"PK")
    with pytest.raises(DataError, match=r"mnist\.npz is damaged"):
        load(folder=tmp_path)


def test_the_file_is_checked_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    load()

    def unexpected(*_: object) -> None:
        raise AssertionError("checked again")

    monkeypatch.setattr(hashlib, "file_digest", unexpected)
    load(size=10)


@pytest.fixture
def tiny_fashion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of idx files with Fashion-MNIST's shapes, their MD5 taken for the published ones; one not gzipped."""
    table = {}
    for name in fashion.MD5:
        count = SIZES[name.split("-")[0]]
        shape = (count, 28, 28) if "images" in name else (count,)
        header = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)
        values = np.zeros(shape, np.uint8)
        values[:10] = np.arange(10, dtype=np.uint8).reshape(10, *[1] * (len(shape) - 1))
        content = header + values.tobytes()
        table[name] = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if name == "t10k-labels-idx1-ubyte":
            (tmp_path / name).write_bytes(content)
        else:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
    monkeypatch.setattr(fashion, "MD5", table)
    return tmp_path


def test_fashion_comes_through_the_same_door(tiny_fashion: Path) -> None:
    data = load("fashion", size=100, folder=tiny_fashion)
    assert data.classes[9] == "Ankle boot"
    assert data.x_train.shape == (100, 1, 28, 28)
    assert data.y_train[:10].tolist() == data.y_test[:10].tolist() == list(range(10))
    pixels = (data.x_train * data.std + data.mean) * 256
    assert pixels[:10, 0, 3, 5].tolist() == pytest.approx(range(10), abs=1e-3)


def test_fashion_is_found_by_the_environment(tiny_fashion: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fashion.VARIABLE, str(tiny_fashion))
    assert len(load("fashion").x_train) == 50_000


def test_missing_fashion_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train-images.*is not there.*apt-get install dataset-fashion-mnist") as caught:
        load("fashion", folder=tmp_path)
    assert fashion.VARIABLE in str(caught.value)


def test_damaged_fashion_is_named(tiny_fashion: Path) -> None:
    path = tiny_fashion / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"\0"))
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz is damaged"):
        load("fashion", folder=tiny_fashion)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz cannot be read"):
        load("fashion", folder=tiny_fashion)


@pytest.mark.skipif(not fashion.DEBIAN.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_the_installed_fashion_is_the_published_one() -> None:
    data = load("fashion", size=1000, folder=fashion.DEBIAN)
    # By the authors' README: the training labels begin with an ankle boot and are 6,000 of each.
    assert data.classes[int(data.y_train[0])] == "Ankle boot"
    assert data.mean == pytest.approx(0.2844, abs=1e-4)
    assert torch.bincount(data.y_test).tolist() == [1000] * 10


@pytest.mark.cuda
def test_cuda_by_any_name_is_one_copy() -> None:
    data, same = load(device="cuda", size=10), load(device="cuda:0", size=20)
    assert data.x_train.device.type == "cuda"
    assert data.x_train.data_ptr() == same.x_train.data_ptr()
    torch.testing.assert_close(data.x_train.cpu(), load(size=10).x_train)
