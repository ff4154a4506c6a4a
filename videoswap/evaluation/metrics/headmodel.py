"""An average head: the 68 landmarks in three dimensions.

Written by us from average proportions of adult faces (Farkas, "Anthropometry of the Head and
Face", 1994, rounded means of men and women): width between the outer eye corners 90 mm, between
the inner ones 32, of the nose 35, of the mouth 52, of the cheeks 136, between the jaw angles 102;
height from nasion to chin 118, nasion to subnasale 51, subnasale to the line of the lips 21;
the tip of the nose 20 in front of subnasale. What those tables do not say (the depth of eyes, lips
and jaw, the arch of the brows) is set by eye to fit.
"""

from __future__ import annotations

import numpy as np

from ...records import Array

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
