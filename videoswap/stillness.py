"""How much a neighbouring frame may say about a frame: as much as the picture stood still."""

from __future__ import annotations

import cv2
import numpy as np

from .records import Array

WIDTH = 1.5  # frames, standard deviation of the Gaussian over time


def stillness(mine: Array, other: Array, apart: int, tolerance: float) -> Array:
    """Weigh the places of a neighbouring frame.

    Where the picture did not change, nothing is known better in one of both frames; where it
    did, or close by, only the frame itself can tell.

    Args:
        mine: (H, W, 3) float32, 0 to 255: the frame, small enough to be free of grain.
        other: The neighbour, likewise.
        apart: How many frames the neighbour comes later (or, below 0, earlier).
        tolerance: Change, of 255, at which a weight falls to 0.6 of what it would be.

    Returns:
        (H, W) float32, 0 to 1; the frame itself weighs 1.
    """
    red, green, blue = cv2.split(cv2.absdiff(mine, other))
    change = cv2.max(cv2.max(red, green), blue)  # ten times as fast as numpy along the last axis
    change = cv2.dilate(change, np.ones((3, 3), np.uint8))
    exponent = (change / tolerance) ** 2 + (apart / WIDTH) ** 2
    return np.asarray(np.exp(-0.5 * exponent), np.float32)
