"""The people of a video or picture: one picture each, a list, and all of them on one sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from ..detection.face_detector import FaceDetector
from ..detection.face_models import FaceModels
from ..jsonfile import parsed_json, write_json
from ..people.clustering import people_of
from ..people.places import (
    PeopleInPicture,
    PicturePlaces,
    Places,
    VideoPlaces,
)
from ..people.plan import FilmTime
from ..people.sources import CROP_NAME, LISTING, SHEET, TIMELINE
from ..records import Array, Face, Person, Track, counted, person_name
from ..rendering.progress import ProgressBar
from ..settings import SwapSettings
from ..tracking.analysis import Analysis
from ..video.files import output_errors, output_folder
from ..video.probe import VideoInfo, media_kind, probe
from ..video.reader import VideoReader, upright_picture
from ..video.sequences.pattern import files_of
from ..video.stills.picture import Picture, read_picture, write_picture
from .context import Notes, Say
from .damage_report import damage_notes, naming_damage, summarize_damage
from .outputs import check_output_folder, check_outputs
from .picture import picture_places
from .portraits import Portrait, SheetEntry, Sighting, clock, contact_sheet, make_portrait
from .timeline import TimelineRow, draw_timeline
from .video import analyze_with_progress

SCHEMA = 1  # of people.json; higher once something in it means something else
MAX_LINES = 30  # about people that are said


class _Seen(Protocol):
    """A video or picture whose people are listed."""

    places: Places

    def shots(self, person: Person) -> Iterator[Sighting]:
        """Yield moments at which a person is seen, the best first."""

    def view(self, persons: Sequence[Person], pts: int) -> PeopleInPicture:
        """Return who is where in a frame."""

    def seconds(self, person: Person) -> Fraction | None:
        """Return how long a person is seen; None in a picture."""

    def times(self, person: Person) -> list[tuple[Fraction, Fraction]]:
        """Return from when to when, in seconds; empty in a picture."""

    def extent(self) -> tuple[Sequence[Fraction], Fraction, Fraction]:
        """Return when the shots begin, the first frame is shown and the last one ends."""


def list_people(
    target: Path, out: Path | None, settings: SwapSettings, tools: FaceModels, say: Say
) -> tuple[Person, ...]:
    """Say who is in a video or picture, and write it down.

    Args:
        target: The video or picture.
        out: A folder, which gets ``person_NN.png`` for everybody, ``people.json`` about them,
            and ``people.png`` with all of them. Pictures that an earlier list names are removed
            if there are no such people now. None writes nothing.
        settings: Its ``analysis``, ``time_range``, ``cache_dir`` and ``overwrite`` are used.
        tools: The face tools.
        say: Called with sentences for the user.

    Raises:
        NoFaceError: ``no_face_in_video`` or ``no_face_in_picture``.
        VideoswapError: Whatever else stands in the way.
    """
    if out is None:
        with _opened(target, settings, tools, say) as seen:
            persons = people_of(target, seen.places.tracks, tools.recognizer, seen.places.kind)
            for person in persons[:MAX_LINES]:
                view = seen.view(persons, person.best_pts)
                say(f"{person_name(person.id)}: {', '.join(_words(seen, person, view))}")
        if len(persons) > MAX_LINES:
            say(counted(len(persons) - MAX_LINES, "more person"))
        return persons
    check_output_folder(out)
    inputs = files_of(target)
    fixed = {"list of people": out / LISTING, "picture of all people": out / SHEET}
    if media_kind(target) != "image":
        fixed["timeline"] = out / TIMELINE
    if out.is_dir():  # known before the work, unlike the number of people
        check_outputs(fixed, inputs, settings.overwrite)
    detector = FaceDetector(tools)
    with _opened(target, settings, tools, say) as seen, output_folder(out):
        persons = people_of(target, seen.places.tracks, tools.recognizer, seen.places.kind)
        names = [out / f"person_{person.id + 1:02d}.png" for person in persons]
        crops = {name.name: name for name in names}
        check_outputs({**crops, **fixed}, inputs, settings.overwrite)
        _remove_earlier(out, {*crops, *(path.name for path in fixed.values())})
        listed = []
        with ProgressBar("portraits", len(persons), unit="people") as bar:
            for person, name in zip(persons, names, strict=True):
                portrait = make_portrait(seen.shots(person), person, persons, detector)
                write_picture(name, Picture(portrait.pixels))
                view = seen.view(persons, portrait.pts)
                listed.append(_Listed(person, name, portrait, view, seen))
                bar.advance(1)
        if "timeline" in fixed:
            rows = [TimelineRow(person_name(one.id), tuple(seen.times(one))) for one in persons]
            write_picture(fixed["timeline"], Picture(draw_timeline(rows, *seen.extent())))
    for one in listed[:MAX_LINES]:
        say(f"{one.name}: {', '.join(one.words())}")
    if len(listed) > MAX_LINES:
        say(f"{counted(len(listed) - MAX_LINES, 'more person')}: see {out / LISTING}")
    _write_listing(out / LISTING, target, seen.places.kind, listed)
    heading = f"{target.name}: {counted(len(listed), 'person')}, most screen time first"
    if seen.places.kind == "picture":
        heading = f"{target.name}: {counted(len(listed), 'person')}, the largest first"
    write_picture(out / SHEET, Picture(contact_sheet([one.entry() for one in listed], heading)))
    if "timeline" in fixed:
        say(f"When everybody is on screen: {out / TIMELINE}")
    say(f"All of them: {out / SHEET}; choose with --person N, or --target_faces_paths and a crop")
    return persons


@dataclass(frozen=True, slots=True, eq=False)
class _Listed:
    """One person, and what is told about it."""

    person: Person
    name: Path
    portrait: Portrait
    view: PeopleInPicture
    seen: _Seen

    def words(self) -> list[str]:
        """Return what is said about the person."""
        words = _words(self.seen, self.person, self.view)
        if not self.portrait.usable:
            words.append(f"no target face, use --person {self.person.id + 1}")
        return words

    def entry(self) -> SheetEntry:
        """Return the person as one of the sheet."""
        x, y = self.view.middle(self.person.id)
        lines = [self._where(), f"at {x:.2f},{y:.2f}"]
        seconds, times = self.seen.seconds(self.person), self.seen.times(self.person)
        if seconds is not None:
            lines = [
                f"{clock(seconds)} on screen",
                f"first {clock(times[0][0])}, here {clock(self.view.seconds)}",
                *lines,
            ]
        if not self.portrait.usable:
            lines.append(f"only by --person {self.person.id + 1}")
        return SheetEntry(person_name(self.person.id), tuple(lines), self.portrait.pixels)

    def facts(self) -> dict[str, Any]:
        """Return the person as data."""
        seconds, times = self.seen.seconds(self.person), self.seen.times(self.person)
        return {
            "number": self.person.id,
            "picture": self.name.name,
            "usable_as_target_face": self.portrait.usable,
            "frames": self.person.frames,
            "seconds": None if seconds is None else float(seconds),
            "first_seconds": float(times[0][0]) if times else None,
            "times": [[float(begin), float(end)] for begin, end in times],
            "tracks": len(self.person.track_ids),
            "best": {
                "seconds": None if seconds is None else float(self.view.seconds),
                "box": [round(float(one), 2) for one in self.portrait.box],
                "shares": [round(float(one), 5) for one in self._shares()],
                "place": self._where(),
            },
        }

    def _where(self) -> str:
        return self.view.in_words(self.person.id)

    def _shares(self) -> Array:
        return self.view.shares(self.person.id)


def _words(seen: _Seen, person: Person, view: PeopleInPicture) -> list[str]:
    """Return when and where a person is seen."""
    seconds, times = seen.seconds(person), seen.times(person)
    where = view.in_words(person.id)
    if seconds is None:
        return [where]
    first = f"{float(seconds):.2f} s on screen, first at {float(times[0][0]):.2f} s"
    return [first, f"here at {float(view.seconds):.2f} s {where}"]


@contextmanager
def _opened(target: Path, settings: SwapSettings, tools: FaceModels, say: Say) -> Iterator[_Seen]:
    if media_kind(target) == "image":
        yield _PictureSeen(target, settings, tools)
        return
    info = probe(target, settings.fps)
    with analyze_with_progress(info, settings, tools) as analysis:
        if analysis.cached:
            say("The analysis comes from the cache.")
        lost = summarize_damage(info, analysis.damage)
        Notes(say).add(damage_notes(lost))
        with naming_damage(info, lost):
            yield _VideoSeen(info, analysis)


class _VideoSeen:
    def __init__(self, info: VideoInfo, analysis: Analysis) -> None:
        self._info, self._analysis = info, analysis
        self._video = VideoPlaces(info, analysis)
        self.places: Places = self._video
        self._tracks: dict[int, Track] = {track.id: track for track in analysis.tracks}

    def shots(self, person: Person) -> Iterator[Sighting]:
        tracks = [self._tracks[number] for number in person.track_ids]
        tracks.sort(key=lambda track: (track.id != person.best_track, -track.count, track.id))
        for track in tracks:
            pts = track.best_pts
            faces = dict(self._analysis.found_faces_between(pts, pts).get(pts, ()))
            if track.id not in faces:
                continue
            with VideoReader(self._info) as reader:
                pixels = upright_picture(self._info, next(iter(reader.frames(pts, pts))))
            others = [face.box for number, face in faces.items() if number != track.id]
            yield Sighting(pts, pixels, faces[track.id], others)

    def view(self, persons: Sequence[Person], pts: int) -> PeopleInPicture:
        return self._video.view_at(persons, pts)

    def seconds(self, person: Person) -> Fraction | None:
        return person.screen_time * self._info.time_base

    def times(self, person: Person) -> list[tuple[Fraction, Fraction]]:
        return self._video.times(person)

    def extent(self) -> tuple[Sequence[Fraction], Fraction, Fraction]:
        frames = self._analysis.frames
        time = FilmTime(frames.pts, self._info.start_pts, self._info.time_base)
        return time.shots(frames.scenes), time.seconds(int(frames.pts[0])), time.end


class _PictureSeen:
    def __init__(self, path: Path, settings: SwapSettings, tools: FaceModels) -> None:
        self._pixels = read_picture(path).rgb
        self._faces: list[Face] = FaceDetector(tools, settings.analysis).detect(self._pixels)
        self._picture: PicturePlaces = picture_places(
            path, self._pixels, self._faces, tools.recognizer
        )
        self.places: Places = self._picture

    def shots(self, person: Person) -> Iterator[Sighting]:
        others = [face.box for n, face in enumerate(self._faces) if n != person.best_track]
        yield Sighting(0, self._pixels, self._faces[person.best_track], others)

    def view(self, persons: Sequence[Person], pts: int) -> PeopleInPicture:
        return self._picture.everybody(persons)

    def seconds(self, person: Person) -> Fraction | None:
        return None

    def times(self, person: Person) -> list[tuple[Fraction, Fraction]]:
        return []

    def extent(self) -> tuple[Sequence[Fraction], Fraction, Fraction]:
        return [], Fraction(0), Fraction(0)


def _remove_earlier(out: Path, names: set[str]) -> None:
    """Remove the pictures of an earlier list that nobody has now: they show another film."""
    try:
        known = parsed_json((out / LISTING).read_text(encoding="utf-8"))
        entries = known["people"] if isinstance(known, dict) else known
        earlier = {str(entry["picture"]) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError):
        return  # there is none, or it is none of ours
    for name in {*earlier, TIMELINE} - names:
        if name == TIMELINE or CROP_NAME.fullmatch(name):
            with output_errors(out):
                (out / name).unlink(missing_ok=True)


def _write_listing(path: Path, target: Path, what: str, listed: Sequence[_Listed]) -> None:
    view = listed[0].view
    facts = {
        "schema": SCHEMA,
        "of": str(target),
        "kind": what,
        "width": view.width,
        "height": view.height,
        "people": [one.facts() for one in listed],
    }
    write_json(path, facts)
