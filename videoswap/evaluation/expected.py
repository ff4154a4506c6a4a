"""Who is in the original, and who should have got which face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..detection.face_models import FaceModels
from ..errors import InputError
from ..people.choosing import match_people
from ..people.matching import Matching
from ..people.places import VideoPlaces
from ..people.plan import FilmTime, Plan, match_by_plan
from ..people.sources import (
    embedding_of,
    load_sources,
    load_target_faces,
    photo_files,
)
from ..records import Array, Person, Photo, Track, person_name
from ..settings import PeopleSettings


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A face that a swapped one may look like.

    Attributes:
        label: Path of the photo, name of the source in a plan, or the number of the person.
        kind: ``source``, ``original`` or ``gallery``.
        number: Index of the source or number of the person; -1 in the gallery.
        embedding: (D,) float32.
        photo: The first photo of a source or of the gallery; None for people of the original.
    """

    label: str
    kind: str
    number: int
    embedding: Array
    photo: Photo | None = None


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """The people of the original and the faces they should have in the result.

    Attributes:
        persons: Everybody, the longest on screen first.
        matching: Which tracks should have got which source.
        known: All faces a swapped one is compared with: sources first, then the people of the
            video, then the gallery.
    """

    persons: tuple[Person, ...]
    matching: Matching
    known: tuple[Known, ...]

    @property
    def source_photos(self) -> tuple[Photo, ...]:
        """The first photo of every source, in order."""
        return tuple(one.photo for one in self.known if one.kind == "source" and one.photo)


def find_people(
    places: VideoPlaces,
    sources: Sequence[Path],
    targets: Sequence[Path],
    gallery: Path | None,
    threshold: float,
    tools: FaceModels,
    chosen: PeopleSettings,
) -> People:
    """Decide who should have got which source, as a swap does.

    Args:
        places: The people of the original.
        sources: The photos that were put in.
        targets: The people that were replaced; may be empty for one source.
        gallery: A folder of further faces, a photo or a folder of photos each.
        threshold: Largest distance between a target and a person of the video.
        tools: The face tools.
        chosen: Who was replaced, where no targets were given.

    Raises:
        UsageError: ``which_people`` or ``bad_face_at``.
        NoFaceError: ``no_face_in_video``, ``no_match``, ``no_such_person`` or ``no_face_there``.
        InputError: If a photo cannot be read.
    """
    references, _ = load_target_faces(targets, tools)
    persons, matching = match_people(
        places,
        references,
        threshold,
        tools.recognizer,
        "Give the target faces that the swap was given.",
        chosen,
        len(sources),
    )
    known = [
        *_known(sources, "source", tools),
        *(Known(person_name(one.id), "original", one.id, one.embedding) for one in persons),
        *_known(_gallery_paths(gallery), "gallery", tools),
    ]
    return People(persons, matching, tuple(known))


def planned_people(
    plan: Plan, tracks: Sequence[Track], time: FilmTime, tools: FaceModels
) -> People:
    """Return the people of a plan and what it gives them.

    Args:
        plan: The plan.
        tracks: The tracks of the original.
        time: Its frames.
        tools: The face tools.

    Raises:
        InputError: ``bad_plan``, or if a photo cannot be read.
    """
    persons, matching = match_by_plan(plan, tracks, time)
    names = [one.name for one in plan.sources]
    known = [
        *_known([one.photos for one in plan.sources], "source", tools, names),
        *(
            Known(person_name(one.id), "original", one.id, one.embedding)
            for one in persons
            if one.embedding.size
        ),
    ]
    return People(persons, matching, tuple(known))


def _known(
    paths: Sequence[Path | Sequence[Path]],
    kind: str,
    tools: FaceModels,
    names: Sequence[str] | None = None,
) -> list[Known]:
    people, _ = load_sources(paths, tools, names)
    return [
        Known(
            one.label,
            kind,
            index if kind == "source" else -1,
            np.asarray(embedding_of(one.photos, tools)),
            one.photos[0],
        )
        for index, one in enumerate(people)
    ]


def _gallery_paths(folder: Path | None) -> list[Path]:
    """Return the photos and sub-folders of a gallery.

    Raises:
        InputError: ``no_gallery``.
    """
    if folder is None:
        return []
    if not folder.is_dir():
        raise InputError("no_gallery", f"The gallery {folder} is not a folder.")
    folders = [one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")]
    return sorted({*folders, *photo_files(folder)})
