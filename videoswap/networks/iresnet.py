"""Improved residual networks for face recognition: ArcFace, BlendFace, FixerNet's backbone.

Architecture: ArcFace (Deng et al., 2018, arXiv 1801.07698), the pre-activated residual unit with
PReLU of its ``IR`` variant; names and order of the keys as in insightface's PyTorch files, which
BlendFace (mapooon/BlendFace) and GHOST use as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

#: Units per stage.
DEPTHS = {18: (2, 2, 2, 2), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}


class _Unit(nn.Module):
    """Batch norm, convolution, batch norm, PReLU, convolution, batch norm, plus the input."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c_in)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.prelu = nn.PReLU(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        y = self.bn3(self.conv2(y))
        result: Tensor = y + (x if self.downsample is None else self.downsample(x))
        return result


def _stage(c_in: int, c_out: int, units: int) -> nn.Sequential:
    """A stage that halves the map in its first unit."""
    first = _Unit(c_in, c_out, 2)
    if c_in == c_out:  # The first stage projects its shortcut although the channels are equal.
        assert first.downsample is not None
    return nn.Sequential(first, *(_Unit(c_out, c_out, 1) for _ in range(units - 1)))


class IResNet(nn.Module):
    """Face picture to embedding.

    Args:
        depth: Units per stage.
        num_features: Length of the embedding.
        size: Pixels on a side of the input.
        widths: Channels of the stem (first) and the four stages.
    """

    def __init__(
        self,
        depth: Sequence[int],
        num_features: int = 512,
        size: int = 112,
        widths: Sequence[int] = (64, 64, 128, 256, 512),
    ) -> None:
        super().__init__()
        stem = widths[0]
        self.size = size
        self.conv1 = nn.Conv2d(3, stem, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.prelu = nn.PReLU(stem)
        self.layer1 = _stage(stem, widths[1], depth[0])
        self.layer2 = _stage(widths[1], widths[2], depth[1])
        self.layer3 = _stage(widths[2], widths[3], depth[2])
        self.layer4 = _stage(widths[3], widths[4], depth[3])
        self.bn2 = nn.BatchNorm2d(widths[4])
        side = -(-size // 16)  # Four halvings, each rounding up.
        self.fc = nn.Linear(widths[4] * side**2, num_features)
        self.features = nn.BatchNorm1d(num_features)

    def forward(self, face: Tensor) -> Tensor:
        """Embed.

        Args:
            face: (B, 3, size, size) RGB in [-1, 1], aligned as the weights expect.

        Returns:
            (B, num_features) raw embeddings, not normalised.
        """
        x = self.prelu(self.bn1(self.conv1(face)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        embedding: Tensor = self.features(self.fc(torch.flatten(self.bn2(x), 1)))
        return embedding


def iresnet100(num_features: int = 512, size: int = 112) -> IResNet:
    """The recogniser of ArcFace and BlendFace: 112 x 112 to 512 numbers."""
    return IResNet(DEPTHS[100], num_features, size)


def iresnet50(num_features: int = 512, size: int = 112) -> IResNet:
    """The smaller recogniser; FixerNet's backbone at 56 x 56 with 128 numbers."""
    return IResNet(DEPTHS[50], num_features, size)
