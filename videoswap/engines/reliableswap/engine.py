"""ReliableSwap: a FaceShifter generator on ArcFace's direction and FixerNet's mouth.

Source: Yuan et al., "ReliableSwap", 2023 (ygtxr1997/ReliableSwap). Target: FFHQ framing at 256.
Source photo: ArcFace framing at 256, cut straight from the photo; the reference warps an FFHQ crop
there, which blurs it once more. The mask is drawn from the target's landmarks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ...crops import GENERATOR_SIZE, CropSpec
from ...fingerprint import digest_of_files
from ...geometry.affine import TEMPLATES
from ...records import Fallback
from ...weights import store
from ...weights.store import missing_files, missing_torch
from ..base import Engine
from ..neural import Framing

if TYPE_CHECKING:
    from torch import Tensor

    from ...networks.reliableswap import FSGenerator

WITH_MOUTH, PLAIN = "reliableswap", "reliableswap_plain"
_DIRECTION = 512  # numbers of ArcFace, before FixerNet's


def missing() -> str | None:
    """Say what is not there, or None if the engine can be built."""
    if store.find(PLAIN) is not None:
        return missing_torch()
    return missing_files([WITH_MOUTH], WITH_MOUTH) or missing_torch()


def identity_of(network: FSGenerator, photos: Tensor) -> Tensor:
    """Embed the photos of one person.

    Args:
        network: Its identity encoders are used.
        photos: (B, 3, 256, 256) RGB in [-1, 1], ArcFace framing.

    Returns:
        (1, 512 or 640): the direction of the mean, and the mean of the mouth's numbers.
    """
    import torch
    import torch.nn.functional as F

    mean = network.identity(photos, infer=True).mean(dim=0, keepdim=True)
    return torch.cat([F.normalize(mean[:, :_DIRECTION]), mean[:, _DIRECTION:]], dim=1)


def build(device: str) -> tuple[Engine, tuple[Fallback, ...]]:
    """Load the engine.

    Args:
        device: cpu or cuda.

    Returns:
        The engine and what it does otherwise than on a better machine.

    Raises:
        InputError: If a file is missing, damaged or another network's.
    """
    import torch
    import torch.nn.functional as F

    from ...networks.fast_aei_net import FastAEINet
    from ...networks.reliableswap import FSGenerator
    from ...weights.parts import load_whole
    from ..aei_net import AEIEngine
    from ..torch_runtime import start

    model = WITH_MOUTH if store.find(WITH_MOUTH) is not None else PLAIN
    whole, paths = load_whole(model)
    network = cast(FSGenerator, whole)
    anyone = F.normalize(torch.ones(1, network.G.c_id))
    started = start(lambda dtype: FastAEINet(network.G, dtype, device), anyone, device, -1.0, 1.0)
    del network.G  # only the encoders are needed from here on
    framing = Framing(
        name="reliableswap",
        key=f"reliableswap {started.precision} {digest_of_files(paths)}",
        target=CropSpec(TEMPLATES["ffhq_512"], (GENERATOR_SIZE,)),
        source=CropSpec(TEMPLATES["arcface_112_v2"], (GENERATOR_SIZE,)),
        batch_size=started.generator.largest,
    )
    engine = AEIEngine(framing, started.generator, lambda photos: identity_of(network, photos))
    return engine, started.notes
