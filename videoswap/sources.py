"""Photos of source people and of target faces, read and understood."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .analysis.photos import PhotoReader
from .analysis.tools import FaceTools
from .errors import InputError
from .media.stills import read_picture
from .records import Array, Fallback, Photo
from .settings import AnalysisSettings

PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One source person.

    Attributes:
        label: The path that was given.
        photos: One or more photos with their faces.
    """

    label: str
    photos: tuple[Photo, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the pixels of all photos."""
        digest = hashlib.sha256()
        for photo in self.photos:
            digest.update(photo.pixels.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One target face to look for.

    Attributes:
        label: The path that was given.
        embedding: (D,) float32.
    """

    label: str
    embedding: Array


def load_sources(
    paths: Sequence[Path], tools: FaceTools
) -> tuple[tuple[Source, ...], tuple[Fallback, ...]]:
    """Read the source people.

    Args:
        paths: A photo each, or a folder with several photos of one person.
        tools: The face tools.

    Returns:
        The people and what has to be said about their photos.

    Raises:
        InputError: If a file cannot be read, or a folder holds no photo.
        NoFaceError: ``no_face_in_photo``.
    """
    reader = tools.photos(AnalysisSettings())
    loaded = [_photos(path, reader) for path in paths]
    people = tuple(
        Source(str(path), tuple(photo for photo, _ in photos))
        for path, photos in zip(paths, loaded, strict=True)
    )
    return people, tuple(note for photos in loaded for _, notes in photos for note in notes)


def load_references(
    paths: Sequence[Path], tools: FaceTools
) -> tuple[tuple[Reference, ...], tuple[Fallback, ...]]:
    """Read the target faces; arguments, notes and errors as in ``load_sources``."""
    sources, notes = load_sources(paths, tools)
    return tuple(Reference(one.label, embedding_of(one.photos, tools)) for one in sources), notes


def embedding_of(photos: Sequence[Photo], tools: FaceTools) -> Array:
    """Return the mean embedding (D,) float32 of the faces of some photos."""
    embeddings = [
        tools.recognizer.embed(photo.pixels, photo.face.landmarks)
        for photo in photos
        if photo.face.landmarks is not None
    ]
    return np.asarray(np.mean(embeddings, axis=0), np.float32)


def _photos(path: Path, reader: PhotoReader) -> list[tuple[Photo, tuple[Fallback, ...]]]:
    if not path.is_dir():
        return [_photo(path, reader)]
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in PICTURE_SUFFIXES and not file.name.startswith(".")
    )
    if not files:
        raise InputError(
            "no_photos", f"The folder {path} holds no photo.", "Put PNG or JPEG photos into it."
        )
    return [_photo(file, reader) for file in files]


def _photo(path: Path, reader: PhotoReader) -> tuple[Photo, tuple[Fallback, ...]]:
    """Read one photo; a word is said if it shows several people."""
    picture = read_picture(path)
    photo = reader.photo_from(str(path), picture.rgb)
    count = len(reader.analyze_picture(picture.rgb))
    if count < 2:
        return photo, picture.notes
    several = Fallback(f"one face in {path}", "the largest is taken", f"it shows {count}")
    return photo, (*picture.notes, several)
