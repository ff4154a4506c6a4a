"""Masks from landmarks, in the pixels of a square crop."""

from __future__ import annotations

import cv2
import numpy as np

from ..records import Array

Rectangle = tuple[int, int, int, int]  # x, y, width, height

_SUBPIXEL_BITS = 4

JAW = slice(0, 17)
BROWS = slice(17, 27)
LEFT_EYE = slice(36, 42)
RIGHT_EYE = slice(42, 48)
INNER_LIPS = slice(60, 68)
_ARCH = 1.0 - 0.5 * np.linspace(-1.0, 1.0, 10) ** 2
#: Which of the 68 landmarks each one becomes in a mirror image.
MIRRORED_LANDMARKS = np.array(
    [
        *(*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)),
        *(*range(45, 41, -1), 47, 46, *range(39, 35, -1), 41, 40),
        *(*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1)),
    ]
)


def face_height(landmarks: Array) -> Array:
    """Return the (2,) vector from the bridge of the nose to the chin: the face's own unit."""
    return np.asarray(landmarks[8] - landmarks[27])


def forehead_points(landmarks: Array, lift: float | Array) -> Array:
    """Return (10, 2) points above the brows, which the 68 landmarks do not cover.

    Args:
        landmarks: (68, 2) points.
        lift: Height over the brows as a share of the distance from nose bridge to chin, one
            or (10,); reached in the middle, half of it at the temples.
    """
    return np.asarray(
        landmarks[BROWS] - (lift * _ARCH)[:, None] * face_height(landmarks), landmarks.dtype
    )


def draw_polygon(canvas: Array, points: Array) -> None:
    """Draw a filled closed polygon of (N, 2) points onto (H, W) uint8, in place, as 255."""
    fixed = np.rint(points * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, _SUBPIXEL_BITS)


def draw_hull(canvas: Array, points: Array) -> None:
    """Draw the convex hull of (N, 2) points, see `draw_polygon`."""
    draw_polygon(canvas, cv2.convexHull(np.ascontiguousarray(points, np.float32))[:, 0])


def fill_polygon(points: Array, size: int) -> Array:
    """Fill a closed polygon of (N, 2) points; returns (size, size) float32, 0 or 1."""
    canvas = np.zeros((size, size), np.uint8)
    draw_polygon(canvas, points)
    return canvas.astype(np.float32) / 255.0


def fill_hull(points: Array, size: int) -> Array:
    """Fill the convex hull of (N, 2) points; returns (size, size) float32, 0 or 1."""
    canvas = np.zeros((size, size), np.uint8)
    draw_hull(canvas, points)
    return canvas.astype(np.float32) / 255.0


def depth(mask: Array) -> Array:
    """Return how deep each pixel lies inside a mask.

    Args:
        mask: (S, S) float32, 0 to 1; from one half on a pixel counts as inside.

    Returns:
        (S, S) float32 distance in pixels to the nearest pixel outside or to the border of the
        picture; 0 outside.
    """
    made = np.zeros(mask.shape, np.float32)
    part, (x, y, width, height) = depth_part((mask >= 0.5).astype(np.uint8))
    made[y : y + height, x : x + width] = part
    return made


def depth_part(inside: Array) -> tuple[Array, Rectangle]:
    """Return `depth` where it is above 0.

    Args:
        inside: (S, S) uint8, above 0 inside; is changed.

    Returns:
        (h, w) float32, and where that lies.
    """
    inside[0, :] = inside[-1, :] = inside[:, 0] = inside[:, -1] = 0
    x, y, width, height = cv2.boundingRect(inside)
    if not width:
        return np.zeros((0, 0), np.float32), (0, 0, 0, 0)
    around = inside[y - 1 : y + height + 1, x - 1 : x + width + 1]
    part = cv2.distanceTransform(around, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return np.asarray(part, np.float32), (x, y, width, height)


def feather(depths: Array, width: float) -> Array:
    """Return a smooth ramp (S, S) float32 from 0 at depth 0 to 1 at depth ``width``."""
    ramp = np.minimum(depths * np.float32(1.0 / max(width, 1.0)), np.float32(1.0))
    return np.asarray(ramp * ramp * (3.0 - 2.0 * ramp), np.float32)


def refeather(mask: Array, width: float) -> Array:
    """Give a mask (S, S) float32 another soft border, ``width`` pixels wide, inwards."""
    return np.asarray(np.minimum(feather(depth(mask), width), mask.max()), np.float32)


def scale_points(points: Array, factor: float) -> Array:
    """Scale (N, 2) points about their centre."""
    centre = points.mean(axis=0)
    return np.asarray(centre + (points - centre) * factor, points.dtype)


LIFT, SOFT = 0.16, 0.07  # of the mask of a face: how much forehead, and width of its slope


def inner_face_depth(landmarks: Array, size: int, lift: float = LIFT) -> tuple[Array, Rectangle]:
    """Return how deep pixels lie inside of what `inner_face_mask` draws, see `depth_part`."""
    drawn = np.zeros((size, size), np.uint8)
    draw_hull(drawn, np.concatenate([landmarks, forehead_points(landmarks, lift)]))
    return depth_part(cv2.threshold(drawn, 127, 1, cv2.THRESH_BINARY)[1])  # one half of 255


def inner_face_mask(
    landmarks: Array, size: int, *, lift: float = LIFT, soft: float = SOFT
) -> Array:
    """Draw the soft mask of a face for engines that paint the whole of it.

    Brow to brow over jaw and chin, a little of the forehead, sloping inwards from that outline;
    like GHOST's mask, but from the 68 landmarks.

    Args:
        landmarks: (68, 2) points in pixels of the crop.
        size: Side of the crop.
        lift: How much of the forehead is taken, see ``forehead``.
        soft: Width of the slope as a share of the side.

    Returns:
        (size, size) float32, 0 to 1; 0 along the border.
    """
    depths, (x, y, width, height) = inner_face_depth(landmarks, size, lift)
    made = np.zeros((size, size), np.float32)
    made[y : y + height, x : x + width] = feather(depths, soft * size)
    return made


def fade_border(mask: Array, width: float) -> Array:
    """Let a mask (S, S) float32 fall to 0 towards the border over ``width`` pixels."""
    line = np.minimum(np.arange(len(mask)), np.arange(len(mask))[::-1]).astype(np.float32)
    ramp = feather(line, width)
    return np.asarray(mask * np.minimum(ramp[:, None], ramp[None, :]), np.float32)
