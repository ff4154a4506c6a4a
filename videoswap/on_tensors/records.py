"""What is known of a face whose pixels are on the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ..compositing.border_tone import TONE_SIZE, brow_mask
from ..crops import GENERATOR_SIZE, Place
from ..geometry.face_masks import Rectangle, inner_face_depth
from ..occlusion.carrying import SmallFace
from ..occlusion.segmenter import Framed
from ..records import Array


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """What is drawn on the host for a face from its landmarks.

    Attributes:
        brows: (TONE_SIZE, TONE_SIZE) float32, 0 to 1.
        around: x, y, width, height of the mask in pixels of the crop; 0 until it is known.
        depth: (h, w) float32: how deep each pixel lies in it, see ``inner_face_depth``; None for
            engines that paint masks.
        drawn: x, y, width, height of that in the crop, at most `GENERATOR_SIZE` pixels a side.
    """

    brows: Array
    around: Rectangle = (0, 0, 0, 0)
    depth: Array | None = None
    drawn: Rectangle = (0, 0, 0, 0)

    @classmethod
    def of(cls, landmarks: Array, side: int, mask: bool = True) -> Outline:
        """Draw the outline of a face with (68, 2) landmarks in a crop of a side in pixels.

        Args:
            landmarks: In pixels of the crop.
            side: Of the crop.
            mask: Whether it is the mask of a swap; otherwise only the brows are drawn.
        """
        brows = brow_mask(landmarks * (TONE_SIZE / side))
        if not mask:
            return cls(brows)
        share = drawn_side(side) / side
        points = landmarks * np.float32(share) + np.float32(0.5 * share - 0.5)
        depth, drawn = inner_face_depth(points, drawn_side(side))
        x, y, width, height = drawn
        if share < 1.0:
            x, y, width, height = x - 1, y - 1, width + 2, height + 2
        left, top = (int(np.floor(one / share)) for one in (x, y))
        right, bottom = (int(np.ceil(one / share)) for one in (x + width, y + height))
        return cls(brows, (left, top, right - left, bottom - top), depth, drawn)


@dataclass(frozen=True, slots=True, eq=False)
class TensorFace:
    """A face whose pixels are on the device.

    Attributes:
        place: Where it was cut.
        landmarks: (68, 2) float32 in crop pixels.
        track: Track it belongs to.
        source: Index of the source identity to put on.
        target: (3, S, S) float32, 0 to 255: the crop.
        quarter: (3, S / 4, S / 4), the same smaller.
        small: The same on the host, small, and what is in front of it; None where nobody looks.
        framed: The same as networks for occluders take it; None where none looks, and from then on.
        outline: What was drawn for it.
        occluder: (1, S, S), 0 to 1: what is in front; None for nothing.
        peak: The most that this reaches, at most; 0 for nothing.
        swap: (3, S, S), 0 to 255: what the engine made of it.
        mask: (1, S, S), 0 to 1: what of that is seen.
    """

    place: Place
    landmarks: Array
    track: int
    source: int
    target: Tensor
    quarter: Tensor
    small: SmallFace | None = None
    framed: Framed | None = None
    outline: Outline | None = None
    occluder: Tensor | None = None
    peak: float = 0.0
    swap: Tensor | None = None
    mask: Tensor | None = None

    @property
    def side(self) -> int:
        """Of its crop, in pixels."""
        return self.place.side


def drawn_side(side: int) -> int:
    """Return the side in pixels at which outlines of crops of a side are drawn."""
    return min(side, GENERATOR_SIZE)
