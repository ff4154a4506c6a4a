"""Overlap of face boxes, and what follows from it: non-maximum suppression, new faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..records import Array, Face

NMS_OVERLAP = 0.3  # intersection over union above which the worse of two faces goes
SAME_FACE_OVERLAP = 0.4  # overlap above which two detections are one face
INSIDE_SHARE = 0.8  # share of a face that lies in another one, above which it is a part of that


def overlaps(boxes: Array, others: Array) -> Array:
    """Return (n, m) intersection over union of (n, 4) and (m, 4) boxes."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(group[:, 2:] - group[:, :2], axis=1) for group in (boxes, others)]
    union: Array = areas[0][:, None] + areas[1][None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def non_maximum_suppression(faces: Sequence[Face], overlap: float = NMS_OVERLAP) -> list[Face]:
    """Keep the best of every group of faces that overlap by more than ``overlap``."""
    if not faces:
        return []
    order: list[Any] = sorted(range(len(faces)), key=lambda index: -faces[index].score)
    ordered = [faces[index] for index in order]
    matrix = overlaps(*(np.stack([face.box for face in ordered]),) * 2)
    alive = np.ones(len(ordered), bool)
    for index in range(len(ordered)):
        if alive[index]:
            alive[index + 1 :] &= matrix[index, index + 1 :] <= overlap
    return [face for face, keep in zip(ordered, alive, strict=True) if keep]


def centre(face: Face) -> Array:
    """Return (2,) the centre of the box."""
    return np.asarray((face.box[:2] + face.box[2:]) / 2)


def only_new(faces: Sequence[Face], known: Sequence[Face]) -> list[Face]:
    """Return the faces that lie on none of the known ones, and in none of them."""
    if not faces or not known:
        return list(faces)
    boxes, others = (np.stack([one.box for one in group]) for group in (faces, known))
    shared = overlaps(boxes, others)
    own, other = (np.prod(group[:, 2:] - group[:, :2], axis=1) for group in (boxes, others))
    inside = shared / (1 + shared) * (own[:, None] + other) / own[:, None]
    taken = (shared >= SAME_FACE_OVERLAP) | (inside >= INSIDE_SHARE)
    return [face for face, row in zip(faces, taken, strict=True) if not row.any()]


def roll(points5: Array) -> float:
    """Return the angle of a head in the picture, in radians, clockwise as displayed."""
    down = points5[3:].mean(axis=0) - points5[:2].mean(axis=0)
    return float(np.arctan2(-down[0], down[1]))
