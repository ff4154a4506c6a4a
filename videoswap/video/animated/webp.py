"""Animated WebP, which FFmpeg cannot decode: read by Pillow, times in milliseconds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ...errors import InputError
from ..pixel_formats import Repacker
from ..stills.pillow import decoding, open_picture

MILLISECOND = Fraction(1, 1000)


def webp_frames(path: Path) -> Iterator[av.VideoFrame]:
    """Yield the frames of an animated WebP as gbrap, with pts and duration in milliseconds.

    Raises:
        InputError: ``not_media`` if the file is damaged.
    """
    repack = Repacker("gbrap")
    pts = 0
    try:
        with open_picture(path, ("WEBP",)) as picture:
            for index in range(getattr(picture, "n_frames", 1)):
                with decoding(path):
                    picture.seek(index)
                    pixels = np.asarray(picture.convert("RGBA"))
                frame = repack(av.VideoFrame.from_ndarray(pixels, format="rgba"))
                # A browser shows a frame without a duration too; time must go on.
                duration = max(1, int(picture.info.get("duration", 0)))
                frame.pts, frame.time_base, frame.duration = pts, MILLISECOND, duration
                yield frame
                pts += duration
    except InputError as error:
        raise InputError("not_media", f"{path} is damaged or cut short.", error.hint) from None


def with_last_duration(data: bytes, milliseconds: int) -> bytes:
    """Return an animated WebP file whose last frame lasts so long; libwebp takes a mean instead."""
    file = bytearray(data)
    last, position = None, 12  # after RIFF, its size and WEBP
    while position + 8 <= len(file):
        (size,) = struct.unpack_from("<I", file, position + 4)
        if file[position : position + 4] == b"ANMF":
            last = position
        position += 8 + size + size % 2
    if last is not None:
        file[last + 20 : last + 23] = milliseconds.to_bytes(3, "little")
    return bytes(file)
