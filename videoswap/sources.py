"""Photos of source people and of target faces, read and understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .analysis.analyze import FaceTools, photo_from
from .errors import InputError
from .media.stills import read_picture
from .records import Array, Fallback, Photo

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
    loaded = [_photos(path, tools) for path in paths]
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
    return np.mean(
        [
            tools.recognizer.embed(photo.pixels, photo.face.landmarks)
            for photo in photos
            if photo.face.landmarks is not None
        ],
        axis=0,
    ).astype(np.float32)


def _photos(path: Path, tools: FaceTools) -> list[tuple[Photo, tuple[Fallback, ...]]]:
    if not path.is_dir():
        return [photo_from(str(path), read_picture(path).rgb, tools)]
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in PICTURE_SUFFIXES and not file.name.startswith(".")
    )
    if not files:
        raise InputError(
            "no_photos", f"The folder {path} holds no photo.", "Put PNG or JPEG photos into it."
        )
    return [photo_from(str(file), read_picture(file).rgb, tools) for file in files]
