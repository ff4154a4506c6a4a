"""ReliableSwap: a FaceShifter generator on ArcFace's direction and FixerNet's mouth.

Source: Yuan et al., "ReliableSwap", 2023 (ygtxr1997/ReliableSwap). Target: FFHQ framing at 256.
Source photo: ArcFace framing at 256, cut straight from the photo; the reference warps an FFHQ crop
there, which blurs it once more. The mask is drawn from the target's landmarks.
"""

from __future__ import annotations

from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ...crops import GENERATOR_SIZE, CropSpec
from ...devices import Device
from ...geometry.affine import TEMPLATES
from ...networks.fast_aei_net import FastAEINet
from ...networks.reliableswap import FSGenerator
from ...weights.models import load_whole
from ..base import engine_key
from ..neural import AEIEngine, Framing
from ..torch_runtime import start

SCHEMA = 1
_DIRECTION = 512  # numbers of ArcFace, before FixerNet's


def identity_of(network: FSGenerator, photos: Tensor) -> Tensor:
    """Embed the photos of one person.

    Args:
        network: Its identity encoders are used.
        photos: (B, 3, 256, 256) RGB in [-1, 1], ArcFace framing.

    Returns:
        (1, 512 or 640): the direction of the mean, and the mean of the mouth's numbers.
    """
    mean = network.identity(photos, infer=True).mean(dim=0, keepdim=True)
    return torch.cat([F.normalize(mean[:, :_DIRECTION]), mean[:, _DIRECTION:]], dim=1)


def load(device: Device, model: str) -> AEIEngine:
    """Load the engine.

    Args:
        device: Where to compute.
        model: Its generator, by its name in the manifest.

    Raises:
        InputError: If a file is missing, damaged or another network's.
    """
    whole, files = load_whole(model)
    network = cast(FSGenerator, whole)
    anyone = F.normalize(torch.ones(1, network.G.c_id))
    make = partial(FastAEINet, network.G, device=device.name)
    started = start(make, anyone, device.name, -1.0, 1.0)
    del network.G, make  # only the encoders are needed from here on
    framing = Framing(
        name="reliableswap",
        key=engine_key("reliableswap", SCHEMA, started.precision, files=files),
        target=CropSpec(TEMPLATES["ffhq_512"], (GENERATOR_SIZE,)),
        source=CropSpec(TEMPLATES["arcface_112_v2"], (GENERATOR_SIZE,)),
        batch_size=started.generator.largest,
        notes=started.notes,
    )
    return AEIEngine(framing, started.generator, lambda photos: identity_of(network, photos))
