"""Expression and gaze: landmark shape, openings of mouth and eyes, place of the irises."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ...geometry.affine import similarity, transform
from ...records import Array
from ..face_motion import FaceHistory
from .columns import apart, correlation, mean
from .metric import Metric, at_least, at_most

INNER_LANDMARKS = range(17, 68)  # the outline of the jaw is not expression
#: Standard deviation over time, eye distances or aspect ratio; the landmarks' own is about 0.01.
MIN_OPENING_DEVIATION = 0.02
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
      -1 to 1, good: near 1; measured where the original's own varies by ``MIN_OPENING_DEVIATION``
      or more).
    """

    over_time = True
    columns = ("expression", "mouth_result", "mouth_original", "eyes_result", "eyes_original")
    metrics = (
        # The landmarker's own noise is 0.02; lips just parted are 0.1 apart; an open eye has 0.3.
        Metric("expression", "expression difference", "eye distance",
               mean("expression"), plot=("expression",), worst="expression", good=at_most(0.03)),
        Metric("mouth_opening", "mouth opening difference", "eye distance",
               apart("mouth_result", "mouth_original"), plot=("mouth_result", "mouth_original"),
               good=at_most(0.05)),
        # Speech and blinks in step. Eyes hardly vary between blinks, so noise counts for more.
        Metric("mouth_correlation", "mouth opening over time", "correlation",
               correlation("mouth_result", "mouth_original", MIN_OPENING_DEVIATION),
               good=at_least(0.8)),
        Metric("eye_opening", "eye opening difference", "aspect ratio",
               apart("eyes_result", "eyes_original"), plot=("eyes_result", "eyes_original"),
               good=at_most(0.06)),
        Metric("eye_correlation", "eye opening over time", "correlation",
               correlation("eyes_result", "eyes_original", MIN_OPENING_DEVIATION),
               good=at_least(0.6)),
    )  # fmt: skip

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        original, result = (one.astype(np.float64) for one in history.now.landmarks)
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
    inner, target = one[list(INNER_LANDMARKS)], other[list(INNER_LANDMARKS)]
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


MIN_EYE_WIDTH = 12.0  # pixels between the corners of an eye
CLOSED_EYE_RATIO = 0.18  # eye aspect ratio
IRIS_FRACTION = 0.35  # share of the pixels of an open eye that iris and pupil take, roughly


class GazeFamily:
    """Where the iris lies between the corners of the eye.

    Definition: in the outline of each eye (fresh landmarks of each video), the centre of the
    darkest ``IRIS_FRACTION`` of the pixels, along the line of the corners (0 at the left one, 1 at
    the right one) and across it, in eye widths; mean of both eyes. Reported is the mean distance
    between result and original, in eye widths (0 to about 0.5, good: small; 0.05 is about what
    the landmarks alone spread). Measured where both eyes are open and at least ``MIN_EYE_WIDTH``
    pixels wide. A simple form of centre-of-iris methods (Timm and Barth, VISAPP 2011, in spirit).

    It can say that the eyes look elsewhere than before. It cannot say at what they look, and
    dark lashes, shadow, glasses and steep profiles mislead it.
    """

    over_time = False
    columns = ("gaze", "gaze_result", "gaze_original")
    metrics = (
        # Twice what the landmarks alone spread.
        Metric("gaze", "gaze difference", "eye widths", mean("gaze"), worst="gaze",
               plot=("gaze_result", "gaze_original"), good=at_most(0.1)),
    )  # fmt: skip

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        now = history.now
        was = gaze(now.pair.original, now.landmarks[0])
        became = gaze(now.pair.result, now.landmarks[1])
        if was is None or became is None:
            return {}
        return {
            "gaze": float(np.hypot(*(became - was))),
            "gaze_result": float(became[0]),
            "gaze_original": float(was[0]),
        }


def gaze(picture: Array, landmarks: Array) -> Array | None:
    """Return the mean place (2,) of both irises: along and across, in eye widths.

    Args:
        picture: (H, W, 3) uint8 RGB.
        landmarks: (68, 2) in its pixels.

    Returns:
        None where the eyes are too small or closed.
    """
    if eye_opening(landmarks) < CLOSED_EYE_RATIO:
        return None
    places = [iris(picture, landmarks[list(eye)]) for eye in (LEFT_EYE, RIGHT_EYE)]
    if any(place is None for place in places):
        return None
    return np.asarray(np.mean(np.array(places, np.float64), axis=0))


def iris(picture: Array, eye: Array) -> Array | None:
    """Return the place (2,) of the iris in one eye (6, 2); None where it is too small."""
    points = eye.astype(np.float64)
    line = points[3] - points[0]
    width = float(np.hypot(*line))
    low = np.floor(points.min(axis=0)).astype(int)
    high = np.ceil(points.max(axis=0)).astype(int) + 1
    rows, columns = picture.shape[:2]
    if width < MIN_EYE_WIDTH or low.min() < 0 or high[0] > columns or high[1] > rows:
        return None
    part = cv2.cvtColor(
        np.ascontiguousarray(picture[low[1] : high[1], low[0] : high[0]]), cv2.COLOR_RGB2GRAY
    )
    inside = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(inside, [np.round(points - low).astype(np.int32)], 1)
    y, x = np.nonzero(inside)
    luma = part[y, x].astype(np.float64)
    limit = np.quantile(luma, IRIS_FRACTION)
    weight = np.maximum(limit + 1 - luma, 0)
    centre = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum() + low
    along, across = line / width, np.array([-line[1], line[0]]) / width
    return np.array([(centre - points[0]) @ along, (centre - points[0]) @ across]) / width
