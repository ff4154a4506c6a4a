"""Occlusion masks stabilized over time: a mean over neighboring frames where nothing changed.

A network that sees one frame flickers where it is unsure. Where the picture did not change, the
masks of the neighbors count as much as the frame's own; where it did, because a hand moves or the
head turns, only the frame itself counts, so nothing lags. What remains has to be sure somewhere
and of some size.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..geometry.resample import resize
from ..records import Array, Crop
from .guided_filter import guided_filter_refine

SIGMA = 1.5  # frames, standard deviation of the Gaussian over time
TOLERANCE = 6.0  # of 255: change of the picture at which a neighbor counts for 0.6
MIN_PEAK = 0.75  # the least that the surest pixel of a region has to reach
MIN_AREA = 0.0008  # of the crop: a smaller region is dropped
BORDER_GAIN = 1.6  # how much steeper the border is made
COMPARED_SIZE = 32  # side at which pictures are compared, which takes the grain away


def stabilize_occlusion_mask(
    crops: Sequence[Crop], frames: Sequence[int], index: int
) -> Array | None:
    """Return the final occlusion mask of one face.

    Args:
        crops: The crops of its track in the frames around it, and its own, with their
            ``occluder_mask``.
        frames: The number of each of these frames, counted in the video: the face may be missing
            in some between them.
        index: Its place among them.

    Returns:
        (S, S) float32, 0 to 1, in the pixels of its crop; None if nothing is in front of it.
    """
    found = [crop.occluder_mask for crop in crops if crop.occluder_mask is not None]
    if max((float(mask.max()) for mask in found), default=0.0) < MIN_PEAK:
        return None
    mask = _without_small_regions(_temporal_mean(crops, frames, index))
    if mask is None:
        return None
    refined = guided_filter_refine(mask, crops[index].pixels)
    return np.asarray(np.clip((refined - 0.5) * BORDER_GAIN + 0.5, 0.0, 1.0), np.float32)


def _temporal_mean(crops: Sequence[Crop], frames: Sequence[int], index: int) -> Array:
    """Return the mean (S, S) of the masks over the frames in which the picture is the same."""
    crop = crops[index]
    size = len(crop.pixels)
    picture = compared(crop)
    weights = np.ones((COMPARED_SIZE, COMPARED_SIZE), np.float32)
    total = (
        np.zeros((size, size), np.float32)
        if crop.occluder_mask is None
        else crop.occluder_mask.copy()
    )
    for number, other in enumerate(crops):
        if number == index or len(other.pixels) != size:
            continue
        apart = frames[number] - frames[index]
        weight = temporal_weight(picture, compared(other), apart, TOLERANCE)
        weights += weight
        if other.occluder_mask is not None:
            cv2.accumulateProduct(resize(weight, size, size), other.occluder_mask, total)
    return np.asarray(cv2.divide(total, resize(weights, size, size)))


def compared(crop: Crop) -> Array:
    """Return the picture (32, 32, 3) of a crop by which frames are compared."""
    return resize(crop.quarter, COMPARED_SIZE, COMPARED_SIZE)


def _without_small_regions(mask: Array) -> Array | None:
    """Drop connected regions that are small or nowhere sure; None if nothing remains."""
    if float(mask.max()) < MIN_PEAK:
        return None
    near = near_good_regions((mask > 0.5).astype(np.uint8), mask >= MIN_PEAK)
    return None if near is None else np.asarray(np.where(near > 0, mask, 0.0), np.float32)


def near_good_regions(there: Array, sure: Array) -> Array | None:
    """Return where connected regions are that are large and somewhere sure, and close by.

    Args:
        there: (S, S) uint8, 0 or 1: where something is; is changed.
        sure: (S, S) bool: where that is sure.

    Returns:
        (S, S) uint8, above 0 in and around them; None if there is none.
    """
    x, y, width, height = cv2.boundingRect(there)
    if not width:
        return None
    part = np.s_[y : y + height, x : x + width]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(there[part], connectivity=4)
    surely = np.bincount(labels[sure[part]], minlength=count)
    good = (surely > 0) & (stats[:, cv2.CC_STAT_AREA] >= MIN_AREA * there.size)
    good[0] = False
    if not good.any():
        return None
    if good[1:].all():
        return np.ones_like(there)
    # With a region goes its soft border.
    there[part] = good[labels]
    return np.asarray(cv2.dilate(there, np.ones((5, 5), np.uint8), iterations=2))


def temporal_weight(picture: Array, other: Array, apart: int, tolerance: float) -> Array:
    """Return how much each place of a neighboring frame counts in a mean over time.

    A bilateral weight: a Gaussian of the change of the picture times one of the distance in time.
    Where the picture changed, or close by, only the frame itself can tell.

    Args:
        picture: (H, W, 3) float32, 0 to 255: the frame, small enough to be free of grain.
        other: The neighbor, likewise.
        apart: How many frames the neighbor comes later (or, below 0, earlier).
        tolerance: Change, of 255, at which a weight falls to 0.6 of what it would be.

    Returns:
        (H, W) float32, 0 to 1; the frame itself weighs 1.
    """
    red, green, blue = cv2.split(cv2.absdiff(picture, other))
    change = cv2.max(cv2.max(red, green), blue)  # ten times as fast as numpy along the last axis
    change = cv2.dilate(change, np.ones((3, 3), np.uint8))
    exponent = (change / tolerance) ** 2 + (apart / SIGMA) ** 2
    return np.asarray(np.exp(-0.5 * exponent), np.float32)
