"""Folds and lid lines of the target on the face of the source: shading of one size, replaced."""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.brightness import RATIO_FLOOR
from ...records import Array

LIMIT = 0.6  # log units by which shading may change a pixel


def take_shading(lit: Array, target: Array, weight: Array, fine: float, coarse: float) -> None:
    """Replace the shading of a face between two sizes by the target's; changes ``lit``.

    Shading is the difference of two Gaussians of the logarithm of luminance; colors stay.

    Args:
        lit: (H, W, 3) float32 RGB, 0 to 255.
        target: (H, W, 3) float32 RGB, 0 to 255.
        weight: (H, W) float32, 0 to 1: how much of it is replaced.
        fine: Sigma in pixels under which details stay as they are; 0 replaces them as well.
        coarse: Sigma in pixels over which light stays as it is.
    """
    change = _luminance(target) - _luminance(lit)
    if fine > 0.0:
        change = cv2.GaussianBlur(change, (0, 0), fine)
    change = change - cv2.GaussianBlur(change, (0, 0), coarse)
    gain = np.exp(np.clip(change, -LIMIT, LIMIT) * weight)[..., None]
    lit *= gain
    np.minimum(lit, 255.0, out=lit)


def _luminance(picture: Array) -> Array:
    """Return the logarithm of luminance (H, W) float32 of an RGB picture (H, W, 3) float32."""
    grey = cv2.transform(picture, np.array([[0.299, 0.587, 0.114]], np.float32))
    return np.asarray(np.log(np.maximum(grey.reshape(grey.shape[:2]), 0.0) + RATIO_FLOOR))
