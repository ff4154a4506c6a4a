"""The protocol of occlusion segmenters, and what all of them need: framing and the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..detection.appearance import Appearance
from ..geometry import face_masks as masks
from ..geometry.affine import crop_matrix, five_points, transform
from ..geometry.resample import warp, warp_back
from ..records import Array, Crop, Fallback

#: Gives pictures of the face of a track, by the number of the track, at other times of the video.
Appearances = Callable[[int], Sequence[Appearance]]

FOREHEAD_LIFT = 0.5  # height over the brows up to which a mask may reach, see `forehead_points`
OUTLINE_GROWTH = 1.1  # size of the outline beyond which nothing counts, relative to the face's
MIN_PEAK = 0.4  # the least that some pixel of a mask has to reach for the mask to count


class OcclusionSegmenter(Protocol):
    """Marks the pixels of a face crop that show something in front of the face.

    `load_occlusion_segmenter` gives one.

    Example:
        >>> from videoswap import load_occlusion_segmenter
        >>> segmenter = load_occlusion_segmenter("auto")  # doctest: +SKIP
        >>> mask = segmenter.segment(crop).occluder_mask  # doctest: +SKIP
    """

    @property
    def key(self) -> str:
        """Text that changes whenever results could; part of the key of unfinished renders."""

    def segment(self, crop: Crop) -> Crop:
        """Find what is in front of a face.

        Args:
            crop: The face, see ``crop_face``.

        Returns:
            The crop with its ``occluder_mask``, None where nothing is found, and with
            ``unoccluded`` where the segmenter knows what is behind.
        """

    def for_video(self, appearances: Appearances) -> OcclusionSegmenter:
        """Return the segmenter for the crops of one video.

        Args:
            appearances: Pictures of the face of a track, by the number of the track. A segmenter
                that does not need them returns itself.
        """


class FramedSegmenter(OcclusionSegmenter, Protocol):
    """A segmenter that can be given a face as its network takes it; all of this package are."""

    @property
    def framing(self) -> tuple[Array, int] | None:
        """How `look` wants faces framed; None where it looks at nothing.

        The five points (5, 2) in the unit square, and the side of the picture.
        """

    def look(self, framed: Framed, track: int) -> Array | None:
        """Find what is in front of a face that is framed already.

        Args:
            framed: The face in `framing`.
            track: Its track.

        Returns:
            (S, S) float32, 0 to 1, in the pixels of the framed picture; None where nothing is.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Framed:
    """A face as a network takes it.

    Attributes:
        picture: (S, S, 3) float32 RGB, 0 to 255.
        landmarks: (68, 2) float32 in its pixels.
        matrix: (2, 3) from crop pixels to its pixels.
    """

    picture: Array
    landmarks: Array
    matrix: Array

    @classmethod
    def of(cls, crop: Crop, template: Array, size: int) -> Framed:
        """Frame the face of a crop by its five points (5, 2) in the unit square."""
        matrix = crop_matrix(five_points(crop.landmarks), template, size)
        picture = warp(crop.pixels, matrix, size, average_all=True)
        return cls(picture, transform(matrix, crop.landmarks), matrix)


def with_occluder_mask(crop: Crop, framed: Framed, mask: Array) -> Crop:
    """Return a crop with an occlusion mask that was found in its framed picture.

    Beyond the outline of the face nothing counts: hair and walls are found there, too.

    Args:
        crop: The crop.
        framed: Its face as the network saw it.
        mask: (S, S) float32, 0 to 1, in the pixels of the framed picture.
    """
    inside = within_outline(framed, mask)
    if inside is None:
        return crop
    size = len(crop.pixels)
    return replace(
        crop, occluder_mask=warp_back(inside, framed.matrix, size, size, black_outside=True)
    )


def within_outline(framed: Framed, mask: Array) -> Array | None:
    """Return an occlusion mask (S, S) within the outline of the face; None where nothing is."""
    if float(mask.max()) < MIN_PEAK:
        return None
    outline = np.vstack([framed.landmarks, masks.forehead_points(framed.landmarks, FOREHEAD_LIFT)])
    mask = mask * masks.fill_hull(masks.scale_points(outline, OUTLINE_GROWTH), len(mask))
    return None if float(mask.max()) < MIN_PEAK else np.asarray(mask, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class NetworkSegmenter:
    """An occlusion segmenter made of a network that sees one framed face.

    Attributes:
        key: See ``OcclusionSegmenter``.
        template: (5, 2) framing in the unit square.
        size: Side of the framed picture in pixels.
        predict: From a picture (S, S, 3) float32 RGB, 0 to 255, to a mask (S, S) float32, 0 (the
            face) to 1 (something in front of it).
        notes: What it does otherwise than asked.
    """

    key: str
    template: Array
    size: int
    predict: Callable[[Array], Array]
    notes: tuple[Fallback, ...] = ()

    def segment(self, crop: Crop) -> Crop:
        """See ``OcclusionSegmenter``."""
        framed = Framed.of(crop, self.template, self.size)
        return with_occluder_mask(crop, framed, self.predict(framed.picture))

    @property
    def framing(self) -> tuple[Array, int]:
        """See ``OcclusionSegmenter``."""
        return self.template, self.size

    def look(self, framed: Framed, track: int) -> Array | None:
        """See ``OcclusionSegmenter``."""
        return within_outline(framed, self.predict(framed.picture))

    def for_video(self, appearances: Appearances) -> NetworkSegmenter:
        """See ``OcclusionSegmenter``."""
        return self


@dataclass(frozen=True, slots=True, eq=False)
class OutlineSegmenter:
    """An occlusion segmenter that finds nothing: the outline of the face is the whole mask."""

    key: str = "outline"
    framing: None = None

    def segment(self, crop: Crop) -> Crop:
        """See ``OcclusionSegmenter``."""
        return crop

    def look(self, framed: Framed, track: int) -> None:
        """See ``OcclusionSegmenter``."""

    def for_video(self, appearances: Appearances) -> OutlineSegmenter:
        """See ``OcclusionSegmenter``."""
        return self


def occluded_fraction(mask: Array, landmarks: Array) -> float:
    """Return how much of a face is occluded, 0 to 1.

    Args:
        mask: (S, S) float32, 0 to 1: the occlusion mask of the framed face.
        landmarks: (68, 2) in its pixels.
    """
    outline = np.vstack([landmarks, masks.forehead_points(landmarks, 0.1)])
    face = masks.fill_hull(outline, len(mask)) > 0.5
    return float((mask[face] > 0.5).mean()) if face.any() else 0.0
