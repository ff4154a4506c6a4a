"""Corrections that come with a swap: small maps of what to change, steadied over time, applied."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..geometry.resample import resize
from ..records import Array, FrameSwap

#: Maps by their place: gain and offset (of 1) of each channel, motion (of the side).
GAIN, OFFSET, FLOW = slice(0, 3), slice(3, 6), slice(6, 8)
REACH = 3  # frames at which another frame's maps no longer count


def steady_maps(swaps: Sequence[FrameSwap], index: int) -> Array | None:
    """Put the maps of a swap together from those of its track's frames around.

    Crops follow the face, so a place in the maps is a place in the face. Engines may give maps to
    every third frame only: what counts falls off evenly, so a frame between two gets what lies
    between them, and nothing jumps.

    Args:
        swaps: The swap and its neighbors, of one track; the face may be missing in between.
        index: Place of the swap among them.

    Returns:
        (8, N, N) float32; None where no frame near has any.
    """
    own, held = swaps[index].frame, 0.0
    total: Array | None = None
    for one in swaps:
        weight = 1.0 - abs(one.frame - own) / REACH
        if weight > 0.0 and one.swapped.correction is not None:
            share = np.float32(weight) * one.swapped.correction
            total = share if total is None else total + share
            held += weight
    return None if total is None else np.asarray(total / np.float32(held))


def apply_correction(pixels: Array, mask: Array, maps: Array) -> Array:
    """Change a swap by maps.

    Args:
        pixels: (S, S, 3) float32 RGB, 0 to 255.
        mask: (S, S) float32, 0 to 1; outside of it nothing is changed.
        maps: (8, N, N) float32.

    Returns:
        The changed pixels.
    """
    size = len(mask)
    x, y, width, height = cv2.boundingRect((mask > 0.0).astype(np.uint8))
    if not width:
        return pixels
    part = np.s_[y : y + height, x : x + width]
    gain, offset, flow = (_enlarged(maps[one], size)[part] for one in (GAIN, OFFSET, FLOW))
    columns, rows = cv2.split(flow * np.float32(size))
    columns += np.arange(x, x + width, dtype=np.float32)
    rows += np.arange(y, y + height, dtype=np.float32)[:, None]
    moved = cv2.remap(pixels, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lit = cv2.scaleAdd(offset, 255.0, cv2.multiply(moved, gain))
    pixels = pixels.copy()
    pixels[part] = np.clip(lit, 0.0, 255.0)
    return pixels


def _enlarged(maps: Array, size: int) -> Array:
    """Return maps (C, N, N) as (size, size, C)."""
    return resize(np.ascontiguousarray(np.moveaxis(maps, 0, -1)), size, size)
