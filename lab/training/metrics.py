"""How well a net answers: metrics of (logits, targets), as 0-dim tensors on their device."""

from torch import Tensor


def accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the share of rows whose largest logit is the target's: (n, classes), (n,) -> 0-dim."""
    return (logits.argmax(dim=1) == targets).float().mean()
