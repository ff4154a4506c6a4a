"""The engine of this project's own small model: a narrow AEI-Net, weights trained here.

Source photo: ArcFace framing at 96, ``LiteEncoder``, times sqrt(128). Target: ArcFace framing at
256. The mask is drawn from the target's landmarks.
"""

from __future__ import annotations

from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...crops import GENERATOR_SIZE, CropSpec
from ...devices import Device
from ...geometry.affine import TEMPLATES
from ...networks.aei_net import AEINet
from ...networks.fast_aei_net import FastAEINet
from ...weights.loading import load_into
from ...weights.store import require
from ..base import engine_key
from ..neural import AEIEngine, Framing
from ..torch_runtime import start

SCHEMA = 1
#: Names of the manifest.
GENERATOR, ENCODER = "lite", "lite_encoder"
SOURCE_SIZE, NUMBERS = 96, 128
_ARCFACE = TEMPLATES["arcface_112_v2"]


def identity_of(encoder: nn.Module, photos: Tensor) -> Tensor:
    """Embed the photos of one person.

    Args:
        encoder: Gives vectors of length 1.
        photos: (B, 3, 96, 96) RGB in [-1, 1], ArcFace framing.

    Returns:
        (1, 128), the direction of the mean, of length sqrt(128).
    """
    mean = encoder(photos).mean(dim=0, keepdim=True)
    return cast(Tensor, F.normalize(mean) * NUMBERS**0.5)


def load(device: Device) -> AEIEngine:
    """Load the engine.

    Raises:
        InputError: If a file is missing, damaged or another network's.
    """
    files = [require(GENERATOR), require(ENCODER)]
    module = cast(AEINet, load_into("lite", files[0], "cpu"))
    encoder = load_into("lite_encoder", files[1], "cpu")
    make = partial(FastAEINet, module, device=device.name)
    started = start(make, torch.ones(NUMBERS), device.name, -1.0, 1.0)
    framing = Framing(
        name="lite",
        key=engine_key("lite", SCHEMA, started.precision, files=files),
        target=CropSpec(_ARCFACE, (GENERATOR_SIZE,)),
        source=CropSpec(_ARCFACE, (SOURCE_SIZE,)),
        batch_size=started.generator.largest,
        notes=started.notes,
    )
    return AEIEngine(framing, started.generator, lambda photos: identity_of(encoder, photos))
