"""What an engine painted made part of the film: steady, no sharper than it, not over a hand.

The order matters: first the painted face (steadiness, sharpness), then what the target keeps (eyes,
mouth), last the mask. The film's grain comes when the swap is back in the frame's own pixels, see
`paste`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..geometry import face_masks as masks
from ..occlusion.temporal import stabilize_occlusion_mask
from ..records import Array, Crop, SwappedCrop
from ..settings import BlendSettings
from .border_tone import match_border_tone
from .kept_regions import (
    EYES,
    MOUTH,
    keep_eyes,
    keep_mouth,
)
from .sharpness import blur_of, soften
from .temporal_filter import temporal_filter

#: Frames looked at on either side.
REACH = 2
#: As far beside a thing its edge is in what is measured of a face's own edges.
_BESIDE = np.ones((9, 9), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Swap:
    """A crop and what the engine made of it.

    Attributes:
        crop: The crop.
        swapped: What the engine made of it.
        frame: Number of its frame, counted in the video or from anywhere: only distances count.
    """

    crop: Crop
    swapped: SwappedCrop
    frame: int


class Finisher:
    """Finishes the swaps of an engine.

    Args:
        settings: What is wanted.
        keeps: What the engine cannot paint and the target keeps in any case, of ``keep.EYES``
            and ``keep.MOUTH``.
        as_is: Whether the engine finishes its swaps itself, so that nothing is done.
    """

    def __init__(
        self,
        settings: BlendSettings,
        keeps: frozenset[str] = frozenset(),
        as_is: bool = False,
    ) -> None:
        self._settings = settings
        asked = {EYES: settings.keep_eyes, MOUTH: settings.keep_mouth}
        self._keeps = keeps | {region for region, wanted in asked.items() if wanted}
        self._as_is = as_is

    @property
    def grain(self) -> bool:
        """Whether swaps get the grain of their film when they are pasted."""
        return self._settings.grain and not self._as_is

    def __call__(self, window: Sequence[Swap], place: int) -> SwappedCrop:
        """Finish one swap.

        Args:
            window: The swaps of its track in up to ``REACH`` frames before and after, and it.
            place: Its place in the window.
        """
        settings = self._settings
        crop, swapped = window[place].crop, window[place].swapped
        if self._as_is:
            return swapped
        frames = [one.frame for one in window]
        if settings.steady and len(window) > 1:
            pairs = [(one.crop.quarter, one.swapped) for one in window]
            swapped = temporal_filter(pairs, frames, place)
        pixels, outline = swapped.pixels, swapped.mask
        front = stabilize_occlusion_mask([one.crop for one in window], frames, place)
        mask = outline if front is None else outline * (1.0 - front)
        if settings.grain:
            free = outline if front is None else outline * (1.0 - cv2.dilate(front, _BESIDE))
            missing = blur_of(crop.pixels, free) - blur_of(pixels, free)
            pixels = soften(pixels, missing)
        pixels = match_border_tone(pixels, crop.pixels, outline, front, crop.landmarks)
        self._keep(pixels, crop, front)
        if settings.feather is not None:
            mask = masks.refeathered(mask, settings.feather * len(mask))
        if settings.strength < 1.0:
            mask = mask * np.float32(settings.strength)
        return SwappedCrop(pixels, mask)

    def _keep(self, pixels: Array, crop: Crop, front: Array | None) -> None:
        """Put what the target keeps into a picture, in place."""
        if EYES in self._keeps:
            keep_eyes(pixels, crop.pixels, crop.landmarks, front)
        if MOUTH in self._keeps:
            keep_mouth(pixels, crop.pixels, crop.landmarks)
