"""Turned squares and the crops made of them, which detection, landmarks and embedding share."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..records import Array
from .affine import invert, transform


@dataclass(frozen=True, slots=True)
class Square:
    """A turned square in a picture.

    Attributes:
        x: Centre in pixels.
        y: Centre in pixels.
        side: Length of a side in pixels.
        angle: Angle of its x axis to the picture's, clockwise as displayed, in radians.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def to_region(self, side: float, margin: float) -> Array:
        """Return the (2, 3) float64 matrix from picture pixels to pixels of a crop.

        Args:
            side: Length the square gets in the crop.
            margin: Distance of the square to the left and upper border of the crop.
        """
        scale = side / self.side
        cos, sin = scale * np.cos(self.angle), scale * np.sin(self.angle)
        middle = margin + side / 2
        turn = np.array([[cos, sin], [-sin, cos]])
        shift = np.array([middle, middle]) - turn @ np.array([self.x, self.y])
        return np.column_stack([turn, shift])


def warp(picture: Array, matrix: Array, side: int) -> Array:
    """Return a (side, side, 3) uint8 crop; outside the picture its border is continued.

    Args:
        picture: (H, W, 3) uint8.
        matrix: (2, 3) from picture to crop pixels.
        side: Size of the crop in pixels.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale <= 0.5:  # linear interpolation alone would alias: shrink the surroundings first
        picture, matrix = _shrunk(picture, matrix, side, int(1 / scale))
    crop: Array = cv2.warpAffine(
        picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return crop


def _shrunk(picture: Array, matrix: Array, side: int, step: int) -> tuple[Array, Array]:
    """Return the part of the picture that a crop needs, made smaller, and the matrix for it.

    The factor is a whole number, for which OpenCV's averaging is several times faster.
    """
    height, width = picture.shape[:2]
    corners = transform(invert(matrix), np.array([[0.0, 0], [side, 0], [0, side], [side, side]]))
    limit = np.maximum(np.array([width, height]) // step, 1)
    low = np.clip(np.floor(corners.min(axis=0) / step) - 1, 0, limit - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0) / step) + 1, low + 1, limit).astype(int)
    part = picture[low[1] * step : high[1] * step, low[0] * step : high[0] * step]
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    small: Array = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    turn = matrix[:, :2] * step
    shift = matrix[:, :2] @ (low * step + (step - 1) / 2) + matrix[:, 2]
    return small, np.column_stack([turn, shift])
