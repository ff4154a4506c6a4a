"""Compositing: a swapped crop back into the frame that it was cut from."""

from __future__ import annotations

import cv2
import numpy as np

from ..crops import PictureSurface, Surface, region_box
from ..geometry.affine import scale_of, shifted
from ..geometry.resample import warp_back
from ..records import Array, Crop
from ..video.planes import Box
from .grain import match_grain

CUBIC_BELOW = (
    0.8  # crop pixels per frame pixel: from there on a swap is enlarged by cubic interpolation
)


def composite(
    frame: Surface | Array,
    crop: Crop,
    swap: Array,
    *,
    mask: Array,
    grain: bool = False,
    frame_mask: Array | None = None,
) -> bool:
    """Blend a swap into its frame, in place, through the inverse of the crop's matrix.

    Args:
        frame: The picture (H, W, 3) uint8 RGB, or the surface, that the crop was cut from. A
            sample changes only where the mask, rounded to 8 bits, is not 0.
        crop: Where it was cut.
        swap: (S, S, 3) float32 RGB, 0 to 255.
        mask: (S, S) float32, 0 (keep the frame) to 1 (take the swap).
        grain: Whether the swap gets the grain of the pixels that it covers. Here and not in the
            crop, since every resampling wears grain off.
        frame_mask: (H, W) uint8 or None: where it is given, the mask is added to it (by the
            maximum), in place.

    Returns:
        Whether anything of the swap lies in the frame.
    """
    surface = PictureSurface(frame) if isinstance(frame, np.ndarray) else frame
    x0, y0, x1, y1 = box = surface.align(_mask_box(mask, crop.matrix))
    width, height = x1 - x0, y1 - y0
    if width <= 0 or height <= 0:
        return False
    matrix = shifted(crop.matrix, x0, y0)
    weight = warp_back(mask, matrix, width, height, black_outside=True)
    weight = np.clip(weight * 255.0 + 0.5, 0, 255).astype(np.uint8)
    if not weight.any():
        return False
    rgb = warp_back(swap, matrix, width, height, cubic=scale_of(matrix) < CUBIC_BELOW)
    if grain:
        rgb = match_grain(rgb, surface.read(box), weight * np.float32(1.0 / 255.0))
    surface.write(box, rgb, weight)
    if frame_mask is not None:
        np.maximum(frame_mask[y0:y1, x0:x1], weight, out=frame_mask[y0:y1, x0:x1])
    return True


def _mask_box(mask: Array, matrix: Array) -> Box:
    """Return the box on the surface around the part of the crop that the mask covers."""
    x, y, width, height = cv2.boundingRect((mask > 0.0).astype(np.uint8))
    return region_box(matrix, x - 1, y - 1, width + 2, height + 2)
