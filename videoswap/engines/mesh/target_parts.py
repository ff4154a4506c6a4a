"""What of a target lies in front of its face: hair down to the hairline, hats and glasses.

The parser sees each crop by itself. Its answer is moved to the edges of the picture and stays in
front of the swap; the light is not read there.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ...detection.face_parser import FacePart, FaceParts
from ...geometry import face_masks as masks
from ...geometry.affine import transform
from ...occlusion.guided_filter import guided_filter_refine
from ...records import Array, Crop
from .source_parts import contradicts

UNSURE, SURE = 0.3, 0.75  # probability at which nothing is kept, and all
LEAST = 0.3  # probability within the face under which nothing is in front
_SMALL = 64  # side at which what lies outside of a face is continued
_EDGE = 1.05  # size of the outline from which on it is
_FURTHER = np.ones((13, 13), np.uint8)  # how far, at that side: as far as a beard is drawn
_NEAR = 1.15  # of the face's outline: hair further out does not matter
_BEARD_GROWTH = 1.25  # around lips and chin hair is a beard, which lies under the swap


def in_front(crop: Crop, parts: FaceParts) -> Array | None:
    """Return where hair or glasses of the target lie in front of its face.

    Args:
        crop: The target.
        parts: Of the crop.

    Returns:
        (S, S) float32, 0 to 1; None where nothing is, or the parser's answer contradicts the
        landmarks.
    """
    if contradicts(parts, crop.landmarks):
        return None
    size, small = len(crop.pixels), len(parts.probabilities[0])
    marks = transform(parts.matrix, crop.landmarks.astype(np.float64))
    brow = masks.forehead_points(marks, 0.3)
    near = masks.fill_hull(masks.scale_points(np.vstack([marks[masks.JAW], brow]), _NEAR), small)
    low = masks.scale_points(np.vstack([marks[31:36], marks[5:12], marks[48:60]]), _BEARD_GROWTH)
    hair = parts.probability(FacePart.HAIR) * (1.0 - masks.fill_hull(low, small))
    found = (hair + parts.probability(FacePart.GLASSES)) * near
    if float(found.max()) < LEAST:
        return None
    whole = replace(parts, probabilities=(hair + parts.probability(FacePart.GLASSES))[None])
    mask = whole.mask(FacePart(0), width=size, height=size)
    mask = guided_filter_refine(mask, crop.pixels)
    return np.asarray(np.clip((mask - UNSURE) / (SURE - UNSURE), 0.0, 1.0), np.float32)


def with_front(crop: Crop, front: Array) -> Crop:
    """Return a crop whose occluder mask holds what lies in front, with nothing known behind it.

    Behind a thing that passes, which the occluder mask holds already, the face stays known.
    """
    own, mask = front, front
    if crop.occluder_mask is not None:
        own, mask = front * (1.0 - crop.occluder_mask), np.maximum(crop.occluder_mask, front)
    behind = crop.unoccluded
    if behind is not None:
        small = (behind.known.shape[1], behind.known.shape[0])
        hidden = cv2.resize(own, small, interpolation=cv2.INTER_AREA)
        behind = replace(behind, known=np.asarray(behind.known * (1.0 - hidden), np.float32))
    return replace(crop, occluder_mask=np.asarray(mask, np.float32), unoccluded=behind)


def past_outline(crop: Crop) -> Array | None:
    """Return where what is in front of a face goes on outside of its outline.

    Occluder masks end with the face. What a swap draws past its jaw would lie on the thing there.

    Returns:
        (S, S) float32, 0 to 1; None where nothing is in front.
    """
    if crop.occluder_mask is None:
        return None
    size, small = len(crop.pixels), (_SMALL, _SMALL)
    marks = crop.landmarks.astype(np.float64) * (_SMALL / size)
    outline = np.vstack([marks[masks.JAW], masks.forehead_points(marks, 0.3)])
    face = masks.fill_hull(masks.scale_points(outline, _EDGE), _SMALL)
    there = cv2.resize(crop.occluder_mask, small, interpolation=cv2.INTER_AREA)
    beyond = cv2.dilate(there, _FURTHER) * (1.0 - face)
    return np.asarray(cv2.resize(beyond, (size, size), interpolation=cv2.INTER_LINEAR))
