"""GHOST: AEI-Net on ArcFace's raw embedding.

Source: Groshev et al., "GHOST - A New Face Swap Approach for Image and Video Domains", IEEE Access
2022 (ai-forever/ghost); the steps around its network as in the contract (PREPROCESS.md).

Faces are cut by five pose templates at 224 pixels and resized to the network's 256 and back. Our
way, unless ``exact`` asks for the reference's: the framing glides from pose to pose, tracks are
smoothed as for all engines, colours are not cut down to whole numbers on the way, and the
super-resolution treats every face for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ...crops import GENERATOR_SIZE, CropSpec
from ...geometry.affine import blended_pose, nearest_pose
from ...records import Array, Crop, SwappedCrop
from ...settings import GhostSettings
from .. import tensors
from ..neural import (
    Framing,
    MaskRule,
    NeuralEngine,
    outline_mask,
    resized,
    rounded,
    truncated,
)
from ..torch_runtime import Batches
from .smoothing import smooth_as_ghost

#: Side of the crop that the source's identity is read from.
SOURCE_SIDE = 224

#: Takes (B, 3, S, S) RGB and gives embeddings, or sharper pictures.
Network = Callable[[Tensor], Tensor]


def target_spec(settings: GhostSettings) -> CropSpec:
    """Say how faces are cut out of frames."""
    return _spec(settings.crop_size, settings.exact)


def source_spec(settings: GhostSettings) -> CropSpec:
    """Say how faces are cut out of source photos."""
    return _spec(SOURCE_SIDE, settings.exact)


def _spec(side: int, exact: bool) -> CropSpec:
    if not exact:
        return CropSpec(blended_pose, (side,))
    return CropSpec(
        nearest_pose, (side,), points="detector", black_outside=True, smoother=smooth_as_ghost
    )


class GhostEngine(NeuralEngine):
    """Swaps with AEI-Net.

    Args:
        framing: Name and pictures.
        generator: AEI-Net; takes and gives (B, 3, 256, 256) RGB in [-1, 1].
        recogniser: ArcFace; takes (B, 3, 112, 112) RGB in [-1, 1], gives (B, 512), raw.
        mask: Draws the masks.
        sharpen: The super-resolution; takes and gives (B, 3, 256, 256) RGB in [0, 1]. None
            for none.
        exact: Round and cut off as the reference does.
    """

    def __init__(
        self,
        framing: Framing,
        generator: Batches,
        recogniser: Network,
        mask: MaskRule = outline_mask,
        sharpen: Network | None = None,
        exact: bool = False,
    ) -> None:
        super().__init__(framing)
        self._generator = generator
        self._recogniser = recogniser
        self._mask = mask
        self._sharpen = sharpen
        self._exact = self.as_is = exact

    @torch.inference_mode()
    def embed(self, pictures: Sequence[Array]) -> Any:
        """Embed 224-pixel crops of one person: the mean of ArcFace's raw embeddings."""
        if self._exact:
            pictures = [rounded(picture) for picture in pictures]
        z = self._recogniser(tensors.halved(tensors.signed(pictures)))
        return self._generator.generator.identity(z.mean(dim=0, keepdim=True))

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of one size."""
        whole: list[Array] = [crop.pixels for crop in crops]
        if self._exact:
            whole = [rounded(picture) for picture in whole]
        inputs = [resized(picture, GENERATOR_SIZE) for picture in whole]
        made = self._finished(self._generator(tensors.signed(inputs), people))
        swapped = []
        for crop, picture in zip(crops, made, strict=True):
            back = resized(picture, crop.pixels.shape[0]).astype("float32")
            swapped.append(SwappedCrop(back, self._mask(crop, back)))
        return swapped

    def _finished(self, pictures: Tensor) -> list[Array]:
        """Turn what the generator gave into pictures, sharpened if asked for."""
        made = tensors.from_signed(pictures)
        if self._exact:
            made = truncated(made)
        if self._sharpen is None:
            return made
        with torch.inference_mode():
            made = tensors.from_unit(self._sharpen(tensors.unit(made)))
        return truncated(made) if self._exact else made
