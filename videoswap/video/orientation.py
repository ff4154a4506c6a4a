"""Orientation: how coded pixels map to the upright, displayed picture."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from ..records import Array

DISPLAY_MATRIX_UNIT = 1 << 16  # the unit of the display matrix's first two columns
IDENTITY_DISPLAY_MATRIX = (DISPLAY_MATRIX_UNIT, 0, 0, 0, DISPLAY_MATRIX_UNIT, 0, 0, 0, 1 << 30)


@dataclass(frozen=True, slots=True, eq=False)
class Orientation:
    """Rotation, mirroring and pixel shape of a video.

    Attributes:
        coded_width: Columns of the coded picture.
        coded_height: Rows of the coded picture.
        upright_width: Columns of the displayed picture.
        upright_height: Rows of the displayed picture.
        matrix: (2, 3) float64 affine map from coded to upright pixels (x, y), both with pixel
            centres at whole numbers.
        turn: (2, 2) int: the part of the display matrix that rotates and mirrors, rounded to
            right angles; column vectors.
        display_matrix: The nine numbers FFmpeg keeps, to be written to the result unchanged.
        sample_aspect_ratio: Width over height of a coded pixel.
    """

    coded_width: int
    coded_height: int
    upright_width: int
    upright_height: int
    matrix: Array
    turn: Array
    display_matrix: tuple[int, ...]
    sample_aspect_ratio: Fraction

    @property
    def rotated(self) -> bool:
        """Whether the container must say how the picture is to be turned."""
        return self.display_matrix != IDENTITY_DISPLAY_MATRIX

    def apply(self, picture: Array) -> Array:
        """Turn and mirror a coded picture (h, w, ...) upright; pixel shape is left alone."""
        return _turned(picture, self.turn)

    def undo(self, picture: Array) -> Array:
        """Turn and mirror an upright picture (h, w, ...) as it is coded; see `apply`."""
        return _turned(picture, self.turn.T)


def orientation(
    width: int,
    height: int,
    display_matrix: bytes | Sequence[int] | None = None,
    sample_aspect_ratio: Fraction | None = None,
) -> Orientation:
    """Describe how a coded picture is displayed.

    The shorter side of a pixel is stretched, never the longer one shrunk, so no detail is lost.

    Args:
        width: Coded width in pixels.
        height: Coded height in pixels.
        display_matrix: FFmpeg's display matrix, nine 32-bit integers; None for upright.
        sample_aspect_ratio: Width over height of a coded pixel; None or 0 for square.
    """
    if isinstance(display_matrix, bytes):
        display_matrix = struct.unpack("=9i", display_matrix[:36])
    numbers = tuple(display_matrix) if display_matrix is not None else IDENTITY_DISPLAY_MATRIX
    ratio = sample_aspect_ratio or Fraction(1)
    turn = _right_angles(numbers)
    stretch = (max(ratio, Fraction(1)), max(1 / ratio, Fraction(1)))
    displayed = (round(width * stretch[0]), round(height * stretch[1]))
    swap = turn[0, 0] == 0
    upright = displayed[::-1] if swap else displayed

    scale = np.diag([displayed[0] / width, displayed[1] / height])
    linear = turn @ scale
    # The turned picture's corner nearest to the origin goes to the origin.
    corners = linear @ np.array([[0, width, 0, width], [0, 0, height, height]], np.float64)
    offset = -corners.min(axis=1)
    # Edges were mapped so far; centres lie half a pixel further in.
    offset = offset + linear @ np.array([0.5, 0.5]) - 0.5
    return Orientation(
        coded_width=width,
        coded_height=height,
        upright_width=upright[0],
        upright_height=upright[1],
        matrix=np.column_stack([linear, offset]),
        turn=turn,
        display_matrix=numbers,
        sample_aspect_ratio=ratio,
    )


def _right_angles(numbers: Sequence[int]) -> Array:
    """Return the one of the eight right-angle orientations that is nearest to a display matrix."""
    a, b, _, c, d = numbers[:5]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        parts = [[1 if a >= 0 else -1, 0], [0, 1 if d >= 0 else -1]]
    else:
        parts = [[0, 1 if c >= 0 else -1], [1 if b >= 0 else -1, 0]]
    return np.array(parts, dtype=np.int64)


def _turned(picture: Array, turn: Array) -> Array:
    """Turn and mirror a picture by a (2, 2) matrix of 0, 1 and -1 that acts on (x, y)."""
    a, c = turn[0]
    b, d = turn[1]
    if a == 0:
        picture = cv2.transpose(picture)
        flip_x, flip_y = c < 0, b < 0
    else:
        flip_x, flip_y = a < 0, d < 0
    if flip_x or flip_y:
        picture = cv2.flip(picture, -1 if flip_x and flip_y else int(flip_x))
    return picture
