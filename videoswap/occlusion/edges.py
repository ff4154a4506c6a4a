"""The border of what is in front of a face, drawn to the edges of the picture.

The network sees 128 pixels; the crop has more. Within a window the mask is made a linear function
of the colours: where they step the mask steps too.
Source: He, Sun and Tang, "Guided Image Filtering", PAMI 2013, at a quarter of the resolution as
in He and Sun, "Fast Guided Filter", arXiv 1505.00996, 2015. Where the colours do not tell the
mask, as of a finger over a cheek, it stays as it is.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..records import Array

RADIUS = 0.045  # of the crop's side, half of a window
NOISE = 30.0  # of 255, squared: steps whose variance is well under this are none
UNCLEAR = 0.01  # variance of a mask at which its border counts half
STEP = 4  # one in so many pixels is looked at


def drawn_to_edges(front: Array, picture: Array) -> Array:
    """Draw the border of a mask to the edges of its picture.

    Args:
        front: (S, S) float32, 0 to 1.
        picture: (S, S, 3) float32 RGB, 0 to 255.

    Returns:
        (S, S) float32, 0 to 1.
    """
    size = len(front)
    side = max(8, size // STEP)
    around = (2 * max(1, round(RADIUS * side)) + 1,) * 2

    def mean(values: Array) -> Array:
        return np.asarray(cv2.blur(values, around))

    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    mask = cv2.resize(front, (side, side), interpolation=cv2.INTER_AREA)
    centre, level = mean(small), mean(mask)
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    spread = np.empty((side, side, 3, 3), np.float32)
    for i, j in pairs:
        value = mean(small[..., i] * small[..., j]) - centre[..., i] * centre[..., j]
        spread[..., i, j] = spread[..., j, i] = value
    spread += NOISE * np.eye(3, dtype=np.float32)
    shared = mean(small * mask[..., None]) - centre * level[..., None]
    slope = np.linalg.solve(spread, shared[..., None])[..., 0]
    offset = level - (slope * centre).sum(axis=2)
    told = (slope * shared).sum(axis=2) / (mean(mask * mask) - level * level + UNCLEAR)
    smooth = mean(np.dstack([slope, offset]))
    large = cv2.resize(smooth, (size, size), interpolation=cv2.INTER_LINEAR)
    made = cv2.transform(large[..., :3] * picture, np.ones((1, 3), np.float32)) + large[..., 3]
    share = cv2.resize(mean(told), (size, size), interpolation=cv2.INTER_LINEAR)
    share = np.clip(2.0 * share, 0.0, 1.0)  # half told is well told
    return np.asarray(front + (np.clip(made, 0.0, 1.0) - front) * share, np.float32)
