"""Convert figures for the page: JSON, with float32 arrays beside it as bytes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def to_wire(value: Any) -> Any:
    """Return a copy of ``value`` made of JSON types and float32 arrays; a number that is not finite becomes None."""
    if isinstance(value, dict):
        return {str(key): to_wire(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "iuf" and 1 <= value.ndim <= 2:
            with np.errstate(over="ignore"):
                return np.array(value, dtype=np.float32, order="C")
        return to_wire(value.tolist())
    if isinstance(value, list | tuple):
        return [to_wire(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def same(a: Any, b: Any) -> bool:
    """Return whether two values made by ``to_wire`` are equal; nan equals nan."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.array_equal(a, b, equal_nan=True)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def pack(value: Any, floats: list[Floats]) -> Any:
    """Return ``value`` as JSON; each array is added to ``floats`` and leaves ``{"$f32": [offset, *shape]}``."""
    if isinstance(value, dict):
        return {key: pack(item, floats) for key, item in value.items()}
    if isinstance(value, list):
        return [pack(item, floats) for item in value]
    if isinstance(value, np.ndarray):
        floats.append(value.ravel())
        return {"$f32": [sum(part.size for part in floats[:-1]), *value.shape]}
    return value


def to_json(value: Any) -> Any:
    """Return ``value`` as JSON alone: arrays as lists, None for a number that is not finite, shortest float32 texts."""
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        texts = value.astype(str).astype(np.float64)  # the shortest text that is the same float32
        numbers: list[Any] = np.where(np.isfinite(texts), texts.astype(object), np.array(None)).tolist()
        return numbers
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    return to_wire(value)
