"""BlendFace: AEI-Net with BlendFace's encoder and a learned mask.

Source: Shiohara et al., "BlendFace", ICCV 2023 (mapooon/BlendFace). Target: FFHQ framing at 256,
RGB in [0, 1]. Source photo: ArcFace framing at 112, RGB in [0, 1], embedding of length 1. The
reference mixes its painted picture with the target by the learned mask and gives the whole square;
here the painted picture goes onto the frame itself by that mask, so that what the mask leaves
alone is not resampled, and the mask ends before the border.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...crops import GENERATOR_SIZE, CropSpec
from ...geometry.affine import TEMPLATES
from ...geometry.face_masks import fade_border
from ...records import Array, Crop, SwappedCrop
from .. import tensors
from ..neural import Framing, NeuralEngine
from ..torch_runtime import Batches

SOURCE_SIDE = 112
#: Values of the learned mask that count as nothing and as everything.
FLOOR, CEILING = 0.02, 0.98
BORDER = 0.05  # of the side, over which the mask falls to 0


class BlendFaceEngine(NeuralEngine):
    """Swaps with BlendFace's swap model.

    Args:
        framing: Name and pictures.
        generator: Takes (B, 3, 256, 256) RGB in [0, 1], gives RGB and mask in [0, 1].
        encoder: Takes (B, 3, 112, 112) RGB in [0, 1], gives (B, 512) of length 1.
    """

    def __init__(self, framing: Framing, generator: Batches, encoder: Any) -> None:
        super().__init__(framing)
        self._generator = generator
        self._encoder = encoder

    @torch.inference_mode()
    def embed(self, pictures: Sequence[Array]) -> Any:
        """Make the identity of one person: the direction of the mean, of length 1."""
        z: Tensor = self._encoder(tensors.unit(pictures))
        return self._generator.generator.identity(F.normalize(z.mean(dim=0, keepdim=True)))

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of 256 pixels."""
        made = self._generator(tensors.unit([crop.pixels for crop in crops]), people)
        pictures = tensors.from_unit(made[:, :3])
        masks = made[:, 3].float().cpu().numpy()
        return [
            SwappedCrop(picture, learned_mask(mask))
            for picture, mask in zip(pictures, masks, strict=True)
        ]


def learned_mask(mask: Array) -> Array:
    """Make a learned mask (S, S) usable: 0 where it says next to nothing, and at the border.

    A sigmoid is never 0; without a floor the whole square around the face would change a little.
    """
    clean = np.clip((mask - FLOOR) / (CEILING - FLOOR), 0.0, 1.0).astype(np.float32)
    return fade_border(clean, BORDER * len(mask))


def specs() -> tuple[CropSpec, CropSpec]:
    """Say how faces are cut out of frames and out of source photos."""
    target = CropSpec(TEMPLATES["ffhq_512"], (GENERATOR_SIZE,))
    return target, CropSpec(TEMPLATES["arcface_112_v2"], (SOURCE_SIDE,))
