"""Settings of every swapper's training; importing them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from ...errors import UsageError
from ...fieldtypes import conform
from ..loop_settings import LoopSettings

FRAMINGS = ("arcface", "ghost", "ffhq")  # see training/faces/dataset.py, which needs OpenCV

BACKBONES = ("unet", "linknet", "resnet")
#: Picture sizes for which there is an AEI-Net.
SIZES = (16, 32, 64, 128, 256)
#: Identity encoders by network, with their name in the manifest where they can be downloaded.
IDENTITY_NETWORKS = {"iresnet100": "ghost_arcface", "iresnet50": None, "lite_encoder": None}


@dataclass(frozen=True, slots=True)
class SwapperWeights:
    """How much each term of the generator's loss counts; 0 leaves it out.

    The defaults are GHOST's.

    Attributes:
        adversarial: Of the hinge loss.
        attributes: Of the difference between the attribute maps of target and result.
        identity: Of one minus the cosine between source and result.
        reconstruction: Of the difference from the target, in pairs of one person.
    """

    adversarial: float = 1.0
    attributes: float = 10.0
    identity: float = 20.0
    reconstruction: float = 10.0

    def __post_init__(self) -> None:
        conform(self)
        for one in fields(self):
            if getattr(self, one.name) < 0:
                raise UsageError("wrong_setting", f"weights.{one.name} must not be negative.")


@dataclass(frozen=True, slots=True)
class ColorJitter:
    """Largest changes of color, drawn anew for every picture; the defaults are GHOST's.

    Attributes:
        brightness: Of the factor on all levels, around 1.
        contrast: Of the factor on the distance to the mean grey, around 1.
        saturation: Of the factor on the distance to the pixel's grey, around 1.
        hue: Of the turn of the hue; 1 is the whole circle.
    """

    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.01

    def __post_init__(self) -> None:
        conform(self)
        if not all(0 <= getattr(self, name) <= 1 for name in self.__slots__) or self.hue > 0.5:
            problem = "The jitter must be from 0 to 1, that of the hue from 0 to 0.5."
            raise UsageError("wrong_setting", problem)


@dataclass(frozen=True, slots=True)
class DiscriminatorSettings:
    """Shape of the discriminator; the defaults are GHOST's.

    Attributes:
        width: Channels of the first layer.
        layers: Layers of each patch classifier after the first.
        scales: Patch classifiers, each at half the size of the one before.
    """

    width: int = 64
    layers: int = 5
    scales: int = 3

    def __post_init__(self) -> None:
        conform(self)
        if min(self.width, self.layers, self.scales) < 1:
            problem = "width, layers and scales of the discriminator must be at least 1."
            raise UsageError("wrong_setting", problem)


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """The frozen encoder that says who a face is.

    Attributes:
        network: One of ``IDENTITY_NETWORKS``.
        path: Its weights; None takes those of the folder of weights.
        framing: In which it sees faces: ``arcface``, ``ghost`` or ``ffhq``; empty for that of the
            swaps, as in GHOST.
    """

    network: str = "iresnet100"
    path: Path | None = None
    framing: str = ""

    def __post_init__(self) -> None:
        conform(self)
        if self.network not in IDENTITY_NETWORKS:
            words = ", ".join(IDENTITY_NETWORKS)
            raise UsageError("wrong_setting", f"identity.network must be one of {words}.")
        if self.framing not in ("", *FRAMINGS):
            words = ", ".join(FRAMINGS)
            raise UsageError("wrong_setting", f"identity.framing must be one of {words}.")
        if self.path is None and IDENTITY_NETWORKS[self.network] is None:
            problem = f"identity.path must name the weights of {self.network}."
            raise UsageError("wrong_setting", problem)


@dataclass(frozen=True, slots=True)
class SwapperSettings:
    """How a swapper is trained; the defaults are GHOST's.

    Attributes:
        data: Folder of the shards of ``videoswap train prepare faces``.
        framing: How faces lie in the pictures that are swapped: ``ghost``, ``arcface`` or
            ``ffhq``.
        identities: Whether photos of the same identity count as one person; otherwise every photo
            is a person of its own.
        same_person: Chance that source and target show the same person.
        same_identity: Whether the target of such a pair is another photo of that person, where
            there is one; otherwise it is the same photo.
        backbone: Kind of the attribute encoder: ``unet``, ``linknet`` or ``resnet``.
        num_blocks: Steps of every AAD block.
        size: Side of the generator's pictures: 256, 128, 64, 32 or 16.
        width: Factor on the generator's channels.
        discriminator: Its shape.
        identity: The frozen identity encoder.
        judge: Encoder by which held-out swaps are measured: ``dlib``, ``arcface``, ``blendface``
            or ``lite``.
        initial_generator: Weights to begin with; None begins with random ones.
        initial_discriminator: Likewise.
        generator_rate: Learning rate of its Adam.
        discriminator_rate: Learning rate of its Adam.
        weight_decay: Of both.
        scheduler: Whether the rates fall.
        scheduler_step: Steps after which they fall.
        scheduler_gamma: Factor by which they fall.
        weights: Of the loss terms.
        jitter: Changes of color.
        loop: How long and how much at once.
    """

    data: Path = Path("data/faces")
    framing: str = "ghost"
    identities: bool = True
    same_person: float = 0.2
    same_identity: bool = True
    backbone: str = "unet"
    num_blocks: int = 2
    size: int = 256
    width: float = 1.0
    discriminator: DiscriminatorSettings = field(default_factory=DiscriminatorSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    judge: str = "dlib"
    initial_generator: Path | None = None
    initial_discriminator: Path | None = None
    generator_rate: float = 4e-4
    discriminator_rate: float = 4e-4
    weight_decay: float = 1e-4
    scheduler: bool = False
    scheduler_step: int = 5000
    scheduler_gamma: float = 0.2
    weights: SwapperWeights = field(default_factory=SwapperWeights)
    jitter: ColorJitter = field(default_factory=ColorJitter)
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(
            steps=1_000_000, batch=16, clip_norm=0, ema_decay=0, evaluate_every=500
        )
    )

    def __post_init__(self) -> None:
        conform(self)
        if self.backbone not in BACKBONES:
            problem = f"backbone must be one of {', '.join(BACKBONES)}."
            raise UsageError("wrong_setting", problem)
        if self.framing not in FRAMINGS:
            raise UsageError("wrong_setting", f"framing must be one of {', '.join(FRAMINGS)}.")
        if self.size not in SIZES:
            problem = f"size must be one of {', '.join(map(str, SIZES))}."
            raise UsageError("wrong_setting", problem)
        if not 0 <= self.same_person <= 1:
            raise UsageError("wrong_setting", "same_person must be from 0 to 1.")
        if self.num_blocks < 1 or self.scheduler_step < 1 or self.weight_decay < 0:
            problem = "num_blocks and scheduler_step must be at least 1, weight_decay not negative."
            raise UsageError("wrong_setting", problem)
        positive = (self.width, self.generator_rate, self.discriminator_rate, self.scheduler_gamma)
        if min(positive) <= 0:
            problem = "width, the rates and scheduler_gamma must be above 0."
            raise UsageError("wrong_setting", problem)
