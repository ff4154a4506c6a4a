"""The border of what is in front of a face, drawn to the edges of the picture.

The network sees 128 pixels; the crop has more. Within a window the mask is made a linear function
of the colours: where they step the mask steps too.
Source: He, Sun and Tang, "Guided Image Filtering", PAMI 2013, at a quarter of the resolution as
in He and Sun, "Fast Guided Filter", arXiv 1505.00996, 2015. Where the colours do not tell the
mask, as of a finger over a cheek, it stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ..records import Array

RADIUS = 0.045  # of the crop's side, half of a window
NOISE = 30.0  # of 255, squared: steps whose variance is well under this are none
UNCLEAR = 0.01  # variance of a mask at which its border counts half
STEP = 4  # one in so many pixels is looked at


def guided_filter_refine(front: Array, picture: Array) -> Array:
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
    colours = cv2.split(small)
    centre, level = [mean(colour) for colour in colours], mean(mask)
    shared = [mean(c * mask) - m * level for c, m in zip(colours, centre, strict=True)]
    spread = {
        (i, j): mean(colours[i] * colours[j]) - centre[i] * centre[j] + (NOISE if i == j else 0.0)
        for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    }
    slope = _solved(spread, shared)
    offset = level - sum(s * m for s, m in zip(slope, centre, strict=True))
    told = sum(s * c for s, c in zip(slope, shared, strict=True))
    told = told / (mean(mask * mask) - level * level + UNCLEAR)
    factors, base, share = (
        cv2.resize(mean(one), (size, size)) for one in (cv2.merge(slope), offset, told)
    )
    made = cv2.transform(cv2.multiply(factors, picture), np.ones((1, 3), np.float32)) + base
    share = np.clip(2.0 * share, 0.0, 1.0)  # half told is well told
    return np.asarray(front + (np.clip(made, 0.0, 1.0) - front) * share, np.float32)


def _solved(spread: Mapping[tuple[int, int], Array], shared: Sequence[Array]) -> list[Array]:
    """Solve 3 x 3 symmetric systems, one a pixel, by Cramer's rule.

    Args:
        spread: (h, w) each, the upper triangle by row and column.
        shared: The right-hand sides, (h, w) each.

    Returns:
        The solutions, (h, w) each.
    """
    a, b, c = spread[0, 0], spread[0, 1], spread[0, 2]
    d, e, f = spread[1, 1], spread[1, 2], spread[2, 2]
    x, y, z = shared
    aa, bb, cc = d * f - e * e, c * e - b * f, b * e - c * d  # cofactors
    dd, ee, ff = a * f - c * c, b * c - a * e, a * d - b * b
    scale = 1.0 / (a * aa + b * bb + c * cc)
    rows = ((aa, bb, cc), (bb, dd, ee), (cc, ee, ff))
    return [(p * x + q * y + r * z) * scale for p, q, r in rows]
