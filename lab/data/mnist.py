"""MNIST, all of it, from the file in this package."""

import hashlib
from pathlib import Path

import numpy as np

from lab.data.raw import DataError, Raw

FILE = "mnist.npz"
SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"
CLASSES = tuple("0123456789")


def folder() -> Path:
    """Return the folder of the file: this module's."""
    return Path(__file__).parent


def read(place: Path) -> Raw:
    """Return MNIST from ``place / "mnist.npz"``.

    Raises:
        DataError: if the file is missing or is not, byte for byte, the one that belongs there.
    """
    path = place / FILE
    try:
        with path.open("rb") as file:
            # Before numpy sees it: a damaged archive makes it raise a dozen kinds of errors, or none.
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != SHA256:
                raise DataError(
                    f"{path} is damaged (sha256 {found[:12]}…, not {SHA256[:12]}…). "
                    "Get it again: `git checkout -- lab/data/mnist.npz` in a clone, or reinstall foundations-lab."
                )
            file.seek(0)
            with np.load(file) as arrays:
                return Raw(arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays["y_test"])
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}). "
            "Get it back: `git checkout -- lab/data/mnist.npz` in a clone, or reinstall foundations-lab."
        ) from error
