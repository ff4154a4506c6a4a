"""Small steps on pictures (S, S, 3) RGB, 0 to 255, that several engines share."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..crops import CropSpec, PictureSurface, cut
from ..errors import InputError
from ..records import Array, Photo


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
    crop = cut(PictureSurface(photo.pixels), photo.face, spec, spec.sizes[-1], 0, 0)
    if crop is None:
        raise InputError(
            "face_too_small", f"The face in {photo.label} has no extent.", "Use a larger photo."
        )
    return crop.pixels
