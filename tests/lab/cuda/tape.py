"""What a CUDA graph is, on the CPU: operations on fixed tensors, and nothing of the Python that made them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

WAITS = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default, torch.ops.aten.equal.default}
"""Operations that ask the device for a value, or for a size that depends on one."""


def _tensors(tree: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


class Tape(TorchDispatchMode):
    """A ``lab.cuda.capture.Capture`` that records each operation with the very tensors it reads and writes.

    As under CUDA: recording leaves every tensor as it was, and what the step made holds garbage until the first
    replay; Python numbers are frozen; asking for a value is refused.

    Attributes:
        warmed, recorded, replayed: how often.
    """

    def __init__(self) -> None:
        super().__init__()
        self.warmed = self.recorded = self.replayed = 0
        self._calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []
        self._made: dict[int, Tensor] = {}
        self._saved: dict[int, tuple[Tensor, Tensor]] = {}

    def warm(self, step: Callable[[], None]) -> None:
        self.warmed += 1
        step()

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        self._calls, self._made, self._saved = [], {}, {}
        try:
            with self:
                step()
        finally:
            with torch.no_grad():
                for tensor, before in self._saved.values():
                    tensor.copy_(before)
        with torch.no_grad():
            for tensor in self._made.values():
                if tensor.is_floating_point():
                    tensor.fill_(torch.nan)
        self.recorded += 1
        calls = self._calls

        def replay() -> None:
            self.replayed += 1
            with torch.no_grad():
                for operation, args, kwargs, results in calls:
                    again = operation(*args, **kwargs)
                    if not _writes(operation):
                        for old, new in zip(_tensors(results), _tensors(again), strict=True):
                            old.copy_(new)

        return replay

    def __torch_dispatch__(
        self, operation: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if operation in WAITS:
            raise RuntimeError(f"{operation} waits for the device: not while it captures")
        for tensor in _written(operation, args, kwargs):
            place = tensor.untyped_storage().data_ptr()
            if place not in self._made and place not in self._saved:
                whole = tensor.detach().as_strided((tensor.untyped_storage().size() // tensor.element_size(),), (1,), 0)
                self._saved[place] = whole, whole.clone()
        results = operation(*args, **kwargs)
        if _is_view(operation):
            return results
        for tensor in _tensors(results):
            if not _writes(operation):
                self._made.setdefault(tensor.untyped_storage().data_ptr(), tensor.detach())
        self._calls.append((operation, args, kwargs, results))
        return results


def _writes(operation: Any) -> bool:
    return any(arg.alias_info is not None and arg.alias_info.is_write for arg in operation._schema.arguments)


def _is_view(operation: Any) -> bool:
    return not _writes(operation) and any(result.alias_info is not None for result in operation._schema.returns)


def _written(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    written = []
    for place, arg in enumerate(operation._schema.arguments):
        # torch's batch norms do not declare that they move the running statistics.
        declared = arg.alias_info is not None and arg.alias_info.is_write
        if declared or arg.name in ("running_mean", "running_var"):
            written += _tensors(args[place] if place < len(args) else kwargs.get(arg.name))
    return written
