"""GHOST's smoothing of landmarks, for ``--ghost_exact``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...records import Array, Face

LARGEST_STEP = 5.0  # pixels
FRAMES_BESIDE = 2  # on either side, that are averaged
_EYE, _NOSE = 0, 2


def smooth_points(points: Array) -> Array:
    """Average points over the frames around, as far as the face is followed without a jump.

    A run ends at a frame without a face and where the left eye or the nose moves more than five
    pixels. In a run a frame is averaged over as many frames before as after it, two at most, so
    its ends stay as they are.

    Args:
        points: (n, k, 2) one row a frame, NaN where there is no face; k = 5 or more with the
            five points first.

    Returns:
        (n, k, 2) of the same dtype. Source: ai-forever/ghost, utils/inference/video_processing.py.
    """
    smooth = points.copy()
    for run in _runs(points):
        for place in range(len(run)):
            reach = min(place, len(run) - 1 - place, FRAMES_BESIDE)
            around = run[place - reach : place + reach + 1]
            smooth[run[place]] = points[around].mean(axis=0)
    return smooth


def _runs(points: Array) -> list[Array]:
    """Return the indices of the frames of each run; frames without a face are in none."""
    steps = np.linalg.norm(np.diff(points[:, [_EYE, _NOSE]], axis=0), axis=2)
    broken = ~(steps <= LARGEST_STEP).all(axis=1)  # NaN counts as broken
    runs = np.split(np.arange(len(points)), np.nonzero(broken)[0] + 1)
    return [run for run in runs if len(run) and np.isfinite(points[run[0]]).all()]


def smooth_as_ghost(
    faces: Sequence[Face], frame_pts: Array, motions: Mapping[int, Array]
) -> list[Face]:
    """Smooth a track by GHOST's rule, which does not know filled gaps (score 0): they stay empty.

    Args:
        faces: The faces of one track with landmarks, by ascending pts.
        frame_pts: (n,) int64, ascending, the pts of all frames of the part.
        motions: Not used: GHOST does not look at the picture here.
    """
    faces = [face for face in faces if face.score > 0]
    if not faces:
        return []
    index = np.searchsorted(frame_pts, [face.pts for face in faces])
    table = np.full((len(frame_pts), 73, 2), np.nan, np.float32)
    for place, face in zip(index, faces, strict=True):
        assert face.landmarks is not None  # the analysis always fills them
        table[place] = np.concatenate([face.points5, face.landmarks])
    smooth = smooth_points(table)[index]
    return [
        replace(face, points5=points[:5], landmarks=points[5:])
        for face, points in zip(faces, smooth, strict=True)
    ]
