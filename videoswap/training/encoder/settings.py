"""Settings of the encoder's training; importing them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UsageError
from ...fieldtypes import conform
from ..augment import Augmentation
from ..loop_settings import LoopSettings

_NOT_NEGATIVE = (
    *("own", "relation", "maps", "people", "weight_decay", "margin", "warmup", "calibration"),
)


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How the encoder is trained.

    Attributes:
        data: Folder of the shards that ``videoswap train prepare encoder`` made.
        initial: Weights to begin with, a safetensors file; None takes dlib's network cut down, as
            it lies with the data, or random ones where it does not.
        rate: Learning rate of Muon in the stable part, for the kernels of the hidden layers.
        other_rate: That of AdamW, for all else.
        weight_decay: Of AdamW.
        warmup: Steps in which the rate rises.
        decay: Share of the steps in which it falls to zero.
        own: Weight of what the teacher says of a pasted picture itself, against 1 for the label
            of the pasted face.
        relation: Weight of the cosines within a batch.
        maps: Weight of the maps at the end of each stage, against those of dlib's network for the
            same picture; 0 saves the time that it takes.
        people: Weight of the margin loss on the pictures whose person is known.
        scale: Of the margin loss.
        margin: Taken from the right person's cosine (CosFace).
        repeats: How often a real picture is drawn an epoch; a made one once.
        calibration: Photos by which the ONNX file is scaled to 8 bits; 0 leaves it in half
            precision.
        augmentation: What happens to every sample.
        loop: How long and how much at once.
    """

    data: Path = Path("data/encoder")
    initial: Path | None = None
    rate: float = 0.01
    other_rate: float = 1e-3
    weight_decay: float = 0.02
    warmup: int = 100
    decay: float = 0.7
    own: float = 0.25
    relation: float = 0.15
    maps: float = 0.5
    people: float = 0.1
    scale: float = 24.0
    margin: float = 0.15
    repeats: int = 2
    calibration: int = 200
    augmentation: Augmentation = field(default_factory=Augmentation)
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(steps=100_000, batch=64, clip_norm=0, threads=1)
    )

    def __post_init__(self) -> None:
        conform(self)
        for name in _NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise UsageError("wrong_setting", f"{name} must not be negative.")
        if self.repeats < 1 or min(self.rate, self.other_rate) <= 0 or not 0 <= self.decay <= 1:
            problem = "repeats must be at least 1, rates above 0, and decay from 0 to 1."
            raise UsageError("wrong_setting", problem)
