"""Where people are: words for places, and moments of a video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from videoswap.errors import InputError, NoFaceError, UsageError
from videoswap.people.places import PeopleInPicture, VideoPlaces
from videoswap.records import Face, Person, Track
from videoswap.settings import FacePlace


def row(count):
    """Return a view of faces side by side, person 0 on the left."""
    boxes = {n: np.array([10 * n, 0, 10 * n + 5, 5]) for n in range(count)}
    return PeopleInPicture(Fraction(0), boxes, 10 * count, 10)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, ["alone"]),
        (2, ["on the left", "on the right"]),
        (3, ["on the left", "in the middle", "on the right"]),
        (
            5,
            [
                "on the left",
                "second from the left",
                "in the middle",
                "second from the right",
                "on the right",
            ],
        ),
    ],
)
def test_places_in_words(count, words):
    view = row(count)
    assert [view.in_words(person) for person in range(count)] == words


def test_a_view_knows_shares():
    assert row(2).shares(1) == pytest.approx([0.5, 0, 0.75, 0.5])
    assert row(2).middle(1) == pytest.approx((0.625, 0.25))


# Frames at 0, 1, 2 and 10 seconds and on; track 0 at 1 s, track 1 at 10 and 11 s.
PTS = np.array([100, 110, 120, 200, 210])
TRACKS = [
    Track(0, 0, 110, 110, 1, np.zeros(2, np.float32), 110, 10),
    Track(1, 0, 200, 210, 2, np.ones(2, np.float32), 200, 20),
]
PERSONS = [
    Person(0, (1,), np.ones(2, np.float32), 200, 2, 200, 1, 20),
    Person(1, (0,), np.zeros(2, np.float32), 110, 1, 110, 0, 10),
]


class Found:
    tracks = TRACKS
    frames = SimpleNamespace(pts=PTS)

    def found_faces_between(self, first, last, tracks):
        box, points = np.array([0, 0, 5, 5], np.float32), np.zeros((5, 2), np.float32)
        return {
            int(pts): [(one.id, Face(box, points, 1.0, pts=int(pts)))]
            for pts in PTS
            for one in TRACKS
            if first <= pts <= last and one.first_pts <= pts <= one.last_pts
        }


INFO = SimpleNamespace(
    path=Path("film.mp4"),
    start_pts=100,
    time_base=Fraction(1, 10),
    orientation=SimpleNamespace(upright_width=20, upright_height=10),
)
FILM = VideoPlaces(INFO, Found())


@pytest.mark.parametrize(
    ("time", "person", "seconds"),
    [("1", 1, 1), ("1.9", 1, 1), ("0.6", 1, 1), ("10.5", 0, 10), ("9.7", 0, 10), ("11.9", 0, 11)],
)
def test_the_face_at_a_moment(time, person, seconds):
    # At 0.6 s the frame of 0 s is shown, and the nearest face is further than half a second away.
    place = FacePlace(Fraction(time))
    if time in ("0.6", "9.7"):
        with pytest.raises(NoFaceError) as caught:
            FILM.view(PERSONS, place)
        assert caught.value.code == "no_face_there"
        assert "person 1 10.00-11.00 s; person 2 1.00-1.00 s" in caught.value.hint
        return
    view = FILM.view(PERSONS, place)
    assert list(view.boxes) == [person]
    assert view.seconds == seconds


@pytest.mark.parametrize("time", [12, 50])
def test_a_moment_that_is_not_there(time):
    with pytest.raises(InputError) as caught:
        FILM.view(PERSONS, FacePlace(Fraction(time)))
    assert caught.value.code == "no_such_moment" and "11.00 s" in caught.value.hint


def test_a_video_needs_a_time():
    with pytest.raises(UsageError, match="00:12:right"):
        FILM.view(PERSONS, FacePlace(None, "right"))


def test_when_and_how_long():
    assert FILM.describe(PERSONS, PERSONS[0]) == "2.00 s on screen, first at 10.00 s"
    assert FILM.times(PERSONS[0]) == [(10, 11)]
