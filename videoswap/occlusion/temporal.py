"""What is in front of a face in one frame, held against the frames around it.

A network that sees one frame flickers where it is unsure. Where the picture did not change, the
answers of the neighbours count as much as the frame's own; where it did, because a hand moves or
the head turns, only the frame itself counts, so nothing lags. What remains has to be sure
somewhere and of some size.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..records import Array, Crop
from .guided_filter import guided_filter_refine

TOLERANCE = 6.0  # of 255: change of the picture at which a neighbour counts for 0.6
SURE = 0.75  # the least that the surest pixel of a region has to reach
SMALLEST = 0.0008  # of the crop: a smaller region is none
CRISP = 1.6  # how much steeper the border is made
_COARSE = 32  # side at which pictures are compared, which takes the grain away


def stabilize_occlusion_mask(
    crops: Sequence[Crop], frames: Sequence[int], place: int
) -> Array | None:
    """Return what is in front of one face.

    Args:
        crops: The crops of its track in the frames around it, and its own, with their ``front``.
        frames: The number of each of these frames, counted in the video: the face may be missing
            in some between them.
        place: Its place among them.

    Returns:
        (S, S) float32, 0 to 1, in the pixels of its crop; None if there is nothing.
    """
    fronts = [crop.occluder_mask for crop in crops if crop.occluder_mask is not None]
    if max((float(front.max()) for front in fronts), default=0.0) < SURE:
        return None
    plausible = _plausible(_steadied(crops, frames, place))
    if plausible is None:
        return None
    drawn = guided_filter_refine(plausible, crops[place].pixels)
    return np.asarray(np.clip((drawn - 0.5) * CRISP + 0.5, 0.0, 1.0), np.float32)


def _steadied(crops: Sequence[Crop], frames: Sequence[int], place: int) -> Array:
    """Return the mean (S, S) over the frames in which the picture is the same."""
    crop = crops[place]
    size = len(crop.pixels)
    mine = _coarse(crop)
    total = np.ones((_COARSE, _COARSE), np.float32)
    front = (
        np.zeros((size, size), np.float32)
        if crop.occluder_mask is None
        else crop.occluder_mask.copy()
    )
    for number, other in enumerate(crops):
        if number == place or len(other.pixels) != size:
            continue
        still = temporal_weight(mine, _coarse(other), frames[number] - frames[place], TOLERANCE)
        total += still
        if other.occluder_mask is not None:
            cv2.accumulateProduct(_enlarged(still, size), other.occluder_mask, front)
    return np.asarray(cv2.divide(front, _enlarged(total, size)))


def _coarse(crop: Crop) -> Array:
    size = (_COARSE, _COARSE)
    return np.asarray(cv2.resize(crop.quarter, size, interpolation=cv2.INTER_AREA))


def _enlarged(small: Array, size: int) -> Array:
    return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR))


def _plausible(front: Array) -> Array | None:
    """Drop regions that are small or nowhere sure; None if nothing remains."""
    if float(front.max()) < SURE:
        return None
    there = (front > 0.5).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(there)
    part = np.s_[y : y + height, x : x + width]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(there[part], connectivity=4)
    surely = np.bincount(labels[front[part] >= SURE], minlength=count)
    good = (surely > 0) & (stats[:, cv2.CC_STAT_AREA] >= SMALLEST * front.size)
    good[0] = False
    if not good.any():
        return None
    if good[1:].all():
        return front
    # With a region goes its soft border.
    there[part] = good[labels]
    near = cv2.dilate(there, np.ones((5, 5), np.uint8), iterations=2)
    return np.asarray(np.where(near > 0, front, 0.0), np.float32)


WIDTH = 1.5  # frames, standard deviation of the Gaussian over time


def temporal_weight(mine: Array, other: Array, apart: int, tolerance: float) -> Array:
    """Weigh the places of a neighbouring frame.

    Where the picture did not change, nothing is known better in one of both frames; where it
    did, or close by, only the frame itself can tell.

    Args:
        mine: (H, W, 3) float32, 0 to 255: the frame, small enough to be free of grain.
        other: The neighbour, likewise.
        apart: How many frames the neighbour comes later (or, below 0, earlier).
        tolerance: Change, of 255, at which a weight falls to 0.6 of what it would be.

    Returns:
        (H, W) float32, 0 to 1; the frame itself weighs 1.
    """
    red, green, blue = cv2.split(cv2.absdiff(mine, other))
    change = cv2.max(cv2.max(red, green), blue)  # ten times as fast as numpy along the last axis
    change = cv2.dilate(change, np.ones((3, 3), np.uint8))
    exponent = (change / tolerance) ** 2 + (apart / WIDTH) ** 2
    return np.asarray(np.exp(-0.5 * exponent), np.float32)
