"""BlendFace: AEI-Net with BlendFace's encoder and a learned mask.

Source: Shiohara et al., "BlendFace", ICCV 2023 (mapooon/BlendFace). Target: FFHQ framing at 256,
RGB in [0, 1]. Source photo: ArcFace framing at 112, RGB in [0, 1], embedding of length 1. The
reference mixes its painted picture with the target by the learned mask and gives the whole square;
here the painted picture goes onto the frame itself by that mask, so that what the mask leaves
alone is not resampled, and the mask ends before the border.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ...crops import GENERATOR_SIZE, CropSpec
from ...devices import Device
from ...geometry.affine import TEMPLATES
from ...networks.blendswap import BlendSwap
from ...networks.fast_blendswap import FastBlendSwap
from ...records import Array, Crop, SwappedCrop
from ...tensors import to_planar
from ...weights.manifest import load_manifest
from ...weights.models import load as load_network
from ...weights.slim import prefer
from ..base import engine_key
from ..neural import Framing, NeuralEngine
from ..torch_runtime import Batches, start

SCHEMA = 2
SOURCE_SIZE = 112
#: Values of the learned mask that count as nothing and as everything.
FLOOR, CEILING = 0.02, 0.98
BORDER = 0.05  # of the side, over which the mask falls to 0
TARGET = CropSpec(TEMPLATES["ffhq_512"], (GENERATOR_SIZE,))
SOURCE = CropSpec(TEMPLATES["arcface_112_v2"], (SOURCE_SIZE,))


def load(device: Device, model: str) -> BlendFaceEngine:
    """Load the engine from BlendFace's own weights.

    Args:
        device: Where to compute.
        model: Its file, by its name in the manifest.

    Raises:
        InputError: If the file is missing, damaged or another network's.
    """
    network = cast(BlendSwap, load_network(model, "cpu"))
    anyone = F.normalize(torch.ones(1, 512))
    make = partial(FastBlendSwap, network, device=device.name)
    started = start(make, anyone, device.name, 0.0, 1.0)
    if device.name == "cpu":  # only the identity encoder is needed from here on
        del network.E_ema, network.G_ema
    file = prefer(load_manifest().model(model))
    key = engine_key("blendface", SCHEMA, started.precision, files=[file])
    batch = started.generator.largest
    framing = Framing("blendface", key, TARGET, SOURCE, batch, started.notes)
    return BlendFaceEngine(framing, started.generator, network.identity)


class BlendFaceEngine(NeuralEngine):
    """Swaps with BlendFace's swap model.

    Args:
        framing: Name and pictures.
        generator: Takes (B, 3, 256, 256) RGB in [0, 1], gives RGB and mask in [0, 1].
        encoder: Takes (B, 3, 112, 112) RGB in [0, 1], gives (B, 512) of length 1.
    """

    def __init__(self, framing: Framing, generator: Batches, encoder: Any) -> None:
        super().__init__(framing, batches=generator)
        self._generator = generator
        self._encoder = encoder

    @torch.inference_mode()
    def embed(self, pictures: Sequence[Array]) -> Any:
        """Make the identity of one person: the direction of the mean, of length 1."""
        z: Tensor = self._encoder(torch.from_numpy(to_planar(pictures, 0, 1)))
        return self._generator.identity(F.normalize(z.mean(dim=0, keepdim=True)))

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of 256 pixels; pictures and masks are converted on the device."""
        from ...on_tensors.conversions import downloaded_with_masks, uploaded

        given = uploaded([crop.pixels for crop in crops], self.tensor_device)
        return list(map(SwappedCrop, *downloaded_with_masks(self.paint_tensors(given, people))))

    @property
    def paints_tensors(self) -> bool:
        """See :class:`Engine`."""
        return True

    @property
    def paints_masks(self) -> bool:
        """See :class:`Engine`."""
        return True

    @property
    def tensor_device(self) -> torch.device:
        """See :class:`Engine`."""
        return self._generator.device

    @torch.inference_mode()
    def paint_tensors(self, pictures: Tensor, people: Sequence[Any]) -> Tensor:
        """See :class:`Engine`."""
        from ...on_tensors.conversions import from_range, to_range

        made = self._generator(to_range(pictures, 0, 1), people).float()
        return torch.cat([from_range(made[:, :3], 0, 1), learned_mask(made[:, 3:])], dim=1)


def learned_mask(masks: Tensor) -> Tensor:
    """Make learned masks (B, 1, S, S) usable: 0 where they say next to nothing, and at the border.

    A sigmoid is never 0; without a floor the whole square around the face would change a little.
    """
    from ...on_tensors.resampling import fade_border

    clean = ((masks - FLOOR) / (CEILING - FLOOR)).clamp(0.0, 1.0)
    return fade_border(clean, BORDER * masks.shape[2])
