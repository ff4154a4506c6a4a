"""Does the face change from frame to frame more than the original's own?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...records import Array
from ..face_motion import LEAST, Moment
from .metric import Metric, mean, ratio


class WarpingFamily:
    """Warped frame-to-frame error inside the face.

    Definition: the frame before is moved onto this one by the optical flow of the original, for
    both videos; the error is the mean absolute difference over the pixels of the face that are
    seen in both frames, in levels of 0 to 255, mean over R, G, B. Ratio: mean over all frames of
    the result's error to the original's. The short-term warping error of Lai et al., "Learning
    Blind Video Temporal Consistency", ECCV 2018, with absolute in place of squared differences.
    Range 0 to infinity; good: at most 1.15. Large faces are measured at 256 pixels a window.
    """

    over_time = True
    columns = ("warp_result", "warp_original")
    metrics = (
        Metric("warp_ratio", "warped frame-to-frame error", "x original",
               ratio("warp_result", "warp_original"), worst="warp_result",
               plot=("warp_result", "warp_original")),
        Metric("warp_original", "the original's own", "levels", mean("warp_original")),
    )  # fmt: skip

    def measure(self, moment: Moment) -> Mapping[str, float]:
        """See Family."""
        motion = moment.motion
        if motion is None or np.count_nonzero(motion.visible) < LEAST:
            return {}
        return {
            "warp_result": _error(*motion.results, motion.visible),
            "warp_original": _error(*motion.originals, motion.visible),
        }


def _error(now: Array, then: Array, where: Array) -> float:
    return float(np.abs(now[where].astype(np.int16) - then[where]).mean())
