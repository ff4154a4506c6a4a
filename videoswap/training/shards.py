"""Packed training data: pictures in tar files that WebDataset reads too, numbers beside them.

``NAME.tar`` holds ``000000.jpg``, ``000001.jpg`` ..., and where the pixels have classes
``000000.parts.png``; ``NAME.npz`` one row of every column for each picture, and where its bytes
lie. The tar files are mapped, so any sample is one decoding
away, in any order, and a training may be larger than the memory. A shard appears under its name
only when it is complete: packing goes on with the missing ones.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from zipfile import BadZipFile

import cv2
import numpy as np

from ..errors import InputError, OutputError, reason_of
from ..fingerprint import digest_of, file_digest
from ..records import Array

JPEG_QUALITY = 93
#: Columns that the reader needs.
_OFFSET, _SIZE = "offset", "size"
_PARTS_OFFSET, _PARTS_SIZE = "parts_offset", "parts_size"


class ShardWriter:
    """Writes one shard; use it in a ``with`` block, which finishes it or leaves nothing.

    Args:
        folder: Where the shards are; made if it is not there.
        name: Without suffix.
    """

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._tar, self._numbers = folder / f"{name}.tar", folder / f"{name}.npz"
        self._hidden = folder / f".{name}.tar.part"
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> ShardWriter:
        self._file = tarfile.open(self._hidden, "w", format=tarfile.USTAR_FORMAT)
        return self

    def add(
        self, picture: Array | bytes, *, parts: Array | bytes | None = None, **columns: Any
    ) -> None:
        """Append a sample.

        Args:
            picture: (H, W, 3) uint8 RGB, kept as JPEG; or the bytes of a JPEG.
            parts: (H, W) uint8 classes of its pixels, kept as PNG; or the bytes of a PNG. Either
                all samples of a shard have them or none.
            columns: The same names for every sample of all shards: numbers, texts or arrays of
                one shape.
        """
        data = picture if isinstance(picture, bytes) else encode_jpeg(picture, JPEG_QUALITY)
        row = {**columns, _OFFSET: self._append("jpg", data), _SIZE: len(data)}
        if parts is not None:
            data = parts if isinstance(parts, bytes) else bytes(cv2.imencode(".png", parts)[1])
            row |= {_PARTS_OFFSET: self._append("parts.png", data), _PARTS_SIZE: len(data)}
        self._rows.append(row)

    def _append(self, suffix: str, data: bytes) -> int:
        """Append a member of the sample that is being added; returns where its bytes begin."""
        member = tarfile.TarInfo(f"{len(self._rows):06d}.{suffix}")
        member.size = len(data)
        offset = self._file.offset + tarfile.BLOCKSIZE
        self._file.addfile(member, io.BytesIO(data))
        return offset

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if error is not None or not self._rows:
            self._hidden.unlink(missing_ok=True)
            return
        columns = {name: np.array([row[name] for row in self._rows]) for name in self._rows[0]}
        try:
            with self._numbers.open("wb") as file:
                np.savez(file, allow_pickle=False, **columns)
            self._hidden.replace(self._tar)
        except OSError as failed:
            problem = f"{self._tar} cannot be written: {reason_of(failed)}."
            raise OutputError("cannot_write_shard", problem) from None


def is_packed(folder: Path, name: str) -> bool:
    """Whether a shard is complete."""
    return (folder / f"{name}.tar").is_file()


def is_held(name: str, one_of: int) -> bool:
    """Whether a sample is held out: decided by a name alone, so that it never changes."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % one_of == 0


class PackedPictures:
    """All shards of a folder as one list of samples.

    Attributes:
        columns: (N, ...) arrays by name, over all shards in the order of their names.
        key: Text that changes with the content.

    Args:
        folder: Where the shards are.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``.
    """

    columns: Mapping[str, Array]

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        paths = sorted(Path(folder).glob("*.tar"))
        if not paths:
            hint = "Make them with `videoswap train prepare`."
            raise InputError("no_shards", f"There are no packed pictures in {folder}.", hint)
        self._maps: list[mmap.mmap] = []
        parts: list[dict[str, Array]] = []
        digests = []
        for path in paths:
            numbers = path.with_suffix(".npz")
            try:
                with np.load(numbers, allow_pickle=False) as found:
                    parts.append({name: found[name] for name in found.files})
                with path.open("rb") as file:
                    self._maps.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                digests.append((path.name, path.stat().st_size, file_digest(numbers)))
            except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
                problem = f"The shard {path} is damaged: {reason_of(error)}."
                raise InputError("damaged_shard", problem, "Delete it and pack again.") from None
        names = set(parts[0]).intersection(*parts)
        self.columns = {name: np.concatenate([part[name] for part in parts]) for name in names}
        counts = [len(part[_SIZE]) for part in parts]
        self._shards = np.repeat(np.arange(len(parts)), counts)
        self.key = digest_of(digests)

    def __len__(self) -> int:
        return len(self._shards)

    def picture(self, row: int) -> Array:
        """Return a picture, (H, W, 3) uint8 RGB.

        Raises:
            InputError: ``damaged_shard``.
        """
        return decode_jpeg(self.jpeg(row), f"Sample {row}")

    def jpeg(self, row: int) -> bytes:
        """Return the bytes of a picture."""
        return self._bytes(row, _OFFSET, _SIZE)

    @property
    def has_parts(self) -> bool:
        """Whether the pixels of all pictures have classes."""
        return _PARTS_OFFSET in self.columns

    def parts(self, row: int) -> Array:
        """Return the classes of a picture's pixels, (H, W) uint8.

        Raises:
            InputError: ``damaged_shard``.
        """
        data = np.frombuffer(self.parts_png(row), np.uint8)
        found = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
        if found is None:
            problem = f"The parts of sample {row} are no picture."
            raise InputError("damaged_shard", problem, "Pack the data again.")
        return np.asarray(found)

    def parts_png(self, row: int) -> bytes:
        """Return the bytes of the PNG with the classes of a picture's pixels."""
        return self._bytes(row, _PARTS_OFFSET, _PARTS_SIZE)

    def _bytes(self, row: int, offset: str, size: str) -> bytes:
        first, count = int(self.columns[offset][row]), int(self.columns[size][row])
        return bytes(self._maps[self._shards[row]][first : first + count])


def encode_jpeg(picture: Array, quality: int) -> bytes:
    """Return (H, W, 3) uint8 RGB as JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return bytes(cv2.imencode(".jpg", picture[..., ::-1], options)[1])


def decode_jpeg(data: bytes, name: str) -> Array:
    """Return a JPEG or PNG as (H, W, 3) uint8 RGB.

    Raises:
        InputError: ``damaged_shard``.
    """
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        raise InputError("damaged_shard", f"{name} is no picture.", "Pack the data again.")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def pack(
    folder: Path,
    names: Iterable[str],
    fill: Callable[[str, ShardWriter], None],
    *,
    cancel: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = lambda line: None,
) -> int:
    """Write the shards that are not there yet.

    Args:
        folder: Where they go.
        names: Of all shards.
        fill: Adds the samples of a shard; depends on nothing but the name.
        cancel: Asked before every shard.
        say: Takes lines for people.

    Returns:
        How many are still missing, 0 unless it was cancelled.
    """
    missing = [name for name in names if not is_packed(folder, name)]
    for done, name in enumerate(missing):
        if cancel():
            return len(missing) - done
        with ShardWriter(folder, name) as shard:
            fill(name, shard)
        say(f"Packed {name}, {len(missing) - done - 1} to go.")
    return 0
