"""Encoded segments on disk: packets in coding order, with a digest that shows any damage.

Layout: 8 bytes of magic, the packets one after the other, a JSON trailer, its length (8 bytes,
big-endian), and the SHA-256 of everything before it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from ..errors import InputError
from ..records import Array
from .files import output_errors

MAGIC = b"VSWSEG1\n"
_LENGTH = struct.Struct(">Q")
_DIGEST = 32
_CHUNK = 1 << 20
# What reading nonsense raises, however deeply nested or large its numbers are.
_DAMAGE = (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError, struct.error)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedSegment:
    """The packets of one segment of video; their bytes stay on disk.

    Attributes:
        path: The file.
        pts: (n,) int64 presentation times in coding order.
        durations: (n,) int64 durations as the source says them, 0 where it does not.
        keys: (n,) bool, whether a packet holds a key frame.
        sizes: (n,) int64 bytes.
        extradata: Headers of the encoder.
        encoder: Name of the encoder.
        changed: Number of its frames that differ from the source.
        failed: Swaps that came out wrong, so that the original stayed: pts, track and why.
    """

    path: Path
    pts: Array
    durations: Array
    keys: Array
    sizes: Array
    extradata: bytes
    encoder: str
    changed: int = 0
    failed: tuple[tuple[int, int, str], ...] = ()

    def packets(self) -> Iterator[bytes]:
        """Yield the bytes of the packets, one at a time."""
        with self.path.open("rb") as file:
            file.seek(len(MAGIC))
            for size in self.sizes:
                yield file.read(int(size))

    @classmethod
    def load(cls, path: Path, check: bool = True) -> Self:
        """Open a segment.

        Args:
            path: The file.
            check: Whether to read all of it and compare the digest.

        Raises:
            InputError: ``damaged_segment`` if it is cut short or altered.
        """
        try:
            with path.open("rb") as file:
                trailer, room = _read(file, path, check)
            table = np.array(trailer["packets"], dtype=np.int64).reshape(-1, 4)
            if (table[:, 3] < 0).any() or sum(table[:, 3].tolist()) != room:
                raise ValueError("its packets are not as long as it says")
            return cls(
                path=path,
                pts=table[:, 0],
                durations=table[:, 1],
                keys=table[:, 2].astype(bool),
                sizes=table[:, 3],
                extradata=bytes.fromhex(trailer["extradata"]),
                encoder=trailer["encoder"],
                changed=int(trailer["changed"]),
                failed=tuple((int(t), int(n), str(why)) for t, n, why in trailer["failed"]),
            )
        except _DAMAGE as error:
            raise InputError(
                "damaged_segment",
                f"The encoded segment {path} is damaged: {error}.",
                "Delete it and run again.",
            ) from None


def _read(file: Any, path: Path, check: bool) -> tuple[dict[str, Any], int]:
    """Return the trailer, and how many bytes all packets have."""
    length = path.stat().st_size
    if length < len(MAGIC) + _LENGTH.size + _DIGEST or file.read(len(MAGIC)) != MAGIC:
        raise ValueError("it is cut short or not a segment")
    if check:
        digest = hashlib.sha256(MAGIC)
        left = length - len(MAGIC) - _DIGEST
        while left:
            data = file.read(min(_CHUNK, left))
            digest.update(data)
            left -= len(data)
        if file.read() != digest.digest():
            raise ValueError("its digest does not fit")
    file.seek(length - _DIGEST - _LENGTH.size)
    (size,) = _LENGTH.unpack(file.read(_LENGTH.size))
    room = length - len(MAGIC) - size - _LENGTH.size - _DIGEST
    if room < 0:
        raise ValueError("its trailer is longer than the file")
    file.seek(len(MAGIC) + room)
    trailer: dict[str, Any] = json.loads(file.read(size))
    return trailer, room


class SegmentWriter:
    """Writes a segment packet by packet; the file appears under its name only when complete."""

    def __init__(self, path: Path) -> None:
        """Start writing to a temporary name beside ``path``."""
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._digest = hashlib.sha256(MAGIC)
        self._table: list[tuple[int, int, int, int]] = []
        with output_errors(path):
            self._file = self._part.open("wb")
            self._file.write(MAGIC)

    def add(self, data: bytes, pts: int, duration: int, key: bool) -> None:
        """Append a packet."""
        with output_errors(self.path):
            self._file.write(data)
        self._digest.update(data)
        self._table.append((pts, duration, int(key), len(data)))

    def finish(
        self,
        extradata: bytes,
        encoder: str,
        changed: int = 0,
        failed: Sequence[tuple[int, int, str]] = (),
    ) -> EncodedSegment:
        """Write the trailer and give the file its name."""
        facts: dict[str, Any] = {
            "encoder": encoder,
            "extradata": extradata.hex(),
            "changed": changed,
        }
        facts["failed"] = list(failed)
        text = json.dumps({**facts, "packets": self._table}).encode()
        tail = text + _LENGTH.pack(len(text))
        self._digest.update(tail)
        with output_errors(self.path):
            self._file.write(tail + self._digest.digest())
            self._file.close()
            self._part.replace(self.path)
        return EncodedSegment.load(self.path, check=False)

    def discard(self) -> None:
        """Remove whatever was written, unless it was finished."""
        with contextlib.suppress(OSError):  # a full disk: what is buffered is not wanted anyway
            self._file.close()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove an unfinished file."""
        self.discard()
