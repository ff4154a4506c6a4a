"""Does the face tremble?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...geometry.affine import compose, invert, transform
from ...records import Array
from ..face_motion import Moment
from .metric import (
    Metric,
    root_mean,
    root_ratio,
    total,
)

STILL = 0.006  # eye distances by which a resting face may change from frame to frame
SECOND_DIFFERENCE = np.sqrt(6.0)  # of white noise, in its standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """How a face came from the frame before.

    Attributes:
        index: Number of the frame.
        back: (2, 3) from its pixels to those of the frame before.
        change: What that does not explain, in pixels.
    """

    index: int
    back: Array
    change: float


class JitterFamily:
    """Trembling of the landmarks in still passages.

    Definition: of three frames in a row, place, size and roll of the head are taken out of the
    fresh landmarks of both videos by the similarity transforms that fit the optical flow of the
    original's face. Then ``a = (x0 - 2 x1 + x2) / sqrt(6)`` of every landmark is the standard
    deviation of its noise, if that is white. Reported is its root mean square over landmarks,
    coordinates and frames, in thousandths of the distance of the outer eye corners. Frames are
    still where the flow differs from those transforms by at most ``STILL`` of that distance
    (mean over the face): the head neither turns nor speaks. Ratio: result to original; range 0
    to infinity; good: at most 1.1. The second difference as a measure of jitter is usual for
    poses (the acceleration error of Zeng et al., "SmoothNet", ECCV 2022).

    Twice: of landmarks read once, and of the means of many readings (``Look.reread``). dlib's
    readings of one and the same picture from squares that hardly differ lie 3 to 8 thousandths
    apart, as much as those of frames that follow each other. So the first is mostly noise of the
    landmarker, which the mean takes away; what the face does stays in both.
    """

    over_time = True
    columns = (
        "still", "jitter_result", "jitter_original", "jitter_reread_result",
        "jitter_reread_original",
    )  # fmt: skip
    metrics = (
        Metric("jitter_ratio", "jitter in still passages", "x original",
               root_ratio("jitter_result", "jitter_original"), worst="jitter_result",
               plot=("jitter_result", "jitter_original")),
        Metric("jitter_original", "the original's own", "1/1000 eye distance",
               root_mean("jitter_original")),
        Metric("jitter_reread_ratio", "the same, landmarks read often", "x original",
               root_ratio("jitter_reread_result", "jitter_reread_original"),
               plot=("jitter_reread_result", "jitter_reread_original")),
        Metric("jitter_reread_original", "the original's own", "1/1000 eye distance",
               root_mean("jitter_reread_original")),
        Metric("still_frames", "still frames it was measured on", "frames", total("still")),
    )  # fmt: skip

    def __init__(self) -> None:
        self._steps: dict[int, _Step] = {}

    def measure(self, moment: Moment) -> Mapping[str, float]:
        """See Family."""
        now = moment.now
        earlier = self._steps.get(now.track)
        if moment.motion is None:
            return {}
        back, change = moment.motion.rigid
        self._steps[now.track] = _Step(now.pair.index, back, change)
        if earlier is None or earlier.index != now.pair.index - 1 or len(moment.before) < 2:
            return {}
        if max(change, earlier.change) > STILL * now.eye_distance:
            return {"still": 0.0}
        first = invert(back)
        poses = np.eye(2, 3), first, compose(first, invert(earlier.back))
        looks = now, *moment.before[:2]
        size = now.eye_distance / 1000
        once = [one.landmarks for one in looks]
        often = [one.reread for one in looks]
        return {
            "still": 1.0,
            "jitter_result": _trembling([one[1] for one in once], poses) / size,
            "jitter_original": _trembling([one[0] for one in once], poses) / size,
            "jitter_reread_result": _trembling([one[1] for one in often], poses) / size,
            "jitter_reread_original": _trembling([one[0] for one in often], poses) / size,
        }


def _trembling(landmarks: Sequence[Array], poses: Sequence[Array]) -> float:
    """Return the root mean square of the aligned landmarks' second difference, in pixels."""
    newest, middle, oldest = (
        transform(pose, points.astype(np.float64))
        for pose, points in zip(poses, landmarks, strict=True)
    )
    bend = (newest - 2 * middle + oldest) / SECOND_DIFFERENCE
    return float(np.sqrt((bend**2).mean()))
