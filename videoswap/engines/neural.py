"""What engines with a learned generator have in common. Does not import torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ..crops import CropSpec, PictureSurface, crop_face
from ..errors import InputError
from ..geometry.face_masks import inner_face_mask
from ..records import (
    Array,
    Crop,
    Photo,
    SwappedCrop,
)
from .base import Identity

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
    """

    name: str
    key: str
    target: CropSpec
    source: CropSpec
    batch_size: int


class NeuralEngine(ABC):
    """An engine made of a generator and an identity encoder."""

    keeps: frozenset[str] = frozenset()
    as_is = False

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self.name = framing.name
        self.key = framing.key
        self.spec = framing.target
        self.batch_size = framing.batch_size

    def identity(self, photos: Sequence[Photo]) -> Identity:
        """Embed the photos of one person; the mean by the engine's own rule."""
        pictures = [photo_crop(photo, self._framing.source) for photo in photos]
        return Identity(photos[0].label, self.embed(pictures))

    def swap(self, crops: Sequence[Crop], identities: Sequence[Identity]) -> list[SwappedCrop]:
        """Swap a batch of crops of one size, possibly of several people."""
        if not crops:
            return []
        return self.paint(crops, [identities[crop.source].data for crop in crops])

    @abstractmethod
    def embed(self, pictures: Sequence[Array]) -> Any:
        """Make the identity of one person.

        Args:
            pictures: (S, S, 3) float32 RGB, 0 to 255: its photos in the source's framing.
        """

    @abstractmethod
    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of one size, each onto the identity beside it."""


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
