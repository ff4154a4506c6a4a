"""Images to what networks take, and back.

Images are (S, S, 3) RGB, 0 to 255; networks take (B, 3, S, S) float32 RGB in a range of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .records import Array


def to_planar(images: Sequence[Array], low: float, high: float) -> Array:
    """Stack images as (B, 3, S, S) float32.

    Args:
        images: (S, S, 3) of one size, uint8 or float, 0 to 255.
        low: What 0 becomes.
        high: What 255 becomes.
    """
    stacked = np.stack([np.moveaxis(image, 2, 0) for image in images])
    unit = np.ascontiguousarray(stacked, np.float32) / np.float32(255)
    if (low, high) == (0, 1):
        return unit
    # The order of these steps is that of the networks' training code: a difference of one float
    # would grow in deep networks.
    middle = np.float32(low / (low - high))
    return (unit - middle) / np.float32(1 / (high - low))


def from_planar(stacked: Array, low: float, high: float) -> list[Array]:
    """Turn (B, 3, S, S) float32 into images (S, S, 3) float32, 0 to 255; clips what lies outside.

    Args:
        stacked: What a network gave.
        low: What becomes 0.
        high: What becomes 255.
    """
    unit = stacked
    if (low, high) != (0, 1):
        unit = stacked * np.float32(1 / (high - low)) + np.float32(low / (low - high))
    scaled = np.clip(unit * np.float32(255), 0, 255)
    return list(np.ascontiguousarray(np.moveaxis(scaled, 1, 3), np.float32))
