"""The display size of a Matroska track, which PyAV cannot ask FFmpeg's muxer for.

The muxer is given a track name with a placeholder at its end. When the file is complete, the
placeholder gives its room to the display size, so nothing else of the file moves.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from ..errors import OutputError, first_line

TITLE_PLACEHOLDER = "|room for the shape of the pixels"
SEGMENT, TRACKS, CLUSTER = 0x18538067, 0x1654AE6B, 0x1F43B675
TRACK, NAME, VIDEO, VOID, CRC = 0xAE, 0x536E, 0xE0, 0xEC, 0xBF
PIXEL_WIDTH, PIXEL_HEIGHT = 0xB0, 0xBA
DISPLAY_WIDTH, DISPLAY_HEIGHT, DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
DISPLAY_ELEMENTS = (DISPLAY_WIDTH, DISPLAY_HEIGHT, DISPLAY_UNIT)
ASPECT_RATIO = 3  # the display unit of a mere ratio
MAX_ELEMENT_HEADER = 12
MOST_OF_KIND, MOST_OF_SIZE = 4, 8  # bytes


def write_pixel_shape(path: Path, ratio: Fraction) -> None:
    """Write the shape of the pixels of the track whose name ends in the placeholder.

    Args:
        path: A Matroska or WebM file that FFmpeg wrote.
        ratio: Width over height of a pixel.

    Raises:
        OutputError: ``damaged_result`` if it is not what FFmpeg writes; it stays as it is then.
    """
    try:
        _write_pixel_shape(path, ratio)
    except (ValueError, LookupError, ArithmeticError) as error:
        why = f"{path} is damaged: {first_line(error)}."
        raise OutputError("damaged_result", why, "Write another container.") from None


def _write_pixel_shape(path: Path, ratio: Fraction) -> None:
    with path.open("r+b") as file:
        found = _tracks(file)
        if found is None:
            return
        start, size = found
        file.seek(start)
        old = file.read(size)
        parts = [
            head + (_track(content, ratio) if kind == TRACK else content)
            for kind, head, content in _elements(old)
        ]
        digests = [kind == CRC for kind, _, _ in _elements(old)]
        if digests[0]:  # of everything after it
            parts[0] = _element(CRC, zlib.crc32(b"".join(parts[1:])).to_bytes(4, "little"))
        new = b"".join(parts)
        if len(new) == len(old):
            file.seek(start)
            file.write(new)


def _tracks(file: BinaryIO) -> tuple[int, int] | None:
    """Return where the content of Tracks begins and how long it is."""
    end = file.seek(0, 2)
    file.seek(0)
    while True:
        head = file.read(MAX_ELEMENT_HEADER)
        if not head or not head[0]:
            return None
        kind, size, length = _head(head, 0)
        at = file.seek(length - len(head), 1)
        if kind == CLUSTER:
            return None
        if kind != SEGMENT and size > end - at:
            raise ValueError("an element is longer than the file")
        if kind == TRACKS:
            return at, size
        if kind != SEGMENT:
            file.seek(size, 1)


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """Return the kind of an element, the size of its content and the length of its head."""
    first = 9 - data[at].bit_length()
    if first > MOST_OF_KIND:
        raise ValueError("there is no element where one should be")
    kind = int.from_bytes(data[at : at + first], "big")
    second = 9 - data[at + first].bit_length()
    if second > MOST_OF_SIZE or at + first + second > len(data):
        raise ValueError("an element has no size")
    size = int.from_bytes(data[at + first : at + first + second], "big")
    return kind, size - (1 << 7 * second), first + second


def _elements(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield kind, head and content of each element."""
    at = 0
    while at < len(data):
        kind, size, length = _head(data, at)
        middle, end = at + length, at + length + size
        if end > len(data):
            raise ValueError("an element is longer than what it lies in")
        yield kind, data[at:middle], data[middle:end]
        at = end


def _element(kind: int, content: bytes) -> bytes:
    length = 1
    while len(content) >= (1 << 7 * length) - 1:
        length += 1
    size = (len(content) + (1 << 7 * length)).to_bytes(length, "big")
    return _bytes(kind) + size + content


def _bytes(number: int) -> bytes:
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def _track(data: bytes, ratio: Fraction) -> bytes:
    """Return a track entry as long as before, with a display size for the placeholder."""
    mark = TITLE_PLACEHOLDER.encode()
    if not any(kind == NAME and name.endswith(mark) for kind, _, name in _elements(data)):
        return data
    made = b""
    for kind, head, content in _elements(data):
        if kind == NAME:
            name = content.removesuffix(mark)
            made += _element(NAME, name) if name else b""
        elif kind == VIDEO:
            made += _element(VIDEO, _video(content, ratio))
        else:
            made += head + content
    room = len(data) - len(made)
    return made + _element(VOID, bytes(room - 2))


def _video(old: bytes, ratio: Fraction) -> bytes:
    """Return the settings of a video with a display size: pixels if that is exact, else a ratio."""
    known = {kind: int.from_bytes(content, "big") for kind, _, content in _elements(old)}
    width, height = known[PIXEL_WIDTH], known[PIXEL_HEIGHT]
    wide, high = width * max(ratio, Fraction(1)), height * max(1 / ratio, Fraction(1))
    made = b"".join(
        head + content for kind, head, content in _elements(old) if kind not in DISPLAY_ELEMENTS
    )
    if wide.denominator * high.denominator > 1:
        shape = Fraction(width, height) * ratio
        wide, high = Fraction(shape.numerator), Fraction(shape.denominator)
        made += _element(DISPLAY_UNIT, _bytes(ASPECT_RATIO))
    sizes = ((DISPLAY_WIDTH, wide), (DISPLAY_HEIGHT, high))
    return made + b"".join(_element(kind, _bytes(int(side))) for kind, side in sizes)
