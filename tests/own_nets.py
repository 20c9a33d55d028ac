"""Nets and data such as a person brings: a small ResNet for 28 x 28, an MLP that learns a curve."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lab import data


class ResidualBlock(nn.Module):
    """As torchvision's BasicBlock: one ReLU, in place, called twice."""

    def __init__(self, before: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module | None = None
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        kept: Tensor = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.relu(y + kept)
        return out


class ResNet(nn.Module):
    """Stem, two residual blocks, average pool, linear."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = ResidualBlock(width, width)
        self.layer2 = ResidualBlock(width, 2 * width, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        logits: Tensor = self.fc(torch.flatten(self.avgpool(self.layer2(self.layer1(x))), 1))
        return logits


RESNET_LAYERS = (
    "conv1", "bn1", "relu",
    "layer1.conv1", "layer1.bn1", "layer1.relu", "layer1.conv2", "layer1.bn2", "layer1.relu#2",
    "layer2.conv1", "layer2.bn1", "layer2.relu", "layer2.conv2", "layer2.bn2",
    "layer2.downsample.0", "layer2.downsample.1", "layer2.relu#2", "avgpool", "fc",
)  # fmt: skip


def mlp() -> nn.Module:
    """A net of two numbers to one, with a LayerNorm and a leaky slope of its own."""
    return nn.Sequential(nn.Linear(2, 16), nn.LayerNorm(16, eps=1e-3), nn.LeakyReLU(0.05), nn.Linear(16, 1))


def digits(count: int = 160) -> tuple[Tensor, Tensor]:
    """MNIST's first pictures and their classes."""
    loaded = data.load("mnist", size=count)
    return loaded.x_train, loaded.y_train


def curve(count: int = 300) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numbers (count, 2) and a smooth function of them, (count,)."""
    x = np.random.default_rng(0).normal(size=(count, 2))
    return x, np.sin(x[:, 0]) + 0.5 * x[:, 1] ** 2
