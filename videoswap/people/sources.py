"""Reads the photos of source people and of target faces, and checks whom they show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..detection.face_detector import FaceDetector, is_large, largest_face, shrunk
from ..detection.face_models import FaceModels
from ..errors import InputError, NoFaceError
from ..fingerprint import digest_of, pixels_digest
from ..paths import is_folder
from ..records import Array, Face, Fallback, Photo
from ..video.stills.picture import read_picture
from ..video.stills.pillow import READABLE_SUFFIXES
from .clustering import group_alike

SMALL_FACE_PIXELS = 64  # pixels
ENGINE_FACE_PIXELS = 1024  # pixels of a face: more than engines use
# Of the threshold: photos further apart from the others in the mean show somebody else for sure.
CLEARLY_APART_SHARE = 1.15
# What ``videoswap faces`` writes: a picture of everybody, a list, a picture of all of them, and one
# of when they are on screen.
CROP_NAME = re.compile(r"person_\d+\.png")
LISTING, SHEET, TIMELINE = "people.json", "people.png", "timeline.png"


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
class TargetFace:
    """One target face to look for.

    Attributes:
        label: The path that was given.
        embedding: (D,) float32.
    """

    label: str
    embedding: Array


def photo_files(folder: Path) -> list[Path]:
    """Return the photos that lie in a folder, by name.

    Hidden files are none, nor are the pictures of all people that ``videoswap faces`` writes.
    """
    drawn = (SHEET, TIMELINE) if (folder / LISTING).is_file() else ()
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in READABLE_SUFFIXES
        and not file.name.startswith(".")
        and file.name not in drawn
    )


def load_sources(
    paths: Sequence[Path | Sequence[Path]], tools: FaceModels, labels: Sequence[str] | None = None
) -> tuple[tuple[Source, ...], tuple[Fallback, ...]]:
    """Read the source people.

    Args:
        paths: A photo each, a folder with several photos of one person, or several photos.
        tools: The face tools.
        labels: Names to show; None takes the paths.

    Returns:
        The people and what has to be said about their photos.

    Raises:
        InputError: If a file cannot be read; ``no_photos`` or ``several_people`` of a folder.
        NoFaceError: ``no_face_in_photo``.
    """
    loaded = [_photos(path, tools) for path in paths]
    people = tuple(
        Source(label, photos)
        for label, (photos, _) in zip(labels or list(map(str, paths)), loaded, strict=True)
    )
    return people, tuple(note for _, notes in loaded for note in notes)


def load_target_faces(
    paths: Sequence[Path], tools: FaceModels
) -> tuple[tuple[TargetFace, ...], tuple[Fallback, ...]]:
    """Read the target faces; arguments, notes and errors as in ``load_sources``."""
    people, notes = load_sources(paths, tools)
    doubts = [note for person in people for photo in person.photos for note in _doubts(photo)]
    faces = tuple(TargetFace(one.label, embedding_of(one.photos, tools)) for one in people)
    return faces, (*notes, *doubts)


def _doubts(photo: Photo) -> Iterator[Fallback]:
    """Yield why somebody may not be found by a photo: it shows several people, or hardly one."""
    if photo.faces > 1:
        why = f"it shows {photo.faces}"
        yield Fallback(f"the only face of {photo.label}", "the largest face", why)
    if photo.face.size < SMALL_FACE_PIXELS:
        why = f"it is only {photo.face.size:.0f} pixels large"
        yield Fallback("a sharp face", f"a blurred face from {photo.label}", why)


def embedding_of(photos: Sequence[Photo], tools: FaceModels) -> Array:
    """Return the mean embedding (D,) float32 of the faces of some photos."""
    embeddings = [
        tools.recognizer.embed(photo.pixels, photo.face.landmarks)
        for photo in photos
        if photo.face.landmarks is not None
    ]
    return np.asarray(np.mean(embeddings, axis=0), np.float32)


def _photos(
    given: Path | Sequence[Path], tools: FaceModels
) -> tuple[tuple[Photo, ...], tuple[Fallback, ...]]:
    """Read the photos of a person; of several, those without a face are left out.

    Raises:
        InputError: ``no_photos`` or ``several_people``.
        NoFaceError: ``no_face_in_photo``.
    """
    detector = FaceDetector(tools)
    files = [given] if isinstance(given, Path) else list(given)
    if len(files) == 1 and not is_folder(files[0]):
        photo, notes = _photo(files[0], detector)
        return (photo,), notes
    what = f"The folder {files[0]}" if len(files) == 1 else f"The list of {len(files)} photos"
    if len(files) == 1:
        _check_not_listing(files[0])
        files = photo_files(files[0])
    photos, fallbacks, failure = [], [], None
    for file in files:
        try:
            photo, notes = _photo(file, detector)
        except NoFaceError as error:
            failure = error
            fallbacks.append(Fallback(f"the photo {file}", "", "no face was found in it"))
            continue
        photos.append(photo)
        fallbacks.extend(notes)
    if failure is not None and not photos:
        raise failure
    if not photos:
        raise InputError("no_photos", f"{what} holds no photo.", "Put PNG or JPEG photos into it.")
    kept, strangers = _of_one_person(what, photos, tools)
    return kept, (*fallbacks, *strangers)


def _photo(path: Path, detector: FaceDetector) -> tuple[Photo, tuple[Fallback, ...]]:
    """Read one photo, with the notes of reading it.

    Raises:
        NoFaceError: ``no_face_in_photo``.
    """
    picture = read_picture(path)
    return photo_of(str(path), picture.rgb, detector.detect(picture.rgb)), picture.notes


def photo_of(label: str, image: Array, faces: Sequence[Face]) -> Photo:
    """Return a photo with its largest face; a very large photo is made smaller if the face allows.

    Args:
        label: Name to show.
        image: (H, W, 3) uint8 RGB, upright.
        faces: Its faces, with landmarks.

    Raises:
        NoFaceError: ``no_face_in_photo``, if there is none.
    """
    face = largest_face(faces)
    if face is None:
        raise NoFaceError(
            "no_face_in_photo",
            f"No face was found in {label}.",
            "Use a sharp photo in which the face looks into the camera and is not cut off.",
        )
    factor = int(face.size // ENGINE_FACE_PIXELS)
    if is_large(image) and factor > 1:
        image, face = shrunk(image, factor), _in_shrunk(face, factor)
    return Photo(label, image, face, len(faces))


def _in_shrunk(face: Face, factor: int) -> Face:
    """Return a face in the pixels of a picture that was made smaller by a factor."""

    def moved(points: Array) -> Array:
        return ((points + 0.5) / factor - 0.5).astype(np.float32)

    landmarks = None if face.landmarks is None else moved(face.landmarks)
    return replace(face, box=moved(face.box), points5=moved(face.points5), landmarks=landmarks)


def _of_one_person(
    what: str, photos: Sequence[Photo], tools: FaceModels
) -> tuple[tuple[Photo, ...], tuple[Fallback, ...]]:
    """Return the photos of the one person that a folder shows; nobody is mixed with another.

    Raises:
        InputError: ``several_people``.
    """
    recognizer = tools.recognizer
    limit = recognizer.default_threshold
    vectors = np.stack([embedding_of([photo], tools) for photo in photos])
    main, *others = group_alike(vectors, limit, recognizer.distances)
    apart = [recognizer.distances(vectors[main], vectors[group]).mean() for group in others]
    clear = [
        group
        for group, far in zip(others, apart, strict=True)
        if len(group) > 1 and far > CLEARLY_APART_SHARE * limit
    ]
    if clear or 2 * len(main) <= len(photos):
        raise _several_people(what, [photos[main[0]], photos[(clear or others)[0][0]]])
    odd = {index: far for group, far in zip(others, apart, strict=True) for index in group}
    notes = tuple(
        Fallback(
            f"the photo {photos[index].label}",
            "",
            f"it does not show the person of the other photos (distance {far:.2f})",
        )
        for index, far in sorted(odd.items())
    )
    return tuple(photos[index] for index in main), notes


def _several_people(what: str, photos: Sequence[Photo]) -> InputError:
    names = " and ".join(Path(photo.label).name for photo in photos)
    return InputError(
        "several_people",
        f"{what} shows several people (for example {names}), and one is meant.",
        "Name one of the photos, or a folder with photos of one person.",
    )


def _check_not_listing(path: Path) -> None:
    """Refuse a folder of what ``videoswap faces`` wrote about several people.

    Raises:
        InputError: ``several_people``.
    """
    crops = [file for file in photo_files(path) if CROP_NAME.fullmatch(file.name)]
    if (path / LISTING).is_file() and len(crops) > 1:
        raise InputError(
            "several_people",
            f"The folder {path} holds one picture of each of {len(crops)} people, and one person "
            "is meant.",
            f"Name the pictures instead: {crops[0]} {crops[1]} ... (or use --person 1 2 ...).",
        )
