"""A swap filtered over time where its target stands still.

Crops follow the face, so a pixel of a crop shows the same part of the face in the frames around
it. Where the target's own pixel did not change, whatever changes in the swap is flicker and is
averaged away; where the target moved, spoke or was lit anew, only the frame itself counts. The
look goes as far ahead as back, so nothing lags.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..records import Array, SwappedCrop

TOLERANCE = 4.0  # of 255: change of the target at which a frame counts for little more than half
FAINT = 0.05  # weight that is not worth the work
WIDTH = 1.5  # frames, standard deviation of the Gaussian over time
_COARSE = 4  # the target is compared in squares of so many pixels, which takes its grain away


def steady(window: Sequence[tuple[Array, SwappedCrop]], place: int) -> SwappedCrop:
    """Filter one swap over time.

    Args:
        window: Target crop (S, S, 3) float32 RGB, 0 to 255, and swap, of one track in frames that
            follow each other, all of one size.
        place: Which of them is meant.

    Returns:
        The swap with filtered picture and mask.
    """
    size = len(window[place][0])
    mine, own = _coarse(window[place][0]), window[place][1]
    part = _covered(window)
    colours, soft = own.pixels[part].copy(), own.mask[part].copy()
    total = np.ones_like(soft)
    for number, (target, swapped) in enumerate(window):
        if number == place:
            continue
        change = cv2.absdiff(mine, _coarse(target)).max(axis=2)
        change = cv2.dilate(change, np.ones((3, 3), np.uint8))
        alike = np.exp(-0.5 * (change / TOLERANCE) ** 2 - 0.5 * ((number - place) / WIDTH) ** 2)
        if float(alike.max()) < FAINT:
            continue
        weight = cv2.resize(alike.astype(np.float32), (size, size))[part]
        total += weight
        colours += cv2.multiply(swapped.pixels[part], _of_colours(weight))
        soft += swapped.mask[part] * weight
    pixels, mask = own.pixels.copy(), own.mask.copy()
    pixels[part] = cv2.divide(colours, _of_colours(total))
    mask[part] = soft / total
    return SwappedCrop(pixels, _closed(mask, own.mask))


def _of_colours(values: Array) -> Array:
    """Repeat (h, w) for three channels; OpenCV multiplies faster so than numpy spreads them."""
    return np.asarray(cv2.merge([values, values, values]))


def _covered(window: Sequence[tuple[Array, SwappedCrop]]) -> tuple[slice, slice]:
    """Return the rows and columns that any of the masks covers."""
    seen = np.max([swapped.mask for _, swapped in window], axis=0) > 0.0
    x, y, width, height = cv2.boundingRect(seen.astype(np.uint8))
    return np.s_[y : y + height, x : x + width]


def _coarse(picture: Array) -> Array:
    side = max(1, len(picture) // _COARSE)
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))


def _closed(mask: Array, own: Array) -> Array:
    """Let a filtered mask stay 0 along the border, as every mask is."""
    mask[0], mask[-1], mask[:, 0], mask[:, -1] = own[0], own[-1], own[:, 0], own[:, -1]
    return mask
