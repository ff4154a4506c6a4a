"""Settings of the trainings of the occlusion networks; importing them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UsageError
from ...fieldtypes import conform
from ..loop_settings import LoopSettings


def _loop() -> LoopSettings:
    return LoopSettings(steps=25_000, batch=32, ema_decay=0.998, threads=1)


@dataclass(frozen=True, slots=True)
class CoveredFacesSettings:
    """What both trainings have.

    Attributes:
        data: Folder of the shards that ``videoswap train prepare faces`` made; best of 256 pixels
            in the framing ``arcface``.
        initial: Weights to begin with, a safetensors file such as those of ``weights/occlusion``;
            None begins with random ones.
        bare: Whether photos in which the package's own network finds something before the face
            are left out.
        hand_model: Mesh of a hand, see ``hands.load_model``; None draws all hands.
        drawn_hands: How many hands are drawn.
        modelled_hands: How many hands are made of the mesh.
        textures: Folder of pictures of anything but faces, for cards; None goes without.
        rate: Learning rate of AdamW in the stable part.
        weight_decay: Of AdamW.
        warmup: Steps in which the rate rises.
        decay: Share of the steps in which it falls to zero.
        again: Every batch comes once more so many steps later, since drawing one costs as much as
            learning from it; 0 draws each anew.
        checked: Samples of every kind in an evaluation.
        loop: How long and how much at once.
    """

    data: Path = Path("data/faces")
    initial: Path | None = None
    bare: bool = False
    hand_model: Path | None = None
    drawn_hands: int = 400
    modelled_hands: int = 800
    textures: Path | None = None
    rate: float = 2.5e-3
    weight_decay: float = 1e-4
    warmup: int = 200
    decay: float = 0.45
    again: int = 25
    checked: int = 40
    loop: LoopSettings = field(default_factory=_loop)

    def __post_init__(self) -> None:
        conform(self)
        for name in ("weight_decay", "warmup", "again", "modelled_hands"):
            if getattr(self, name) < 0:
                raise UsageError("wrong_setting", f"{name} must not be negative.")
        if min(self.checked, self.drawn_hands) < 1 or self.rate <= 0 or not 0 <= self.decay <= 1:
            problem = "checked and drawn_hands must be at least 1, rate above 0, decay 0 to 1."
            raise UsageError("wrong_setting", problem)


@dataclass(frozen=True, slots=True)
class OcclusionSettings(CoveredFacesSettings):
    """How the network of what is in front of a face is trained.

    Attributes:
        deep: Whether it is the larger one, which looks where something was found; the weights of
            the small one may be its start.
    """

    deep: bool = False


@dataclass(frozen=True, slots=True)
class LandmarksSettings(CoveredFacesSettings):
    """How the network of the landmarks of covered faces is trained."""

    checked: int = 96
