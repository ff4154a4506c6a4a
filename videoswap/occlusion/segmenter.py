"""Finders of what is in front of faces, and what they share: framing, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from ..crops import warped
from ..geometry import face_masks as masks
from ..geometry.affine import crop_matrix, five_points, transform
from ..records import Array, Crop

FOREHEAD = 0.5  # height over the brows up to which a mask may reach, see ``masks.forehead``
ANYTHING = 0.4  # the least that a pixel has to reach for a face to have something before it


class OcclusionSegmenter(Protocol):
    """Says which pixels of a crop show something in front of the face."""

    @property
    def key(self) -> str:
        """Text that changes whenever results could; part of the key of unfinished renders."""

    def __call__(self, crop: Crop) -> Crop:
        """Return the crop with its ``front``, see ``records.Crop``."""


@dataclass(frozen=True, slots=True, eq=False)
class Framed:
    """A face as a network wants it.

    Attributes:
        picture: (S, S, 3) float32 RGB, 0 to 255.
        landmarks: (68, 2) float32 in its pixels.
        matrix: (2, 3) from crop pixels to its.
    """

    picture: Array
    landmarks: Array
    matrix: Array

    @classmethod
    def of(cls, crop: Crop, template: Array, side: int) -> Framed:
        """Frame the face of a crop by its five points (5, 2) in the unit square."""
        matrix = crop_matrix(five_points(crop.landmarks), template, side)
        picture = warped(crop.pixels, matrix, side)
        return cls(picture, transform(matrix, crop.landmarks), matrix)


def with_occluder_mask(crop: Crop, framed: Framed, front: Array) -> Crop:
    """Return a crop with what was found (S, S), 0 to 1, in the pixels of the framed picture.

    Beyond the face's outline nothing counts: there hair and walls are found, which nobody asks
    for.
    """
    outline = np.vstack([framed.landmarks, masks.forehead(framed.landmarks, FOREHEAD)])
    front = front * masks.hull(masks.grown(outline, 1.1), len(front))
    if float(front.max()) < ANYTHING:
        return crop
    size = (len(crop.pixels), len(crop.pixels))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return replace(crop, occluder_mask=cv2.warpAffine(front, framed.matrix, size, flags=flags))


@dataclass(frozen=True, slots=True, eq=False)
class NetworkSegmenter:
    """A network that sees one framed face.

    Attributes:
        key: See ``Finder``.
        template: (5, 2) framing in the unit square.
        side: Side of the framed picture in pixels.
        look: From a picture (S, S, 3) float32 RGB, 0 to 255, to (S, S) float32: 1 in front.
    """

    key: str
    template: Array
    side: int
    look: Callable[[Array], Array]

    def __call__(self, crop: Crop) -> Crop:
        """See ``Finder``."""
        framed = Framed.of(crop, self.template, self.side)
        return with_occluder_mask(crop, framed, self.look(framed.picture))


def occluded_fraction(front: Array, landmarks: Array) -> float:
    """Return how much of a face something is before.

    Args:
        front: (SIDE, SIDE) float32, 0 to 1, of the framed face.
        landmarks: (68, 2) in its pixels.
    """
    outline = np.vstack([landmarks, masks.forehead(landmarks, 0.1)])
    face = masks.hull(outline, len(front)) > 0.5
    return float((front[face] > 0.5).mean()) if face.any() else 0.0
