"""Photos of source people and of target faces, read and understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError, NoFaceError
from .finding.photos import PhotoReader
from .finding.tools import FaceTools
from .fingerprint import digest_of, pixels_digest
from .media.pillow import READABLE_SUFFIXES
from .media.stills import read_picture
from .records import Array, Fallback, Photo
from .settings import AnalysisSettings

SMALL_FACE = 64  # pixels


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
        return digest_of([pixels_digest(photo.pixels) for photo in self.photos])


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One target face to look for.

    Attributes:
        label: The path that was given.
        embedding: (D,) float32.
    """

    label: str
    embedding: Array


def photo_files(folder: Path) -> list[Path]:
    """Return the photos that lie in a folder, by name; hidden files are none."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in READABLE_SUFFIXES and not file.name.startswith(".")
    )


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
        Source(str(path), photos) for path, (photos, _) in zip(paths, loaded, strict=True)
    )
    return people, tuple(note for _, notes in loaded for note in notes)


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


def _photos(path: Path, tools: FaceTools) -> tuple[tuple[Photo, ...], tuple[Fallback, ...]]:
    """Read a photo, or those of a folder; there, photos without a face are left out."""
    reader = tools.photos(AnalysisSettings())
    if not path.is_dir():
        photo, notes = _photo(path, reader)
        return (photo,), notes
    photos, told, failure = [], [], None
    for file in photo_files(path):
        try:
            photo, notes = _photo(file, reader)
        except NoFaceError as error:
            failure = error
            told.append(Fallback(f"the photo {file}", "", "no face was found in it"))
            continue
        photos.append(photo)
        told.extend(notes)
    if failure is not None and not photos:
        raise failure
    if not photos:
        raise InputError(
            "no_photos", f"The folder {path} holds no photo.", "Put PNG or JPEG photos into it."
        )
    return tuple(photos), (*told, *_strangers(path, photos, tools))


def _photo(path: Path, reader: PhotoReader) -> tuple[Photo, tuple[Fallback, ...]]:
    """Read one photo; a word is said if it shows several people or a very small face.

    Raises:
        NoFaceError: ``no_face_in_photo``.
    """
    picture = read_picture(path)
    faces = reader.analyze_picture(picture.rgb)
    photo = reader.photo_from(str(path), picture.rgb, faces)
    notes = list(picture.notes)
    if len(faces) > 1:
        why = f"it shows {len(faces)}"
        notes.append(Fallback(f"the only face of {path}", "the largest face", why))
    if photo.face.size < SMALL_FACE:
        why = f"it is only {photo.face.size:.0f} pixels large"
        notes.append(Fallback("a sharp face", f"a blurred face from {path}", why))
    return photo, tuple(notes)


def _strangers(path: Path, photos: Sequence[Photo], tools: FaceTools) -> tuple[Fallback, ...]:
    """Say it if the photos of a folder do not all show the person of the first one."""
    recognizer = tools.recognizer
    first, *others = [embedding_of([photo], tools) for photo in photos]
    limit = recognizer.default_threshold
    strange = sum(recognizer.distance(first, other) > limit for other in others)
    if not strange:
        return ()
    why = f"{strange} of {len(photos)} photos seem to show somebody else"
    return (Fallback("one person", f"a mixture of all the people in {path}", why),)
