"""Settings of the training of the lite engine's generator; importing them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UsageError
from ...fieldtypes import conform
from ..augment import Augmentation
from ..loop_settings import LoopSettings


def _augmentation() -> Augmentation:
    return Augmentation(
        roll=0.04, zoom=0.06, shift=0.02, tone=0.4, slope=0.3, contrast=0.2, grey=0.06,
        saturation=0.1, small=0.2, blur=0.1, jpeg=0.3, grain=0.2, occluder=0.15,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LiteSettings:
    """How the generator is trained.

    Attributes:
        data: Folder of the shards that ``videoswap train prepare lite`` made.
        encoder: Weights of the lite encoder, a safetensors file, which judges identity; None goes
            without the terms of identity.
        initial: Weights to begin with, a safetensors file; None begins with random ones.
        rate: Learning rate of Muon in the stable part, for the kernels of the hidden layers.
        other_rate: That of AdamW, for all else.
        weight_decay: Of AdamW.
        warmup: Steps in which the rate rises.
        decay: Share of the steps in which it falls to zero.
        pixels: Weight of the mean difference of levels.
        gradients: That of the difference of edges.
        identity: That of one minus the cosine to the answer's identity.
        away: That of the cosine to the target's identity, as far as the answer has less.
        features: That of the difference of the encoder's features.
        smooth: That of the total variation of the maps.
        adversarial: That of the discriminator's answer; 0 goes without one.
        discriminator_rate: Its learning rate, of AdamW.
        augmentation: What happens to every sample: framing, light and color to all of its pictures,
            loss of detail, grain and compression to the target alone.
        loop: How long and how much at once.
    """

    data: Path = Path("data/lite")
    encoder: Path | None = None
    initial: Path | None = None
    rate: float = 0.02
    other_rate: float = 3e-3
    weight_decay: float = 0.02
    warmup: int = 200
    decay: float = 0.4
    pixels: float = 10.0
    gradients: float = 10.0
    identity: float = 1.0
    away: float = 1.0
    features: float = 1.0
    smooth: float = 0.1
    adversarial: float = 0.0
    discriminator_rate: float = 4e-4
    augmentation: Augmentation = field(default_factory=_augmentation)
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(steps=60_000, batch=16, threads=1, ema_decay=0.998)
    )

    def __post_init__(self) -> None:
        conform(self)
        weights = ("pixels", "gradients", "identity", "away", "features", "smooth", "adversarial")
        for name in (*weights, "weight_decay", "warmup"):
            if getattr(self, name) < 0:
                raise UsageError("wrong_setting", f"{name} must not be negative.")
        if min(self.rate, self.other_rate, self.discriminator_rate) <= 0:
            raise UsageError("wrong_setting", "rates must be above 0.")
        if not 0 <= self.decay <= 1:
            raise UsageError("wrong_setting", "decay must be from 0 to 1.")
