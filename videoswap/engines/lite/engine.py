"""The engine of this project's own small model: a narrow AEI-Net, weights trained here.

Source photo: ArcFace framing at 96, ``LiteEncoder``, times sqrt(128). Target: ArcFace framing at
256. The mask is drawn from the target's landmarks.
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
    from torch import Tensor, nn

GENERATOR, ENCODER = "lite", "lite_encoder"
SOURCE_SIDE, NUMBERS = 96, 128
_ARCFACE = TEMPLATES["arcface_112_v2"]


def missing() -> str | None:
    """Say what is not there, or None if the engine can be built."""
    return missing_files([GENERATOR, ENCODER], "lite") or missing_torch()


def identity_of(encoder: nn.Module, photos: Tensor) -> Tensor:
    """Embed the photos of one person.

    Args:
        encoder: Gives vectors of length 1.
        photos: (B, 3, 96, 96) RGB in [-1, 1], ArcFace framing.

    Returns:
        (1, 128), the direction of the mean, of length sqrt(128).
    """
    import torch.nn.functional as F

    mean = encoder(photos).mean(dim=0, keepdim=True)
    return cast("Tensor", F.normalize(mean) * NUMBERS**0.5)


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

    from ...networks.aei_net import AEINet
    from ...networks.fast_aei_net import FastAEINet
    from ...weights.loading import load_into
    from ..aei_net import AEIEngine
    from ..torch_runtime import start

    generator_path, encoder_path = store.require(GENERATOR), store.require(ENCODER)
    module = cast(AEINet, load_into("lite", generator_path, "cpu"))
    encoder = load_into("lite_encoder", encoder_path, "cpu")
    started = start(
        lambda dtype: FastAEINet(module, dtype, device), torch.ones(NUMBERS), device, -1.0, 1.0
    )
    framing = Framing(
        name="lite",
        key=f"lite {started.precision} {digest_of_files([generator_path, encoder_path])}",
        target=CropSpec(_ARCFACE, (GENERATOR_SIZE,)),
        source=CropSpec(_ARCFACE, (SOURCE_SIDE,)),
        batch_size=started.generator.largest,
    )
    engine = AEIEngine(framing, started.generator, lambda photos: identity_of(encoder, photos))
    return engine, started.notes
