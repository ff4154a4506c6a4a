"""GHOST from FaceFusion's ONNX files.

Steps around the networks as in facefusion 3.8.1, but for the masks and the pasting, which are ours.
Without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...crops import GENERATOR_SIZE, CropSpec
from ...devices import Device
from ...geometry.affine import TEMPLATES
from ...records import Array, Crop, Fallback, SwappedCrop
from ...tensors import from_planar, to_planar
from ...weights.onnx_models import OnnxNetwork
from ...weights.store import find, require
from ..base import engine_key
from ..neural import Framing, MaskRule, NeuralEngine, outline_mask
from .masks import mask_rule
from .options import LANDMARKS, RECOGNIZER, GhostOptions, converter

SCHEMA = 1
BATCH_SIZE = 4
SOURCE = CropSpec(TEMPLATES["arcface_112_v2"], (112,))
TARGET = CropSpec(TEMPLATES["arcface_112_v1"], (GENERATOR_SIZE,))


def load(device: Device, options: GhostOptions) -> OnnxGhostEngine:
    """Load the engine from FaceFusion's ONNX files.

    Raises:
        InputError: If a file is missing, damaged or another network's.
    """
    path = options.g_path or require(f"ghost_{options.num_blocks}_onnx")
    files = [path, require(RECOGNIZER), require(converter())]
    generator, recognizer, convert = (
        OnnxNetwork(file, device.providers, full_precision=file != path) for file in files
    )
    started = (*generator.notes, *recognizer.notes, *convert.notes)
    mask, notes = mask_rule(False, device.providers)
    reason = "--G_path names one of them" if options.is_onnx else "only they are here"
    said = Fallback("GHOST's own weights", "FaceFusion's ONNX files and framing", reason)
    framing = Framing(
        name="ghost",
        key=engine_key("ghost onnx", SCHEMA, options, files=[*files, find(LANDMARKS)]),
        target=TARGET,
        source=SOURCE,
        batch_size=BATCH_SIZE if generator.batched else 1,
        notes=(said, *started, *notes),
        device=generator.device,
    )
    return OnnxGhostEngine(framing, generator, recognizer, convert, mask)


class OnnxGhostEngine(NeuralEngine):
    """Swaps with ``ghost_N_256.onnx``.

    Args:
        framing: Name and pictures.
        generator: Takes ``source`` (B, 512) and ``target`` (B, 3, 256, 256), RGB in [-1, 1];
            gives a picture in [-1, 1].
        recognizer: Takes (B, 3, 112, 112) RGB in [-1, 1], gives (B, 512).
        converter: Turns that embedding into GHOST's, both (B, 512).
        mask: Draws the masks.
    """

    def __init__(
        self,
        framing: Framing,
        generator: OnnxNetwork,
        recognizer: OnnxNetwork,
        converter: OnnxNetwork,
        mask: MaskRule = outline_mask,
    ) -> None:
        super().__init__(framing)
        self._generator = generator
        self._recognizer = recognizer
        self._converter = converter
        self._mask = mask
        self._source_input = generator.input_of("source", rank=2)
        self._target_input = generator.input_of("target", rank=4)

    def embed(self, pictures: Sequence[Array]) -> Any:
        """Convert the mean of the raw embeddings of one person's photos; (512,) float32."""
        face = self._recognizer.input_of("input", rank=4)
        raw = self._recognizer({face: to_planar(pictures, -1, 1)}).mean(axis=0, keepdims=True)
        return self._converter({self._converter.input_of("input", rank=2): raw})[0]

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of 256 pixels."""
        targets = to_planar([crop.pixels for crop in crops], -1, 1)
        made = self._generator({self._source_input: np.stack(people), self._target_input: targets})
        return [
            SwappedCrop(picture, self._mask(crop, picture))
            for crop, picture in zip(crops, from_planar(made, -1, 1), strict=True)
        ]
