"""Proportions of a face: what of its dense shape is the person, and what the expression.

A shape, its pose removed and made symmetric, is written in the leading directions in which faces
differ. Of these count the ones in which people differ, not photos of one person: the generalized
eigenvectors of the covariance within people and the total one (linear discriminant analysis:
Fisher, 1936). `face_proportions.npz` is made by ``scripts/make_face_proportions.py``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from ..records import Array
from .face_mesh import MEAN_SHAPE, MESH_POINTS, MIRRORED
from .mesh_pose import RIGID_POINTS, MeshPose, fit_pose

ACROSS = np.array([-1.0, 1.0, 1.0])  # of a mirror image
HALF = np.flatnonzero(np.arange(MESH_POINTS) <= MIRRORED)  # one of every pair, and the middle


def mesh_pose(points: Array) -> MeshPose:
    """Return the pose of n meshes (n, 468 or more, 3), against the mean face."""
    rigid = list(RIGID_POINTS)
    return fit_pose(MEAN_SHAPE[rigid], points[:, rigid].astype(np.float64))


def symmetric(shape: Array) -> Array:
    """Return the mean of shapes (..., 468, 3) and their mirror images."""
    return np.asarray((shape + shape[..., MIRRORED, :] * ACROSS) / 2)


def proportions(points: Array) -> Array:
    """Describe the shape of n faces.

    Args:
        points: (n, 468 or more, 3) dense landmarks in any pose and scale.

    Returns:
        (n, D) float64, to be averaged over pictures of one person and compared by `difference`.
    """
    shape = mesh_pose(points).unposed(points[:, :MESH_POINTS].astype(np.float64))
    return np.asarray((symmetric(shape) - MEAN_SHAPE).reshape(len(shape), -1) @ _directions()[0].T)


def difference(source: Array, target: Array) -> Array:
    """Return how the points of a face move so that it gets another one's proportions.

    Args:
        source: (D,) proportions of the person wanted.
        target: (D,) those of the face as it is.

    Returns:
        (468, 3) float64 in the unit and the axes of the mean shape: half the width at the ears, x
        right, y down, z away from the viewer.
    """
    directions, person = _directions()
    return np.asarray((person @ (source - target)) @ directions).reshape(MESH_POINTS, 3)


def shape_of(person: Array) -> Array:
    """Return the shape (468, 3) that proportions (D,) describe, in the mean shape's unit and axes.

    Their expression is in it: only `difference` takes that out.
    """
    return np.asarray(MEAN_SHAPE + (person @ _directions()[0]).reshape(MESH_POINTS, 3))


@cache
def _directions() -> tuple[Array, Array]:
    """Return the directions (D, 1404), of length 1, and the projection (D, D) on the person."""
    with np.load(Path(__file__).with_name("face_proportions.npz"), allow_pickle=False) as held:
        half, person = held["directions"].astype(np.float64), held["person"].astype(np.float64)
    full = np.empty((len(half), MESH_POINTS, 3))
    full[:, MIRRORED[HALF]] = half * ACROSS
    full[:, HALF] = half
    return full.reshape(len(full), -1), person
