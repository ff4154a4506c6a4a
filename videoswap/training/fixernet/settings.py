"""Settings of FixerNet's training; importing them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UsageError
from ...fieldtypes import conform
from ..loop_settings import LoopSettings


@dataclass(frozen=True, slots=True)
class FixerNetSettings:
    """How FixerNet is trained; the defaults are ReliableSwap's.

    Attributes:
        data: Folder of the shards of ``videoswap train prepare faces``, with identities.
        depth: Units of the four stages of its backbone; ReliableSwap's is an iresnet50.
        widths: Channels of the backbone's stem and stages.
        rate: Learning rate of SGD for a batch of 512; for other batches in proportion.
        momentum: Of SGD.
        weight_decay: Of SGD.
        scale: What the cosines are multiplied by.
        margin: Added to the angle of the right person (ArcFace), in radians.
        mirror: Chance that a face is mirrored.
        loop: How long and how much at once. The rate falls to a tenth after 44, 68 and 88 % of
            the steps (epochs 11, 17 and 22 of 25); the steps are 25 epochs of CASIA-WebFace.
    """

    data: Path = Path("data/faces")
    depth: tuple[int, ...] = (3, 4, 14, 3)
    widths: tuple[int, ...] = (64, 64, 128, 256, 512)
    rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    scale: float = 64.0
    margin: float = 0.5
    mirror: float = 0.5
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(steps=95_800, batch=128, clip_norm=5, ema_decay=0)
    )

    def __post_init__(self) -> None:
        conform(self)
        if len(self.depth) != 4 or len(self.widths) != 5 or min(*self.depth, *self.widths) < 1:
            problem = "depth must be four numbers from 1 on, widths five."
            raise UsageError("wrong_setting", problem)
        if self.rate <= 0 or self.scale <= 0:
            raise UsageError("wrong_setting", "rate and scale must be above 0.")
        if min(self.momentum, self.weight_decay, self.margin) < 0 or not 0 <= self.mirror <= 1:
            problem = "momentum, weight_decay and margin must not be negative, mirror from 0 to 1."
            raise UsageError("wrong_setting", problem)
