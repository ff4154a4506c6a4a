"""Still pictures: upright RGB in, PNG, JPEG or WebP out, alpha and metadata kept."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps

from ..errors import InputError, OutputError, UsageError
from ..records import Array, Fallback
from .files import atomic_output, open_input
from .pillow import decoding, opened
from .probe import find_video

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
ORIENTATION = 0x0112
_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "La", "RGBa", "CMYK", "YCbCr"}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A still picture, upright.

    Attributes:
        rgb: (H, W, 3) uint8 RGB.
        alpha: (H, W) uint8, or None for an opaque picture.
        icc_profile: Colour profile of ``rgb``, if any.
        exif: EXIF block without orientation, if any.
        notes: What was done otherwise than expected on reading.
    """

    rgb: Array
    alpha: Array | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    notes: tuple[Fallback, ...] = ()

    def with_rgb(self, rgb: Array) -> Picture:
        """Return a picture with other pixels and the same alpha and metadata."""
        return replace(self, rgb=rgb)


def read_picture(path: Path) -> Picture:
    """Read a picture, turned upright as its EXIF orientation says.

    Deeper than 8-bit pictures are reduced to 8 bits with a note; CMYK becomes sRGB through its
    profile; of an animation the first frame is read.

    Raises:
        InputError: ``missing_file``, ``is_directory``, ``empty_file``, ``not_a_picture``,
            ``picture_too_large`` or ``unsupported_picture``.
    """
    try:
        with opened(path) as file, decoding(path):
            deep = _is_deep(file)  # loading forgets it
            file.load()
            return _picture(file, path, deep)
    except InputError as error:
        raise _is_video(path) or error from None


def _is_video(path: Path) -> InputError | None:
    """Return what to say if the file is a video; None if it is not."""
    try:
        with open_input(path) as container:
            find_video(container, path)
    except InputError:
        return None
    return InputError(
        "not_a_picture",
        f"{path} is a video, not a picture.",
        "Give it as --target_video, or take one picture out of it.",
    )


def _picture(file: PIL.Image.Image, path: Path, deep: bool) -> Picture:
    exif = file.getexif()
    icc = file.info.get("icc_profile")
    notes = []
    upright = PIL.ImageOps.exif_transpose(file)
    if deep:
        notes.append(
            Fallback(f"the 16 of {path.name}", "8 bits", "pictures are worked on in 8 bits")
        )
        upright = _eight_bits(upright)
    elif upright.mode not in _MODES:
        raise InputError(
            "unsupported_picture",
            f"Pictures of mode {upright.mode} are not supported ({path}).",
            "Save it as 8-bit RGB.",
        )
    if upright.mode == "CMYK":
        upright, icc = _from_cmyk(upright, icc), None
        notes.append(Fallback(f"the CMYK of {path.name}", "sRGB", "faces are swapped in RGB"))
    transparent = upright.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in file.info
    if transparent:
        pixels = np.asarray(upright.convert("RGBA"))
        rgb, alpha = np.ascontiguousarray(pixels[..., :3]), pixels[..., 3].copy()
    else:
        rgb, alpha = np.array(upright.convert("RGB")), None
    if icc is not None and upright.mode in ("1", "L", "LA", "La"):
        icc = None  # a grey profile would be wrong for RGB
    exif.pop(ORIENTATION, None)
    return Picture(rgb, alpha, icc, exif.tobytes() if len(exif) else None, tuple(notes))


def _is_deep(file: PIL.Image.Image) -> bool:
    if file.mode.startswith("I") or file.mode == "F":
        return True
    tiles: list[Any] = list(getattr(file, "tile", ()))
    raw = str(tiles[0][3]) if tiles else ""
    return "16" in raw or file.info.get("bits") == 16


def _eight_bits(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode in ("RGB", "RGBA", "LA", "L"):
        return picture  # Pillow already took the upper eight bits
    values = np.asarray(picture, dtype=np.float64)
    if picture.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError("its samples are neither 8 nor 16 bits")
    return PIL.Image.fromarray(np.rint(values / 257).astype(np.uint8))


def _from_cmyk(picture: PIL.Image.Image, icc: bytes | None) -> PIL.Image.Image:
    if icc is not None:
        try:
            made = PIL.ImageCms.profileToProfile(
                picture,
                PIL.ImageCms.ImageCmsProfile(io.BytesIO(icc)),
                PIL.ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
            if made is not None:
                return made
        except (PIL.ImageCms.PyCMSError, OSError):
            pass
    return picture.convert("RGB")


def picture_format(path: Path) -> str:
    """Return Pillow's name of the format that a file name asks for.

    Raises:
        UsageError: ``unknown_picture_format``.
    """
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise UsageError(
            "unknown_picture_format",
            f"{path.name} does not end in the name of a picture format that can be written.",
            f"Use one of {', '.join(FORMATS)}.",
        )
    return form


def write_picture(
    path: Path, picture: Picture, quality: int = 95, overwrite: bool = True
) -> tuple[Fallback, ...]:
    """Write a picture as its name says; it appears only when complete.

    PNG is lossless; JPEG keeps full colour resolution (4:4:4); WebP is lossy at ``quality``.

    Args:
        path: The result.
        picture: What to write.
        quality: 1 to 100, for JPEG and WebP.
        overwrite: Whether a file that appeared under its name meanwhile is replaced.

    Returns:
        Notes, for example that JPEG cannot keep alpha.

    Raises:
        UsageError: ``unknown_picture_format``.
        OutputError: ``unwritable_output``, ``disk_full`` or ``picture_too_large``.
    """
    form = picture_format(path)
    notes: list[Fallback] = []
    pixels = picture.rgb
    if picture.alpha is not None and form == "JPEG":
        notes.append(Fallback("transparency", "", "JPEG files cannot hold it"))
    elif picture.alpha is not None:
        pixels = np.dstack([pixels, picture.alpha])
    options: dict[str, Any] = {"icc_profile": picture.icc_profile}
    if picture.exif is not None:
        options["exif"] = picture.exif
    if form == "JPEG":
        options |= {"quality": quality, "subsampling": "4:4:4", "optimize": True}
    elif form == "WEBP":
        options |= {"quality": quality, "method": 4, "exact": True}
    image = PIL.Image.fromarray(np.ascontiguousarray(pixels))
    try:
        with atomic_output(path, overwrite) as part:
            image.save(part, format=form, **options)
    except ValueError as error:
        raise OutputError(
            "picture_too_large", f"{path} cannot be written as {form}: {error}.", "Use .png."
        ) from error
    return tuple(notes)
