"""Steadiness over time: jitter of landmarks, flicker of masks, warping error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...geometry.affine import compose, invert, transform
from ...records import Array
from ..face_motion import MIN_VISIBLE_PIXELS, FaceHistory
from .columns import mean, ratio, root_mean, root_ratio, total
from .metric import Metric, at_least, at_most

MAX_STILL_CHANGE = 0.006  # eye distances by which a resting face may change from frame to frame
SECOND_DIFFERENCE_NORM = np.sqrt(6.0)  # of white noise, in its standard deviations


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
    still where the flow differs from those transforms by at most ``MAX_STILL_CHANGE`` of that
    distance (mean over the face): the head neither turns nor speaks. Ratio: result to original;
    range 0 to infinity; good: at most 1.1. The second difference as a measure of jitter is usual
    for poses (the acceleration error of Zeng et al., "SmoothNet", ECCV 2022).

    Twice: of landmarks read once, and of the means of many readings (``FacePair.reread``). dlib's
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
        # A tenth more trembling than the film's own is not seen. Most of jitter_ratio is noise of
        # the landmarker, so it only informs.
        Metric("jitter_reread_ratio", "the same, landmarks read often", "x original",
               root_ratio("jitter_reread_result", "jitter_reread_original"),
               plot=("jitter_reread_result", "jitter_reread_original"), good=at_most(1.1)),
        Metric("jitter_reread_original", "the original's own", "1/1000 eye distance",
               root_mean("jitter_reread_original")),
        Metric("still_frames", "still frames it was measured on", "frames", total("still")),
    )  # fmt: skip

    def __init__(self) -> None:
        self._steps: dict[int, _Step] = {}

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        now = history.now
        earlier = self._steps.get(now.track)
        if history.motion is None:
            return {}
        back, change = history.motion.rigid
        self._steps[now.track] = _Step(now.pair.index, back, change)
        if earlier is None or earlier.index != now.pair.index - 1 or len(history.before) < 2:
            return {}
        if max(change, earlier.change) > MAX_STILL_CHANGE * now.eye_distance:
            return {"still": 0.0}
        first = invert(back)
        poses = np.eye(2, 3), first, compose(first, invert(earlier.back))
        face_pairs = now, *history.before[:2]
        size = now.eye_distance / 1000
        once = [one.landmarks for one in face_pairs]
        often = [one.reread for one in face_pairs]
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
    bend = (newest - 2 * middle + oldest) / SECOND_DIFFERENCE_NORM
    return float(np.sqrt((bend**2).mean()))


MIN_MASK_PIXELS = 50.0  # pixels of mask, fully covered ones, in either frame


class MaskFlickerFamily:
    """Change of the mask from frame to frame, motion taken out.

    Definition: the mask of the frame before is moved by the optical flow of the original onto
    this one. With weights 0 to 1: overlap is ``sum(min) / sum(max)`` (intersection over union of
    soft masks, 0 to 1, good: near 1), change of area is ``|A - A'| / max(A, A')`` (0 to 1, good:
    near 0; the masks of a still face are 1 and 0). Needs masks. The frame-to-frame overlap
    under flow is the temporal stability of video segmentation (Perazzi et al., DAVIS, CVPR
    2016, in spirit).
    """

    over_time = True
    columns = ("mask_overlap", "mask_area_change", "mask_unsteady")
    metrics = (
        # Masks of a still face are alike; turns of the head and hands cost a few hundredths.
        Metric("mask_overlap", "mask overlap frame to frame", "IoU",
               mean("mask_overlap"), needs_masks=True, plot=("mask_overlap",),
               worst="mask_unsteady", good=at_least(0.95)),
        Metric("mask_area_change", "mask area change", "", mean("mask_area_change"),
               needs_masks=True, good=at_most(0.03)),
    )  # fmt: skip

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        masks = None if history.motion is None else history.motion.masks
        if masks is None:
            return {}
        now, then = (one.astype(np.float64) / 255 for one in masks)
        areas = now.sum(), then.sum()
        if max(areas) < MIN_MASK_PIXELS:
            return {}
        overlap = float(np.minimum(now, then).sum() / np.maximum(now, then).sum())
        return {
            "mask_overlap": overlap,
            "mask_area_change": float(abs(areas[0] - areas[1]) / max(areas)),
            "mask_unsteady": 1 - overlap,
        }


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
        # The flow is that of the original: what it misses costs original and result about the same.
        Metric("warp_ratio", "warped frame-to-frame error", "x original",
               ratio("warp_result", "warp_original"), worst="warp_result",
               plot=("warp_result", "warp_original"), good=at_most(1.15)),
        Metric("warp_original", "the original's own", "levels", mean("warp_original")),
    )  # fmt: skip

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        motion = history.motion
        if motion is None or np.count_nonzero(motion.visible) < MIN_VISIBLE_PIXELS:
            return {}
        return {
            "warp_result": _error(*motion.results, motion.visible),
            "warp_original": _error(*motion.originals, motion.visible),
        }


def _error(now: Array, then: Array, where: Array) -> float:
    return float(np.abs(now[where].astype(np.int16) - then[where]).mean())
