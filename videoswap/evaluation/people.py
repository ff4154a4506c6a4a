"""Who is in the original, and who should have got which face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..analysis.analyze import Analysis
from ..errors import InputError
from ..finding.tools import FaceTools
from ..matching import Matching, match_people
from ..media.pillow import READABLE_SUFFIXES
from ..records import Array, Person
from ..sources import embedding_of, load_references, load_sources


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A face that a swapped one may look like.

    Attributes:
        label: Path of the photo, or the number of the person.
        kind: ``source``, ``original`` or ``gallery``.
        number: Index of the source or number of the person; -1 in the gallery.
        embedding: (D,) float32.
    """

    label: str
    kind: str
    number: int
    embedding: Array


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


def find_people(
    video: Path,
    analysis: Analysis,
    sources: Sequence[Path],
    targets: Sequence[Path],
    gallery: Path | None,
    threshold: float,
    tools: FaceTools,
) -> People:
    """Decide who should have got which source, as a swap does.

    Args:
        video: The original, for messages.
        analysis: Its tracks.
        sources: The photos that were put in.
        targets: The people that were replaced; may be empty for one source.
        gallery: A folder of further faces, a photo or a folder of photos each.
        threshold: Largest distance between a target and a person of the video.
        tools: The face tools.

    Raises:
        NoFaceError: ``no_face_in_video`` or ``no_match``.
        InputError: If a photo cannot be read.
    """
    references, _ = load_references(targets, tools)
    persons, matching = match_people(
        video,
        analysis.tracks,
        references,
        threshold,
        tools.recognizer,
        "Give the target faces that the swap was given.",
    )
    known = [
        *_known(sources, "source", tools),
        *(Known(f"person {one.id}", "original", one.id, one.embedding) for one in persons),
        *_known(_gallery_paths(gallery), "gallery", tools),
    ]
    return People(persons, matching, tuple(known))


def _known(paths: Sequence[Path], kind: str, tools: FaceTools) -> list[Known]:
    people, _ = load_sources(paths, tools)
    return [
        Known(
            one.label,
            kind,
            index if kind == "source" else -1,
            np.asarray(embedding_of(one.photos, tools)),
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
    entries = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    return [one for one in entries if one.is_dir() or one.suffix.lower() in READABLE_SUFFIXES]
