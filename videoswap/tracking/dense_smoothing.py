"""Smooths the dense landmarks of a track: pose and shape apart, in three dimensions.

The pose is the 3D similarity that brings the points which no expression moves onto their mean;
what is left is the shape. So a head that turns changes its pose alone, and both are smoothed as
those of the 68 landmarks are, see `smoothing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.spatial.transform import Rotation

from ..detection.dense_landmarks import IBUG_68, MESH_POINTS, POINTS
from ..geometry.face_mesh import CHART, EYES, INNER_LIPS, MEAN_SHAPE, OUTER_LIPS
from ..records import Array
from .filters import FACE_PARTS, smooth_pose, smooth_shape

RIGID_POINTS = (
    *(4, 6, 10, 33, 133, 362, 263, 168, 197, 1, 2, 98, 327, 127, 356, 234, 454, 54, 284, 9),
    *(151, 8, 195, 5, 129, 358),
)
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
        scale, turn, place = _fit(mean, found[:, rigid])
        mean = _unposed(found[:, rigid], scale, turn, place).mean(axis=0)
    shape = _unposed(found, scale, turn, place)
    unit = size / float(np.median(scale))  # a face size in the unit of the shape
    roll, pitch, yaw = Rotation.from_matrix(turn).as_euler("ZXY").T
    pose = np.column_stack([place, np.log(scale), np.unwrap(roll), pitch, np.unwrap(yaw)])
    # All in face sizes, roughly; how deep in the picture a face lies means nothing.
    pose = smooth_pose(pose, np.array([size, size, np.inf, 1.0, 1.0, 1.0, 1.0]))
    shape = unit * smooth_shape(shape / unit, _parts())
    turn = Rotation.from_euler("ZXY", pose[:, 4:]).as_matrix()
    scaled = shape * np.exp(pose[:, 3])[:, None, None]
    return np.asarray(scaled @ turn.transpose(0, 2, 1) + pose[:, None, :3])


def spread(moves: Array) -> Array:
    """Return how far all dense landmarks move, (..., 478, 2), where the 68 move by (..., 68, 2)."""
    return np.asarray(_near_landmarks() @ moves)


def _fit(mean: Array, points: Array) -> tuple[Array, Array, Array]:
    """Fit similarities from one shape (k, 3) to n others (n, k, 3), by least squares.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", PAMI 1991.

    Returns:
        Scales (n,), rotations (n, 3, 3) and places (n, 3).
    """
    middle, middles = mean.mean(axis=0), points.mean(axis=1)
    centred, others = mean - middle, points - middles[:, None]
    left, values, right = np.linalg.svd(np.einsum("nkc,kd->ncd", others, centred))
    flip = np.sign(np.linalg.det(left @ right))
    left[:, :, 2] *= flip[:, None]
    values[:, 2] *= flip
    turn = left @ right
    scale = values.sum(axis=1) / float((centred**2).sum())
    return scale, turn, middles - scale[:, None] * (turn @ middle)


def _unposed(points: Array, scale: Array, turn: Array, place: Array) -> Array:
    return np.asarray((points - place[:, None]) @ turn / scale[:, None, None])


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
