"""dlib's network in torch, layer by layer: the small one is cut out of it and imitates its maps.

It sees the part of a face that the small network sees, at twice the size, so that the maps of both
have the same sides after each stage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from ...detection.dlib_network import LEVELS, MEAN_RGB, DlibWeights
from ...networks.lite import CROP_LEFT, CROP_SIZE, CROP_TOP, SIZE


@dataclass(frozen=True, slots=True, eq=False)
class LargeBlock:
    """A block of dlib's network: two kernels with offsets."""

    first: tuple[Tensor, Tensor]
    second: tuple[Tensor, Tensor]
    halved: bool

    def before_relu(self, x: Tensor) -> Tensor:
        """Return the answer (B, C', H', W') to maps (B, C, H, W), before the last ReLU."""
        stride, pad = (2, 0) if self.halved else (1, 1)
        inner = F.relu(F.conv2d(x, *self.first, stride=stride, padding=pad))
        change = F.conv2d(inner, *self.second, padding=1)
        if self.halved:
            x = F.avg_pool2d(x, 2)
        x = F.pad(x, (0, 0, 0, 0, 0, change.shape[1] - x.shape[1]))
        side = max(x.shape[-1], change.shape[-1])  # dlib fills what either lacks with zeros
        return _filled(x, side) + _filled(change, side)


class LargeNetwork:
    """The convolutions of dlib's network.

    Args:
        weights: What it has learned.
    """

    def __init__(self, weights: DlibWeights) -> None:
        self.stem, *rest = [
            (torch.from_numpy(kernel.copy()), torch.from_numpy(offset.copy()))
            for kernel, offset in weights.convolutions
        ]
        pairs = iter(rest)
        #: The blocks of each level, from the picture on.
        self.levels: list[list[LargeBlock]] = [
            [LargeBlock(next(pairs), next(pairs), halved and n == 0) for n in range(count)]
            for _, count, halved in LEVELS
        ]

    def to(self, device: torch.device) -> Self:
        """Move all of it to a device; returns itself."""
        if self.stem[0].device != device:
            self.stem = _moved(self.stem, device)
            self.levels = [
                [
                    replace(one, first=_moved(one.first, device), second=_moved(one.second, device))
                    for one in blocks
                ]
                for blocks in self.levels
            ]
        return self

    def after_stem(self, faces: Tensor) -> Tensor:
        """Return the first maps (B, 32, 35, 35).

        Args:
            faces: (B, 3, S, S) RGB in [-1, 1], ArcFace's framing.
        """
        kernel, offset = self.stem
        top, left, side = 2 * (CROP_TOP + 1), 2 * (CROP_LEFT + 1), 2 * (CROP_SIZE - 1)
        chip = resized(faces, 2 * SIZE)[:, :, top : top + side, left : left + side]
        chip = (127.5 * (chip + 1) - chip.new_tensor(MEAN_RGB)[:, None, None]) / 256
        return F.max_pool2d(F.relu(F.conv2d(chip, kernel, offset, stride=2)), 3, 2)

    @torch.no_grad()
    def maps(self, faces: Tensor) -> list[Tensor]:
        """Return the maps at the end of each level for faces, as :meth:`after_stem` takes them."""
        flow = self.after_stem(faces)
        found = []
        for blocks in self.levels:
            for block in blocks:
                flow = F.relu(block.before_relu(flow))
            found.append(flow)
        return found


def resized(faces: Tensor, side: int) -> Tensor:
    """Scale pictures (B, C, H, W) to a side."""
    return F.interpolate(faces, size=(side, side), mode="bilinear", antialias=True)


def _moved(one: tuple[Tensor, Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    return one[0].to(device), one[1].to(device)


def _filled(maps: Tensor, side: int) -> Tensor:
    more = side - maps.shape[-1]
    return F.pad(maps, (0, more, 0, more))
