"""Aligned faces from what people have: packed crops with a table of points, or loose photos."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ...detection.face_detector import FaceDetector
from ...detection.face_models import FaceModels
from ...errors import InputError, reason_of
from ...geometry.affine import TEMPLATES, crop_matrix, transform
from ...geometry.resample import warp
from ...records import Array
from ...settings import AnalysisSettings
from ...video.stills.picture import read_picture
from ..shards import decode_jpeg

#: Side of the crops that are cut out of loose photos.
CROP_SIZE = 256
_FRAMING = "arcface_112_v2"
_PICTURES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True, eq=False)
class SourceFace:
    """A face in ArcFace's framing.

    Attributes:
        name: Tells it apart; begins with its folder.
        picture: (S, S, 3) uint8 RGB.
        points5: (5, 2) float32 in its pixels.
        landmarks: (68, 2) float32 in its pixels, where they are known already.
        identity: Who it is, or empty.
    """

    name: str
    picture: Array
    points5: Array
    landmarks: Array | None
    identity: str


class FaceSources:
    """Reads faces from tar files and folders.

    Args:
        table: CSV with the columns file, identity and lx0 ... ly4 (five points in pixels of square
            crops); None where all points lie on the template.
        landmarks: NPZ with ``name`` and ``landmarks68`` in pixels, or None.
        identities: First folders of names below which identities count.
        loose: Whether the pictures are photos of any kind: their faces are found and cut out, and
            a folder is a person where it counts.

    Raises:
        InputError: ``bad_source``.
    """

    def __init__(
        self,
        table: Path | None = None,
        landmarks: Path | None = None,
        identities: tuple[str, ...] = (),
        loose: bool = False,
    ) -> None:
        self._table = None if table is None else _read_table(table)
        self._landmarks = {} if landmarks is None else _read_landmarks(landmarks)
        self._identities, self._loose = identities, loose

    @cached_property
    def _detector(self) -> FaceDetector:
        # The same landmarks as those of aligned crops, wherever this runs.
        settings = AnalysisSettings(landmarks="dlib")
        return FaceDetector(FaceModels.load(settings=settings), settings)

    def faces(self, source: Path) -> Iterator[SourceFace]:
        """Yield the faces of a tar file or folder, in a fixed order.

        Raises:
            InputError: ``bad_source`` or ``damaged_shard``, or what a loose photo is refused for.
        """
        if self._loose:
            return self._found(source)
        return self._aligned(source)

    def _aligned(self, source: Path) -> Iterator[SourceFace]:
        for name, data in _files(source):
            picture = decode_jpeg(data, name)
            row: Mapping[str, str] = {}
            points = TEMPLATES[_FRAMING] * picture.shape[0]
            if self._table is not None:
                if name not in self._table:
                    raise InputError("bad_source", f"The table has no row for {name} of {source}.")
                row = self._table[name]
                points = np.array([[float(row[f"l{axis}{n}"]) for axis in "xy"] for n in range(5)])
            counts = name.partition("/")[0] in self._identities
            yield SourceFace(
                name,
                picture,
                points.astype(np.float32),
                self._landmarks.get(name),
                row.get("identity", "") if counts else "",
            )

    def _found(self, source: Path) -> Iterator[SourceFace]:
        if not source.is_dir():
            raise InputError("bad_source", f"{source} is no folder of photos.")
        for path in sorted(source.rglob("*")):
            if path.suffix.lower() not in _PICTURES:
                continue
            photo = read_picture(path).rgb
            name = path.relative_to(source)
            folder = name.parts[0] if len(name.parts) > 1 else ""
            for number, face in enumerate(self._detector.detect(photo)):
                matrix = crop_matrix(face.points5, TEMPLATES[_FRAMING], CROP_SIZE)
                landmarks = None if face.landmarks is None else transform(matrix, face.landmarks)
                yield SourceFace(
                    f"{name.as_posix()}#{number}",
                    warp(photo, matrix, CROP_SIZE),
                    transform(matrix, face.points5).astype(np.float32),
                    None if landmarks is None else landmarks.astype(np.float32),
                    folder if folder in self._identities else "",
                )


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the pictures of a tar file or folder, in a fixed order."""
    try:
        if source.is_dir():
            for path in sorted(source.rglob("*")):
                if path.suffix.lower() in _PICTURES:
                    yield path.relative_to(source).as_posix(), path.read_bytes()
            return
        with tarfile.open(source) as archive:
            for member in archive:
                if member.isfile() and Path(member.name).suffix.lower() in _PICTURES:
                    file = archive.extractfile(member)
                    yield member.name, b"" if file is None else file.read()
    except (OSError, tarfile.TarError) as error:
        raise InputError("bad_source", f"{source} cannot be read: {reason_of(error)}.") from None


def _read_table(path: Path) -> dict[str, dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["file"]: row for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as error:
        raise InputError("bad_source", f"{path} cannot be read: {reason_of(error)}.") from None


def _read_landmarks(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as found:
            points = found["landmarks68"].astype(np.float32)
            return dict(zip(found["name"].tolist(), points, strict=True))
    except (OSError, KeyError, ValueError) as error:
        raise InputError("bad_source", f"{path} cannot be read: {reason_of(error)}.") from None
