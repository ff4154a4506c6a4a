"""View and expression of a face in few numbers, and which photo fits a frame best by them.

The numbers are smooth functions of the landmarks, and so are the shares of the photos: where the
landmarks are steady, nothing pops.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...records import Array

EARS, OUTER_EYES, FOREHEAD, NOSE_BASE = (234, 454), (33, 263), 10, 2
MOUTH_CORNERS, INNER_LIPS = (61, 291), (13, 14)
#: What makes another face of it: turns in radians; width, opening of the mouth and height of its
#: corners in distances of the outer eye corners.
CLEARLY_OTHER = np.array([0.35, 0.30, 0.12, 0.12, 0.06])
TURNS, MOUTH = slice(0, 2), slice(2, 5)
SHARPNESS = 2.0  # how much a photo that fits better is preferred
LEAST_SHARE = 0.08  # a photo of less has none
SIZE_BONUS = 0.5  # by which larger photos are preferred, to the logarithm of their size


def read_expression(points: Array) -> Array:
    """Return view and expression of dense landmarks.

    Args:
        points: (468 or more, 3), in any scale.

    Returns:
        (5,) float64, in units in which 1 is clearly another view or expression: yaw, pitch, width
        and opening of the mouth, height of its corners.
    """
    marks = points.astype(np.float64)
    across = marks[EARS[1]] - marks[EARS[0]]
    up = marks[FOREHEAD] - marks[NOSE_BASE]
    yaw, pitch = (np.arctan2(axis[2], np.hypot(*axis[:2])) for axis in (across, up))
    unit = max(float(np.linalg.norm(marks[OUTER_EYES[1]] - marks[OUTER_EYES[0]])), 1e-6)
    left, right = marks[list(MOUTH_CORNERS)]
    upper, lower = marks[list(INNER_LIPS)]
    raised = (0.5 * (upper + lower) - 0.5 * (left + right)) @ -up / float(np.linalg.norm(up) + 1e-6)
    mouth = np.array([np.linalg.norm(right - left), np.linalg.norm(lower - upper), raised])
    return np.asarray(np.concatenate([[yaw, pitch], mouth / unit]) / CLEARLY_OTHER)


def expression_change(one: Array, other: Array) -> float:
    """Return how much two expressions (5,) differ at the mouth, 0 to 1."""
    apart = float(np.linalg.norm((one - other)[MOUTH]))
    return float(np.clip((apart - 0.4) / 0.8, 0.0, 1.0))


def photo_shares(photos: Sequence[Array], sizes: Sequence[float], frame: Array) -> Array:
    """Return the shares of photos of one person in a frame.

    Args:
        photos: Their views and expressions, (5,) each.
        sizes: Sizes of their faces in pixels.
        frame: View and expression (5,) of the frame.

    Returns:
        (N,) float64 with the sum 1: largest for the photo that fits best, 0 for those that do not.
    """
    apart = np.linalg.norm(np.stack(photos) - frame, axis=1)
    liking = SIZE_BONUS * np.log(np.asarray(sizes) / max(sizes)) - SHARPNESS * apart
    shares = np.exp(liking - liking.max())
    shares = np.maximum(shares / shares.sum() - LEAST_SHARE, 0.0)
    return np.asarray(shares / shares.sum())
