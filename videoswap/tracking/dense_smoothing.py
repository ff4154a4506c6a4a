"""Smooths the dense landmarks of a track: pose and shape apart, in three dimensions.

The pose is the 3D similarity that brings the points which no expression moves onto their mean;
what is left is the shape. So a head that turns changes its pose alone, and both are smoothed as
those of the 68 landmarks are, see `smoothing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from ..detection.dense_landmarks import IBUG_68, MESH_POINTS, POINTS
from ..geometry.face_mesh import CHART, EYES, INNER_LIPS, MEAN_SHAPE, OUTER_LIPS
from ..geometry.mesh_pose import RIGID_POINTS, angles_of, fit_pose, turns_by
from ..records import Array
from .filters import FACE_PARTS, smooth_pose, smooth_shape

FIT_ROUNDS = 2
IRISES = (range(468, 473), range(473, 478))  # image left first
_NEAREST_POWER = 4  # of the distance, by which a landmark's weight falls


def smooth_dense(points: Array, size: float) -> Array:
    """Smooth the dense landmarks of consecutive frames.

    Args:
        points: (n, 478, 3) float32, one row a frame.
        size: Size of the face in pixels.

    Returns:
        (n, 478, 3) float64.
    """
    found = points.astype(np.float64)
    rigid = list(RIGID_POINTS)
    mean = MEAN_SHAPE[rigid]
    for _ in range(FIT_ROUNDS):
        fitted = fit_pose(mean, found[:, rigid])
        mean = fitted.unposed(found[:, rigid]).mean(axis=0)
    shape, scale, turn, place = fitted.unposed(found), fitted.scale, fitted.turn, fitted.place
    unit = size / float(np.median(scale))  # a face size in the unit of the shape
    roll, pitch, yaw = angles_of(turn).T
    pose = np.column_stack([place, np.log(scale), np.unwrap(roll), pitch, np.unwrap(yaw)])
    # All in face sizes, roughly; how deep in the picture a face lies means nothing.
    pose = smooth_pose(pose, np.array([size, size, np.inf, 1.0, 1.0, 1.0, 1.0]))
    shape = unit * smooth_shape(shape / unit, _parts())
    turn = turns_by(pose[:, 4:])
    scaled = shape * np.exp(pose[:, 3])[:, None, None]
    return np.asarray(scaled @ turn.transpose(0, 2, 1) + pose[:, None, :3])


def spread(moves: Array) -> Array:
    """Return how far all dense landmarks move, (..., 478, 2), where the 68 move by (..., 68, 2)."""
    return np.asarray(_near_landmarks() @ moves)


@cache
def _parts() -> tuple[Sequence[int], ...]:
    """Return the points of every part of the face that moves by itself.

    Lids and lips are parts of their own, lest the rest that does not move outvote them.
    """
    contours = [list(eye) for eye in EYES] + [[*OUTER_LIPS, *INNER_LIPS]]
    owners = _near_landmarks()[:MESH_POINTS].argmax(axis=1)
    owners[np.concatenate(contours)] = -1
    around = [
        np.flatnonzero(np.isin(owners, list(part))).tolist()
        for part in FACE_PARTS.values()
        if max(part) < len(IBUG_68)
    ]
    return (*around, *contours, *(list(iris) for iris in IRISES))


@cache
def _near_landmarks() -> Array:
    """Return how much each of the 68 landmarks counts for each dense one, (478, 68)."""
    chart = CHART[:MESH_POINTS]
    apart = np.linalg.norm(chart[:, None] - chart[IBUG_68], axis=2)
    weights = np.zeros((POINTS, len(IBUG_68)))
    weights[:MESH_POINTS] = 1 / (apart**_NEAREST_POWER + 1e-12)
    for iris, eye in zip(IRISES, ("left eye", "right eye"), strict=True):
        weights[np.ix_(iris, FACE_PARTS[eye])] = 1.0
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
