"""The filters of a track's pose and shape over time, shared by both kinds of landmarks.

A pose is smoothed by a local straight line under a Gaussian whose width follows the motion, a
shape part by part by a bilateral filter; see `smoothing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..records import Array

WIDEST_SIGMA, NARROWEST_SIGMA = 3.0, 0.4  # frames, standard deviation of the pose's Gaussian
BEND_TOLERANCE = 0.0015  # face sizes by which accelerated motion may be cut short
SHAPE_SIGMA = 2.5  # frames
REACH_FRAMES = 9  # frames on both sides
NOISE_LIMITS = 0.0012, 0.006  # face sizes: least and most noise of a landmark believed in
SAME_SHAPE_RANGE = 2.4  # of the noise, within which two shapes count as the same
FACE_PARTS = {
    "jaw": range(17),
    "brows": range(17, 27),
    "nose": range(27, 36),
    "left eye": range(36, 42),
    "right eye": range(42, 48),
    "mouth": range(48, 68),
    "five points": range(68, 73),
}


def smooth_pose(pose: Array, units: Array) -> Array:
    """Smooth poses, each frame as widely as its acceleration allows.

    Args:
        pose: (n, c) one row a frame.
        units: (c,) what each column is divided by to be in face sizes, roughly.
    """
    if len(pose) < 3:
        return pose
    rough = local_line(pose / units, np.full(len(pose), 1.0))
    bend = np.zeros(len(pose))
    bend[1:-1] = np.linalg.norm(rough[2:] - 2 * rough[1:-1] + rough[:-2], axis=1)
    bend[0], bend[-1] = bend[1], bend[-2]
    bend = np.maximum(bend, np.maximum(np.roll(bend, 1), np.roll(bend, -1)))
    width = np.sqrt(2 * BEND_TOLERANCE / np.maximum(bend, 1e-9))
    return local_line(pose, np.clip(width, NARROWEST_SIGMA, WIDEST_SIGMA))


def local_line(values: Array, width: Array) -> Array:
    """Fit a straight line around every frame and return its value there.

    Args:
        values: (n, c) one row a frame.
        width: (n,) standard deviation of the Gaussian weights in frames.

    Returns:
        (n, c) smoothed values; even motion and the ends are not bent.
    """
    steps, inside, around = _around(len(values))
    weight = np.exp(-0.5 * (steps / width[:, None]) ** 2) * inside
    s0, s1 = weight.sum(axis=1), (weight * steps).sum(axis=1)
    s2 = (weight * steps**2).sum(axis=1)
    base = s0 * s2 - s1**2
    lined = base > 1e-6 * s0**2
    line = (s2[:, None] - s1[:, None] * steps) / np.where(lined, base, 1.0)[:, None]
    share = weight * np.where(lined[:, None], line, 1 / s0[:, None])
    return np.asarray(np.einsum("nk,nkc->nc", share, values[around]))


def smooth_shape(shape: Array, parts: Iterable[Sequence[int]]) -> Array:
    """Smooth shapes part by part, with frames that look alike.

    Args:
        shape: (n, p, 2 or 3) points in face sizes, one row a frame; depth has no say in what
            looks alike.
        parts: The points of every part; those of none are left as they are.
    """
    steps, inside, around = _around(len(shape))
    near = np.exp(-0.5 * (steps / SHAPE_SIGMA) ** 2) * inside
    smooth = shape.copy()
    for part in parts:
        points = shape[:, list(part)]
        flat = points[..., :2]
        noise = _noise(flat)
        # Step by step: all neighbours of all frames at once would be large.
        apart = np.stack([_squared(flat, flat[there]) for there in around.T], axis=1)
        # Several points moving together mean more than their number times one does.
        alike = apart / len(part) / (SAME_SHAPE_RANGE * noise) ** 2
        weight = near * np.exp(-0.5 * alike)
        weight /= weight.sum(axis=1, keepdims=True)
        mean = np.zeros_like(points)
        for share, there in zip(weight.T, around.T, strict=True):
            mean += share[:, None, None] * points[there]
        smooth[:, list(part)] = mean
    return smooth


def _squared(ones: Array, others: Array) -> Array:
    """Return the squared distances (n,) of shapes (n, p, 2), summed over their points."""
    apart = ones - others
    return np.asarray(np.einsum("npc,npc->n", apart, apart))


def _noise(points: Array) -> float:
    """Return the noise (standard deviation of a coordinate) of (n, p, 2) points at rest."""
    if len(points) < 4:
        return NOISE_LIMITS[0]
    steps = np.sqrt(((points[1:] - points[:-1]) ** 2).mean(axis=(1, 2)))
    return float(np.clip(np.percentile(steps, 40) / np.sqrt(2), *NOISE_LIMITS))


def _around(count: int) -> tuple[Array, Array, Array]:
    """Return (k,) steps, (n, k) whether they stay inside, and (n, k) the frames they lead to."""
    reach = min(REACH_FRAMES, max(count - 1, 0))
    steps = np.arange(-reach, reach + 1)
    frames = np.arange(count)[:, None] + steps
    inside = (frames >= 0) & (frames < count)
    return steps.astype(np.float64), inside.astype(np.float64), np.clip(frames, 0, count - 1)
