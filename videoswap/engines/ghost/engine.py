"""GHOST: AEI-Net on ArcFace's raw embedding.

Source: Groshev et al., "GHOST - A New Face Swap Approach for Image and Video Domains", IEEE Access
2022 (ai-forever/ghost).

Faces are cut by five pose templates at 224 pixels and resized to the network's 256 and back. Our
way, unless ``exact`` asks for the reference's: the framing glides from pose to pose, tracks are
smoothed as for all engines, colors are not cut down to whole numbers on the way, and the
super-resolution treats every face for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ...crops import GENERATOR_SIZE, CropSpec
from ...devices import Device
from ...geometry.affine import blended_pose, nearest_pose
from ...networks.aei_net import AEINet
from ...networks.fast_aei_net import FastAEINet
from ...records import Array, Crop, SwappedCrop
from ...tensors import from_planar, to_planar
from ...weights.loading import load_into
from ...weights.store import find, require
from ..base import engine_key
from ..neural import (
    Framing,
    MaskRule,
    NeuralEngine,
    outline_mask,
    resized,
    rounded,
    truncated,
)
from ..torch_runtime import Batches, start
from .masks import mask_rule
from .options import ARCFACE, LANDMARKS, SHARPENER, GhostOptions
from .smoothing import smooth_as_ghost

SCHEMA = 1
#: Side of the crop that the source's identity is read from.
SOURCE_SIZE = 224
AS_IS = "--ghost_exact does as GHOST does"

#: Takes (B, 3, S, S) RGB and gives embeddings, or sharper pictures.
Network = Callable[[Tensor], Tensor]


def load(device: Device, options: GhostOptions) -> GhostEngine:
    """Load the engine from GHOST's own weights.

    Raises:
        InputError: If a file is missing, damaged or another network's.
    """
    path = options.g_path or require(f"ghost_unet_{options.num_blocks}")
    arcface = require(ARCFACE)
    sharpener = require(SHARPENER) if options.use_sr else None
    module = cast(AEINet, load_into(network_name(options), path, "cpu"))
    mask, notes = mask_rule(options.exact, device.providers)
    make = partial(FastAEINet, module, device=device.name)
    started = start(make, torch.ones(512), device.name, -1.0, 1.0)
    files = [path, arcface, sharpener, find(LANDMARKS)]
    framing = Framing(
        name="ghost",
        key=engine_key("ghost", SCHEMA, options, started.precision, files=files),
        target=target_spec(options),
        source=source_spec(options),
        batch_size=started.generator.largest,
        notes=(*started.notes, *notes),
    )
    recognizer = load_into("iresnet100", arcface, "cpu")  # once per person: not worth a GPU
    sharpen = None if sharpener is None else _sharpen(sharpener, options, device.name)
    return GhostEngine(framing, started.generator, recognizer, mask, sharpen, options.exact)


def network_name(options: GhostOptions) -> str:
    """Return the name of the generator for ``videoswap.networks.build``."""
    return f"ghost_aei_{options.backbone}_{options.num_blocks}"


def _sharpen(path: Path, options: GhostOptions, device: str) -> Network:
    """Load the super-resolution; GHOST leaves it in training mode by mistake, 20 faces a batch."""
    network = load_into("ghost_sr", path, device).train(options.exact)
    step = 20 if options.exact else 4
    return lambda pictures: torch.cat(
        [network(pictures[k : k + step].to(device)) for k in range(0, len(pictures), step)]
    )


def halved(pictures: Tensor) -> Tensor:
    """Halve the sides, as GHOST does for ArcFace: bilinear with aligned corners, no averaging."""
    return F.interpolate(pictures, scale_factor=0.5, mode="bilinear", align_corners=True)


def target_spec(options: GhostOptions) -> CropSpec:
    """Say how faces are cut out of frames."""
    return _spec(options.crop_size, options.exact)


def source_spec(options: GhostOptions) -> CropSpec:
    """Say how faces are cut out of source photos."""
    return _spec(SOURCE_SIZE, options.exact)


def _spec(side: int, exact: bool) -> CropSpec:
    if not exact:
        return CropSpec(blended_pose, (side,))
    return CropSpec(
        nearest_pose, (side,), points="detector", black_outside=True, smoother=smooth_as_ghost
    )


class GhostEngine(NeuralEngine):
    """Swaps with AEI-Net.

    Args:
        framing: Name and pictures.
        generator: AEI-Net; takes and gives (B, 3, 256, 256) RGB in [-1, 1].
        recognizer: ArcFace; takes (B, 3, 112, 112) RGB in [-1, 1], gives (B, 512), raw.
        mask: Draws the masks.
        sharpen: The super-resolution; takes and gives (B, 3, 256, 256) RGB in [0, 1]. None
            for none.
        exact: Round and cut off as the reference does.
    """

    def __init__(
        self,
        framing: Framing,
        generator: Batches,
        recognizer: Network,
        mask: MaskRule = outline_mask,
        sharpen: Network | None = None,
        exact: bool = False,
    ) -> None:
        super().__init__(framing, AS_IS if exact else "", depends_on_past=exact, batches=generator)
        self._generator = generator
        self._recognizer = recognizer
        self._mask = mask
        self._sharpen = sharpen
        self._exact = exact

    @torch.inference_mode()
    def embed(self, pictures: Sequence[Array]) -> Any:
        """Embed 224-pixel crops of one person: the mean of ArcFace's raw embeddings."""
        if self._exact:
            pictures = [rounded(picture) for picture in pictures]
        z = self._recognizer(halved(torch.from_numpy(to_planar(pictures, -1, 1))))
        return self._generator.identity(z.mean(dim=0, keepdim=True))

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of one size."""
        whole: list[Array] = [crop.pixels for crop in crops]
        if self._exact:
            whole = [rounded(picture) for picture in whole]
        inputs = [resized(picture, GENERATOR_SIZE) for picture in whole]
        made = self._finished(self._generator(torch.from_numpy(to_planar(inputs, -1, 1)), people))
        swapped = []
        for crop, picture in zip(crops, made, strict=True):
            back = resized(picture, crop.pixels.shape[0]).astype("float32")
            swapped.append(SwappedCrop(back, self._mask(crop, back)))
        return swapped

    @property
    def paints_tensors(self) -> bool:
        """See :class:`Engine`."""
        return self._mask is outline_mask and not self._exact

    @property
    def tensor_device(self) -> torch.device:
        """See :class:`Engine`."""
        return self._generator.device

    @torch.inference_mode()
    def paint_tensors(self, pictures: Tensor, people: Sequence[Any]) -> Tensor:
        """See :class:`Engine`."""
        from ...on_tensors.conversions import from_range, to_range

        inner, outer = (GENERATOR_SIZE,) * 2, pictures.shape[2:]
        given = F.interpolate(pictures, inner, mode="bilinear", align_corners=False)
        made = from_range(self._generator(to_range(given, -1, 1), people), -1, 1)
        if self._sharpen is not None:
            made = from_range(self._sharpen(to_range(made, 0, 1)), 0, 1)
        return F.interpolate(made, outer, mode="bilinear", align_corners=False)

    def _finished(self, pictures: Tensor) -> list[Array]:
        """Turn what the generator gave into pictures, sharpened if asked for."""
        made = from_planar(pictures.float().cpu().numpy(), -1, 1)
        if self._exact:
            made = truncated(made)
        if self._sharpen is None:
            return made
        with torch.inference_mode():
            sharp = self._sharpen(torch.from_numpy(to_planar(made, 0, 1)))
            made = from_planar(sharp.float().cpu().numpy(), 0, 1)
        return truncated(made) if self._exact else made
