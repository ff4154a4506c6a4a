"""Engines whose generator is an AEI-Net on 256-pixel crops in one framing: lite, reliableswap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..records import Array, Crop, SwappedCrop
from . import tensors
from .neural import Framing, MaskRule, NeuralEngine, outline_mask
from .torch_runtime import Batches


class AEIEngine(NeuralEngine):
    """Swaps with AEI-Net.

    Args:
        framing: Name and pictures.
        generator: AEI-Net; takes and gives (B, 3, 256, 256) RGB in [-1, 1].
        encode: Takes the photos of one person (B, 3, S, S) RGB in [-1, 1] in the source's
            framing, gives one identity (1, D).
        mask: Draws the masks.
    """

    def __init__(
        self,
        framing: Framing,
        generator: Batches,
        encode: Callable[[Tensor], Tensor],
        mask: MaskRule = outline_mask,
    ) -> None:
        super().__init__(framing)
        self._generator = generator
        self._encode = encode
        self._mask = mask

    @torch.inference_mode()
    def embed(self, pictures: Sequence[Array]) -> Any:
        """Make the identity of one person by the engine's rule."""
        return self._generator.generator.identity(self._encode(tensors.signed(pictures)))

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of 256 pixels."""
        inputs = tensors.signed([crop.pixels for crop in crops])
        made = tensors.from_signed(self._generator(inputs, people))
        return [
            SwappedCrop(picture, self._mask(crop, picture))
            for crop, picture in zip(crops, made, strict=True)
        ]
