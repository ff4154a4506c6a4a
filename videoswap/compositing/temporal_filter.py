"""A swap filtered over time where its target stands still.

Crops follow the face, so a pixel of a crop shows the same part of the face in the frames around
it. Where the target's own pixel did not change, whatever changes in the swap is flicker and is
averaged away; where the target moved, spoke or was lit anew, only the frame itself counts. The
look goes as far ahead as back, so nothing lags.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import cv2
import numpy as np

from ..occlusion.temporal import temporal_weight
from ..records import Array, SwappedCrop

TOLERANCE = 4.0  # of 255: change of the target at which a frame counts for little more than half
FAINT = 0.05  # weight that is not worth the work


def temporal_filter(
    window: Sequence[tuple[Array, SwappedCrop]], frames: Sequence[int], place: int
) -> SwappedCrop:
    """Filter one swap over time.

    Args:
        window: Small target, see ``Crop.quarter``, and swap (S, S, 3), of one track in frames
            around one, all of one size.
        frames: The number of each of these frames, counted in the video: the face may be missing
            in some between them.
        place: Which of them is meant.

    Returns:
        The swap with filtered picture and mask.
    """
    mine, own = window[place]
    size = len(own.mask)
    part = _covered(window)
    pixels, mask = own.pixels.copy(), own.mask.copy()
    colours, soft = pixels[part].copy(), mask[part].copy()
    total = np.ones_like(soft)
    for number, (target, swapped) in enumerate(window):
        if number == place:
            continue
        still = temporal_weight(mine, target, frames[number] - frames[place], TOLERANCE)
        if float(still.max()) < FAINT:
            continue
        weight = cv2.resize(still, (size, size))[part]
        total += weight
        cv2.accumulateProduct(swapped.pixels[part], _of_colours(weight), colours)
        cv2.accumulateProduct(swapped.mask[part], weight, soft)
    pixels[part] = cv2.divide(colours, _of_colours(total))
    mask[part] = cv2.divide(soft, total)
    return SwappedCrop(pixels, _closed(mask, own.mask))


def _of_colours(values: Array) -> Array:
    """Repeat (h, w) for three channels; OpenCV multiplies faster so than numpy spreads them."""
    return np.asarray(cv2.merge([values, values, values]))


def _covered(window: Sequence[tuple[Array, SwappedCrop]]) -> tuple[slice, slice]:
    """Return the rows and columns that any of the masks covers."""
    seen = reduce(cv2.max, [swapped.mask for _, swapped in window])
    x, y, width, height = cv2.boundingRect((seen > 0.0).astype(np.uint8))
    return np.s_[y : y + height, x : x + width]


def _closed(mask: Array, own: Array) -> Array:
    """Let a filtered mask stay 0 along the border, as every mask is."""
    mask[0], mask[-1], mask[:, 0], mask[:, -1] = own[0], own[-1], own[:, 0], own[:, -1]
    return mask
