"""The target's lips in the source's colors, where the photo shows another expression.

Lips of a smile are thin, stretched and pale, and on a shut or turned mouth they stay a smile. So
their shape, height and shading are the target's own: its pixels around the mouth, multiplied so
that lips and skin have the mean color that they have in the swap. Between the lips, where the chart
shows none, the line is always the target's.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry import face_masks as masks
from ...geometry.face_mesh import INNER_LIPS, OUTER_LIPS
from ...records import Array, Crop
from .folds import take_pattern

CORNERS = 61, 291
AROUND = 0.5  # lengths in this unit are of the width of the mouth: what is looked at
RIM = 0.16  # skin around the lips that is taken along, fading out
LIP_BORDER = 0.03  # sigma
LINE = 0.03  # sigma of the line between the lips
SKIN_SIGMA = 0.25  # over which the skin keeps the light of the swap
LEAST_WIDTH = 6.0  # pixels
LEAST_SEEN = 20.0  # pixels of the lips


def take_mouth(lit: Array, crop: Crop, change: float, beard: Array | None = None) -> None:
    """Take the shape and shading of the lips from the target; changes ``lit``.

    Args:
        lit: (S, S, 3) float32 RGB, 0 to 255: the swap in the target's light.
        crop: The target, with dense landmarks; what is in front of it changes nothing.
        change: How much the photo's expression differs, 0 to 1, see `expression_change`.
        beard: (S, S) float32, 0 to 1: where either face has a beard, which stays as it is.
    """
    assert crop.dense_landmarks is not None  # the caller's check
    marks = crop.dense_landmarks[:, :2]
    outer, inner = marks[OUTER_LIPS], marks[INNER_LIPS]
    first, second = marks[list(CORNERS)]
    width = max(float(np.linalg.norm(second - first)), float(np.ptp(outer, axis=0).max()) * 0.7)
    if width < LEAST_WIDTH:
        return
    margin = AROUND * width
    low = np.clip(np.floor(outer.min(axis=0) - margin), 0, len(lit)).astype(int)
    high = np.clip(np.ceil(outer.max(axis=0) + margin), 0, len(lit)).astype(int)
    shape = (int(high[1] - low[1]), int(high[0] - low[0]))
    if min(shape) < 3:
        return
    part = np.s_[low[1] : high[1], low[0] : high[0]]

    def filled(outline: Array, sigma: float) -> Array:
        drawn = masks.fill_polygon(outline - low, max(shape))[: shape[0], : shape[1]]
        return np.asarray(cv2.GaussianBlur(drawn, (0, 0), max(sigma * width, 0.5)))

    mouth, opening = filled(outer, LIP_BORDER), filled(inner, 0.0)
    outside = masks.fill_polygon(outer - low, max(shape))[: shape[0], : shape[1]] < 0.5
    distance = cv2.distanceTransform(outside.astype(np.uint8), cv2.DIST_L2, 3) / (RIM * width)
    around = np.clip(1.0 - distance, 0.0, 1.0)
    around = around * around * (3.0 - 2.0 * around)
    line = np.zeros(shape, np.uint8)
    cv2.polylines(
        line, [np.round((inner - low) * 16).astype(np.int32)], True, 255, 1, cv2.LINE_AA, 4
    )
    soft = cv2.GaussianBlur(line.astype(np.float32) / 255, (0, 0), max(LINE * width, 0.5))
    weight = np.maximum(change * around, np.clip(2.5 * LINE * width * soft, 0.0, 1.0))
    free = np.ones(shape, np.float32)
    if crop.occluder_mask is not None:
        free -= crop.occluder_mask[part]
    if beard is not None:
        free *= 1.0 - beard[part] * (1.0 - mouth)
    lips = np.clip(2.0 * mouth - 1.0, 0.0, 1.0) * (1.0 - opening) * free
    if float(lips.sum()) < LEAST_SEEN:
        return
    skin = (1.0 - around) * free
    sigma = SKIN_SIGMA * width
    take_pattern(lit[part], crop.pixels[part], weight * free, skin, sigma, (mouth, lips))
