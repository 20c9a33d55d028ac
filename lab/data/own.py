"""Data of a person's own as tensors: from tensors, numpy arrays or torch Datasets, checked."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from lab.data.raw import DataError

FORMS = "a pair (x, y), four parts (x, y, x_valid, y_valid), a torch Dataset, or two of them (training, validation)"

SPLIT_SEED = 0
"""Draws the fifth that validates, where no validation part is given: the same for every run."""


@dataclass(frozen=True, eq=False)
class Tensors:
    """Data in the CPU's memory.

    Attributes:
        x_train, x_valid: float32, or int64 (tokens for an embedding); one example a row.
        y_train, y_valid: int64 for class indices, float32 otherwise.
        classes: names of the classes, where the data has them; () else.
    """

    x_train: Tensor
    y_train: Tensor
    x_valid: Tensor
    y_valid: Tensor
    classes: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Number and shape of the examples."""
        shape = tuple(self.x_train.shape[1:])
        return f"{len(self.x_train):,} training and {len(self.x_valid):,} validation examples of shape {shape}"


def read(data: Any) -> Tensors:
    """Return ``data`` as tensors: it is one of FORMS. Without a validation part a fifth, drawn once, validates.

    Raises:
        DataError: for anything else, and for parts that do not fit together; it names part, shape and dtype.
    """
    classes = _class_names(data)
    if isinstance(data, Dataset | DataLoader):
        pairs = [_of_dataset("data", data)]
    elif not isinstance(data, tuple | list):
        raise DataError(f"data must be {FORMS}; got {type(data).__name__}")
    elif len(data) == 2 and isinstance(data[0], Dataset | DataLoader):
        classes = _class_names(data[0])
        pairs = [_of_dataset("the training set", data[0]), _of_dataset("the validation set", data[1])]
    elif len(data) in (2, 4):
        names = ("x", "y", "x_valid", "y_valid")[: len(data)]
        parts = [_tensor(name, part) for name, part in zip(names, data, strict=True)]
        pairs = [(parts[i], parts[i + 1]) for i in range(0, len(parts), 2)]
    else:
        raise DataError(f"data must be {FORMS}; got {len(data)} parts")
    for (x, y), suffix in zip(pairs, ("", "_valid"), strict=False):
        _check_pair(x, y, suffix)
    if len(pairs) == 1:
        pairs = _split(*pairs[0])
    (x, y), (x_valid, y_valid) = pairs
    for name, train, valid in (("x", x, x_valid), ("y", y, y_valid)):
        if train.shape[1:] != valid.shape[1:] or train.dtype != valid.dtype:
            raise DataError(
                f"{name} and {name}_valid do not match: an example is {_words(train)}, in validation {_words(valid)}"
            )
    return Tensors(x, y, x_valid, y_valid, classes)


def _words(part: Tensor) -> str:
    return f"{str(part.dtype).removeprefix('torch.')} {tuple(part.shape[1:])}"


def _class_names(data: Any) -> tuple[str, ...]:
    names = getattr(data, "classes", None)
    return tuple(map(str, names)) if isinstance(names, tuple | list) else ()


def _tensor(name: str, part: Any) -> Tensor:
    """Return a part as float32 or int64.

    Raises:
        DataError: for what is no array of numbers, bytes that may be pixels, or numbers that are not finite.
    """
    try:
        made = part.detach().cpu() if isinstance(part, Tensor) else torch.from_numpy(np.array(part))
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{name} is no array of numbers: {type(part).__name__} ({error})") from None
    dtype = str(made.dtype).removeprefix("torch.")
    if made.dim() == 0:
        raise DataError(f"{name} is a single number; its first axis must count the examples")
    if name.startswith("x") and made.dtype in (torch.uint8, torch.int8, torch.bool):
        raise DataError(
            f"{name} is {dtype} {tuple(made.shape)}: give floats, such as x / 255 of pixels, or int64 for an embedding"
        )
    if made.is_complex():
        raise DataError(f"{name} is {dtype}: complex numbers are not known here")
    if made.dtype == torch.bool or made.is_floating_point():
        made = made.float()
        bad = (~made.isfinite()).flatten(1).any(1) if made.dim() > 1 else ~made.isfinite()
        if bad.any():
            raise DataError(
                f"{name} has values that are not finite in {int(bad.sum()):,} of {len(made):,} examples, first in "
                f"example {int(bad.nonzero()[0])}"
            )
        return made
    return made.long()


def _check_pair(x: Tensor, y: Tensor, suffix: str) -> None:
    names = f"x{suffix}", f"y{suffix}"
    if len(x) != len(y):
        shapes = f"{names[0]} is {tuple(x.shape)}, {names[1]} is {tuple(y.shape)}"
        raise DataError(f"{names[0]} has {len(x):,} examples and {names[1]} has {len(y):,}: {shapes}")
    if len(x) < (1 if suffix else 2):
        raise DataError(f"{names[0]} has {len(x)} examples: at least 2 are needed to train, 1 to validate")
    if x.numel() == 0 or y.numel() == 0:
        raise DataError(f"{names[0]} {tuple(x.shape)} or {names[1]} {tuple(y.shape)} is empty")


def _split(x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return the training and validation parts: every example is in one of them."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(SPLIT_SEED))
    valid, train = order[: max(1, len(x) // 5)], order[max(1, len(x) // 5) :]
    return [(x[train], y[train]), (x[valid], y[valid])]


def _of_dataset(name: str, data: Any) -> tuple[Tensor, Tensor]:
    """Return every example of a Dataset, (x, y) each, as two tensors."""
    if isinstance(data, DataLoader):
        raise DataError(f"{name} is a DataLoader: give its .dataset, the lab makes the batches itself")
    if isinstance(data, IterableDataset) or not hasattr(data, "__len__"):
        raise DataError(f"{name} ({type(data).__name__}) has no length: the lab draws examples in an order of its own")
    if isinstance(data, TensorDataset) and len(data.tensors) == 2:
        return _tensor("x", data.tensors[0]), _tensor("y", data.tensors[1])
    count = len(data)
    columns: tuple[list[Any], list[Any]] = ([], [])
    for i in range(count):
        example = data[i]
        if not isinstance(example, tuple | list) or len(example) != 2:
            raise DataError(f"example {i} of {name} is no pair (x, y), but {type(example).__name__}")
        for letter, column, part in zip("xy", columns, example, strict=True):
            value = part if isinstance(part, Tensor) else _number_or_array(f"{letter} of example {i} of {name}", part)
            if column and value.shape != column[0].shape:
                raise DataError(
                    f"{letter} of example {i} of {name} has shape {tuple(value.shape)}, that of example 0 "
                    f"{tuple(column[0].shape)}: all must have one shape"
                )
            column.append(value)
    if count < 2 and not columns[0]:
        raise DataError(f"{name} has no examples")
    return _tensor("x", torch.stack(columns[0])), _tensor("y", torch.stack(columns[1]))


def _number_or_array(name: str, part: Any) -> Tensor:
    array = np.array(part)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} is {type(part).__name__}: give a tensor, an array or a number")
    return torch.from_numpy(array)
