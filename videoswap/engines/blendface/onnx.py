"""BlendFace's swap model from FaceFusion's ONNX file.

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
from ...weights.store import require
from ..base import engine_key
from ..neural import Framing, NeuralEngine, outline_mask

SCHEMA = 1
BATCH_SIZE = 4
SOURCE_SIZE = 112
SOURCE = CropSpec(TEMPLATES["arcface_112_v2"], (SOURCE_SIZE,))
TARGET = CropSpec(TEMPLATES["ffhq_512"], (GENERATOR_SIZE,))


def load(device: Device, model: str) -> OnnxBlendFaceEngine:
    """Load the engine from FaceFusion's ONNX file.

    Args:
        device: Where to compute.
        model: The file, by its name in the manifest.

    Raises:
        InputError: If the file is missing, damaged or another network's.
    """
    path = require(model)
    network = OnnxNetwork(path, device.providers)
    said = Fallback(
        "BlendFace's learned mask",
        "the outline of the 68 landmarks as the mask",
        "only FaceFusion's ONNX file is here, and that gives no mask",
    )
    framing = Framing(
        name="blendface",
        key=engine_key("blendface onnx", SCHEMA, files=[path]),
        target=TARGET,
        source=SOURCE,
        batch_size=BATCH_SIZE if network.batched else 1,
        notes=(said, *network.notes),
        device=network.device,
    )
    return OnnxBlendFaceEngine(framing, network)


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
        self._source_input = network.input_of("source", rank=4, side=SOURCE_SIZE)
        self._target_input = network.input_of("target", rank=4, side=GENERATOR_SIZE)

    def embed(self, pictures: Sequence[Array]) -> Any:
        """Keep the first photo, (3, 112, 112); the graph embeds it anew for every crop."""
        return to_planar(pictures[:1], 0, 1)[0]

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of 256 pixels."""
        targets = to_planar([crop.pixels for crop in crops], 0, 1)
        made = self._network({self._source_input: np.stack(people), self._target_input: targets})
        return [
            SwappedCrop(picture, outline_mask(crop, picture))
            for crop, picture in zip(crops, from_planar(made, 0, 1), strict=True)
        ]
