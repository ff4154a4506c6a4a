"""FaceFusion's ONNX files of GHOST and BlendSwap as another source of these engines.

Steps around the networks as in facefusion 3.8.1 (see the contract's PREPROCESS.md), but for the
masks and the pasting, which are ours. Without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...crops import GENERATOR_SIZE, CropSpec
from ...geometry.affine import TEMPLATES
from ...records import Array, Crop, SwappedCrop
from ...weights.onnx_models import OnnxNetwork, pictures, planes
from ..neural import (
    Framing,
    MaskRule,
    NeuralEngine,
    outline_mask,
)

SOURCE_SIDE = 112
SOURCE = CropSpec(TEMPLATES["arcface_112_v2"], (SOURCE_SIDE,))
GHOST_TARGET = CropSpec(TEMPLATES["arcface_112_v1"], (GENERATOR_SIZE,))
BLENDSWAP_TARGET = CropSpec(TEMPLATES["ffhq_512"], (GENERATOR_SIZE,))


class OnnxGhostEngine(NeuralEngine):
    """Swaps with ``ghost_N_256.onnx``.

    Args:
        framing: Name and pictures.
        generator: Takes ``source`` (B, 512) and ``target`` (B, 3, 256, 256), RGB in [-1, 1];
            gives a picture in [-1, 1].
        recogniser: Takes (B, 3, 112, 112) RGB in [-1, 1], gives (B, 512).
        converter: Turns that embedding into GHOST's, both (B, 512).
        mask: Draws the masks.
    """

    def __init__(
        self,
        framing: Framing,
        generator: OnnxNetwork,
        recogniser: OnnxNetwork,
        converter: OnnxNetwork,
        mask: MaskRule = outline_mask,
    ) -> None:
        super().__init__(framing)
        self._generator = generator
        self._recogniser = recogniser
        self._converter = converter
        self._mask = mask
        self._source = generator.input_of("source", rank=2)
        self._target = generator.input_of("target", rank=4)

    def embed(self, pictures: Sequence[Array]) -> Any:
        """Convert the mean of the raw embeddings of one person's photos; (512,) float32."""
        face = self._recogniser.input_of("input", rank=4)
        raw = self._recogniser({face: planes(pictures, -1.0, 1.0)}).mean(axis=0, keepdims=True)
        return self._converter({self._converter.input_of("input", rank=2): raw})[0]

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of 256 pixels."""
        targets = planes([crop.pixels for crop in crops], -1.0, 1.0)
        made = self._generator({self._source: np.stack(people), self._target: targets})
        return [
            SwappedCrop(picture, self._mask(crop, picture))
            for crop, picture in zip(crops, pictures(made, -1.0, 1.0), strict=True)
        ]


class OnnxBlendFaceEngine(NeuralEngine):
    """Swaps with ``blendswap_256.onnx``, which holds the identity encoder.

    Its picture is mixed with the target already; the learned mask does not come out, so the
    outline of the target's landmarks is used.

    Args:
        framing: Name and pictures.
        network: Takes ``source`` (B, 3, 112, 112) and ``target`` (B, 3, 256, 256), RGB in
            [0, 1]; gives a picture in [0, 1].
    """

    def __init__(self, framing: Framing, network: OnnxNetwork) -> None:
        super().__init__(framing)
        self._network = network
        self._source = network.input_of("source", rank=4, side=SOURCE_SIDE)
        self._target = network.input_of("target", rank=4, side=GENERATOR_SIZE)

    def embed(self, pictures: Sequence[Array]) -> Any:
        """Keep the first photo, (3, 112, 112); the graph embeds it anew for every crop."""
        return planes(pictures[:1], 0.0, 1.0)[0]

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of 256 pixels."""
        targets = planes([crop.pixels for crop in crops], 0.0, 1.0)
        made = self._network({self._source: np.stack(people), self._target: targets})
        return [
            SwappedCrop(picture, outline_mask(crop, picture))
            for crop, picture in zip(crops, pictures(made, 0.0, 1.0), strict=True)
        ]
