"""OpenEXR pictures: scene-linear half floats, mapped to 16-bit integers without loss.

Each half float becomes its ordinal in the order of values, so that the integer planes of a frame
hold it exactly and interpolation stays monotone. Everything else in the file (depth, layers,
header) is copied to the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np

from ...errors import InputError
from ...marks import with_mark
from ...packages import explain
from ...records import Array, Fallback
from ..pixel_formats import samples

HALF_TRANSFER = "half"  # the transfer of such frames
_SIGN = 0x8000
MAX_FRAME_PIXELS = 150_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ExrPicture:
    """What an EXR file holds.

    Attributes:
        header: Its header, as the library gives it.
        channels: Its channels by name, (H, W) arrays as they are in the file.
        path: The file.
    """

    header: dict[str, Any]
    channels: dict[str, Array]
    path: Path

    @property
    def names(self) -> tuple[str, ...]:
        """Names of green, blue, red and, where there is one, alpha: the order of planes."""
        return ("G", "B", "R", "A") if "A" in self.channels else ("G", "B", "R")

    @property
    def notes(self) -> tuple[Fallback, ...]:
        """What is not kept bit for bit."""
        if all(self.channels[name].dtype == np.float16 for name in self.names):
            return ()
        why = "faces are put into half floats"
        return (Fallback("floats of 32 bits", "half floats", why),)

    def frame(self) -> av.VideoFrame:
        """Return a frame of the kind gbrp16le or gbrap16le with the ordinals of the samples."""
        height, width = self.channels["G"].shape
        frame = av.VideoFrame(width, height, "gbrap16le" if "A" in self.channels else "gbrp16le")
        for plane, name in zip(frame.planes, self.names, strict=True):
            with np.errstate(over="ignore"):
                half = self.channels[name].astype(np.float16)
            samples(plane, 16)[:, :width] = half_to_ordinal(half)
        return frame


def half_to_ordinal(half: Array) -> Array:
    """Return the ordinals (uint16) of half floats; a greater value has a greater ordinal."""
    bits = np.ascontiguousarray(half, dtype=np.float16).view(np.uint16)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN).astype(np.uint16)


def ordinal_to_half(ordinal: Array) -> Array:
    """Return half floats for ordinals: the inverse of `half_to_ordinal`."""
    ordinal = np.ascontiguousarray(ordinal, dtype=np.uint16)
    return np.where(ordinal & _SIGN, ordinal & ~np.uint16(_SIGN), ~ordinal).view(np.float16)


def read_exr(path: Path) -> ExrPicture:
    """Read an EXR file.

    Raises:
        InputError: ``not_a_picture``, ``picture_too_large``, ``unsupported_picture`` without
            full R, G and B, or ``missing_package``.
    """
    library = _library()
    try:
        with library.File(str(path), header_only=True) as file:
            least, most = file.header()["dataWindow"]
            if np.prod(np.asarray(most, float) - least + 1) > MAX_FRAME_PIXELS:
                raise InputError("picture_too_large", f"{path} has too many pixels.")
        with library.File(str(path), separate_channels=True) as file:
            header = dict(file.header())
            found = {name: np.array(item.pixels) for name, item in file.channels().items()}
            parts = len(file.parts)
    except (RuntimeError, ValueError, TypeError, OSError, MemoryError) as error:
        raise InputError(
            "not_a_picture",
            f"{path} is not a picture that can be read, or it is damaged.",
            f"OpenEXR says: {str(error).splitlines()[0] if str(error) else type(error).__name__}.",
        ) from None
    shapes = {found[name].shape for name in ("R", "G", "B") if name in found}
    plain = all(name in found for name in "RGB") and len(shapes) == 1 and parts == 1
    if not plain or any(found[name].ndim != 2 for name in "RGB"):
        raise InputError(
            "unsupported_picture",
            f"{path} has not one part with R, G and B of one size.",
            "Write it so, for example with oiiotool.",
        )
    return ExrPicture(header, found, path)


def write_exr(path: Path, planes: list[Array], like: ExrPicture, mark: bool = False) -> None:
    """Write an EXR file with other colors and everything else of another.

    Args:
        path: The result.
        planes: (H, W) uint16 ordinals of green, blue, red and perhaps alpha.
        like: The picture that it is made from.
        mark: Whether the header says that it is synthetic.
    """
    library = _library()
    channels: dict[str, Any] = dict(like.channels)
    for name, plane in zip(like.names, planes, strict=True):
        channels[name] = ordinal_to_half(plane)
    header = {name: value for name, value in like.header.items() if name != "channels"}
    if mark:
        header["comments"] = with_mark(str(header.get("comments") or ""))
    with library.File(header, channels) as file:
        file.write(str(path))


def _library() -> ModuleType:
    try:
        import OpenEXR
    except ImportError as error:
        raise explain(error) from error
    module: ModuleType = OpenEXR
    return module
