"""A swap averaged over neighboring frames where its target stands still.

Crops follow the face, so a pixel of a crop shows the same part of the face in the frames around
it. Where the target's own pixel did not change, whatever changes in the swap is flicker and is
averaged away; where the target moved, spoke or was lit anew, only the frame itself counts. The
filter reaches as far ahead as back, so nothing lags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import cv2
import numpy as np

from ..geometry.resample import resize
from ..occlusion.temporal import temporal_weight
from ..records import Array, FrameSwap, SwappedCrop

TOLERANCE = 4.0  # of 255: change of the target at which a frame counts for little more than half
MIN_WEIGHT = 0.05  # a frame whose weight is nowhere more is left out


def temporal_filter(swaps: Sequence[FrameSwap], index: int) -> SwappedCrop:
    """Filter one swap over time, weighted by how little the target changed.

    Args:
        swaps: The swap and its neighbors, of one track and one size; the face may be missing in
            some of the frames between them.
        index: Place of the swap among them.

    Returns:
        The swap with filtered picture and mask.

    Example:
        >>> steady = temporal_filter(swaps, 2)  # doctest: +SKIP
    """
    own = swaps[index].swapped
    part = _bounding_slices(swaps)
    pixels, mask = own.pixels.copy(), own.mask.copy()
    colors, soft = pixels[part].copy(), mask[part].copy()
    total = np.ones_like(soft)
    for number, other in enumerate(swaps):
        if number == index:
            continue
        apart = other.frame - swaps[index].frame
        small = temporal_weight(swaps[index].crop.quarter, other.crop.quarter, apart, TOLERANCE)
        if float(small.max()) < MIN_WEIGHT:
            continue
        weight = resize(small, len(mask), len(mask))[part]
        total += weight
        cv2.accumulateProduct(other.swapped.pixels[part], _three_channels(weight), colors)
        cv2.accumulateProduct(other.swapped.mask[part], weight, soft)
    pixels[part] = cv2.divide(colors, _three_channels(total))
    mask[part] = cv2.divide(soft, total)
    return replace(own, pixels=pixels, mask=_with_border_of(mask, own.mask))


def _three_channels(values: Array) -> Array:
    """Repeat (h, w) for three channels; OpenCV multiplies faster so than numpy broadcasts."""
    return np.asarray(cv2.merge([values, values, values]))


def _bounding_slices(swaps: Sequence[FrameSwap]) -> tuple[slice, slice]:
    """Return the rows and columns that any of the masks covers."""
    seen = reduce(cv2.max, [one.swapped.mask for one in swaps])
    x, y, width, height = cv2.boundingRect((seen > 0.0).astype(np.uint8))
    return np.s_[y : y + height, x : x + width]


def _with_border_of(mask: Array, own: Array) -> Array:
    """Let a filtered mask stay 0 along the border, as every mask is."""
    mask[0], mask[-1], mask[:, 0], mask[:, -1] = own[0], own[-1], own[:, 0], own[:, -1]
    return mask
