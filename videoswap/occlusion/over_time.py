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
from .edges import drawn_to_edges

TOLERANCE = 6.0  # of 255: change of the picture at which a neighbour counts for 0.6
WIDTH = 1.5  # frames, standard deviation of the Gaussian over time
SURE = 0.75  # the least that the surest pixel of a region has to reach
SMALLEST = 0.0008  # of the crop: a smaller region is none
CRISP = 1.6  # how much steeper the border is made
_COARSE = 32  # side at which pictures are compared, which takes the grain away


def front_over_time(crops: Sequence[Crop], place: int) -> Array | None:
    """Return what is in front of one face.

    Args:
        crops: The crops of its track in the frames around it, and its own, with their ``front``.
        place: Its place among them.

    Returns:
        (S, S) float32, 0 to 1, in the pixels of its crop; None if there is nothing.
    """
    if all(crop.front is None for crop in crops):
        return None
    front = _steadied(crops, place)
    plausible = None if front is None else _plausible(front)
    if plausible is None:
        return None
    drawn = drawn_to_edges(plausible, crops[place].pixels)
    return np.asarray(np.clip((drawn - 0.5) * CRISP + 0.5, 0.0, 1.0), np.float32)


def _steadied(crops: Sequence[Crop], place: int) -> Array | None:
    """Return the mean (S, S) over the frames in which the picture is the same."""
    crop = crops[place]
    size = len(crop.pixels)
    mine = _coarse(crop.pixels)
    total = np.ones((_COARSE, _COARSE), np.float32)
    front = np.zeros((size, size), np.float32) if crop.front is None else crop.front.copy()
    for number, other in enumerate(crops):
        if number == place or len(other.pixels) != size:
            continue
        change = cv2.absdiff(mine, _coarse(other.pixels)).max(axis=2)
        change = cv2.dilate(change, np.ones((3, 3), np.uint8))
        alike = np.exp(-0.5 * (change / TOLERANCE) ** 2 - 0.5 * ((number - place) / WIDTH) ** 2)
        total += alike.astype(np.float32)
        if other.front is not None:
            front += _enlarged(alike.astype(np.float32), size) * other.front
    return front / _enlarged(total, size)


def _coarse(picture: Array) -> Array:
    return np.asarray(cv2.resize(picture, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA))


def _enlarged(small: Array, size: int) -> Array:
    return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR))


def _plausible(front: Array) -> Array | None:
    """Drop regions that are small or nowhere sure; None if nothing remains."""
    if float(front.max()) < SURE:
        return None
    there = (front > 0.5).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(there, connectivity=4)
    surely = np.bincount(labels[front >= SURE], minlength=count)
    good = (surely > 0) & (stats[:, cv2.CC_STAT_AREA] >= SMALLEST * front.size)
    good[0] = False
    if not good.any():
        return None
    if good[1:].all():
        return front
    # With a region goes its soft border.
    near = cv2.dilate(good[labels].astype(np.uint8), np.ones((5, 5), np.uint8), iterations=2)
    return np.asarray(np.where(near > 0, front, 0.0), np.float32)
