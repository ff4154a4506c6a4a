"""Options of the engine ghost, and the files that it may need."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UsageError
from ...fieldtypes import conform
from ...plugins import option

#: Names of the manifest.
ARCFACE, SHARPENER, LANDMARKS = "ghost_arcface", "ghost_sr", "landmarks_106"
RECOGNIZER = "arcface_w600k_r50"
CONVERTERS = ("crossface_ghost", "arcface_converter_ghost")
BACKBONES = ("unet", "linknet", "resnet")


@dataclass(frozen=True, slots=True)
class GhostOptions:
    """Options of the engine ghost; the flags are those of GHOST's command line.

    Attributes:
        g_path: File of the generator; None takes the official one of backbone and blocks.
            An ONNX file of FaceFusion's form is taken as well.
        backbone: Attribute encoder of the generator: unet, linknet or resnet.
        num_blocks: Steps in every block of the generator: 1, 2 or 3.
        crop_size: Side in pixels at which faces are cut, 64 to 1024; the network itself sees 256.
        use_sr: Sharpen the swapped faces with the super-resolution network.
        exact: Do as GHOST does also where it is wrong: landmark smoothing, mask chosen once,
            colors cut off instead of rounded, a super-resolution that learns while it runs.

    Raises:
        UsageError: ``bad_backbone``, ``bad_num_blocks``, ``bad_crop_size`` or ``wrong_type``.
    """

    g_path: Path | None = field(
        default=None,
        metadata=option(
            "the generator; default: the official one", flag="--G_path", metavar="FILE"
        ),
    )
    backbone: str = field(
        default="unet",
        metadata=option("of the generator: unet (default), linknet or resnet", flag="--backbone"),
    )
    num_blocks: int = field(
        default=2, metadata=option("of the generator: 1, 2 (default) or 3", flag="--num_blocks")
    )
    crop_size: int = field(
        default=224,
        metadata=option(
            "side at which faces are cut (default 224; 256 spares resizing for the network)",
            flag="--crop_size",
        ),
    )
    use_sr: bool = field(
        default=False,
        metadata=option(
            "sharpen the swapped faces with the super-resolution network", flag="--use_sr"
        ),
    )
    exact: bool = field(default=False, metadata=option("do as GHOST does, also where it is wrong"))

    def __post_init__(self) -> None:
        """Check names and ranges."""
        conform(self)
        if self.backbone not in BACKBONES:
            raise UsageError(
                "bad_backbone",
                f"Unknown backbone {self.backbone!r}.",
                "Use unet, linknet or resnet.",
            )
        if self.num_blocks not in (1, 2, 3):
            raise UsageError("bad_num_blocks", "--num_blocks must be 1, 2 or 3.")
        if not 64 <= self.crop_size <= 1024:
            raise UsageError("bad_crop_size", "--crop_size must lie between 64 and 1024.")

    @property
    def is_onnx(self) -> bool:
        """Whether the generator that was named is an ONNX file."""
        return self.g_path is not None and self.g_path.suffix.lower() == ".onnx"


def converter() -> str:
    """Return the name of the embedding converter that is there, or of the current one."""
    from ...weights.store import find

    return next((name for name in CONVERTERS if find(name) is not None), CONVERTERS[0])
