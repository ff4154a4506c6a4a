"""Swapped crops back onto the frames they were cut from."""

from __future__ import annotations

import cv2
import numpy as np

from ..crops import Surface, region_box
from ..geometry.affine import scale_of, shifted
from ..records import Array, Crop, SwappedCrop
from ..video.planes import Box
from .grain import match_grain


def paste(
    surface: Surface, crop: Crop, swapped: SwappedCrop, grain: bool = False
) -> tuple[Box, Array] | None:
    """Blend a swapped crop into its surface, in place.

    Args:
        surface: The surface that the crop was cut from.
        crop: Where it was cut.
        swapped: What to put there.
        grain: Whether the swap gets the grain of the pixels it goes onto. Here and not in the
            crop, since every resampling wears grain off.

    Returns:
        The box that was written and the mask (h, w) uint8 in it: a sample can only have
        changed where the mask is not 0. None if nothing was left to write.
    """
    box = surface.align(_mask_box(swapped.mask, crop.matrix))
    width, height = box[2] - box[0], box[3] - box[1]
    if width <= 0 or height <= 0:
        return None
    matrix = shifted(crop.matrix, box[0], box[1])
    inverse = cv2.WARP_INVERSE_MAP
    weight = cv2.warpAffine(swapped.mask, matrix, (width, height), flags=cv2.INTER_LINEAR | inverse)
    mask = np.clip(weight * 255.0 + 0.5, 0, 255).astype(np.uint8)
    if not mask.any():
        return None
    smooth = cv2.INTER_CUBIC if scale_of(matrix) < 0.8 else cv2.INTER_LINEAR
    rgb = cv2.warpAffine(
        swapped.pixels,
        matrix,
        (width, height),
        flags=smooth | inverse,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if grain:
        rgb = match_grain(rgb, surface.read(box), mask * np.float32(1.0 / 255.0))
    surface.write(box, np.asarray(rgb), mask)
    return box, mask


def _mask_box(mask: Array, matrix: Array) -> Box:
    """Return the box on the surface around the part of the crop that the mask covers."""
    x, y, width, height = cv2.boundingRect((mask > 0.0).astype(np.uint8))
    return region_box(matrix, x - 1, y - 1, width + 2, height + 2)
