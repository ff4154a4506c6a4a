"""Pictures to tensors and back, with the ranges that the networks expect.

Pictures are (S, S, 3) float32 RGB, 0 to 255; tensors are (B, 3, S, S) float32 RGB.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..records import Array


def unit(pictures: Sequence[Array]) -> Tensor:
    """Stack pictures (any of uint8 and float) of one size as a tensor in [0, 1]."""
    stacked = np.stack([np.moveaxis(picture, 2, 0) for picture in pictures])
    return torch.from_numpy(np.ascontiguousarray(stacked, np.float32)) / 255


def signed(pictures: Sequence[Array]) -> Tensor:
    """Stack pictures (any of uint8 and float) of one size as a tensor in [-1, 1]."""
    return (unit(pictures) - 0.5) / 0.5


def halved(pictures: Tensor) -> Tensor:
    """Halve the sides, as GHOST does for ArcFace: bilinear with aligned corners, no averaging."""
    return F.interpolate(pictures, scale_factor=0.5, mode="bilinear", align_corners=True)


def from_unit(pictures: Tensor) -> list[Array]:
    """Turn a tensor in [0, 1] into pictures; what lies outside is cut off."""
    scaled = (pictures.detach().float() * 255).clamp(0, 255).permute(0, 2, 3, 1)
    return list(np.ascontiguousarray(scaled.cpu().numpy()))


def from_signed(pictures: Tensor) -> list[Array]:
    """Turn a tensor in [-1, 1] into pictures; what lies outside is cut off."""
    return from_unit(pictures * 0.5 + 0.5)
