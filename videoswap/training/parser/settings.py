"""Settings of the face parser's training; importing them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UsageError
from ...fieldtypes import conform
from ..augment import Augmentation
from ..loop_settings import LoopSettings


def _augmentation() -> Augmentation:
    return Augmentation(
        roll=0.13, zoom=0.13, shift=0.045, tone=0.9, slope=0.6, contrast=0.4, occluder=0.08
    )


@dataclass(frozen=True, slots=True)
class ParserSettings:
    """How the face parser is trained.

    Attributes:
        data: Folder of the shards that ``videoswap train prepare parser`` made.
        initial: Weights to begin with, a safetensors file; None begins with random ones.
        rate: Learning rate of Muon in the stable part, for the kernels of the hidden layers.
        other_rate: That of AdamW, for all else.
        weight_decay: Of AdamW.
        warmup: Steps in which the rate rises.
        decay: Share of the steps in which it falls to zero.
        glasses: Chance that glasses are drawn onto a face without.
        beard: Chance that a beard is drawn onto a face without.
        bearded: Chance that a sample is replaced by a face with a real beard, which are few.
        smoothing: Share of every label that is spread over all classes.
        augmentation: What happens to every sample.
        loop: How long and how much at once.
    """

    data: Path = Path("data/parser")
    initial: Path | None = None
    rate: float = 0.02
    other_rate: float = 3e-3
    weight_decay: float = 0.02
    warmup: int = 200
    decay: float = 0.4
    glasses: float = 0.35
    beard: float = 0.25
    bearded: float = 0.2
    smoothing: float = 0.03
    augmentation: Augmentation = field(default_factory=_augmentation)
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(steps=12_000, batch=16, clip_norm=0, threads=1)
    )

    def __post_init__(self) -> None:
        conform(self)
        for name in ("glasses", "beard", "bearded", "smoothing", "decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError("wrong_setting", f"{name} must be from 0 to 1.")
        if min(self.rate, self.other_rate) <= 0 or min(self.weight_decay, self.warmup) < 0:
            problem = "rates must be above 0, weight_decay and warmup not negative."
            raise UsageError("wrong_setting", problem)
