"""Looks put together by hand, so that every number is known beforehand."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from videoswap.evaluation.face_motion import FaceHistory
from videoswap.evaluation.face_pair import FacePair
from videoswap.evaluation.frame_pairs import FramePair
from videoswap.geometry.affine import five_points
from videoswap.geometry.head_pose import HEAD
from videoswap.records import Array, Face

SIDE = 240  # of a picture
LOWER = [*range(5, 12), *range(55, 60), *range(65, 68)]  # chin and lower lip


def points(opening: float = 0.0) -> Array:
    """Return (68, 2) float32 landmarks of a face in the middle of a picture.

    It is the average head from the front, 0.8 pixels a millimetre.

    Args:
        opening: Pixels by which the mouth is opened.
    """
    face = HEAD[:, :2] * 0.8 + [(SIDE - 1) / 2, SIDE / 2 - 36]
    face[LOWER, 1] += opening
    return face.astype(np.float32)


def flat(level: float = 120) -> Array:
    return np.full((SIDE, SIDE, 3), level, np.uint8)


def textured(seed: int = 0, size: int = SIDE) -> Array:
    """Return a picture with soft detail that optical flow can follow."""
    import cv2

    noise = np.random.default_rng(seed).normal(0, 1, (size, size)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 3)
    grey = np.clip(128 + soft / soft.std() * 35, 0, 255).astype(np.uint8)
    return np.dstack([grey] * 3)


class Told:
    """A landmarker that is told what it sees in each picture."""

    key = "told"

    def __init__(self) -> None:
        self.known: dict[int, Array] = {}

    def landmarks(self, picture: Array, points5: Array) -> Array:
        return self.known[id(picture)]


def frame(picture: Array, pix_fmt: str = "yuv444p") -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)


def face_pair(
    original: Array,
    result: Array,
    mask: Array | None = None,
    smooth: Array | None = None,
    fresh: tuple[Array, Array] | None = None,
    index: int = 0,
    source: int | None = 0,
    track: int = 0,
) -> FacePair:
    """Return the look at a face; landmarks are the drawn ones unless told otherwise."""
    smooth = points() if smooth is None else smooth.astype(np.float32)
    original, result = original.copy(), result.copy()
    told = Told()
    fresh = (smooth, smooth) if fresh is None else fresh
    told.known = {id(original): fresh[0], id(result): fresh[1]}
    low, high = smooth.min(axis=0), smooth.max(axis=0)
    box = np.concatenate([low, high]).astype(np.float32)
    pair = FramePair(
        index, index, Fraction(index, 25), original, result, mask, frame(original), frame(result),
        mask,
    )  # fmt: skip
    face = Face(box, five_points(smooth), 0.9, landmarks=smooth, pts=index)
    return FacePair(pair, track, source, face, told)


def history(*face_pairs: FacePair) -> FaceHistory:
    """Return a history; the newest face pair comes first."""
    return FaceHistory(face_pairs[0], face_pairs[1:])
