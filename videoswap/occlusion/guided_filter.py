"""The fast guided filter: the border of an occlusion mask moved to the edges of the picture.

The network sees 128 pixels; the crop has more. Within a window the mask is made a linear function
of the colors: where they step, the mask steps too. Where the colors do not predict the mask, as of
a finger over a cheek, it stays as it is.

Source: He, Sun and Tang, "Guided Image Filtering", PAMI 2013, at a quarter of the resolution as
in He and Sun, "Fast Guided Filter", arXiv 1505.00996, 2015.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from ..geometry.resample import resize
from ..records import Array

RADIUS = 0.045  # of the side of the crop: half of a window
EPSILON = 30.0  # of 255, squared: steps of the picture whose variance is well under it are ignored
MASK_EPSILON = 0.01  # variance of a mask at which its border counts half
SUBSAMPLING = 4  # the filter is computed at the resolution divided by this
MIN_SIZE = 8  # but at least at so many pixels a side


def guided_filter_refine(mask: Array, picture: Array) -> Array:
    """Move the border of a mask to the edges of its picture.

    Args:
        mask: (S, S) float32, 0 to 1.
        picture: (S, S, 3) float32 RGB, 0 to 255.

    Returns:
        (S, S) float32, 0 to 1.
    """
    size = len(mask)
    side = max(MIN_SIZE, size // SUBSAMPLING)
    window = (2 * max(1, round(RADIUS * side)) + 1,) * 2

    def mean(values: Array) -> Array:
        return np.asarray(cv2.blur(values, window))

    guide = cv2.split(resize(picture, side, side))
    small = resize(mask, side, side)
    guide_mean, mask_mean = [mean(color) for color in guide], mean(small)
    covariance = [mean(c * small) - m * mask_mean for c, m in zip(guide, guide_mean, strict=True)]
    variance = {
        (i, j): mean(guide[i] * guide[j])
        - guide_mean[i] * guide_mean[j]
        + (EPSILON if i == j else 0.0)
        for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    }
    slope = solve(variance, covariance)
    offset = mask_mean - sum(s * m for s, m in zip(slope, guide_mean, strict=True))
    explained = sum(s * c for s, c in zip(slope, covariance, strict=True))
    explained = explained / (mean(small * small) - mask_mean * mask_mean + MASK_EPSILON)
    # Where the mask is 0 in both windows nothing changes.
    near = cv2.dilate(small, np.ones(window, np.uint8), iterations=2) > 0.0
    x, y, width, height = cv2.boundingRect(near.astype(np.uint8))
    if width == 0:
        return mask.copy()
    if size % side:  # parts would be enlarged otherwise than the whole
        x, y, width, height = 0, 0, side, side
    maps = np.s_[y : y + height, x : x + width]
    x, y, width, height = (one * size // side for one in (x, y, width, height))
    part = np.s_[y : y + height, x : x + width]
    slopes, base, share = (
        resize(mean(one)[maps], width, height) for one in (cv2.merge(slope), offset, explained)
    )
    filtered = cv2.transform(cv2.multiply(slopes, picture[part]), np.ones((1, 3), np.float32))
    filtered = np.clip(filtered + base, 0.0, 1.0)
    share = np.clip(2.0 * share, 0.0, 1.0)  # where half of the mask is explained it is trusted
    made = mask.astype(np.float32)
    made[part] += (filtered - mask[part]) * share
    return made


def solve(variance: Mapping[tuple[int, int], Any], covariance: Sequence[Any]) -> list[Any]:
    """Solve 3 x 3 symmetric systems, one a pixel, by Cramer's rule; of arrays or of tensors.

    Args:
        variance: (h, w) each, the upper triangle by row and column.
        covariance: The right-hand sides, (h, w) each.

    Returns:
        The solutions, (h, w) each.
    """
    a, b, c = variance[0, 0], variance[0, 1], variance[0, 2]
    d, e, f = variance[1, 1], variance[1, 2], variance[2, 2]
    x, y, z = covariance
    aa, bb, cc = d * f - e * e, c * e - b * f, b * e - c * d  # cofactors
    dd, ee, ff = a * f - c * c, b * c - a * e, a * d - b * b
    scale = 1.0 / (a * aa + b * bb + c * cc)
    rows = ((aa, bb, cc), (bb, dd, ee), (cc, ee, ff))
    return [(p * x + q * y + r * z) * scale for p, q, r in rows]
