"""Do the eyes look where they looked?"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ...records import Array
from ..face_motion import Moment
from .expression import LEFT_EYE, RIGHT_EYE, eye_opening
from .metric import Metric, mean

NARROWEST = 12.0  # pixels between the corners of an eye
CLOSED = 0.18  # eye aspect ratio
DARKEST = 0.35  # share of the pixels of an open eye that iris and pupil take, roughly


class GazeFamily:
    """Where the iris lies between the corners of the eye.

    Definition: in the outline of each eye (fresh landmarks of each video), the centre of the
    darkest ``DARKEST`` of the pixels, along the line of the corners (0 at the left one, 1 at the
    right one) and across it, in eye widths; mean of both eyes. Reported is the mean distance
    between result and original, in eye widths (0 to about 0.5, good: small; 0.05 is about what
    the landmarks alone spread). Measured where both eyes are open and at least ``NARROWEST``
    pixels wide. A simple form of centre-of-iris methods (Timm and Barth, VISAPP 2011, in spirit).

    It can say that the eyes look elsewhere than before. It cannot say at what they look, and
    dark lashes, shadow, glasses and steep profiles mislead it.
    """

    over_time = False
    columns = ("gaze", "gaze_result", "gaze_original")
    metrics = (
        Metric("gaze", "gaze difference", "eye widths", mean("gaze"), worst="gaze",
               plot=("gaze_result", "gaze_original")),
    )  # fmt: skip

    def measure(self, moment: Moment) -> Mapping[str, float]:
        """See Family."""
        now = moment.now
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
    if eye_opening(landmarks) < CLOSED:
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
    if width < NARROWEST or low.min() < 0 or high[0] > columns or high[1] > rows:
        return None
    part = cv2.cvtColor(
        np.ascontiguousarray(picture[low[1] : high[1], low[0] : high[0]]), cv2.COLOR_RGB2GRAY
    )
    inside = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(inside, [np.round(points - low).astype(np.int32)], 1)
    y, x = np.nonzero(inside)
    luma = part[y, x].astype(np.float64)
    limit = np.quantile(luma, DARKEST)
    weight = np.maximum(limit + 1 - luma, 0)
    centre = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum() + low
    along, across = line / width, np.array([-line[1], line[0]]) / width
    return np.array([(centre - points[0]) @ along, (centre - points[0]) @ across]) / width
