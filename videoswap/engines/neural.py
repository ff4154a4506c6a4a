"""Engines with a learned generator and an identity encoder. Does not import torch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..crops import CropSpec, PictureSurface, crop_face
from ..errors import InputError
from ..geometry.face_masks import inner_face_mask
from ..records import Array, Crop, Fallback, Photo, SwappedCrop
from ..tensors import to_planar
from .base import Engine, Identity

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .torch_runtime import Batches

#: Draws the mask (S, S) float32 of a crop for its swapped picture (S, S, 3).
MaskRule = Callable[[Crop, Array], Array]


def outline_mask(crop: Crop, swapped: Array) -> Array:
    """Draw the mask from the target's own 68 landmarks: steady, as they are smoothed."""
    return inner_face_mask(crop.landmarks, crop.pixels.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """Name and pictures of an engine.

    Attributes:
        name: Name on the command line.
        key: Text that changes whenever results could: settings and weights.
        target: How faces are cut out of frames.
        source: How faces are cut out of source photos, in the largest of its sizes.
        batch_size: Crops that are best given at once.
        notes: What the engine does otherwise than asked or expected.
        device: Where the generator really runs, cpu or cuda; None for the run's device.
    """

    name: str
    key: str
    target: CropSpec
    source: CropSpec
    batch_size: int
    notes: tuple[Fallback, ...] = ()
    device: str | None = None


class NeuralEngine(Engine):
    """An engine made of a generator and an identity encoder.

    Args:
        framing: Name and pictures.
        as_is: See :class:`Engine`.
        depends_on_past: See :class:`Engine`.
        batches: Its generator, where torch runs it.
    """

    def __init__(
        self,
        framing: Framing,
        as_is: str = "",
        depends_on_past: bool = False,
        batches: Batches | None = None,
    ) -> None:
        self._batches = batches
        super().__init__(
            framing.name,
            framing.key,
            framing.target,
            batch_size=framing.batch_size,
            as_is=as_is,
            depends_on_past=depends_on_past,
            notes=framing.notes,
            device=framing.device,
        )
        self._source = framing.source

    def late_notes(self) -> tuple[Fallback, ...]:
        """See :class:`Engine`."""
        return () if self._batches is None else self._batches.late_notes()

    def identity(self, photos: Sequence[Photo]) -> Identity:
        """Embed the photos of one person; the mean by the engine's own rule."""
        pictures = [photo_crop(photo, self._source) for photo in photos]
        return Identity(photos[0].label, self.embed(pictures))

    @abstractmethod
    def embed(self, pictures: Sequence[Array]) -> Any:
        """Make the identity of one person.

        Args:
            pictures: (S, S, 3) float32 RGB, 0 to 255: its photos in the source's framing.
        """


class AEIEngine(NeuralEngine):
    """An engine whose generator is an AEI-Net on 256-pixel crops in one framing.

    Args:
        framing: Name and pictures.
        generator: AEI-Net; takes and gives (B, 3, 256, 256) RGB in [-1, 1].
        encode: Takes the photos of one person (B, 3, S, S) RGB in [-1, 1] in the source's
            framing, gives one identity (1, D).
        mask: Draws the masks.
    """

    def __init__(
        self,
        framing: Framing,
        generator: Batches,
        encode: Callable[[Tensor], Tensor],
        mask: MaskRule = outline_mask,
    ) -> None:
        super().__init__(framing, batches=generator)
        self._generator = generator
        self._encode = encode
        self._mask = mask

    def embed(self, pictures: Sequence[Array]) -> Any:
        """Make the identity of one person by the engine's rule."""
        import torch

        with torch.inference_mode():
            photos = torch.from_numpy(to_planar(pictures, -1, 1))
            return self._generator.identity(self._encode(photos))

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of 256 pixels; the pictures are converted on the device."""
        from ..on_tensors.conversions import downloaded, uploaded

        pictures = uploaded([crop.pixels for crop in crops], self._generator.device)
        made = downloaded(self.paint_tensors(pictures, people))
        return [
            SwappedCrop(picture, self._mask(crop, picture))
            for crop, picture in zip(crops, made, strict=True)
        ]

    @property
    def paints_tensors(self) -> bool:
        """Whether :meth:`paint_tensors` with the landmarks' outline as mask is all it does."""
        return self._mask is outline_mask

    @property
    def tensor_device(self) -> torch.device:
        """Where :meth:`paint_tensors` computes."""
        return self._generator.device

    def paint_tensors(self, pictures: Tensor, people: Sequence[Any]) -> Tensor:
        """Swap pictures (B, 3, 256, 256) float32 RGB, 0 to 255, on any device; gives the same."""
        from ..on_tensors.conversions import from_range, to_range

        return from_range(self._generator(to_range(pictures, -1, 1), people), -1, 1)


def truncated(pictures: Sequence[Array]) -> list[Array]:
    """Cut pictures down to whole numbers (uint8), as GHOST and BlendFace do, not rounding."""
    return [picture.astype(np.uint8) for picture in pictures]


def rounded(picture: Array) -> Array:
    """Round a picture to uint8."""
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def resized(picture: Array, size: int) -> Array:
    """Resize a square picture bilinearly, keeping its dtype; nothing is done at the same size."""
    if picture.shape[0] == size:
        return picture
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR))


def photo_crop(photo: Photo, spec: CropSpec) -> Array:
    """Cut the face out of a source photo, (S, S, 3) float32 RGB, S being the spec's largest size.

    Raises:
        InputError: ``face_too_small``.
    """
    crop = crop_face(PictureSurface(photo.pixels), photo.face, spec, size=spec.sizes[-1])
    if crop is None:
        raise InputError(
            "face_too_small", f"The face in {photo.label} has no extent.", "Use a larger photo."
        )
    return crop.pixels
