"""Head pose: differences of yaw, pitch and roll."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ...records import Array
from ..face_motion import FaceHistory
from .columns import apart, mean
from .metric import Metric, at_most

# Nose, eye corners, mouth corners: hard to move, and away from the outline, which slides over
# the head as it turns.
RIGID_LANDMARKS = (*range(27, 36), 36, 39, 42, 45, 48, 54)
AXES = ("yaw", "pitch", "roll")


class PoseFamily:
    """Pose of the head: yaw, pitch and roll.

    Definition: the pose that brings an average head (``headmodel``) onto fresh landmarks of nose,
    eye and mouth corners by perspective-n-point (SQPnP, Terzakis and Lourakis, ECCV 2020, then
    Levenberg-Marquardt), with a camera as wide as the picture is long (about 53 degrees). Angles
    in degrees: yaw is positive where the face turns to the right of the picture, pitch where it
    looks down, roll where it tips clockwise. Reported are the mean absolute differences of result
    and original, and the mean of their length (0 to 180, good: a few degrees). Single angles
    depend on how much a head is like the average one; differences hardly do.
    """

    over_time = False
    columns = (*(f"{axis}_{which}" for axis in AXES for which in ("result", "original")), "pose")
    metrics = (
        # Two to three degrees are the spread of the landmarks alone.
        Metric("pose", "pose difference", "degrees", mean("pose"), worst="pose",
               good=at_most(6.0)),
        *(
            Metric(axis, f"{axis} difference", "degrees",
                   apart(f"{axis}_result", f"{axis}_original"),
                   plot=(f"{axis}_result", f"{axis}_original"), good=at_most(5.0))
            for axis in AXES
        ),
    )  # fmt: skip

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        height, width = history.now.pair.original.shape[:2]
        angles = [head_angles(points, width, height) for points in history.now.landmarks]
        if any(one is None for one in angles):
            return {}
        original, result = (np.asarray(one) for one in angles)
        values = {"pose": float(np.linalg.norm(_between(result, original)))}
        for place, axis in enumerate(AXES):
            values[f"{axis}_result"] = float(result[place])
            values[f"{axis}_original"] = float(original[place])
        return values


def head_angles(landmarks: Array, width: int, height: int) -> Array | None:
    """Return yaw, pitch and roll (3,) in degrees of (68, 2) landmarks; None if none fits.

    Args:
        landmarks: Points in pixels of the picture.
        width: Columns of the picture.
        height: Rows of the picture.
    """
    camera = camera_matrix(width, height)
    points = np.ascontiguousarray(landmarks[list(RIGID_LANDMARKS)], np.float64)
    model = HEAD[list(RIGID_LANDMARKS)]
    found, turn, shift = cv2.solvePnP(model, points, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    if not found or float(shift[2, 0]) <= 0:
        return None
    turn, shift = cv2.solvePnPRefineLM(model, points, camera, None, turn, shift)
    return angles_of(np.asarray(cv2.Rodrigues(turn)[0]))


def camera_matrix(width: int, height: int) -> Array:
    """Return the (3, 3) matrix of the assumed camera."""
    focal = float(max(width, height))
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])


def angles_of(rotation: Array) -> Array:
    """Return yaw, pitch and roll in degrees of ``roll(z) @ yaw(y) @ pitch(x)``, (3, 3)."""
    yaw = np.arcsin(np.clip(-rotation[2, 0], -1, 1))
    pitch = np.arctan2(rotation[2, 1], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    # The camera's z axis leads away from the viewer: a turn about y looks reversed.
    return np.asarray(np.degrees([-yaw, pitch, roll]))


def _between(one: Array, other: Array) -> Array:
    """Return differences of angles, from -180 to 180 degrees."""
    return np.asarray((one - other + 180) % 360 - 180)


# Jaw from ear to chin; x, y, z in millimetres: right in the picture, down, away from the viewer.
_JAW = [
    (-68, 2, 78), (-67, 22, 76), (-65, 41, 72), (-61, 60, 64), (-52, 78, 50), (-40, 94, 32),
    (-27, 106, 14), (-14, 113, 2), (0, 116, -4),
]  # fmt: skip
_BROW = [(-54, -14, 12), (-45, -22, 2), (-34, -25, -5), (-23, -24, -9), (-13, -20, -11)]
_BRIDGE = [(0, -2, -12), (0, 12, -20), (0, 25, -28), (0, 38, -36)]
_NOSTRILS = [(-16, 44, -14), (-8, 47, -18), (0, 49, -20)]
_EYE = [(-45, 0, 8), (-36, -5, -1), (-26, -5, -2), (-16, 1, 0), (-26, 4, -1), (-36, 4, 0)]
_UPPER_LIP = [(-26, 70, -6), (-16, 65, -15), (-6, 62, -20), (0, 63, -21)]
_LOWER_LIP = [(-16, 76, -13), (-7, 80, -17), (0, 81, -18)]
_INNER_LIPS = [(-23, 70, -7), (-8, 69, -17), (0, 69, -18)]
_INNER_LOWER = [(-8, 71, -16), (0, 72, -17)]


def _mirrored(points: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    return [(-x, y, z) for x, y, z in reversed(points)]


def _build() -> Array:
    """Put the halves together in the iBUG-68 order."""
    eye = _EYE
    other_eye = [(-x, y, z) for x, y, z in (eye[3], eye[2], eye[1], eye[0], eye[5], eye[4])]
    points = [
        *_JAW, *_mirrored(_JAW[:-1]),
        *_BROW, *_mirrored(_BROW),
        *_BRIDGE, *_NOSTRILS, *_mirrored(_NOSTRILS[:-1]),
        *eye, *other_eye,
        *_UPPER_LIP, *_mirrored(_UPPER_LIP[:-1]),
        *reversed(_mirrored(_LOWER_LIP[:-1])), *reversed(_LOWER_LIP),
        *_INNER_LIPS, *_mirrored(_INNER_LIPS[:-1]),
        *reversed(_mirrored(_INNER_LOWER[:-1])), *reversed(_INNER_LOWER),
    ]  # fmt: skip
    return np.array(points, np.float64)


HEAD = _build()  # (68, 3) float64; the face looks at the viewer, upright
