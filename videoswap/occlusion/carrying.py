"""What is in front of a face, carried along between the frames that are looked at.

Every third frame is looked at. Between two of them the face is compared with itself in both, small
and place by place: where it is like one of them, so is what is in front of it. A frame is looked at
as well if it shows something that neither of them does (a thing that moves on, a head that turns,
a flash), or if the two have other things in front, so nothing comes late.

Which frames are looked at depends on their numbers in the film and on what they show, so segments
that are rendered apart come out alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..geometry import face_masks as masks
from ..geometry.resample import resize
from ..records import Array, Crop
from .segmenter import FOREHEAD_LIFT, MIN_PEAK, OUTLINE_GROWTH
from .temporal import COMPARED_SIZE, TOLERANCE, compared, temporal_weight

LOOKED_EVERY = 3  # frames
CARRIED = LOOKED_EVERY - 1  # frames, as far as an answer is carried
NEW = 24.0  # of 255: a change that is no grain, nor the face's own play
NEW_SHARE = 0.03  # of the face, in which something may be new without being looked at
MOVED, MOVED_SHARE = 16.0, 0.01  # the same where something is in front: an edge that moves
SOMETHING = 0.3  # of a mask: from here on something may be there
APART = 0.06  # of the face, by which what is in front may differ in two frames that agree


def is_always_looked_at(frame: int) -> bool:
    """Tell whether a frame is looked at whatever it shows, by its number in the film."""
    return frame % LOOKED_EVERY == 0


@dataclass(frozen=True, slots=True, eq=False)
class SmallFace:
    """A face as frames are compared, small.

    Attributes:
        picture: (COMPARED_SIZE, COMPARED_SIZE, 3) float32 RGB, 0 to 255.
        landmarks: (68, 2) float32 in its pixels.
        occluder: (COMPARED_SIZE, COMPARED_SIZE) float32, 0 to 1: what is in front; None for
            nothing, or where nobody looked.
    """

    picture: Array
    landmarks: Array
    occluder: Array | None = None

    @classmethod
    def of(cls, crop: Crop) -> SmallFace:
        """Make a crop small."""
        mask = crop.occluder_mask
        if mask is not None:
            mask = resize(mask, COMPARED_SIZE, COMPARED_SIZE)
        return cls(compared(crop), crop.landmarks * (COMPARED_SIZE / len(crop.pixels)), mask)


def must_be_looked_at(face: SmallFace, beside: Mapping[int, SmallFace]) -> bool:
    """Tell whether what is in front of a face cannot be told from the frames that are looked at.

    Args:
        face: The face.
        beside: The same face in these frames, with what is in front of it, by how many frames they
            come later (or, below 0, earlier); may be empty.
    """
    if not beside:
        return True
    changes = [
        cv2.max(cv2.max(red, green), blue)
        for red, green, blue in (
            cv2.split(cv2.absdiff(face.picture, other.picture)) for other in beside.values()
        )
    ]
    change = np.minimum(changes[0], changes[-1])
    nothing = all(other.occluder is None for other in beside.values())
    if nothing and float(change.max()) <= NEW:
        return False
    outline = np.vstack([face.landmarks, masks.forehead_points(face.landmarks, FOREHEAD_LIFT)])
    inside = masks.fill_hull(masks.scale_points(outline, OUTLINE_GROWTH), COMPARED_SIZE) > 0.5
    count = max(int(inside.sum()), 1)
    if int((change[inside] > NEW).sum()) > NEW_SHARE * count:
        return True
    if nothing:
        return False
    blank = np.zeros((COMPARED_SIZE, COMPARED_SIZE), np.float32)
    found = [blank if other.occluder is None else other.occluder for other in beside.values()]
    things = cv2.dilate(cv2.max(found[0], found[-1]), np.ones((3, 3), np.uint8)) > SOMETHING
    return (
        int((change[inside & things] > MOVED).sum()) > MOVED_SHARE * count
        or float(cv2.absdiff(found[0], found[-1])[inside].sum()) > APART * count
    )


def carry(crop: Crop, beside: Mapping[int, Crop]) -> Crop:
    """Return a face with what is in front of it in the frames beside it that were looked at.

    Each place takes it from the frame in which it looks alike, or from both.

    Args:
        crop: The face, which was not looked at.
        beside: The same face in these frames, see `must_be_looked_at`.
    """
    if all(other.occluder_mask is None for other in beside.values()):
        return crop
    size = len(crop.pixels)
    picture = compared(crop)
    total = np.zeros((size, size), np.float32)
    weights = np.zeros((COMPARED_SIZE, COMPARED_SIZE), np.float32)
    for apart, other in beside.items():
        # Where it is like neither both count by their distance.
        weight = temporal_weight(picture, compared(other), apart, TOLERANCE) + 1e-4 / abs(apart)
        weights += weight
        if other.occluder_mask is not None:
            cv2.accumulateProduct(resize(weight, size, size), other.occluder_mask, total)
    mask: Array = np.asarray(cv2.divide(total, resize(weights, size, size)))
    if float(mask.max()) < MIN_PEAK:
        return crop
    known = [apart for apart, other in beside.items() if other.unoccluded is not None]
    behind = beside[min(known, key=abs)].unoccluded if known else None
    return replace(crop, occluder_mask=mask, unoccluded=behind)
