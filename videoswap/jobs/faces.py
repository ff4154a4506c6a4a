"""The people of a video, one picture each, that can be given back as target faces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..alignment import transform
from ..analysis.analyze import Analysis
from ..clustering import people_of
from ..cropping import FrameSurface, region_box
from ..errors import InputError
from ..finding.tools import FaceTools
from ..media.files import atomic_output, output_errors
from ..media.probe import VideoInfo, kind, probe
from ..media.reader import VideoReader
from ..media.stills import Picture, write_picture
from ..records import Array, Face, Person
from ..settings import SwapSettings
from .context import Say
from .outputs import check_output_folder, check_outputs
from .video import analyze_with_progress

MARGIN = 0.6  # of the face's size, on every side
LARGEST = 512  # pixels


def list_people(
    video: Path, out: Path, settings: SwapSettings, tools: FaceTools, say: Say
) -> tuple[Person, ...]:
    """Write ``person_NN.png`` for everybody in a video and ``people.json`` about them.

    Raises:
        NoFaceError: ``no_face_in_video``.
        VideoswapError: Whatever else stands in the way.
    """
    if kind(video) == "image":
        raise InputError("not_a_video", f"{video} is a picture.", "Faces are listed of videos.")
    info = probe(video)
    listing = out / "people.json"
    check_output_folder(out)
    if out.is_dir():  # known before the work, unlike the number of people
        check_outputs({"list of people": listing}, [video], settings.overwrite)
    with analyze_with_progress(info, settings, tools) as analysis:
        persons = people_of(video, analysis.tracks, tools.recognizer)
        with output_errors(out):
            out.mkdir(parents=True, exist_ok=True)
        names = [out / f"person_{person.id:02d}.png" for person in persons]
        check_outputs({name.name: name for name in (*names, listing)}, [video], settings.overwrite)
        for person, name in zip(persons, names, strict=True):
            write_picture(name, Picture(_portrait(info, analysis, person)))
            seconds = float((person.first_pts - info.start_pts) * info.time_base)
            say(f"{name}: {person.frames} frames, first at {seconds:.2f} s")
    _write_listing(listing, persons, names, info)
    return persons


def _portrait(info: VideoInfo, analysis: Analysis, person: Person) -> Array:
    """Cut the best face of a person out of its frame, upright, (S, S, 3) uint8 RGB."""
    pts, track = person.best_pts, person.best_track
    ((_, face),) = analysis.faces_between(pts, pts, (track,))[pts]
    with VideoReader(info) as reader:
        frame = next(iter(reader.frames(face.pts, face.pts)))
        surface = FrameSurface(frame.image, info)
        matrix, size = _square(face)
        whole = np.vstack([matrix, [0, 0, 1]]) @ np.vstack([surface.upright, [0, 0, 1]])
        box = surface.align(region_box(whole[:2], 0, 0, size, size))
        shift = np.array([[1, 0, box[0]], [0, 1, box[1]], [0, 0, 1]])
        pixels = cv2.warpAffine(
            surface.read(box), (whole @ shift)[:2], (size, size), borderMode=cv2.BORDER_REPLICATE
        )
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _square(face: Face) -> tuple[Array, int]:
    """Return the matrix from upright pixels to a picture around a face, and its side."""
    centre = (face.box[:2] + face.box[2:]) / 2
    covered = face.size * (1 + 2 * MARGIN)
    size = int(min(LARGEST, max(64, covered)))
    scale = size / covered
    offset = size / 2 - transform(np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]]), centre[None])[0]
    return np.array([[scale, 0.0, offset[0]], [0.0, scale, offset[1]]], np.float64), size


def _write_listing(
    path: Path, persons: Sequence[Person], names: Sequence[Path], info: VideoInfo
) -> None:
    listing = [
        {
            "picture": name.name,
            "frames": person.frames,
            "first_pts": person.first_pts,
            "first_seconds": float((person.first_pts - info.start_pts) * info.time_base),
            "tracks": list(person.track_ids),
        }
        for person, name in zip(persons, names, strict=True)
    ]
    with atomic_output(path) as part:
        part.write_text(json.dumps(listing, indent=2) + "\n", encoding="utf-8")
