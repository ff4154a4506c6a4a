"""Where the landmarks of a track really were: what was found in each frame, and how the skin moved.

A landmark found in a frame is off by a percent of the face, each frame anew. The motion of the
picture from frame to frame is right to a fraction of a pixel, but says nothing of the place. The
most likely path of every landmark under both is a least-squares problem over the whole track
(the smoother of Rauch, Tung and Striebel, 1965, solved in one go), so nothing lags.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from ..records import Array

FOUND_NOISE = 0.012  # face sizes, of a landmark in one frame
MOTION_NOISE = 0.001  # face sizes, of a motion at its best
ERROR_SHARE = 2.0  # of the forward-backward error, counted as noise
ODD_SHARE = 0.3  # of the way by which a point leaves the motion of the face, counted as noise
_ROUNDS = 4


def smooth_with_flow(found: Array, motions: Array, size: float) -> Array:
    """Put places and motions of a track together.

    Args:
        found: (n, p, 2) landmarks in pixels, one row a frame, without gaps.
        motions: (n - 1, p, 3) way in x and y to the next frame and its error in pixels, see
            ``motion.landmark_motion``; NaN where it is unknown.
        size: Size of the face in pixels.

    Returns:
        (n, p, 2) float64.
    """
    if len(found) < 2:
        return np.asarray(found, np.float64)
    known = np.asarray(np.isfinite(motions).all(axis=2))
    steps = np.where(known[..., None], motions, 0.0).astype(np.float64)
    odd = _apart_from_the_face(found[:-1], steps[..., :2], known, size)
    noise = (MOTION_NOISE * size) ** 2 + (ERROR_SHARE * steps[..., 2]) ** 2 + (ODD_SHARE * odd) ** 2
    # What counts is how much surer a motion is than a place.
    trust = np.where(known, (FOUND_NOISE * size) ** 2 / noise, 0.0)
    fused = np.empty(found.shape, np.float64)
    for point in range(found.shape[1]):
        fused[:, point] = _most_likely(found[:, point], steps[:, point, :2], trust[:, point])
    return fused


def _most_likely(found: Array, steps: Array, trust: Array) -> Array:
    """Solve for one point: (n, 2) places of weight 1, (n - 1, 2) steps of weight (n - 1,)."""
    bands = np.zeros((2, len(found)))
    bands[0, 1:] = -trust
    bands[1] = 1.0
    bands[1, 1:] += trust
    bands[1, :-1] += trust
    pulls = trust[:, None] * steps
    right = np.array(found, np.float64)
    right[1:] += pulls
    right[:-1] -= pulls
    return np.asarray(solveh_banded(bands, right))


def _apart_from_the_face(places: Array, steps: Array, known: Array, size: float) -> Array:
    """Return (n, p) how far each step is from the affine motion of most of the face.

    A hand before the face moves by its own laws, and well visibly; a mouth that opens does so
    too, but there the landmarks are believed instead.
    """
    middle = places.mean(axis=1, keepdims=True)
    basis = np.concatenate([(places - middle) / size, np.ones((*places.shape[:2], 1))], axis=2)
    weight = known.astype(np.float64)
    ridge = 1e-6 * np.eye(3)
    apart = np.zeros(places.shape[:2])
    for _ in range(_ROUNDS):
        weighted = basis * weight[..., None]
        normal = np.einsum("npi,npj->nij", weighted, basis) + ridge
        affine = np.linalg.solve(normal, np.einsum("npi,npc->nic", weighted, steps))
        apart = np.linalg.norm(steps - basis @ affine, axis=2)
        middling = np.median(apart, axis=1, keepdims=True) + 1e-3 * size
        weight = known / (1.0 + (apart / middling) ** 2)
    return apart
