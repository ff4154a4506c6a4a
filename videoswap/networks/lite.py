"""The identity encoder of this project's own small engine.

A narrow MobileFaceNet (Chen et al., 2018, arXiv 1804.07573): inverted residuals with PReLU, a
global depthwise convolution, 128 numbers of length 1. Key names as in the weights that the
project's training writes.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

#: Channels, units, stride of the first unit, expansion.
STAGES = ((64, 4, 2, 2), (128, 6, 2, 2), (128, 3, 2, 4))
STEM, NECK, NUMBERS = 64, 384, 128
SIZE = 112


class _Unit(nn.Module):
    """Widen, filter every channel for itself, narrow; plus the input where the shape stays."""

    def __init__(self, c_in: int, c_out: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = c_in * expansion
        self.adds = stride == 1 and c_in == c_out
        self.body = nn.Sequential(
            *_step(c_in, wide, 1),
            *_step(wide, wide, 3, stride, wide),
            nn.Conv2d(wide, c_out, 1, bias=False),
            nn.BatchNorm2d(c_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return x + y if self.adds else y


def _step(c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(c_out), nn.PReLU(c_out)]


class LiteEncoder(nn.Module):
    """Face picture to identity."""

    def __init__(self) -> None:
        super().__init__()
        layers, c_in = _step(3, STEM, 3, 2), STEM
        for c_out, units, stride, expansion in STAGES:
            for number in range(units):
                layers.append(_Unit(c_in, c_out, stride if number == 0 else 1, expansion))
                c_in = c_out
        side = SIZE // 16
        layers += _step(c_in, NECK, 1)
        layers += [nn.Conv2d(NECK, NECK, side, groups=NECK, bias=False), nn.BatchNorm2d(NECK)]
        layers += [nn.Flatten(), nn.Linear(NECK, NUMBERS, bias=False), nn.BatchNorm1d(NUMBERS)]
        self.body = nn.Sequential(*layers)

    def forward(self, face: Tensor) -> Tensor:
        """Embed.

        Args:
            face: (B, 3, 112, 112) RGB in [-1, 1], ArcFace framing.

        Returns:
            (B, 128) of length 1.
        """
        return F.normalize(self.body(face))
