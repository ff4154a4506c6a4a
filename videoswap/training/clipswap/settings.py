"""Settings of ClipSwap's training; importing them needs no torch.

Only ClipSwap's inference is published. Values of its base FaceDancer (felixrosberg/FaceDancer,
train/train.py) are marked so; all others are this project's own choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UsageError
from ...fieldtypes import conform
from ..loop_settings import LoopSettings
from ..swapper.settings import SwapperSettings, SwapperWeights

CLIP_ACTIVATIONS = ("quick_gelu", "gelu")


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """The frozen image encoder of CLIP.

    Attributes:
        path: Its weights, by open_clip or transformers, as ``.safetensors``, ``.bin`` or ``.pt``.
        heads: Of its attention; 0 for one every 64 channels, as in ViT-B and ViT-L.
        activation: ``quick_gelu`` for OpenAI's weights, ``gelu`` for those of LAION.
    """

    path: Path | None = None
    heads: int = 0
    activation: str = "quick_gelu"

    def __post_init__(self) -> None:
        conform(self)
        if self.activation not in CLIP_ACTIVATIONS or self.heads < 0:
            words = ", ".join(CLIP_ACTIVATIONS)
            problem = f"clip.activation must be one of {words}, and clip.heads not negative."
            raise UsageError("wrong_setting", problem)


@dataclass(frozen=True, slots=True)
class ClipSwapWeights(SwapperWeights):
    """How much each term counts.

    Identity and reconstruction are FaceDancer's; ``attributes`` gives way to ``preservation``.

    Attributes:
        clip: Of one minus CLIP's cosine between source and result.
        contrastive: Of telling by CLIP, in several views, whose result it is.
        preservation: Of one minus the cosines between the attribute maps of target and result.
    """

    adversarial: float = 1.0
    attributes: float = 0.0
    identity: float = 10.0
    reconstruction: float = 5.0
    clip: float = 1.0
    contrastive: float = 0.5
    preservation: float = 5.0


@dataclass(frozen=True, slots=True)
class ClipSwapSettings(SwapperSettings):
    """How a swapper is trained by ClipSwap's losses.

    Rates, their decay, batch and ``same_person`` are FaceDancer's.

    Attributes:
        clip: The image encoder.
        views: Crops of a pair that the contrastive loss compares.
        smallest_view: Side of the smallest view, as a share of the picture's.
        temperature: Divides the cosines of the contrastive loss; that of SimCLR and MoCo.
    """

    framing: str = "arcface"
    generator_rate: float = 1e-4
    discriminator_rate: float = 1e-4
    weight_decay: float = 0.0
    scheduler_gamma: float = 0.97
    weights: ClipSwapWeights = field(default_factory=ClipSwapWeights)
    clip: ClipSettings = field(default_factory=ClipSettings)
    views: int = 2
    smallest_view: float = 0.5
    temperature: float = 0.07
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(
            steps=500_000, batch=10, clip_norm=0, evaluate_every=500
        )
    )

    def __post_init__(self) -> None:
        SwapperSettings.__post_init__(self)
        if self.views < 1 or not 0 < self.smallest_view <= 1 or self.temperature <= 0:
            problem = "views must be at least 1, smallest_view from 0 to 1, temperature above 0."
            raise UsageError("wrong_setting", problem)
        if self.clip.path is None and (self.weights.clip or self.weights.contrastive):
            raise UsageError(
                "wrong_setting",
                "clip.path must name the weights of a CLIP image encoder.",
                "They do not come with this project: take ViT-B/32 of open_clip or transformers, "
                "or set the weights of clip and contrastive to 0.",
            )
