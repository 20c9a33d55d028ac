"""Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), from its four idx files where they are installed."""

import gzip
import hashlib
import os
import zlib
from pathlib import Path

import numpy as np

from lab.data.raw import Bytes, DataError, Raw

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts the files."""

VARIABLE = "FOUNDATIONS_FASHION_DIR"
"""The environment variable that names another folder."""

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

# Of the UNCOMPRESSED files: packagers wrap the same bytes in gzip files of their own.
MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}

HOW_TO_GET = (
    "To get Fashion-MNIST: on Debian or Ubuntu `sudo apt-get install dataset-fashion-mnist`; or put its four idx "
    f"files, .gz or not, in a folder and name that in the environment variable {VARIABLE}."
)


def folder() -> Path:
    """Return the folder that the environment names, else Debian's."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else DEBIAN


def read(place: Path) -> Raw:
    """Return Fashion-MNIST from the four files in ``place``, each gzipped (``.gz``) or not.

    Raises:
        DataError: if a file is missing or is not, uncompressed, the published one.
    """
    x_train, y_train, x_test, y_test = (_idx(place, name) for name in MD5)
    return Raw(x_train, y_train, x_test, y_test)


def _idx(place: Path, name: str) -> Bytes:
    """Return the array in the idx file ``name``, (n, 28, 28) or (n,)."""
    path = _found(place, name)
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}). {HOW_TO_GET}") from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != MD5[name]:
        raise DataError(f"{path} is damaged, or is not Fashion-MNIST's (wrong MD5). {HOW_TO_GET}")
    # The format: two zero bytes, 8 for "unsigned byte", the number of axes, then each axis' length, big-endian.
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()


def _found(place: Path, name: str) -> Path:
    for path in (place / f"{name}.gz", place / name):
        if path.is_file():
            return path
    raise DataError(f"{place / name}.gz is not there. {HOW_TO_GET}")
