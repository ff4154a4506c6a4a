"""Optical flow at the landmarks of a face, from one frame to the next (pyramidal Lucas-Kanade).

Landmarks tell well where a face is and badly how it moved, since each frame has its own error.
Optical flow tells well how the skin moved, and not where it is. `smoothing` combines the two.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..detection.face_view import FaceView
from ..geometry.affine import invert, scale_of
from ..records import Array

FLOW_FACE_SIZE = 96.0  # pixels, size of the face in the pictures that are compared
FLOW_MARGIN = 0.4  # of the face, around it
FLOW_WINDOW, PYRAMID_LEVELS = 11, 2  # of the pyramid of Lucas and Kanade
LOST_POINT_ERROR = 10.0  # of those pixels: error of a point that was not found again
_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 0.02)


def motion_between(then: FaceView, now: FaceView) -> Array:
    """Return how a face's landmarks moved from one frame to the next.

    Returns:
        (68, 3) float32 as `landmark_motion`, but in upright full-resolution pixels.
    """
    motion = landmark_motion(then.frame.picture, now.frame.picture, then.landmarks)
    back = invert(then.frame.matrix)
    way = motion[:, :2] @ back[:, :2].T
    return np.column_stack([way, motion[:, 2] * scale_of(back)]).astype(np.float32)


def landmark_motion(before: Array, now: Array, landmarks: Array) -> Array:
    """Follow the landmarks of a face into the next frame by what is seen around each.

    Source: Bouguet's pyramidal Lucas-Kanade tracker, there and back (Kalal et al., "Forward-
    backward error", ICPR 2010).

    Args:
        before: (H, W, 3) uint8 RGB.
        now: (H, W, 3) uint8 RGB, the frame after it.
        landmarks: (N, 2) in pixels of ``before``.

    Returns:
        (N, 3) float32: the way in x and y, and how far a point that is followed back ends from
        where it began; all in pixels of the pictures.
    """
    size = float(max(np.ptp(landmarks, axis=0)))
    low = np.maximum(np.floor(landmarks.min(axis=0) - FLOW_MARGIN * size), 0).astype(int)
    high = np.ceil(landmarks.max(axis=0) + FLOW_MARGIN * size).astype(int)
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    scale = min(1.0, FLOW_FACE_SIZE / max(size, 1.0))
    if min(before[part].shape[:2]) * scale < 2 * FLOW_WINDOW:
        return np.tile(np.array([0.0, 0.0, size], np.float32), (len(landmarks), 1))
    then, since = (_grey(picture[part], scale) for picture in (before, now))
    start = ((landmarks - low + 0.5) * scale - 0.5).astype(np.float32)
    there, found = _follow(then, since, start)
    back, kept = _follow(since, then, there)
    error = np.linalg.norm(back - start, axis=1) + LOST_POINT_ERROR * ~(found & kept)
    return np.column_stack([there - start, error]).astype(np.float32) / np.float32(scale)


def _grey(picture: Array, scale: float) -> Array:
    """Return a picture in grey and smaller; by a whole number first, which is much faster."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    step = int(1 / scale)
    if step > 1:
        height, width = (side // step for side in grey.shape)
        grey = grey[: height * step, : width * step]
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    rest = scale * step
    if rest < 1.0:
        grey = cv2.resize(grey, None, fx=rest, fy=rest, interpolation=cv2.INTER_LINEAR)
    return np.asarray(grey)


def _follow(before: Array, now: Array, points: Array) -> tuple[Array, Array]:
    moved, status, _ = cv2.calcOpticalFlowPyrLK(
        before,
        now,
        points[:, None],
        None,  # type: ignore[call-overload]
        winSize=(FLOW_WINDOW, FLOW_WINDOW),
        maxLevel=PYRAMID_LEVELS,
        criteria=_CRITERIA,
    )
    return np.asarray(moved[:, 0]), np.asarray(status[:, 0] == 1)
