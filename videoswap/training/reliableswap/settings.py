"""Settings of ReliableSwap's training; importing them needs no torch.

Source: ReliableSwap (Yuan et al., 2023, arXiv 2306.05356; ygtxr1997/ReliableSwap).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UsageError
from ...fieldtypes import conform
from ..swapper.settings import (
    DiscriminatorSettings,
    IdentitySettings,
    SwapperSettings,
    SwapperWeights,
)

GENERATORS = ("reliableswap", "ghost")


@dataclass(frozen=True, slots=True)
class ReliableSwapWeights(SwapperWeights):
    """How much each term of the generator's loss counts; 0 leaves it out.

    Attributes:
        adversarial: Of minus the discriminator's mean logit.
        attributes: Of the difference between the attribute maps of target and result.
        identity: Of one minus the cosine of source and result, in batches of photos.
        reconstruction: Of the difference from the target, in batches of same pictures.
        mouth: As ``identity``, of FixerNet's numbers.
        cycle: Of the difference between the target and the result with the target's face swapped
            back onto it, in batches of different people.
        triplet: Of the difference from a triplet's answer, see ``triplet_parts``.
        triplet_identity: Of one minus the cosine of answer and result.
        triplet_mouth: The same of FixerNet's numbers.
        feature_matching: Of the difference between the discriminator's deepest maps of target and
            result.
    """

    identity: float = 5.0
    mouth: float = 0.5
    cycle: float = 2.0
    triplet: float = 10.0
    triplet_identity: float = 10.0
    triplet_mouth: float = 1.0
    feature_matching: float = 0.0


@dataclass(frozen=True, slots=True)
class TripletParts:
    """How much each part of a triplet's difference counts.

    Attributes:
        pixels: Of the mean absolute difference.
        features: Of the difference of VGG-19's maps; without its weights it is left out.
        hair: Of the mean absolute difference where the answer shows hair.
        mouth: The same where it shows lips and mouth.
    """

    pixels: float = 0.05
    features: float = 0.5
    hair: float = 2.0
    mouth: float = 0.05

    def __post_init__(self) -> None:
        conform(self)
        if min(self.pixels, self.features, self.hair, self.mouth) < 0:
            raise UsageError("wrong_setting", "triplet_parts must not be negative.")


#: Weights by the swapper that ReliableSwap supervises.
PRESETS = {
    "faceshifter": ReliableSwapWeights(),
    "simswap": ReliableSwapWeights(
        attributes=0.0, identity=30.0, mouth=0.1, reconstruction=10.0, feature_matching=10.0
    ),
}


@dataclass(frozen=True, slots=True)
class ReliableSwapSettings(SwapperSettings):
    """How ReliableSwap is trained; the defaults are its configuration's.

    Attributes:
        triplets: Folder of the shards of ``videoswap train prepare triplets``; None trains without
            them.
        naive: Whether naive triplets supervise too, and not cycle triplets alone.
        triplet_share: Share of the batches that are triplets, of those that are not ``same``.
        same_every: Every so many batches one has the same picture as source and target; 0 for
            none.
        generator: ``reliableswap`` has the official layer names; ``ghost`` is GHOST's AEI-Net with
            any ``backbone`` and ``num_blocks``.
        preset: ``faceshifter`` or ``simswap``: where the weights are from that are not given.
        weights: Of the loss terms.
        triplet_parts: Of the difference from a triplet's answer.
        fixernet: Weights of FixerNet; None trains without its numbers and terms.
        vgg: Weights of VGG-19, as torchvision's file has them; None leaves that term out.
    """

    framing: str = "ffhq"
    same_person: float = 0.0
    generator_rate: float = 1e-4
    discriminator_rate: float = 1e-4
    weight_decay: float = 0.0
    discriminator: DiscriminatorSettings = field(
        default_factory=lambda: DiscriminatorSettings(layers=3)
    )
    identity: IdentitySettings = field(default_factory=lambda: IdentitySettings(framing="arcface"))
    weights: ReliableSwapWeights = field(default_factory=ReliableSwapWeights)
    triplets: Path | None = Path("data/triplets")
    naive: bool = False
    triplet_share: float = 0.21
    same_every: int = 5
    generator: str = "reliableswap"
    preset: str = "faceshifter"
    triplet_parts: TripletParts = field(default_factory=TripletParts)
    fixernet: Path | None = None
    vgg: Path | None = None

    def __post_init__(self) -> None:
        SwapperSettings.__post_init__(self)
        if self.generator not in GENERATORS:
            problem = f"generator must be one of {', '.join(GENERATORS)}."
            raise UsageError("wrong_setting", problem)
        if self.generator == "reliableswap" and (self.backbone, self.num_blocks) != ("unet", 2):
            problem = "The generator reliableswap has the backbone unet and 2 blocks."
            raise UsageError("wrong_setting", problem, "Set generator to ghost for others.")
        if not 0 <= self.triplet_share <= 1 or self.same_every < 0:
            problem = "triplet_share must be from 0 to 1, same_every not negative."
            raise UsageError("wrong_setting", problem)
        if self.preset not in PRESETS:
            raise UsageError("wrong_setting", f"preset must be one of {', '.join(PRESETS)}.")
        if self.preset != "faceshifter":
            if self.weights not in (ReliableSwapWeights(), PRESETS[self.preset]):
                problem = f"weights cannot be given beside preset {self.preset}."
                raise UsageError("wrong_setting", problem, "Give all weights, and no preset.")
            object.__setattr__(self, "weights", PRESETS[self.preset])
