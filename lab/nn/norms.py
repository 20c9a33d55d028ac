"""Every normalisation layer of the lab, and the one way to make one from its name."""

from lab.nn.batch_norm import Averages, BatchNorm, TorchBatchNorm
from lab.nn.item_norm import GroupNorm, InstanceNorm, LayerNorm
from lab.nn.running_norm import RunningBatchNorm, RunningBatchNormSimple

__all__ = [
    "Averages", "AveragingNorm", "BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "Norm", "RunningBatchNorm",
    "RunningBatchNormSimple", "TorchBatchNorm", "make_norm",
]  # fmt: skip

AveragingNorm = BatchNorm | TorchBatchNorm | RunningBatchNorm | RunningBatchNormSimple
"""The norms that keep running statistics; for annotations and ``isinstance``."""

Norm = AveragingNorm | LayerNorm | InstanceNorm | GroupNorm


def make_norm(kind: str, channels: int, *, eps: float, momentum: float, groups: int) -> Norm | None:
    """Return the norm that ``Config.norm`` calls ``kind``, for ``channels`` channels; None for "none".

    Raises:
        ValueError: for an unknown kind, or groups that do not divide the channels.
    """
    match kind:
        case "none":
            return None
        case "batch":
            return BatchNorm(channels, eps, momentum)
        case "torch_batch":
            return TorchBatchNorm(channels, eps, momentum)
        case "layer":
            return LayerNorm(eps)
        case "instance":
            return InstanceNorm(channels, eps)
        case "instance_biased":
            return InstanceNorm(channels, eps, unbiased=False)
        case "group":
            return GroupNorm(groups, channels, eps)
        case "running":
            return RunningBatchNorm(channels, eps, momentum)
        case "running_simple":
            return RunningBatchNormSimple(channels, eps, momentum)
    raise ValueError(f"unknown norm {kind!r}")
