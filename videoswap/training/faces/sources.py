"""What there is to look through: pictures and videos of folders, single, tar and record files."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...errors import InputError, UsageError, reason_of
from ...records import Array
from ...video.formats import VIDEO_SUFFIXES
from ...video.stills.picture import read_picture
from ...video.stills.pillow import READABLE_SUFFIXES
from ..shards import decode_jpeg
from .record_files import list_records, record_picture

RECORDS = ".rec"  # suffix of MXNet's record files


@dataclass(frozen=True, slots=True)
class Item:
    """A picture or a video.

    Attributes:
        name: Unique: name of the source, and the path within it.
        path: The file, or the tar or record file it lies in.
        identity: Name of the person, where folder or table say so; else empty.
        offset: Of its first byte in that; -1 for a file of its own.
        size: In bytes.
    """

    name: str
    path: Path
    identity: str
    offset: int
    size: int

    @property
    def is_video(self) -> bool:
        """Whether it is a video by its suffix."""
        return PurePosixPath(self.name).suffix.lower() in VIDEO_SUFFIXES

    def read(self) -> Array:
        """Return the picture, (H, W, 3) uint8 RGB, upright.

        Raises:
            InputError: If it cannot be read.
        """
        if self.offset < 0:
            return read_picture(self.path).rgb
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.size)
        if self.path.suffix.lower() == RECORDS:
            data = record_picture(data, self.path)
        return decode_jpeg(data, self.name)


def list_items(
    sources: Sequence[Path], *, table: Path | None = None, folders: bool = True
) -> list[Item]:
    """Find all pictures and videos, in a fixed order.

    A picture in a folder of its source, or in a folder of that, shows the person that the folder
    is named after. Videos and pictures that lie loose in a source show anybody.

    Args:
        sources: Folders, looked through to their bottom, tar files, record files of MXNet, pictures
            or videos.
        table: CSV with the columns file (path within the source) and identity, which counts in
            place of the folder where it is not empty.
        folders: Whether folders name people.

    Raises:
        InputError: ``bad_source``, ``no_pictures``.
        UsageError: ``wrong_setting``, if two sources have the same name.
    """
    names = [source.resolve().name for source in sources]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        problem = f"Two sources are called {sorted(twice)[0]}."
        raise UsageError("wrong_setting", problem, "Rename one of them.")
    people = {} if table is None else _identities(table)
    items = []
    for source, label in zip(sources, names, strict=True):
        for inside, path, offset, size in _files(source):
            parent = PurePosixPath(inside).parent.as_posix() if folders else "."
            kind = PurePosixPath(inside or label).suffix.lower()
            named = f"{label}/{parent}" if parent != "." and kind in READABLE_SUFFIXES else ""
            name = f"{label}/{inside}" if inside else label
            items.append(Item(name, path, people.get(inside) or named, offset, size))
    if not items:
        problem = f"There are no pictures or videos in {', '.join(map(str, sources)) or 'nothing'}."
        raise InputError("no_pictures", problem)
    return items


def _files(source: Path) -> Iterator[tuple[str, Path, int, int]]:
    """Yield path within the source, file, offset and size of what a source holds."""
    try:
        if source.is_dir():
            for path in sorted(source.rglob("*")):
                inside = path.relative_to(source)
                if _is_wanted(inside) and path.is_file():
                    yield inside.as_posix(), path, -1, path.stat().st_size
        elif source.suffix.lower() == ".tar":
            with tarfile.open(source, "r:") as archive:
                for member in archive:
                    name = PurePosixPath(member.name)
                    if member.isfile() and _is_wanted(name) and not _is_video(name):
                        yield name.as_posix(), source, member.offset_data, member.size
        elif source.suffix.lower() == RECORDS:
            for one in list_records(source):
                yield f"{one.label}/{one.key:08d}.jpg", source, one.offset, one.size
        elif _is_wanted(source):
            yield "", source, -1, source.stat().st_size
        else:
            hint = "Sources are folders, tar files that are not compressed, .rec, pictures, videos."
            raise InputError("bad_source", f"{source} is no source of faces.", hint)
    except (OSError, ValueError, tarfile.TarError) as error:  # ValueError: an empty file mapped
        raise InputError("bad_source", f"{source} cannot be read: {reason_of(error)}.") from None


def _is_wanted(path: PurePosixPath | Path) -> bool:
    known = path.suffix.lower() in READABLE_SUFFIXES or _is_video(path)
    return known and not any(part.startswith(".") and part != ".." for part in path.parts)


def _is_video(path: PurePosixPath | Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES


def _identities(path: Path) -> dict[str, str]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["file"]: row["identity"] for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as error:
        raise InputError("bad_source", f"{path} cannot be read: {reason_of(error)}.") from None
