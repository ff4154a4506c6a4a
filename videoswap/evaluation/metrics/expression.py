"""Does the face still say what it said?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...geometry.affine import similarity, transform
from ...records import Array
from ..face_motion import Moment
from .metric import (
    Metric,
    apart,
    correlation,
    mean,
)

INNER = range(17, 68)  # the outline of the jaw is not expression
#: Standard deviation over time, eye distances or aspect ratio; the landmarks' own is about 0.01.
MOVES = 0.02
LEFT_EYE, RIGHT_EYE = range(36, 42), range(42, 48)


class ExpressionFamily:
    """Expression: the shape of brows, eyes, nose and mouth.

    Definitions, from fresh landmarks of result and original:

    - expression: mean distance of the 51 inner landmarks after the result's were brought onto
      the original's by the best similarity transform, as a share of the distance of the outer
      eye corners (0 to 1, good: small; 0.02 is about the landmarker's own noise). Landmark
      distance after alignment as in face reenactment (e.g. Siarohin et al., NeurIPS 2019: AKD),
    - mouth opening: distance of the inner lips over the eye distance; eye opening: the eye
      aspect ratio, mean of both eyes (Soukupova and Cech, CVWW 2016). Reported are the mean
      absolute difference (good: 0) and the correlation over time with the original (Pearson,
      -1 to 1, good: near 1; measured where the original's own varies by ``MOVES`` or more).
    """

    over_time = True
    columns = ("expression", "mouth_result", "mouth_original", "eyes_result", "eyes_original")
    metrics = (
        Metric("expression", "expression difference", "eye distance",
               mean("expression"), plot=("expression",), worst="expression"),
        Metric("mouth_opening", "mouth opening difference", "eye distance",
               apart("mouth_result", "mouth_original"), plot=("mouth_result", "mouth_original")),
        Metric("mouth_correlation", "mouth opening over time", "correlation",
               correlation("mouth_result", "mouth_original", MOVES)),
        Metric("eye_opening", "eye opening difference", "aspect ratio",
               apart("eyes_result", "eyes_original"), plot=("eyes_result", "eyes_original")),
        Metric("eye_correlation", "eye opening over time", "correlation",
               correlation("eyes_result", "eyes_original", MOVES)),
    )  # fmt: skip

    def measure(self, moment: Moment) -> Mapping[str, float]:
        """See Family."""
        original, result = (one.astype(np.float64) for one in moment.now.landmarks)
        return {
            "expression": shape_distance(result, original),
            "mouth_result": mouth_opening(result),
            "mouth_original": mouth_opening(original),
            "eyes_result": eye_opening(result),
            "eyes_original": eye_opening(original),
        }


def eye_distance(landmarks: Array) -> float:
    """Return the distance of the outer eye corners of (68, 2) landmarks."""
    return max(float(np.hypot(*(landmarks[45] - landmarks[36]))), 1e-6)


def shape_distance(one: Array, other: Array) -> float:
    """Return the mean distance of aligned inner landmarks, in eye distances of the other."""
    inner, target = one[list(INNER)], other[list(INNER)]
    aligned = transform(similarity(inner, target), inner)
    return float(np.hypot(*(aligned - target).T).mean()) / eye_distance(other)


def mouth_opening(landmarks: Array) -> float:
    """Return the distance of the inner lips in eye distances."""
    upper, lower = landmarks[61:64], landmarks[[67, 66, 65]]
    return float(np.hypot(*(upper - lower).T).mean()) / eye_distance(landmarks)


def eye_opening(landmarks: Array) -> float:
    """Return the eye aspect ratio, mean of both eyes; about 0.3 open, under 0.2 closed."""
    ratios = []
    for eye in (landmarks[list(LEFT_EYE)], landmarks[list(RIGHT_EYE)]):
        high = np.hypot(*(eye[1] - eye[5])) + np.hypot(*(eye[2] - eye[4]))
        ratios.append(float(high / max(2 * float(np.hypot(*(eye[0] - eye[3]))), 1e-6)))
    return sum(ratios) / 2
