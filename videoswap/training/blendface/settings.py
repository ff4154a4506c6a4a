"""Settings of BlendFace's training; importing them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UsageError
from ...fieldtypes import conform
from ..augment import Augmentation
from ..loop_settings import LoopSettings

NETWORKS = ("iresnet100", "iresnet50", "iresnet18", "lite")


def _mirroring() -> Augmentation:
    return Augmentation(**(dict.fromkeys(Augmentation.__slots__, 0.0) | {"mirror": 0.5}))


@dataclass(frozen=True, slots=True)
class BlendFaceSettings:
    """How BlendFace's encoder is trained; the defaults are the published values.

    Attributes:
        data: Folder of the shards that ``videoswap train prepare faces`` made.
        network: ``iresnet100``, ``iresnet50``, ``iresnet18`` or ``lite``, the small encoder.
        initial: Weights to begin with; None begins with random ones.
        p_augment: Chance that a face is pasted onto a partner; 0 is plain ArcFace.
        candidates: A partner is one of so many nearest faces of other people.
        search: They are looked for among so many faces, drawn anew for each paste; 0 searches all.
        singles: Whether each face of nobody known is a person of its own; they are left out else.
        rate: Learning rate of SGD at the start; it falls to zero by a parabola.
        momentum: Of SGD.
        weight_decay: Of SGD.
        scale: Of the margin loss.
        angle: Added to the angle to the right person, in radians (ArcFace).
        cosine: Taken from the cosine to the right person (CosFace).
        sampled: Share of the people that a batch is compared with, its own included (Partial FC).
        augmentation: What happens to every sample after the paste.
        loop: How long and how much at once.
    """

    data: Path = Path("data/faces")
    network: str = "iresnet100"
    initial: Path | None = None
    p_augment: float = 0.5
    candidates: int = 100
    search: int = 10_000
    singles: bool = False
    rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    scale: float = 64.0
    angle: float = 0.5
    cosine: float = 0.0
    sampled: float = 1.0
    augmentation: Augmentation = field(default_factory=_mirroring)
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(steps=101_160, batch=1024, ema_decay=0.0)
    )

    def __post_init__(self) -> None:
        conform(self)
        if self.network not in NETWORKS:
            raise UsageError("wrong_setting", f"network must be one of {', '.join(NETWORKS)}.")
        for name in ("p_augment", "momentum", "sampled"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError("wrong_setting", f"{name} must be from 0 to 1.")
        for name in ("search", "weight_decay", "angle", "cosine"):
            if getattr(self, name) < 0:
                raise UsageError("wrong_setting", f"{name} must not be negative.")
        if self.candidates < 1 or min(self.rate, self.scale) <= 0:
            problem = "candidates must be at least 1, rate and scale above 0."
            raise UsageError("wrong_setting", problem)
