"""Anti-aliased resampling: the one way from a picture to a smaller, larger or turned one.

OpenCV's linear interpolation reads four pixels for each new one. Where a picture becomes less than
half as large that leaves out the others and aliases, so it is averaged first.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..records import Array
from .affine import compose, invert, resize_matrix, scale_of, transform

LEAST_SIGMA = 1.9  # pixels: a wide blur is made where it is still so wide
LEAST_BLURRED_SIDE = 24  # pixels of a picture that is made smaller for a blur


def resize(picture: Array, width: int, height: int) -> Array:
    """Resize a picture: the mean of the pixels where it shrinks, linear where it grows.

    Args:
        picture: (H, W) or (H, W, C), uint8 or float32.
        width: New width in pixels.
        height: New height in pixels.

    Returns:
        (height, width) or (height, width, C), same dtype.
    """
    shrinks = height <= picture.shape[0] and width <= picture.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=interpolation))


def blur(picture: Array, sigma: float) -> Array:
    """Blur a picture by a Gaussian; a wide one at a smaller size, where it costs hardly anything.

    The result differs from that at full size by about a hundredth of the picture's range at most,
    near the border of very wide ones by a few.

    Args:
        picture: (H, W) or (H, W, C) float32.
        sigma: Standard deviation in pixels.

    Returns:
        The same shape, float32.
    """
    shape = picture.shape
    height, width = shape[:2]
    factor = int(min(sigma / LEAST_SIGMA, min(height, width) / LEAST_BLURRED_SIDE))
    if factor < 2:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma)).reshape(shape)
    # Whole blocks, so that nothing shifts; the last ones go on past the border.
    missing = -height % factor, -width % factor
    if any(missing):
        picture = cv2.copyMakeBorder(picture, 0, missing[0], 0, missing[1], cv2.BORDER_REFLECT_101)
    full = picture.shape[1::-1]
    small = cv2.resize(
        picture, (full[0] // factor, full[1] // factor), interpolation=cv2.INTER_AREA
    )
    # Averaging and linear interpolation blur by f^2 / 12 and f^2 / 6 themselves.
    left = float(np.sqrt((sigma / factor) ** 2 - 0.25))
    made = cv2.resize(cv2.GaussianBlur(small, (0, 0), left), full, interpolation=cv2.INTER_LINEAR)
    return np.asarray(made[:height, :width]).reshape(shape)


def crop_box(picture: Array, box: tuple[int, int, int, int]) -> Array:
    """Cut a box out of a picture, whose border is continued where the box leaves it.

    Args:
        picture: (H, W) or (H, W, C).
        box: x0, y0, x1, y1 in pixels.

    Returns:
        (y1 - y0, x1 - x0) or (y1 - y0, x1 - x0, C), same dtype; zeros where the box lies outside
        the picture altogether.
    """
    x0, y0, x1, y1 = box
    height, width = picture.shape[:2]
    inner = picture[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    missing = max(0, -y0), max(0, y1 - height), max(0, -x0), max(0, x1 - width)
    if not any(missing):
        return inner
    if not inner.size:
        return np.zeros((y1 - y0, x1 - x0, *picture.shape[2:]), picture.dtype)
    return np.asarray(cv2.copyMakeBorder(inner, *missing, cv2.BORDER_REPLICATE))


def warp(
    picture: Array,
    matrix: Array,
    size: int,
    *,
    black_outside: bool = False,
    average_all: bool = False,
) -> Array:
    """Warp a picture to a square one by an affine matrix.

    Args:
        picture: (H, W) or (H, W, C), uint8 or float32.
        matrix: (2, 3) from its pixels to those of the result.
        size: Side of the result in pixels.
        black_outside: Whether what lies outside the picture is 0; otherwise its border is
            continued.
        average_all: Where averaging comes first, average all of the picture and not only the
            part that is needed. For crops, most of which is needed: the factor then fits their
            size without a remainder at the border.

    Returns:
        (size, size) or (size, size, C), same dtype.
    """
    factor = int(1.0 / scale_of(matrix))
    if factor >= 2:
        shrink = _shrink_all if average_all else _shrink_part
        picture, matrix = shrink(picture, matrix, size, factor)
    border = cv2.BORDER_CONSTANT if black_outside else cv2.BORDER_REPLICATE
    return np.asarray(
        cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border)
    )


def warp_back(
    picture: Array,
    matrix: Array,
    width: int,
    height: int,
    *,
    black_outside: bool = False,
    cubic: bool = False,
) -> Array:
    """Warp a square picture back to where it came from, without inverting the matrix.

    Nothing is averaged first: a crop is about as large as the face that it was cut from.

    Args:
        picture: (S, S) or (S, S, C), uint8 or float32.
        matrix: (2, 3) from pixels of the result to its pixels: what it was cut out with.
        width: Width of the result in pixels.
        height: Height of the result in pixels.
        black_outside: Whether what lies outside the picture is 0; otherwise its border is
            continued.
        cubic: Whether interpolation is cubic, which keeps more detail where the result is larger.

    Returns:
        (height, width) or (height, width, C), same dtype.
    """
    flags = (cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_CONSTANT if black_outside else cv2.BORDER_REPLICATE
    return np.asarray(
        cv2.warpAffine(picture, matrix, (width, height), flags=flags, borderMode=border)
    )


def _shrink_all(picture: Array, matrix: Array, size: int, factor: int) -> tuple[Array, Array]:
    """Return the picture made smaller by about a factor, and the matrix for it."""
    height, width = (max(1, side // factor) for side in picture.shape[:2])
    enlarged = resize_matrix(picture.shape[1] / width, picture.shape[0] / height)
    return resize(picture, width, height), compose(matrix, enlarged)


def _shrink_part(picture: Array, matrix: Array, size: int, factor: int) -> tuple[Array, Array]:
    """Return the part of a picture that is needed made smaller by a factor, and its matrix.

    The factor is a whole number, for which OpenCV's averaging is several times faster.
    """
    height, width = picture.shape[:2]
    corners = transform(invert(matrix), np.array([[0.0, 0], [size, 0], [0, size], [size, size]]))
    limit = np.maximum(np.array([width, height]) // factor, 1)
    low = np.clip(np.floor(corners.min(axis=0) / factor) - 1, 0, limit - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0) / factor) + 1, low + 1, limit).astype(int)
    part = picture[low[1] * factor : high[1] * factor, low[0] * factor : high[0] * factor]
    small = resize(part, int(high[0] - low[0]), int(high[1] - low[1]))
    turn = matrix[:, :2] * factor
    shift = matrix[:, :2] @ (low * factor + (factor - 1) / 2) + matrix[:, 2]
    return small, np.column_stack([turn, shift])
