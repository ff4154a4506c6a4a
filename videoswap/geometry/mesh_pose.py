"""Pose of a dense mesh: the similarity in three dimensions that brings one shape onto another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..records import Array

#: Dense landmarks that an expression moves least.
RIGID_POINTS = (
    *(4, 6, 10, 33, 133, 362, 263, 168, 197, 1, 2, 98, 327, 127, 356, 234, 454, 54, 284, 9),
    *(151, 8, 195, 5, 129, 358),
)


@dataclass(frozen=True, slots=True, eq=False)
class MeshPose:
    """Poses of n meshes: ``points = scale * shape @ turn.T + place``.

    Attributes:
        scale: (n,) float64.
        turn: (n, 3, 3) float64, rotations.
        place: (n, 3) float64.
    """

    scale: Array
    turn: Array
    place: Array

    def unposed(self, points: Array) -> Array:
        """Return the shapes (n, k, 3) of posed points (n, k, 3)."""
        moved = (points - self.place[:, None]) @ self.turn
        return np.asarray(moved / self.scale[:, None, None])

    def turned(self, moves: Array) -> Array:
        """Return moves (n, k, 3) or (k, 3) of a shape as those of posed points, (n, k, 3)."""
        return np.asarray(self.scale[:, None, None] * (moves @ self.turn.transpose(0, 2, 1)))


def fit_pose(shape: Array, points: Array) -> MeshPose:
    """Fit the similarities from one shape (k, 3) to n others (n, k, 3), by least squares.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", PAMI 1991.
    """
    middle, middles = shape.mean(axis=0), points.mean(axis=1)
    centred, others = shape - middle, points - middles[:, None]
    left, values, right = np.linalg.svd(np.einsum("nkc,kd->ncd", others, centred))
    flip = np.sign(np.linalg.det(left @ right))
    left[:, :, 2] *= flip[:, None]
    values[:, 2] *= flip
    turn = left @ right
    scale = values.sum(axis=1) / float((centred**2).sum())
    return MeshPose(scale, turn, middles - scale[:, None] * (turn @ middle))


def angles_of(turn: Array) -> Array:
    """Return roll, pitch and yaw (n, 3) in radians of rotations (n, 3, 3).

    A rotation is by the yaw about y, then by the pitch about x, then by the roll about z.
    """
    roll = np.arctan2(-turn[:, 0, 1], turn[:, 1, 1])
    pitch = np.arcsin(np.clip(turn[:, 2, 1], -1.0, 1.0))
    yaw = np.arctan2(-turn[:, 2, 0], turn[:, 2, 2])
    return np.stack([roll, pitch, yaw], axis=1)


def turns_by(angles: Array) -> Array:
    """Return the rotations (n, 3, 3) by roll, pitch and yaw (n, 3), see `angles_of`."""
    (a, b, c), (d, e, f) = np.cos(angles).T, np.sin(angles).T
    rows = (
        (a * c - d * e * f, -d * b, a * f + d * e * c),
        (d * c + a * e * f, a * b, d * f - a * e * c),
        (-b * f, e, b * c),
    )
    return np.moveaxis(np.array(rows), 2, 0)
