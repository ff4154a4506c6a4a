"""Smooths a track: no jitter, no lag, and no flattened expressions.

The landmarks of a frame are a pose (where, how large, how turned) times a shape. Both are
averaged over frames before and after, so nothing lags, but in different ways:

- The pose by a local straight line under a Gaussian whose width follows the head: wide while it
  rests or moves evenly, narrow where it accelerates.
- The shape by a bilateral filter (Tomasi and Manduchi, ICCV 1998): frames count the less the
  more a part of the face looks different there, so noise goes and a blink of three frames stays.

What is left is taken out by what optical flow says of the motion from frame to frame, see `flow`:
places and motions are put together by least squares (`smooth_with_flow`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..detection.dense_landmarks import IBUG_68
from ..geometry.affine import similarity, transform
from ..records import Array, Face
from .dense_smoothing import smooth_dense, spread
from .filters import FACE_PARTS, WIDEST_SIGMA, local_line, smooth_pose, smooth_shape

RIGID_POINTS = (
    0,
    1,
    2,
    14,
    15,
    16,
    *range(27, 36),
    36,
    39,
    42,
    45,
)  # what an expression moves least


@dataclass(frozen=True, slots=True, eq=False)
class _Motion:
    """A run of frames, taken apart.

    Attributes:
        pose: (n, 4) x, y in pixels, log of the scale, angle in radians.
        shape: (n, 73, 2) landmarks and five points, relative to the pose, in face sizes.
        box: (n, 4) corners relative to the place, in face sizes.
        size: Face size in pixels that the unit of shape stands for.
    """

    pose: Array
    shape: Array
    box: Array
    size: float


def smooth_track(
    faces: Sequence[Face], frame_pts: Array, motions: Mapping[int, Array]
) -> list[Face]:
    """Smooth a track.

    Args:
        faces: The faces of one track with landmarks, by ascending pts.
        frame_pts: (n,) int64, ascending, the pts of all frames of the video.
        motions: By pts, how the landmarks moved since the frame before, see
            ``flow.motion_between``; nothing where it is unknown.

    Returns:
        The faces by ascending pts. Frames without one divide the track: what was before it is
        not mixed with what comes after.
    """
    index = np.searchsorted(frame_pts, np.array([face.pts for face in faces], np.int64))
    breaks = np.nonzero(np.diff(index) > 1)[0] + 1
    smooth: list[Face] = []
    for group in np.split(np.arange(len(faces)), breaks):
        smooth.extend(_smooth_run([faces[int(place)] for place in group], motions))
    return smooth


def _smooth_run(faces: Sequence[Face], motions: Mapping[int, Array]) -> list[Face]:
    """Smooth faces of consecutive frames."""
    if not faces:
        return []
    motion = _take_apart(faces)
    scale = motion.size * float(np.exp(np.median(motion.pose[:, 2])))
    pose = smooth_pose(motion.pose, np.array([scale, scale, 1.0, 1.0]))
    shape = smooth_shape(motion.shape, FACE_PARTS.values())
    box = local_line(motion.box, np.full(len(pose), WIDEST_SIGMA))
    placed = np.stack([_placed(*pair) for pair in zip(pose, shape * motion.size, strict=True)])
    size = float(np.median([face.size for face in faces]))
    dense = _smooth_dense_runs(faces, size)
    for frame, points in dense.items():
        placed[frame, :68] = points[IBUG_68, :2]
    landmarks = smooth_with_flow(placed[:, :68], _steps(faces, motions), size)
    if dense:
        moves = spread(landmarks[list(dense)] - placed[list(dense), :68])
        for points, move in zip(dense.values(), moves, strict=True):
            points[:, :2] += move
    result = []
    for place, face in enumerate(faces):
        scale = motion.size * float(np.exp(pose[place, 2]))
        corners = (box[place].reshape(2, 2) * scale + pose[place, :2]).reshape(4)
        result.append(
            replace(
                face,
                box=corners.astype(np.float32),
                points5=placed[place, 68:].astype(np.float32),
                landmarks=landmarks[place].astype(np.float32),
                dense_landmarks=dense[place].astype(np.float32) if place in dense else None,
            )
        )
    return result


def _smooth_dense_runs(faces: Sequence[Face], size: float) -> dict[int, Array]:
    """Return smoothed dense landmarks (478, 3) by the place of the face, where they are known."""
    known = [place for place, face in enumerate(faces) if face.dense_landmarks is not None]
    smooth: dict[int, Array] = {}
    for run in np.split(known, np.nonzero(np.diff(known) > 1)[0] + 1):
        if len(run):
            points = np.stack([faces[place].dense_landmarks for place in run])  # type: ignore[misc]
            smooth.update(zip(run.tolist(), smooth_dense(points, size), strict=True))
    return smooth


def _steps(faces: Sequence[Face], motions: Mapping[int, Array]) -> Array:
    """Return the motions (n - 1, 68, 3) from face to face; NaN where unknown."""
    steps = np.full((len(faces) - 1, 68, 3), np.nan, np.float32)
    for place, face in enumerate(faces[1:]):
        steps[place] = motions.get(face.pts, np.nan)
    return steps


def _take_apart(faces: Sequence[Face]) -> _Motion:
    """Separate poses from shapes, by least squares to the mean shape of the run."""
    points = np.stack([_points(face) for face in faces])
    size = float(np.median([face.size for face in faces]))
    rigid = list(RIGID_POINTS)
    mean = points[len(points) // 2]
    for _ in range(3):
        mean = mean - mean[rigid].mean(axis=0)
        moves = [similarity(one[rigid], mean[rigid]) for one in points]
        aligned = np.stack([transform(move, one) for move, one in zip(moves, points, strict=True)])
        spread = float(np.sqrt((mean[rigid] ** 2).sum()))
        mean = aligned.mean(axis=0)
        mean = mean * spread / max(float(np.sqrt((mean[rigid] ** 2).sum())), 1e-9)
    back = [similarity(mean[rigid] - mean[rigid].mean(axis=0), one[rigid]) for one in points]
    pose = np.stack([_pose(matrix) for matrix in back])
    pose[:, 3] = np.unwrap(pose[:, 3])
    shape = np.stack([_unplaced(one, whole) for one, whole in zip(pose, points, strict=True)])
    # The unit is a face size at the pose's scale 1.
    unit = size / float(np.exp(np.median(pose[:, 2])))
    scale = unit * np.exp(pose[:, 2])
    boxes = np.stack([face.box for face in faces]).astype(np.float64)
    box = (boxes - np.tile(pose[:, :2], 2)) / scale[:, None]
    return _Motion(pose, shape / unit, box, unit)


def _points(face: Face) -> Array:
    if face.landmarks is None:
        raise ValueError("smoothing needs landmarks")
    return np.concatenate([face.landmarks, face.points5]).astype(np.float64)


def _pose(matrix: Array) -> Array:
    scale, angle = np.hypot(matrix[0, 0], matrix[1, 0]), np.arctan2(matrix[1, 0], matrix[0, 0])
    return np.array([matrix[0, 2], matrix[1, 2], np.log(scale), angle])


def _placed(pose: Array, shape: Array) -> Array:
    """Return the (73, 2) points of a shape in pixels of the picture."""
    cos, sin = np.exp(pose[2]) * np.cos(pose[3]), np.exp(pose[2]) * np.sin(pose[3])
    return np.asarray(shape @ np.array([[cos, sin], [-sin, cos]]) + pose[:2])


def _unplaced(pose: Array, points: Array) -> Array:
    cos, sin = np.cos(pose[3]) / np.exp(pose[2]), np.sin(pose[3]) / np.exp(pose[2])
    return np.asarray((points - pose[:2]) @ np.array([[cos, -sin], [sin, cos]]))


FOUND_NOISE = 0.012  # face sizes, of a landmark in one frame
MOTION_NOISE = 0.001  # face sizes, of a motion at its best
ERROR_SHARE = 2.0  # of the forward-backward error, counted as noise
ODD_SHARE = 0.3  # of the way by which a point leaves the motion of the face, counted as noise
_ROBUST_ROUNDS = 4


def smooth_with_flow(found: Array, motions: Array, size: float) -> Array:
    """Put places and motions of a track together.

    Args:
        found: (n, p, 2) landmarks in pixels, one row a frame, without gaps.
        motions: (n - 1, p, 3) way in x and y to the next frame and its error in pixels, see
            ``flow.landmark_motion``; NaN where it is unknown.
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
    return _most_likely(found, steps[..., :2], trust)


