"""The target's own eyes and inner mouth, put back into a swapped face."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..geometry import face_masks as masks
from ..geometry import face_mesh as mesh
from ..geometry.brightness import log_ratio
from ..records import Array, Crop

EYES, MOUTH = "eyes", "mouth"

EYE_GROWTH = 1.05  # size of the kept eye relative to the lid line of the 68 landmarks
DENSE_EYE_GROWTH = 1.15  # the same of the dense landmarks, which follow the lids closely
EYE_SHADE = 0.8  # how much of the new sockets' shade the kept eyes take
BORDER = 0.006  # sigma of a kept region's border, of the crop's side
MIN_RING_PIXELS = 4.0  # pixels around an eye that its shade is measured on


def eye_outlines(crop: Crop) -> tuple[Array, Array]:
    """Return the outlines (N, 2) of both eyes of a crop, from the dense landmarks if known."""
    if crop.dense_landmarks is not None:
        left, right = (crop.dense_landmarks[eye, :2] for eye in mesh.EYES)
        return (
            masks.scale_points(left, DENSE_EYE_GROWTH),
            masks.scale_points(right, DENSE_EYE_GROWTH),
        )
    left, right = (crop.landmarks[eye] for eye in (masks.LEFT_EYE, masks.RIGHT_EYE))
    return masks.scale_points(left, EYE_GROWTH), masks.scale_points(right, EYE_GROWTH)


def mouth_outline(crop: Crop) -> Array:
    """Return the outline (N, 2) of what a crop shows between the lips."""
    if crop.dense_landmarks is not None:
        return np.asarray(crop.dense_landmarks[mesh.INNER_LIPS, :2])
    return np.asarray(crop.landmarks[masks.INNER_LIPS])


def keep_eyes(
    lit: Array, target: Array, outlines: Sequence[Array], front: Array | None = None
) -> None:
    """Put the target's eyes into a face, in the shade of the new eye sockets; changes ``lit``.

    Without the shade a closed or blurred eye, bright as the target's skin, would shine out of
    a source's deep sockets.

    Args:
        lit: (S, S, 3) float32 RGB, 0 to 255: the face that gets them.
        target: (S, S, 3) float32 RGB, 0 to 255.
        outlines: Of both eyes, (N, 2) in crop pixels, see `eye_outlines`.
        front: (S, S) float32, 0 to 1: what is in front, and says nothing about shade; None for
            nothing.
    """
    for eye in outlines:
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
        _keep(lit, target, eye, np.exp(gain).astype(np.float32))


def keep_mouth(lit: Array, target: Array, outline: Array) -> None:
    """Put what the target shows between its lips, (N, 2), into a face; changes ``lit``."""
    _keep(lit, target, outline, np.ones(3, np.float32))


def open_mask(crop: Crop, mask: Array, keeps: frozenset[str]) -> Array:
    """Return a swap's mask (S, S) without what the target keeps.

    Args:
        crop: The target.
        mask: (S, S) float32, 0 to 1, of the swap.
        keeps: ``EYES``, ``MOUTH`` or both.
    """
    outlines = [*(eye_outlines(crop) if EYES in keeps else ())]
    outlines += [mouth_outline(crop)] if MOUTH in keeps else []
    kept = np.zeros_like(mask)
    for outline in outlines:
        kept = np.maximum(kept, masks.fill_polygon(outline, len(mask)))
    return np.asarray(mask * (1.0 - cv2.GaussianBlur(kept, (0, 0), BORDER * len(mask))))


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
    sigma = BORDER * lit.shape[0]
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
