"""Record files of MXNet (.rec with .idx), in which MS1M, Glint360K and others come.

A record is a magic number, a word with its length (29 bits) and how it is divided (3 bits), and its
bytes, filled up to a multiple of four. Bytes that contain the magic number at such a place are
divided there. A picture's record begins with flag, label and two numbers (24 bytes), then ``flag``
labels more if that is not 0, then the JPEG. Records without a picture say which others are whose.
All words are little-endian. Source of the format: dmlc-core's recordio.h, MXNet's image_recordio.h.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError, reason_of

_MAGIC = 0xCED7230A
_FRAME, _HEAD = struct.Struct("<II"), struct.Struct("<IfQQ")
_MOST_PEOPLE = 2**31
_WHOLE, _LAST = 0, 3  # how a record is divided; 1 begins, 2 goes on


@dataclass(frozen=True, slots=True)
class Record:
    """A picture of a record file.

    Attributes:
        key: Its number in the index, or its place in the file where there is none.
        label: Number of the person.
        offset: Of its first byte in the file.
        size: In bytes, with all that frames it.
    """

    key: int
    label: int
    offset: int
    size: int


def list_records(path: Path) -> Iterator[Record]:
    """Yield the pictures of a record file in the order in which they lie there.

    Args:
        path: The ``.rec`` file; the ``.idx`` file beside it says which records there are.

    Raises:
        InputError: ``bad_source`` if one of the two is damaged.
        OSError: If it cannot be read.
    """
    keys = _keys(path.with_suffix(".idx"))
    if path.stat().st_size == 0:
        raise _damaged(path, 0)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at, place = 0, 0
        while at < len(data):
            content, end = _record(data, at, path)
            if keys is None or at in keys:
                labels, picture = _divided(content, path)
                if picture:
                    if not labels or not math.isfinite(labels[0]) or abs(labels[0]) > _MOST_PEOPLE:
                        raise _damaged(path, at)
                    key = place if keys is None else keys[at]
                    yield Record(key, int(labels[0]), at, end - at)
            at, place = end, place + 1


def record_picture(data: bytes, path: Path) -> bytes:
    """Return the JPEG of a record.

    Args:
        data: The bytes of the record with all that frames it.
        path: Of the file, for messages.

    Raises:
        InputError: ``bad_source``.
    """
    return _divided(_record(data, 0, path)[0], path)[1]


def _record(data: bytes | mmap.mmap, at: int, path: Path) -> tuple[bytes, int]:
    """Return the content of the record that begins at a place, and where it ends."""
    parts = []
    while True:
        if at + _FRAME.size > len(data):
            raise _damaged(path, at)
        magic, word = _FRAME.unpack_from(data, at)
        kind, length = word >> 29, word & (1 << 29) - 1
        first = at + _FRAME.size
        if magic != _MAGIC or kind > _LAST or first + length > len(data):
            raise _damaged(path, at)
        parts.append(data[first : first + length])
        at = min(first + (length + 3) // 4 * 4, len(data))
        if kind in (_WHOLE, _LAST):
            return struct.pack("<I", _MAGIC).join(parts), at


def _divided(content: bytes, path: Path) -> tuple[tuple[float, ...], bytes]:
    """Return the labels and the picture of a record's content."""
    if len(content) < _HEAD.size:
        raise _damaged(path, 0)
    count, label, _, _ = _HEAD.unpack_from(content)
    end = _HEAD.size + 4 * count
    if len(content) < end:
        raise _damaged(path, 0)
    labels = struct.unpack_from(f"<{count}f", content, _HEAD.size) if count else (label,)
    return labels, content[end:]


def _keys(path: Path) -> dict[int, int] | None:
    """Return the keys by offset, or None where there is no index."""
    if not path.is_file():
        return None
    try:
        rows = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line]
        return {int(offset): int(key) for key, offset in rows}
    except ValueError as error:
        raise InputError("bad_source", f"{path} is no index: {reason_of(error)}.") from None


def _damaged(path: Path, at: int) -> InputError:
    return InputError("bad_source", f"{path} is damaged or no record file (at byte {at}).")
