"""Animated PNG, written without loss; FFmpeg reads it.

A frame holds the rectangle that differs from the frame before, which stays below it. Third
edition of the PNG specification, https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import BinaryIO

import numpy as np
import PIL.Image

from ...records import Array
from ..plain_marks import png_comment

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TRUECOLOR, WITH_ALPHA = 2, 6
MAX_DELAY_PART = 0xFFFF  # numerator and denominator of a delay
_RECTANGLE = struct.Struct(">IIII")  # width, height, x, y


class ApngEncoder:
    """Encodes each frame as a packet: the rectangle that changed and its PNG data."""

    def __init__(self) -> None:
        self._before: Array | None = None

    def encode(self, pixels: Array) -> bytes:
        """Return the packet of a (H, W, 3 or 4) uint8 frame, RGB or RGBA."""
        left, top, right, bottom = self._changed(pixels)
        self._before = pixels
        file = io.BytesIO()
        part = np.ascontiguousarray(pixels[top:bottom, left:right])
        PIL.Image.fromarray(part).save(file, format="PNG")
        data = b"".join(data for kind, data in _chunks(file.getvalue()) if kind == b"IDAT")
        return _RECTANGLE.pack(right - left, bottom - top, left, top) + data

    def _changed(self, pixels: Array) -> tuple[int, int, int, int]:
        if self._before is None:
            return 0, 0, pixels.shape[1], pixels.shape[0]
        differs = (pixels != self._before).any(axis=2)
        rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
        if not len(rows):
            return 0, 0, 1, 1  # a frame has at least one pixel
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def write_apng(
    file: BinaryIO,
    size: tuple[int, int],
    alpha: bool,
    packets: Iterable[bytes],
    delays: list[Fraction],
    plays: int,
    mark: bool = False,
) -> None:
    """Write an animation.

    Args:
        file: Where to.
        size: Width and height in pixels.
        alpha: Whether the frames were RGBA.
        packets: What `ApngEncoder` made of the frames.
        delays: Seconds that each of them is shown.
        plays: How often it is played; 0 for ever.
        mark: Whether a comment says that it is synthetic.
    """
    kind = WITH_ALPHA if alpha else TRUECOLOR
    file.write(SIGNATURE)
    _write(file, b"IHDR", struct.pack(">IIBBBBB", *size, 8, kind, 0, 0, 0))
    if mark:
        file.write(png_comment())
    _write(file, b"acTL", struct.pack(">II", len(delays), plays))
    sequence = 0
    for index, (packet, delay) in enumerate(zip(packets, delays, strict=True)):
        rectangle, data = packet[: _RECTANGLE.size], packet[_RECTANGLE.size :]
        seconds = _delay(delay)
        control = struct.pack(">I", sequence) + rectangle + struct.pack(">HHBB", *seconds, 0, 0)
        _write(file, b"fcTL", control)
        sequence += 1
        if index == 0:
            _write(file, b"IDAT", data)
        else:
            _write(file, b"fdAT", struct.pack(">I", sequence) + data)
            sequence += 1
    _write(file, b"IEND", b"")


def _delay(seconds: Fraction) -> tuple[int, int]:
    """Return a delay as two numbers of 16 bits, the simplest that FFmpeg reads as the same."""
    for most in (1000, MAX_DELAY_PART):
        simple = seconds.limit_denominator(most)
        if abs(simple - seconds) < Fraction(1, 200_000) and simple.numerator <= MAX_DELAY_PART:
            return simple.numerator, simple.denominator
    return min(round(seconds), MAX_DELAY_PART), 1


def _write(file: BinaryIO, kind: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + kind + data)
    file.write(struct.pack(">I", zlib.crc32(kind + data)))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += length + 12
