"""The face parser: a small residual U-Net from a picture of a face to the class of every pixel.

A U-Net (Ronneberger et al., 2015, arXiv 1505.04597) whose skip connections are added, over 2 x 2
patches, with residual blocks (He et al., 2016, arXiv 1512.03385) at the three coarse levels. The
patches themselves join the last layer, so that thin things such as the frames of glasses keep
their place.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .residual_block import ResidualBlock

#: Side of the input in pixels.
PARSER_SIZE = 128
#: Classes that it tells apart.
PARSER_CLASSES = 10
PATCH = 2
#: Channels and residual blocks of each level, from fine to coarse.
LEVELS = ((24, 0), (48, 1), (80, 1), (112, 2))


def convolution(c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Make a convolution with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
    )


class ParserNetwork(nn.Module):
    """Face picture to logits of the classes."""

    def __init__(self) -> None:
        super().__init__()
        patch = 3 * PATCH * PATCH
        self.unshuffle = nn.PixelUnshuffle(PATCH)
        widths = [width for width, _ in LEVELS]
        self.stem = convolution(patch, widths[0])
        self.down = nn.ModuleList(
            convolution(fine, coarse, stride=2) for fine, coarse in pairwise(widths)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width, width, 1) for _ in range(count)))
            for width, count in LEVELS
        )
        self.narrow = nn.ModuleList(
            convolution(coarse, fine, kernel=1) for fine, coarse in pairwise(widths)
        )
        self.up = nn.ModuleList(convolution(width, width) for width in widths[:-1])
        self.last = nn.Conv2d(widths[0] + patch, PARSER_CLASSES * PATCH * PATCH, 1)
        self.shuffle = nn.PixelShuffle(PATCH)

    def forward(self, face: Tensor) -> Tensor:
        """Parse.

        Args:
            face: (B, 3, 128, 128) RGB in [-1, 1]; any side that 16 divides will do.

        Returns:
            (B, 10, 128, 128) logits.
        """
        patches = self.unshuffle(face)
        flow = self.stem(patches)
        skips = []
        for level, blocks in enumerate(self.blocks):
            if level:
                flow = self.down[level - 1](flow)
            flow = blocks(flow)
            skips.append(flow)
        for level in range(len(self.up) - 1, -1, -1):
            wide = F.interpolate(self.narrow[level](flow), scale_factor=2.0, mode="nearest")
            flow = self.up[level](wide + skips[level])
        logits: Tensor = self.shuffle(self.last(torch.cat([flow, patches], 1)))
        return logits