def _most_likely(found: Array, steps: Array, trust: Array) -> Array:
    """Solve for (n, p, 2) places of weight 1 with (n - 1, p, 2) steps of weight (n - 1, p).

    The equations are tridiagonal. They are solved by Thomas' algorithm, all points at once; loading
    scipy's solvers takes longer than most tracks.
    """
    diagonal = np.ones(found.shape[:2])
    diagonal[1:] += trust
    diagonal[:-1] += trust
    pulls = trust[..., None] * steps
    made = np.array(found, np.float64)
    made[1:] += pulls
    made[:-1] -= pulls
    for frame, weight in enumerate(trust, start=1):
        share = weight / diagonal[frame - 1]
        diagonal[frame] -= share * weight
        made[frame] += share[:, None] * made[frame - 1]
    made[-1] /= diagonal[-1, :, None]
    for frame in range(len(made) - 2, -1, -1):
        made[frame] += trust[frame, :, None] * made[frame + 1]
        made[frame] /= diagonal[frame, :, None]
    return made


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
    for _ in range(_ROBUST_ROUNDS):
        weighted = basis * weight[..., None]
        normal = np.einsum("npi,npj->nij", weighted, basis) + ridge
        affine = np.linalg.solve(normal, np.einsum("npi,npc->nic", weighted, steps))
        apart = np.linalg.norm(steps - basis @ affine, axis=2)
        middling = np.median(apart, axis=1, keepdims=True) + 1e-3 * size
        weight = known / (1.0 + (apart / middling) ** 2)
    return apart
