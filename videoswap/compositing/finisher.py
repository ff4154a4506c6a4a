"""The finisher: fits an engine's swap to the film, whatever the engine.

The order matters: first the painted face (filter over time, corrections that come with it,
sharpness, tone along the border), then what the target keeps (eyes, mouth), last the mask. The
grain of the film comes when the swap is back in the frame's own pixels, see `composite`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..geometry import face_masks as masks
from ..occlusion.temporal import stabilize_occlusion_mask
from ..records import Array, FrameSwap, SwappedCrop
from ..settings import BlendSettings
from .border_tone import match_border_tone
from .correction import apply_correction, steady_maps
from .kept_regions import (
    EYES,
    MOUTH,
    eye_outlines,
    keep_eyes,
    keep_mouth,
    mouth_outline,
)
from .sharpness import BLUR_TAKEN, measure_blur, soften
from .temporal_filter import temporal_filter

TEMPORAL_RADIUS = 2  # frames before and after that are of use to the finisher
#: Pixels around an occluder in which its own edge may lie, which says nothing about the face's.
_OCCLUDER_EDGE = np.ones((9, 9), np.uint8)


class Finisher:
    """Fits swaps to their film: steady, as sharp as the target, in its tone, behind occluders.

    Args:
        settings: What is wanted.
        keeps: What the engine cannot paint, so that the target keeps it in any case: ``"eyes"``,
            ``"mouth"``.
        as_is: Whether the engine finishes its swaps itself, so that nothing is done.

    Example:
        >>> finished = Finisher().finish([FrameSwap(crop, swapped)])  # doctest: +SKIP
    """

    def __init__(
        self,
        settings: BlendSettings | None = None,
        keeps: frozenset[str] = frozenset(),
        as_is: bool = False,
    ) -> None:
        self.settings = BlendSettings() if settings is None else settings
        asked = {EYES: self.settings.keep_eyes, MOUTH: self.settings.keep_mouth}
        self.keeps = keeps | {region for region, wanted in asked.items() if wanted}
        self.as_is = as_is

    @property
    def grain(self) -> bool:
        """Whether swaps get the grain of their film when they are composited."""
        return self.settings.grain and not self.as_is

    def finish(self, swaps: Sequence[FrameSwap], index: int = 0) -> SwappedCrop:
        """Finish one swap.

        Args:
            swaps: The swap and those of its track in up to ``TEMPORAL_RADIUS`` frames before and
                after it. For a still picture there is just the one.
            index: Place of the swap among them.

        Returns:
            The finished picture, and the mask without what is in front of the face.
        """
        settings = self.settings
        crop, swapped = swaps[index].crop, swaps[index].swapped
        if self.as_is:
            return swapped
        if settings.steady and len(swaps) > 1:
            swapped = temporal_filter(swaps, index)
        pixels, outline = swapped.pixels, swapped.mask
        maps = steady_maps(swaps, index)
        if maps is not None:
            pixels = apply_correction(pixels, outline, maps)
        crops, frames = [one.crop for one in swaps], [one.frame for one in swaps]
        occluder = stabilize_occlusion_mask(crops, frames, index)
        crop = swapped.reshaped or crop
        mask = outline if occluder is None else outline * (1.0 - occluder)
        if settings.grain:
            seen = outline
            if occluder is not None:
                seen = outline * (1.0 - cv2.dilate(occluder, _OCCLUDER_EDGE))
            missing = measure_blur(crop.pixels, seen) - measure_blur(pixels, seen)
            pixels = soften(pixels, BLUR_TAKEN * missing)
        other = _either(occluder, swapped.beard)
        pixels = match_border_tone(pixels, crop.pixels, outline, other, crop.landmarks)
        keeps = self.keeps | swapped.keeps
        if EYES in keeps:
            keep_eyes(pixels, crop.pixels, eye_outlines(crop), occluder)
        if MOUTH in keeps:
            keep_mouth(pixels, crop.pixels, mouth_outline(crop))
        if settings.feather is not None:
            mask = masks.refeather(mask, settings.feather * len(mask))
        if settings.strength < 1.0:
            mask = mask * np.float32(settings.strength)
        if swapped.around is not None:
            around = swapped.around if occluder is None else swapped.around * (1.0 - occluder)
            pixels, mask = _over(pixels, mask, crop.pixels, around)
        return SwappedCrop(pixels, mask)


def _over(pixels: Array, mask: Array, below: Array, shown: Array) -> tuple[Array, Array]:
    """Lay a swap over a moved picture.

    Args:
        pixels: (S, S, 3) float32, the swap.
        mask: (S, S) float32, 0 to 1, of the swap.
        below: (S, S, 3) float32, the moved picture.
        shown: (S, S) float32, 0 to 1, where that is shown.

    Returns:
        Both as one picture with one mask.
    """
    either = mask + (1.0 - mask) * shown
    share = (mask / np.maximum(either, 1e-6))[..., None]
    return below + (pixels - below) * share, np.asarray(either, np.float32)


def _either(one: Array | None, other: Array | None) -> Array | None:
    """Return the larger of two masks (S, S), of which either may be missing."""
    if one is None or other is None:
        return other if one is None else one
    return np.asarray(np.maximum(one, other))
