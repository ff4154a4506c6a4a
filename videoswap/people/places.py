"""Where people are: at which times of a video, and where in the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from ..errors import InputError, NoFaceError, UsageError
from ..records import (
    Array,
    Face,
    Person,
    Track,
    person_name,
)
from ..settings import FacePlace
from ..tracking.analysis import Analysis
from ..video.probe import VideoInfo
from .plan import FilmTime

NEAR_SECONDS = Fraction(1, 2)  # how far from a wanted moment a face may be
PAUSE_SECONDS = Fraction(1)  # who is away for less counts as there all the time
MAX_NAMED = 8  # people that an error names
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


@dataclass(frozen=True, slots=True, eq=False)
class PeopleInPicture:
    """The faces of one picture.

    Attributes:
        seconds: When it is shown, from the video's first frame.
        boxes: (4,) left, top, right, bottom in upright pixels, by person.
        width: Columns of the upright picture.
        height: Rows of it.
        instead: Whether it is a frame near the wanted one, in which nobody is.
    """

    seconds: Fraction
    boxes: Mapping[int, Array]
    width: int
    height: int
    instead: bool = False

    def shares(self, person: int) -> Array:
        """Return the box of a person as shares of the picture's width and height."""
        return np.asarray(self.boxes[person]) / (self.width, self.height, self.width, self.height)

    def in_words(self, person: int) -> str:
        """Say where a person is among the others, from left to right."""
        order = self.from_left()
        if person not in order:
            return "not there"
        count, place = len(order), order.index(person)
        if count == 1:
            return "alone"
        if 2 * place + 1 == count:
            return "in the middle"
        side, steps = ("left", place) if 2 * place < count else ("right", count - 1 - place)
        return f"{_ordinal(steps)} from the {side}" if steps else f"on the {side}"

    def from_left(self) -> list[int]:
        """Return the people by the middles of their faces, from left to right."""
        return sorted(self.boxes, key=lambda one: float(self.boxes[one][0] + self.boxes[one][2]))

    def largest(self) -> int:
        """Return who has the largest face."""
        return max(self.boxes, key=lambda one: _size(self.boxes[one]))

    def at(self, position: str | tuple[float, float] | None) -> int:
        """Return who is at a position, see ``FacePlace``.

        Raises:
            NoFaceError: ``no_face_there``, where x and y are outside of every face.
        """
        if isinstance(position, tuple):
            return self._around(*position)
        order = self.from_left()
        if position == "left":
            return order[0]
        if position == "right":
            return order[-1]
        if position == "middle":  # of an even number the larger one of two
            middle = order[(len(order) - 1) // 2 : len(order) // 2 + 1]
            return max(middle, key=lambda one: _size(self.boxes[one]))
        return self.largest()

    def _around(self, x: float, y: float) -> int:
        point = np.array([x * self.width, y * self.height])
        apart = {
            one: float(np.abs((box[:2] + box[2:]) / 2 - point).max() / _size(box))
            for one, box in self.boxes.items()
        }
        nearest = min(apart, key=lambda one: apart[one])
        if apart[nearest] > 1.0:
            order = self.from_left()
            there = [
                "{}: {:.2f},{:.2f}".format(person_name(one), *self.middle(one))
                for one in order[:MAX_NAMED]
            ]
            more = [f"{len(order) - MAX_NAMED} more"] if len(order) > MAX_NAMED else []
            raise NoFaceError(
                "no_face_there",
                f"No face is at {x:g},{y:g}.",
                f"Faces are at {'; '.join([*there, *more])}.",
            )
        return nearest

    def middle(self, person: int) -> tuple[float, float]:
        """Return x and y of the middle of a face as shares of the picture."""
        left, top, right, bottom = self.shares(person).tolist()
        return (left + right) / 2, (top + bottom) / 2


class Places(Protocol):
    """Where the people of a video or picture are.

    Attributes:
        path: The video or picture.
        kind: What it is.
        tracks: Its tracks; in a picture every face is one of one frame.
    """

    path: Path
    kind: Literal["video", "picture"]
    tracks: Sequence[Track]

    def view(self, persons: Sequence[Person], place: FacePlace) -> PeopleInPicture:
        """Return who is seen at the moment of a place.

        Raises:
            UsageError: ``bad_face_at``, if it names a time without need, or needs one.
            InputError: ``no_such_moment``.
            NoFaceError: ``no_face_there``.
        """

    def describe(self, persons: Sequence[Person], person: Person) -> str:
        """Say in a few words where a person is."""


class VideoPlaces:
    """Where the people of a video are.

    Args:
        info: The video.
        analysis: What was found in it.
    """

    kind: Literal["video", "picture"] = "video"

    def __init__(self, info: VideoInfo, analysis: Analysis) -> None:
        self.path = info.path
        self.tracks: Sequence[Track] = analysis.tracks
        self._info = info
        self._analysis = analysis

    def seconds(self, pts: int) -> Fraction:
        """Return a time of the stream as seconds from the video's first frame."""
        return (pts - self._info.start_pts) * self._info.time_base

    def times(self, person: Person) -> list[tuple[Fraction, Fraction]]:
        """Return from when to when a person is seen, in seconds, short pauses left out."""
        spans: list[tuple[Fraction, Fraction]] = []
        members = set(person.track_ids)
        ticks = sorted((t.first_pts, t.last_pts) for t in self.tracks if t.id in members)
        for first, last in ticks:
            begin, end = self.seconds(first), self.seconds(last)
            if spans and begin - spans[-1][1] < PAUSE_SECONDS:
                begin, end = spans[-1][0], max(spans.pop()[1], end)
            spans.append((begin, end))
        return spans

    def describe(self, persons: Sequence[Person], person: Person) -> str:
        """Say how long and from when on a person is seen."""
        shown = float(person.screen_time * self._info.time_base)
        first = float(self.seconds(person.first_pts))
        return f"{shown:.2f} s on screen, first at {first:.2f} s"

    def pts_at(self, time: Fraction) -> int:
        """Return the frame that is shown at a time.

        Raises:
            InputError: ``no_such_moment``.
        """
        pts = self._analysis.frames.pts
        film = FilmTime(pts, self._info.start_pts, self._info.time_base)
        index = film.index_at(time)
        if index < 0 or time >= film.end:
            begin, end = (float(self.seconds(int(one))) for one in (pts[0], pts[-1]))
            raise InputError(
                "no_such_moment",
                f"{self.path} shows nothing at {float(time):.2f} s.",
                f"Its frames, or those of the part asked for, go from {begin:.2f} s to {end:.2f} "
                "s.",
            )
        return int(pts[index])

    def view_at(
        self, persons: Sequence[Person], pts: int, reach: Fraction = Fraction(0)
    ) -> PeopleInPicture:
        """Return who is seen in a frame, or in the nearest one with a face within ``reach`` s."""
        people = {track: person.id for person in persons for track in person.track_ids}
        ticks = int(reach / self._info.time_base)
        found = self._analysis.found_faces_between(pts - ticks, pts + ticks, people)
        near = min(found, key=lambda one: (abs(one - pts), one), default=pts)
        boxes = {people[track]: face.box for track, face in found.get(near, ())}
        shape = self._info.orientation
        size = shape.upright_width, shape.upright_height
        return PeopleInPicture(self.seconds(near), boxes, *size, instead=near != pts)

    def view(self, persons: Sequence[Person], place: FacePlace) -> PeopleInPicture:
        """See Places."""
        if place.time is None:
            raise UsageError(
                "bad_face_at",
                f"{self.path} is a video: the face {place} is another one at every moment.",
                f"Say when, for example --face_at 00:12:{_words(place)}.",
            )
        view = self.view_at(persons, self.pts_at(place.time), NEAR_SECONDS)
        if view.boxes:
            return view
        shown = [f"{person_name(one.id)} {self._span_words(one)}" for one in persons[:MAX_NAMED]]
        more = [f"{len(persons) - MAX_NAMED} more"] if len(persons) > MAX_NAMED else []
        raise NoFaceError(
            "no_face_there",
            f"Nobody is seen in {self.path} at {float(place.time):.2f} s.",
            f"On screen are: {'; '.join([*shown, *more])}.",
        )

    def _span_words(self, person: Person) -> str:
        spans = self.times(person)
        words = [f"{float(begin):.2f}-{float(end):.2f} s" for begin, end in spans[:3]]
        return ", ".join([*words, *(["..."] if len(spans) > 3 else [])])


class PicturePlaces:
    """Where the people of a still picture are.

    Args:
        path: The picture.
        tracks: Its faces as tracks of one frame, numbered like ``faces``.
        faces: The faces.
        shape: Rows and columns of the upright picture.
    """

    kind: Literal["video", "picture"] = "picture"

    def __init__(
        self, path: Path, tracks: Sequence[Track], faces: Sequence[Face], shape: tuple[int, int]
    ) -> None:
        self.path = path
        self.tracks = tracks
        self._faces = faces
        self._shape = shape

    def everybody(self, persons: Sequence[Person]) -> PeopleInPicture:
        """Return who is in the picture."""
        seen = [one for one in persons if one.track_ids]  # a plan may leave somebody without
        boxes = {one.id: self._faces[one.best_track].box for one in seen}
        return PeopleInPicture(Fraction(0), boxes, self._shape[1], self._shape[0])

    def view(self, persons: Sequence[Person], place: FacePlace) -> PeopleInPicture:
        """See Places."""
        if place.time is not None:
            raise UsageError(
                "bad_face_at",
                f"{self.path} is a picture: it has no times.",
                f"Name a position only, for example --face_at {_words(place)}.",
            )
        return self.everybody(persons)

    def describe(self, persons: Sequence[Person], person: Person) -> str:
        """Say where in the picture a person is."""
        return self.everybody(persons).in_words(person.id)


def _size(box: Array) -> float:
    return float(max(box[2] - box[0], box[3] - box[1]))


def _words(place: FacePlace) -> str:
    position = "left" if place.position is None else place.position
    return position if isinstance(position, str) else "{:g},{:g}".format(*position)


def _ordinal(place: int) -> str:
    return ORDINALS[place] if place < len(ORDINALS) else f"{place + 1}th"
