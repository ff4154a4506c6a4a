"""What a face looks like at a glance: a tiny grey picture, cheap enough for every face.

It tells whether the face of this frame is still the one of the frame before. Who it is only an
embedding can tell, at several hundred times the cost.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..records import Array
from .landmarks import face_square

SIDE = 16  # pixels of a look
FINE = 2  # samples per pixel of a look: enough to average noise, few enough to cost nothing


def face_thumbnail(picture: Array, points5: Array) -> Array:
    """Return the (16, 16) int8 look of a face: grey, upright, without mean and contrast.

    Args:
        picture: (H, W, 3) uint8 RGB.
        points5: (5, 2) in pixels of the picture.
    """
    side = FINE * SIDE
    matrix = face_square(points5).to_region(side, 0.0)
    crop = cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey -= grey.mean()
    scale = 127 / max(float(np.abs(grey).max()), 8.0)
    return np.asarray(np.rint(grey * scale), np.int8)


def ncc(one: Array, other: Array) -> float:
    """Return the correlation of two looks, -1 to 1; 0 where one of them is flat."""
    a, b = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms else 0.0
