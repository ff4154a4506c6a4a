"""The identity encoder of this project's own small engine.

It is dlib's ResNet-29 (King, 2017, http://blog.dlib.net) for half the resolution, with half of the
channels between the two convolutions of a block, and a third in the last stages. So the large
network can be cut down to it (`training/encoder/pruning.py`), and a training begins with what that
one knows.
"""

from __future__ import annotations

from itertools import accumulate

import torch.nn.functional as F
from torch import Tensor, nn

#: Channels, channels inside a block, blocks, and stride of the first block of each stage.
STAGES = ((32, 16, 3, 1), (64, 32, 4, 2), (128, 64, 3, 2), (256, 80, 3, 2), (256, 64, 1, 2))
STEM, NUMBERS = 32, 128
SIZE = 96
#: The first row, the first column and the side of what the network sees of a face: dlib's framing.
CROP_TOP, CROP_LEFT, CROP_SIZE = 15, 10, 76


class NarrowBlock(nn.Module):
    """Two 3 x 3 convolutions, plus the input, which is averaged where the maps are halved.

    Args:
        c_in: Channels of the input.
        inside: Channels between the convolutions.
        c_out: Channels of the output, as many or more; those that the input lacks are zeros.
        stride: 1 or 2.
    """

    def __init__(self, c_in: int, inside: int, c_out: int, stride: int) -> None:
        super().__init__()
        # dlib's windows begin at the first pixel where they move by two.
        pad: list[nn.Module] = [nn.ZeroPad2d((0, 1, 0, 1))] if stride > 1 else []
        self.body = nn.Sequential(
            *pad,
            nn.Conv2d(c_in, inside, 3, stride, 1 if stride == 1 else 0, bias=False),
            nn.BatchNorm2d(inside),
            nn.ReLU(),
            nn.Conv2d(inside, c_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(c_out),
        )
        self.stride, self.more = stride, c_out - c_in

    def skipped(self, x: Tensor) -> Tensor:
        """Return what is added to the answer of the convolutions."""
        if self.stride > 1:
            x = F.avg_pool2d(x, self.stride)
        return F.pad(x, (0, 0, 0, 0, 0, self.more)) if self.more else x

    def forward(self, x: Tensor) -> Tensor:
        """Filter (B, C, H, W) maps."""
        return F.relu(self.body(x) + self.skipped(x))


class LiteEncoder(nn.Module):
    """Face picture to identity."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, STEM, 5, bias=False),
            nn.BatchNorm2d(STEM),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        ]
        c_in = STEM
        for c_out, inside, blocks, stride in STAGES:
            for number in range(blocks):
                layers.append(NarrowBlock(c_in, inside, c_out, stride if number == 0 else 1))
                c_in = c_out
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c_in, NUMBERS)]
        self.body = nn.Sequential(*layers)

    def forward(self, face: Tensor) -> Tensor:
        """Embed.

        Args:
            face: (B, 3, 96, 96) RGB in [-1, 1], ArcFace framing.

        Returns:
            (B, 128) of length 1.
        """
        return F.normalize(self.body(cropped(face)).float())

    def with_maps(self, face: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Embed, and return the maps (B, C, H, W) at the end of each of ``STAGES`` too."""
        flow, found = cropped(face), []
        ends = self.stage_ends()
        for number, layer in enumerate(self.body):
            flow = layer(flow)
            if number in ends:
                found.append(flow)
        return F.normalize(flow.float()), found

    def stage_ends(self) -> list[int]:
        """Return which layers of ``body`` end a stage."""
        first = next(n for n, one in enumerate(self.body) if isinstance(one, NarrowBlock))
        return [first - 1 + n for n in accumulate(blocks for _, _, blocks, _ in STAGES)]


def cropped(face: Tensor) -> Tensor:
    """Return what the network sees of faces (B, 3, 96, 96)."""
    rows = slice(CROP_TOP, CROP_TOP + CROP_SIZE)
    return face[:, :, rows, CROP_LEFT : CROP_LEFT + CROP_SIZE]
