"""The target's own eyes and inner mouth, put back into a swapped face."""

from __future__ import annotations

import cv2
import numpy as np

from ..geometry import face_masks as masks
from ..geometry.brightness import log_ratio
from ..records import Array

EYES, MOUTH = "eyes", "mouth"

EYE_GROWTH = 1.05  # size of the kept eye relative to the lid line
EYE_SHADE = 0.8  # how much of the new sockets' shade the kept eyes take
MIN_RING_PIXELS = 4.0  # pixels around an eye that its shade is measured on


def keep_eyes(lit: Array, target: Array, points: Array, front: Array | None = None) -> None:
    """Put the target's eyes into a face, in the shade of the new eye sockets; changes ``lit``.

    Without the shade a closed or blurred eye, bright as the target's skin, would shine out of
    a source's deep sockets.

    Args:
        lit: (S, S, 3) float32 RGB, 0 to 255: the face that gets them.
        target: (S, S, 3) float32 RGB, 0 to 255.
        points: (68, 2) landmarks in crop pixels.
        front: (S, S) float32, 0 to 1: what is in front, and says nothing about shade; None for
            nothing.
    """
    for eye in (points[masks.LEFT_EYE], points[masks.RIGHT_EYE]):
        around = masks.scale_points(eye, 1.9)
        part, low, shape = _bounding_slices(around, lit.shape[0])
        side = max(shape)
        ring = masks.fill_hull(around - low, side) - masks.fill_hull(
            masks.scale_points(eye, 1.2) - low, side
        )
        ring = ring[: shape[0], : shape[1], None]
        if float(ring.sum()) < MIN_RING_PIXELS:
            continue
        if front is not None:
            ring = ring * (1.0 - front[part][..., None])
        shared = max(float(ring.sum()), MIN_RING_PIXELS)
        ratio = log_ratio(lit[part], target[part])
        gain = np.clip(EYE_SHADE * (ratio * ring).sum(axis=(0, 1)) / shared, -1.0, 0.5)
        _keep(lit, target, masks.scale_points(eye, EYE_GROWTH), np.exp(gain).astype(np.float32))


def keep_mouth(lit: Array, target: Array, points: Array) -> None:
    """Put what the target shows between its lips into a face; changes ``lit``."""
    _keep(lit, target, points[masks.INNER_LIPS], np.ones(3, np.float32))


def kept_mask(points: Array, size: int) -> Array:
    """Return the mask (size, size) float32 of what is kept, for points in that size."""
    eyes = (masks.LEFT_EYE, masks.RIGHT_EYE)
    regions = [masks.scale_points(points[eye], EYE_GROWTH) for eye in eyes] + [
        points[masks.INNER_LIPS]
    ]
    canvas = np.sum([masks.fill_polygon(region, size) for region in regions], axis=0)
    return np.asarray(np.minimum(canvas, 1.0), np.float32)


def _keep(lit: Array, target: Array, outline: Array, gain: Array) -> None:
    """Blend the target, times a gain per channel, into a softly bordered polygon."""
    sigma = 0.008 * lit.shape[0]
    margin = np.ceil(3.0 * sigma)
    corners = np.vstack([outline.min(axis=0) - margin, outline.max(axis=0) + margin])
    part, low, shape = _bounding_slices(corners, lit.shape[0])
    soft = masks.fill_polygon(outline - low, max(shape))[: shape[0], : shape[1]]
    soft = cv2.GaussianBlur(soft, (0, 0), sigma).reshape(*shape, 1)
    lit[part] += (target[part] * gain - lit[part]) * soft


def _bounding_slices(
    points: Array, size: int
) -> tuple[tuple[slice, slice], Array, tuple[int, int]]:
    """Return the part of a crop around points: its slices, first (x, y), and (h, w)."""
    low = np.clip(np.floor(points.min(axis=0)).astype(int), 0, size - 1)
    high = np.clip(np.ceil(points.max(axis=0)).astype(int) + 1, low + 1, size)
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    return part, low.astype(np.float32), (int(high[1] - low[1]), int(high[0] - low[0]))
