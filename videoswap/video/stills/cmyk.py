"""CMYK pictures: converted to sRGB by their ICC profile, and changed pixels converted back."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms

from ...records import Array
from .pillow import pixels_of

ROUND_TRIP_SAMPLES = 4096  # colors of the picture with which the way there and back is tried
MAX_ROUND_TRIP_ERROR = 6.0  # mean levels by which they may differ after it


@dataclass(frozen=True, slots=True, eq=False)
class Inks:
    """The inks of a CMYK picture.

    Attributes:
        values: (H, W, 4) uint8.
        profile: The ICC profile that says what they look like.
    """

    values: Array
    profile: bytes

    def repainted(self, changed: Array, rgb: Array) -> Inks:
        """Return the inks with some pixels converted from sRGB; all others stay as they are.

        Args:
            changed: (H, W) bool.
            rgb: (H, W, 3) uint8 sRGB.
        """
        values = self.values.copy()
        if changed.any():
            values[changed] = _converted(rgb[changed][None], self.profile, "RGB")[0]
        return Inks(values, self.profile)


def read_inks(picture: PIL.Image.Image, profile: bytes | None) -> tuple[Array, Inks | None]:
    """Return a CMYK picture as (H, W, 3) uint8 sRGB, and its inks if sRGB can be converted back.

    It cannot without a profile, or if the round trip through the profile changes colors.
    """
    values = pixels_of(picture)
    if profile is None:
        return pixels_of(picture.convert("RGB")), None
    try:
        rgb = _converted(values, profile, "CMYK")
    except (PIL.ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return pixels_of(picture.convert("RGB")), None
    step = max(1, rgb[..., 0].size // ROUND_TRIP_SAMPLES)
    probes = np.ascontiguousarray(rgb.reshape(-1, 3)[::step][None])
    try:
        again = _converted(_converted(probes, profile, "RGB"), profile, "CMYK")
    except (PIL.ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return rgb, None
    error = np.abs(again.astype(np.int16) - probes).mean()
    return rgb, Inks(values, profile) if error <= MAX_ROUND_TRIP_ERROR else None


def _converted(pixels: Array, profile: bytes, mode: str) -> Array:
    """Convert (H, W, n) pixels of a mode, CMYK or RGB, to the other one."""
    inks: Any = PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))
    screen: Any = PIL.ImageCms.createProfile("sRGB")
    start, end = (inks, screen) if mode == "CMYK" else (screen, inks)
    picture = PIL.Image.fromarray(np.ascontiguousarray(pixels), mode=mode)
    other = "RGB" if mode == "CMYK" else "CMYK"
    made = PIL.ImageCms.profileToProfile(picture, start, end, outputMode=other)
    assert made is not None  # it is not changed in place
    return pixels_of(made)
