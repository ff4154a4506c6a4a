"""Pose of a head from its 68 landmarks, by perspective-n-point on an average head.

The average head is written from mean proportions of adult faces (Farkas, "Anthropometry of the
Head and Face", 1994, rounded means of men and women): width between the outer eye corners 90 mm,
between the inner ones 32, of the nose 35, of the mouth 52, of the cheeks 136, between the jaw
angles 102; height from nasion to chin 118, nasion to subnasale 51, subnasale to the line of the
lips 21; the tip of the nose 20 in front of subnasale. What those tables do not say (the depth of
eyes, lips and jaw, the arch of the brows) is set by eye to fit.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..records import Array

# Nose, eye corners, mouth corners: hard to move, and away from the outline, which slides over
# the head as it turns.
RIGID_LANDMARKS = (*range(27, 36), 36, 39, 42, 45, 48, 54)


def head_angles(landmarks: Array, width: int, height: int) -> Array | None:
    """Return yaw, pitch and roll (3,) in degrees of (68, 2) landmarks; None if none fits.

    The average head is brought onto nose, eye and mouth corners by perspective-n-point (SQPnP,
    Terzakis and Lourakis, ECCV 2020, then Levenberg-Marquardt), with a camera as wide as the
    picture is long (about 53 degrees). Yaw is positive where the face turns to the right of the
    picture, pitch where it looks down, roll where it tips clockwise.

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
